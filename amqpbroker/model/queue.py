"""A queue: messages in order, and consumers in turn.

Messages that nobody has had are a deque; the position of a message is the deque's head counter plus its place, so it
costs nothing. Messages that came back are a heap ordered by position. A position in the heap is always lower than any
in the deque, so what came back goes out first and in its original order, and a queue without requeues pays nothing.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING

from amqpbroker.limits import BACKLOG_LOW_MESSAGES, DRAIN_MAX_MESSAGES, MESSAGE_OVERHEAD_BYTES, OUTBOX_MAX_BYTES
from amqpbroker.model.message import Message
from amqpbroker.wire.runs import UniformRun
from amqpbroker.wire.tables import Table

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.ports import QueueJournal

_BODY = itemgetter(2)


class Queue:
    """A classic queue.

    owner: the connection that an exclusive queue belongs to. head: the position of `ready[0]`.
    levels: the consumers that can take messages, in turn, by priority.
    unacked: how many messages are with clients. resting: called when the backlog is short again.
    held_bytes: what it keeps in memory of the messages that wait. log: what is recorded of it, None if nothing of it
    survives a restart.
    """

    __slots__ = (
        "acked_count",
        "arguments",
        "auto_delete",
        "consumers",
        "deleted",
        "delivered_count",
        "durable",
        "exclusive_consumer",
        "had_consumer",
        "head",
        "held_bytes",
        "levels",
        "log",
        "name",
        "owner",
        "published_count",
        "ready",
        "redelivered_count",
        "requeued",
        "resting",
        "unacked",
    )

    def __init__(
        self,
        name: str,
        *,
        durable: bool = False,
        auto_delete: bool = False,
        owner: object | None = None,
        arguments: Table | None = None,
    ) -> None:
        self.name = name
        self.durable = durable
        self.auto_delete = auto_delete
        self.owner = owner
        self.arguments = arguments or {}
        self.ready: deque[Message] = deque()
        self.head = 1
        self.requeued: list[tuple[int, Message]] = []
        self.held_bytes = 0
        self.log: QueueJournal | None = None
        self.unacked = 0
        self.consumers: dict[Consumer, None] = {}
        # The consumer that has the queue to itself.
        self.exclusive_consumer: Consumer | None = None
        self.levels: dict[int, deque[Consumer]] = {}
        self.resting: list[Callable[[], None]] = []
        self.had_consumer = False
        self.deleted = False
        self.published_count = 0
        self.delivered_count = 0
        self.redelivered_count = 0
        self.acked_count = 0

    # Messages

    @property
    def message_count(self) -> int:
        """Messages that wait for a consumer; those with clients are not counted."""
        return len(self.ready) + len(self.requeued)

    def extend(self, messages: Sequence[Message]) -> None:
        """Puts messages at the end; consumers that wait are given them at once."""
        self.published_count += len(messages)
        if self.levels and not self.ready and not self.requeued:
            given = self._hand_over(messages)
            if given:
                if given == len(messages):
                    return
                messages = messages[given:]
        self.ready.extend(messages)
        self.held_bytes += size_of(messages)

    def take(self) -> tuple[int, Message, bool] | None:
        """The next message for basic.get: (position, message, redelivered), or None."""
        if self.requeued:
            position, message = heappop(self.requeued)
            redelivered = True
        elif self.ready:
            position, message = self.head, self.ready.popleft()
            self.head += 1
            redelivered = False
        else:
            return None
        self.held_bytes -= size_of((message,))
        self.redelivered_count += redelivered
        return position, message, redelivered

    def may_hand_out(self, position: int) -> bool:
        """Whether a message that was just taken may go to a client before anything else is on disk."""
        return True

    def requeue(self, entries: Iterable[tuple[int, Message]]) -> None:
        """Puts (position, message) back where they were."""
        if self.deleted:
            return
        for entry in entries:
            heappush(self.requeued, entry)
            self.held_bytes += size_of((entry[1],))

    def purge(self) -> int:
        """Drops what waits; returns how many messages that were."""
        count = self.message_count
        self.head += len(self.ready)
        self.ready.clear()
        self.requeued.clear()
        self.held_bytes = 0
        return count

    def delete(self) -> int:
        """The queue is no more; returns how many messages waited in it."""
        count = self.purge()
        self.deleted = True
        return count

    # Consumers

    def add_consumer(self, consumer: "Consumer") -> None:
        """Registers a consumer; it gets nothing before `drain`."""
        self.had_consumer = True
        consumer.registered = True
        self.consumers[consumer] = None
        if consumer.exclusive:
            self.exclusive_consumer = consumer
        self.ready_to_take(consumer)

    def remove_consumer(self, consumer: "Consumer") -> None:
        """Takes a consumer out; what it holds unacknowledged stays with its channel."""
        consumer.registered = False
        del self.consumers[consumer]
        if consumer.exclusive:
            self.exclusive_consumer = None
        if consumer.in_turn:
            self._leave_turn(consumer)

    def ready_to_take(self, consumer: "Consumer") -> None:
        """A consumer may have capacity (again): it joins its round at the end."""
        if consumer.registered and not consumer.in_turn and consumer.capacity > 0:
            consumer.in_turn = True
            self.levels.setdefault(consumer.priority, deque()).append(consumer)

    def _leave_turn(self, consumer: "Consumer") -> None:
        consumer.in_turn = False
        level = self.levels[consumer.priority]
        level.remove(consumer)
        if not level:
            del self.levels[consumer.priority]

    # Dispatch

    def drain(self) -> None:
        """Gives what waits to the consumers that can take it."""
        levels = self.levels
        while levels and (self.requeued or self.ready):
            if self.requeued:
                self._hand_back_out()
            else:
                self._hand_over_first(self._wanted(levels[max(levels)]), False)
        self._wake_resting()

    def _hand_over_first(self, count: int, redelivered: bool) -> None:
        """Gives at most count messages off the head; what finds no consumer goes back there."""
        messages = self._first(count)
        given = self._hand_over(messages, redelivered)
        if given < len(messages):
            self.ready.extendleft(reversed(messages[given:]))
            self.held_bytes += size_of(messages[given:])

    def _wake_resting(self) -> None:
        if self.resting and len(self.ready) <= BACKLOG_LOW_MESSAGES:
            resting, self.resting = self.resting, []
            for wake in resting:
                wake()

    def _wanted(self, level: "deque[Consumer]") -> int:
        """How many messages a level can take of those that wait.

        At least one: that nobody can take it is found out by trying, and ends their turns.
        """
        most = min(len(self.ready), DRAIN_MAX_MESSAGES)
        wanted = 0
        for consumer in level:
            wanted += consumer.capacity
            if wanted >= most:
                return most
        return max(wanted, 1)

    def _first(self, count: int) -> list[Message]:
        """At most count messages off the head of the deque, and no more octets than one turn may send."""
        popleft = self.ready.popleft
        messages = [popleft() for _ in range(count)]
        bodies_bytes = sum(map(len, map(_BODY, messages)))
        if bodies_bytes > OUTBOX_MAX_BYTES:
            sizes = accumulate(map(len, map(_BODY, messages)))
            fitting = 1 + sum(size <= OUTBOX_MAX_BYTES for size in sizes)
            self.ready.extendleft(reversed(messages[fitting:]))
            del messages[fitting:]
            bodies_bytes = sum(map(len, map(_BODY, messages)))
        self.held_bytes -= bodies_bytes + MESSAGE_OVERHEAD_BYTES * len(messages)
        return messages

    def _hand_back_out(self) -> None:
        """Gives the message that came back from the lowest position to the consumer whose turn it is."""
        levels = self.levels
        level = levels[max(levels)]
        consumer = level[0]
        if consumer.capacity <= 0:
            self._leave_turn(consumer)
            return
        level.rotate(-1)
        position, message = heappop(self.requeued)
        self.held_bytes -= size_of((message,))
        self._give(consumer, (position,), (message,), True)

    def _hand_over(self, messages: Sequence[Message], redelivered: bool = False) -> int:
        """Gives messages, whose first has the position `head`, to consumers in turn; returns how many found one."""
        levels = self.levels
        count = len(messages)
        given = 0
        looked_at: deque[Consumer] | None = None
        apart = False
        while given < count and levels:
            level = levels[max(levels)] if len(levels) > 1 else next(iter(levels.values()))
            consumer = level[0]
            room = consumer.capacity
            if room <= 0:
                self._leave_turn(consumer)
                continue
            if level is not looked_at:
                looked_at, apart = level, _are_apart(level)
            if len(level) == 1:
                share = min(room, count - given)
                part = messages if share == count else messages[given : given + share]
                self._give(consumer, range(self.head, self.head + share), part, redelivered)
            elif apart and (rounds := self._whole_rounds(level, count - given)):
                # Nobody can tell whole rounds from single turns.
                turns = len(level)
                share = rounds * turns
                last = self.head + share
                for turn, one in enumerate(level):
                    part = messages[given + turn : given + share : turns]
                    self._give(one, range(self.head + turn, last, turns), part, redelivered)
            else:
                share = 1
                level.rotate(-1)
                self._give(consumer, (self.head,), messages[given : given + 1], redelivered)
            given += share
            self.head += share
        return given

    @staticmethod
    def _whole_rounds(level: "deque[Consumer]", count: int) -> int:
        """How many messages each consumer of a level can be given at once; 0 when they have to be given singly."""
        turns = len(level)
        return min(count // turns, *(consumer.capacity for consumer in level)) if count >= turns else 0

    def _give(
        self,
        consumer: "Consumer",
        positions: Sequence[int],
        messages: Sequence[Message],
        redelivered: bool,
    ) -> None:
        count = len(messages)
        self.delivered_count += count
        if redelivered:
            self.redelivered_count += count
        if not consumer.no_ack:
            self.unacked += count
            consumer.spend(count)
        consumer.sink.deliver(consumer, positions, messages, redelivered)

    # What clients had

    def settle(self, consumer: "Consumer", count: int) -> None:
        """Messages that a consumer (or basic.get) had are acknowledged, rejected or back: it has credit for more."""
        self.unacked -= count
        consumer.restore(count)
        self.ready_to_take(consumer)

    def messages(self) -> list[tuple[int, Message, bool]]:
        """What waits, in order, without taking it: (position, message, redelivered)."""
        back = sorted(self.requeued)
        waiting = [(position, message, True) for position, message in back]
        return waiting + [(self.head + place, message, False) for place, message in enumerate(self.ready)]


def _are_apart(level: "deque[Consumer]") -> bool:
    """Whether every consumer has a connection of its own."""
    return len({id(consumer.sink.outlet()) for consumer in level}) == len(level)


def size_of(messages: Sequence[Message]) -> int:
    """About how many octets of memory messages take; their headers stand for themselves in the overhead."""
    if isinstance(messages, UniformRun):
        return len(messages) * (len(messages.bodies[0]) + MESSAGE_OVERHEAD_BYTES)
    return sum(map(len, map(_BODY, messages))) + MESSAGE_OVERHEAD_BYTES * len(messages)
