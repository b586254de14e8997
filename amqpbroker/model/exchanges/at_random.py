"""x-random and x-local-random: a message goes to one of what is bound, whichever it is.

A destination that is bound twice is twice as likely. x-local-random is about clusters, where it takes none but the
queues of the node that the publisher is connected to; of one node those are all. It takes classic queues only, bound
without a routing key.

Source: RabbitMQ `rabbit_exchange_type_random`, `rabbit_exchange_type_local_random`.
"""

from collections.abc import Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING, ClassVar, Final

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError
from amqpbroker.model.arguments import CLASSIC, queue_type
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Exchange
from amqpbroker.profiles import Profile
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table

if TYPE_CHECKING:
    from amqpbroker.model.queue import Queue
    from amqpbroker.model.vhost import VirtualHost

SEED_BYTES: Final = 16


class RandomExchange(Exchange):
    type: ClassVar[str] = "x-random"
    pure = False

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        super().__init__(name, durable, auto_delete, internal, arguments)
        self._random = Random(0)
        self._choices: list[Destination] = []

    def taken_in(self, vhost: "VirtualHost") -> None:
        self._random.seed(vhost.random_bytes(SEED_BYTES))

    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> Iterable[Destination]:
        return (self._random.choice(self._choices),) if self._choices else ()

    def _index(self, binding: Binding) -> None:
        self._choices.append(binding.destination)

    def _unindex(self, binding: Binding) -> None:
        self._choices.remove(binding.destination)


class LocalRandomExchange(RandomExchange):
    type: ClassVar[str] = "x-local-random"
    since: ClassVar[tuple[int, int]] = (4, 0)

    def check_binding(self, binding: Binding, profile: Profile, queue: "Queue | None") -> None:
        if binding.routing_key:
            explanation = f"Non empty binding '{binding.routing_key}' key not permitted"
        elif queue is None:
            explanation = "Destination not found"
        elif (kind := queue_type(queue.arguments, profile)) != CLASSIC:
            explanation = f"Queue type rabbit_{kind}_queue not valid for this exchange type"
        else:
            return
        raise AMQPError(PRECONDITION_FAILED, explanation)
