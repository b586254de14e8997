"""Which queues are measured, for how long, and how much of what goes by.

A queue is measured from the first time that somebody asks about it until nobody has for a while. So at rest there is no
tap and no timer, and only the traffic of what is looked at pays for it: some microseconds for each run of messages.
Looking is given less than a hundredth of the time. Once that is used up in a second, nothing is watched for the rest of
it: what is told of a flood is of so many stretches of time, and says so. It goes by time rather than by a number of
messages, as that is right on a slow machine, too, and on one that others use as well.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from amqpbroker.capacity.measuring.traffic import QueueTraffic
from amqpbroker.model.dead_letter import REJECTED
from amqpbroker.model.message import Message
from amqpbroker.model.ports import Deadline, Sink, Tap

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.exchange import Exchange
    from amqpbroker.model.ports import Clock
    from amqpbroker.model.queue import Entry, Queue
    from amqpbroker.model.vhost import VirtualHost

# Longer than a person or a page takes to ask again.
KEPT_S: Final = 60.0
# Of one virtual host; of more, the ones that were asked about least lately are forgotten.
QUEUES_MAX: Final = 50
WINDOW_S: Final = 1.0
# Of the time, so much for looking; what it takes to call the tap at all cannot be measured from within.
SHARE_MAX: Final = 0.0075
_CALL_S: Final = 0.5e-6
# The time of a window. No look is charged for more: what is longer is the machine having something else to do.
_BUDGET_S: Final = WINDOW_S * SHARE_MAX


class Measuring:
    """What is measured in all virtual hosts of a broker; at first nothing."""

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._taps: dict[VirtualHost, TrafficTap] = {}
        self._deadline: Deadline | None = None

    def of(self, vhost: "VirtualHost", queue: "Queue") -> QueueTraffic:
        """What was measured of a queue; from now on it is, if it was not."""
        now_s = self._clock.now_s()
        tap = self._taps.get(vhost)
        if tap is None:
            tap = self._taps[vhost] = TrafficTap(vhost, self._clock)
        traffic = tap.measure(queue, now_s)
        self._plan(now_s + KEPT_S)
        return traffic

    def _plan(self, when_s: float) -> None:
        if self._deadline is None:
            self._deadline = self._clock.at(when_s, self._look)

    def _look(self) -> None:
        """Some may not have been asked about for long."""
        self._deadline = None
        due_s = self._clock.now_s() - KEPT_S
        for tap in list(self._taps.values()):
            tap.forget(due_s)
            if not tap.measured:
                tap.end()
                del self._taps[tap.vhost]
        if self._taps:
            self._plan(KEPT_S + min(one.asked_s for tap in self._taps.values() for one in tap.measured.values()))


class TrafficTap(Tap):
    """measured: the queues of a virtual host that are looked at."""

    # What comes in one read comes at once, in whatever order.
    in_order = False

    def __init__(self, vhost: "VirtualHost", clock: "Clock") -> None:
        self.vhost = vhost
        self.measured: dict[Queue, QueueTraffic] = {}
        self._now_s = clock.now_s
        self._at = clock.at
        # Time that is left for looking, until this window is over.
        self._left_s = _BUDGET_S
        self._window_end_s = clock.now_s() + WINDOW_S
        self._rest: Deadline | None = None
        vhost.watch(self)

    def measure(self, queue: "Queue", now_s: float) -> QueueTraffic:
        """What was measured of a queue, which is asked about now."""
        traffic = self.measured.pop(queue, None)
        if traffic is None:
            traffic = QueueTraffic(queue, now_s)
            if self._rest is not None:
                traffic.pause(now_s)
            if len(self.measured) == QUEUES_MAX:
                del self.measured[next(iter(self.measured))]
        # The one that was asked about last is the last.
        self.measured[queue] = traffic
        traffic.asked_s = now_s
        return traffic

    def forget(self, due_s: float) -> None:
        """What nobody has asked about since, and what is no more, is measured no more."""
        self.measured = {
            queue: traffic for queue, traffic in self.measured.items() if traffic.asked_s > due_s and not queue.deleted
        }

    def end(self) -> None:
        """It is told of nothing more."""
        if self._rest is None:
            self.vhost.unwatch(self)
        else:
            self._rest.cancel()
            self._rest = None

    # What goes by

    def published(
        self, sink: Sink, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Message]
    ) -> None:
        self._came(queues, messages)

    def forwarded(self, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Message]) -> None:
        self._came(queues, messages)

    def _came(self, queues: Sequence["Queue"], messages: Sequence[Message]) -> None:
        for queue in queues:
            traffic = self.measured.get(queue)
            if traffic is not None:
                now_s = self._now_s()
                traffic.came(messages, now_s)
                self._left_s -= min(self._now_s() - now_s, _BUDGET_S)
        self._left_s -= _CALL_S
        if self._left_s <= 0:
            self._turn()

    def delivered(
        self, consumer: "Consumer", positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        traffic = self.measured.get(consumer.queue)
        if traffic is not None:
            now_s = self._now_s()
            traffic.handed(consumer, positions, messages, redelivered, now_s)
            self._left_s -= min(self._now_s() - now_s, _BUDGET_S)
        self._left_s -= _CALL_S
        if self._left_s <= 0:
            self._turn()

    def settled(self, consumer: "Consumer", entries: "Sequence[Entry]", how: str) -> None:
        traffic = self.measured.get(consumer.queue)
        if traffic is not None:
            now_s = self._now_s()
            traffic.settled(consumer, entries, how, now_s)
            self._left_s -= min(self._now_s() - now_s, _BUDGET_S)
        self._left_s -= _CALL_S
        if self._left_s <= 0:
            self._turn()

    def given_up(self, queue: "Queue", reason: str, messages: Sequence[Message]) -> None:
        traffic = self.measured.get(queue)
        if traffic is not None and reason != REJECTED:
            traffic.given_up += len(messages)

    # How much of it

    def _turn(self) -> None:
        """The time for looking is used up: if the window is over there is more, otherwise none until it is."""
        now_s = self._now_s()
        if now_s < self._window_end_s:
            for traffic in self.measured.values():
                traffic.pause(now_s)
            self.vhost.unwatch(self)
            self._rest = self._at(self._window_end_s, self._go_on)
        else:
            self._begin_window(now_s)

    def _begin_window(self, now_s: float) -> None:
        # What the last window has overdrawn is this one's.
        self._left_s = min(self._left_s, 0.0) + _BUDGET_S
        self._window_end_s = now_s + WINDOW_S

    def _go_on(self) -> None:
        now_s = self._now_s()
        self._rest = None
        self._begin_window(now_s)
        for traffic in self.measured.values():
            traffic.resume(now_s)
        self.vhost.watch(self)
