"""direct: to whatever is bound with the message's routing key. And the default exchange, a direct one of its own kind.

Source: AMQP 0-9-1 specification 3.1.3.1; RabbitMQ `rabbit_exchange_type_direct`, `rabbit_exchange:route/3`.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Destinations, Exchange
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table


class DirectExchange(Exchange):
    type: ClassVar[str] = "direct"
    pure = True

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        super().__init__(name, durable, auto_delete, internal, arguments)
        self._by_key: dict[str, Destinations] = {}

    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> Iterable[Destination]:
        found: list[Destination] = []
        for routing_key in routing_keys:
            found += self._by_key.get(routing_key, ())
        return found

    def _index(self, binding: Binding) -> None:
        self._by_key.setdefault(binding.routing_key, Destinations()).add(binding.destination)

    def _unindex(self, binding: Binding) -> None:
        destinations = self._by_key[binding.routing_key]
        destinations.remove(binding.destination)
        if not destinations:
            del self._by_key[binding.routing_key]


class DefaultExchange(DirectExchange):
    """The exchange without a name: the routing key is the name of the queue. Nobody can bind to it or declare it."""

    def __init__(self) -> None:
        super().__init__("", durable=True, auto_delete=False, internal=False, arguments={})

    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> Iterable[Destination]:
        return [Destination("queue", routing_key) for routing_key in routing_keys]
