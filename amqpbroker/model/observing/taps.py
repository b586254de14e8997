"""Several who watch one virtual host are one tap to it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from amqpbroker.model.message import Message
from amqpbroker.model.ports import Sink, Tap

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.exchange import Exchange
    from amqpbroker.model.queue import Entry, Queue


class Taps(Tap):
    """Tells each of them, in the order in which they came. Who comes or goes makes a new one: see `with_tap`."""

    def __init__(self, taps: Sequence[Tap]) -> None:
        self.taps = tuple(taps)
        self.in_order = any(tap.in_order for tap in taps)

    def published(
        self, sink: Sink, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Message]
    ) -> None:
        for tap in self.taps:
            tap.published(sink, exchange, queues, messages)

    def returned(self, messages: Sequence[Message]) -> None:
        for tap in self.taps:
            tap.returned(messages)

    def forwarded(self, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Message]) -> None:
        for tap in self.taps:
            tap.forwarded(exchange, queues, messages)

    def delivered(
        self, consumer: "Consumer", positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        for tap in self.taps:
            tap.delivered(consumer, positions, messages, redelivered)

    def settled(self, consumer: "Consumer", entries: "Sequence[Entry]", how: str) -> None:
        for tap in self.taps:
            tap.settled(consumer, entries, how)

    def given_up(self, queue: "Queue", reason: str, messages: Sequence[Message]) -> None:
        for tap in self.taps:
            tap.given_up(queue, reason, messages)


def with_tap(known: Tap | None, tap: Tap) -> Tap:
    """What watches when one more does."""
    return tap if known is None else Taps([*_all(known), tap])


def without_tap(known: Tap | None, tap: Tap) -> Tap | None:
    """What watches when one does no more; None: nothing."""
    left = [one for one in _all(known) if one is not tap]
    return Taps(left) if len(left) > 1 else next(iter(left), None)


def _all(known: Tap | None) -> Sequence[Tap]:
    if known is None:
        return ()
    return known.taps if isinstance(known, Taps) else (known,)
