"""fanout: to everything bound, whatever the routing key.

Source: AMQP 0-9-1 specification 3.1.3.2; RabbitMQ `rabbit_exchange_type_fanout`.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Destinations, Exchange
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table


class FanoutExchange(Exchange):
    type: ClassVar[str] = "fanout"
    pure = True

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        super().__init__(name, durable, auto_delete, internal, arguments)
        self._destinations = Destinations()

    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> Iterable[Destination]:
        return self._destinations

    def _index(self, binding: Binding) -> None:
        self._destinations.add(binding.destination)

    def _unindex(self, binding: Binding) -> None:
        self._destinations.remove(binding.destination)
