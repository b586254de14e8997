"""What the model asks of the rooms above it: who takes deliveries, and who watches."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from amqpbroker.model.message import Message

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.exchange import Exchange
    from amqpbroker.model.queue import Queue


class Sink(Protocol):
    """Where a consumer's messages go: a channel of a connection."""

    def deliver(
        self,
        consumer: "Consumer",
        positions: Sequence[int],
        messages: Sequence[Message],
        redelivered: bool,
    ) -> None:
        """Takes messages that the queue gives to the consumer, with their positions in the queue."""

    def cancelled(self, consumer: "Consumer") -> None:
        """The queue is gone, and the consumer with it: the client is told if it asked for that."""

    def outlet(self) -> object:
        """The connection behind it: consumers with one outlet see each other's deliveries in order."""


class Tap(Protocol):
    """Watches the traffic, a call for each run: firehose, live inbox, history, faults and measuring hang here."""

    def published(self, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Message]) -> None:
        """Messages were routed, to no queue perhaps."""

    def delivered(self, consumer: "Consumer", messages: Sequence[Message], redelivered: bool) -> None:
        """Messages were given to a consumer."""

    def settled(self, queue: "Queue", messages: Sequence[Message], how: str) -> None:
        """Messages left a client's hands; how: 'ack', 'requeue' or 'discard'."""
