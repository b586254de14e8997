"""Quorum queues: what comes back is counted, and goes out first, waits for its retry, dies, or begins again at the end.

On one node there is nobody to agree with, so this is what a program can tell of them: a queue with levels, the highest
for what came back, the lowest, which nobody is given, for what waits for being dead-lettered. Whatever comes back is a
new entry: its old one is settled and the message, with its new counts in its own headers, recorded in another part of
the queue in the same commit. So counts, places and delays survive what the message survives.

Source: RabbitMQ `rabbit_fifo` (return_one, take_next_msg, should_delay, evaluate_limit, dlx_apply), `rabbit_fifo_q`
and `rabbit_fifo_pq`, `rabbit_fifo_client` (add_delivery_count_header); docs/behaviour/quorum.md.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from amqpbroker.errors import NOT_IMPLEMENTED, AMQPError
from amqpbroker.limits import MESSAGE_OVERHEAD_BYTES
from amqpbroker.model.arguments import QUORUM
from amqpbroker.model.dead_letter import DELIVERY_LIMIT, EXPIRED, REJECTED, TOO_LONG
from amqpbroker.model.message import (
    COUNTED,
    DEADLINE_SHIFT,
    HAS_PRIORITY,
    OWN_FLAGS,
    PLACE_SHIFT,
    PLACES,
    PRIORITY_SHIFT,
    Message,
    by_flags,
)
from amqpbroker.model.queue import Return, Waiting
from amqpbroker.model.queues.hidden import HiddenQueue
from amqpbroker.model.queues.priority import Level, PriorityQueue
from amqpbroker.model.queues.rules import Rules
from amqpbroker.model.settings import AT_LEAST_ONCE, QueueSettings
from amqpbroker.model.timer import Timer
from amqpbroker.profiles import Profile
from amqpbroker.wire import properties
from amqpbroker.wire.tables import Field, Table

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.ports import Clock, Deadline, Journal, QueueJournal, Store
    from amqpbroker.model.queue import Queue
    from amqpbroker.model.vhost import VirtualHost

# A consumer that says no prefetch has this one.
PREFETCH: Final = 2_000
# What waits for being dead-lettered is tried again so late, if anything has changed by then.
RETRY_S: Final = 180.0
# A queue that refuses takes messages again when it is so full.
_OPEN_AGAIN: Final = 0.8
_STEP_MESSAGES: Final = 1_024


# ---------------------------------------------------------------------------------------------------------------------
# Counts

_DELIVERY_COUNT: Final = "x-delivery-count"
_ACQUIRED_COUNT: Final = "x-acquired-count"


class Counts(NamedTuple):
    """How often a message came back to this queue, and how often of these its delivery had failed."""

    returned: int = 0
    failed: int = 0


def counts_of(message: Message) -> Counts:
    """What the broker itself has written there; what a publisher has says nothing."""
    if not message[3] & COUNTED:
        return Counts()
    headers = properties.headers(message[1]) or {}
    failed = _count(headers, _DELIVERY_COUNT)
    return Counts(_count(headers, _ACQUIRED_COUNT) or failed, failed)


def with_counts(message: Message, counts: Counts, series: tuple[int, int]) -> Message:
    """The message with these counts, as the profile shows them."""
    address, header, body, flags = message
    shown = {_DELIVERY_COUNT: counts.failed} if counts.failed else {}
    if series >= (4, 3):
        shown[_ACQUIRED_COUNT] = counts.returned
    headers = _others(header) | {name: Field("l", count) for name, count in shown.items()}
    return address, properties.replace(header, headers=dict(sorted(headers.items()))), body, flags | COUNTED


def without_counts(message: Message) -> Message:
    """The message as it goes on to other queues."""
    address, header, body, flags = message
    if flags & COUNTED:
        header = properties.replace(header, headers=_others(header) or None)
        # Its priority may have counted no more in this queue; in others it does.
        priority = properties.priority(header)
        if priority is not None:
            flags = flags & ~(0xFF << PRIORITY_SHIFT) | HAS_PRIORITY | priority << PRIORITY_SHIFT
    return address, header, body, flags & ~(COUNTED | PLACES)


def _others(header: bytes) -> Table:
    """The headers but for the counts: those of a publisher are none, and make room."""
    headers = properties.headers(header) or {}
    return {name: field for name, field in headers.items() if name not in (_DELIVERY_COUNT, _ACQUIRED_COUNT)}


def _count(headers: Table, name: str) -> int:
    field = headers.get(name)
    return int(field.value) if field is not None else 0


# ---------------------------------------------------------------------------------------------------------------------
# Levels

# Of what came back. Those of priorities are 0 to 31.
FRONT: Final = 32
_PRIORITY_MAX: Final = 31
_USUAL: Final = 4
_HIGH: Final = 9
# So many of high priority, then one that is not.
_HIGH_IN_TURN: Final = 2
# Of what waits for being dead-lettered, by why it died.
_DEAD: Final = {REJECTED: -1, EXPIRED: -2, DELIVERY_LIMIT: -3}

# The level of the bits that say a message's place; 0: that of its priority.
_PLACE_OF: Final = {FRONT: 1 << PLACE_SHIFT, -1: 2 << PLACE_SHIFT, -2: 3 << PLACE_SHIFT, -3: 4 << PLACE_SHIFT}
_LEVEL_AT: Final = {place: level for level, place in _PLACE_OF.items()}


class Order(Enum):
    """What priorities do to the order: nothing, two high ones and one that is not, or strictly the higher first."""

    ONE = "one"
    TWO = "two"
    STRICT = "strict"


def order_of(profile: Profile) -> Order:
    """That of a queue which is declared under the profile; it keeps it."""
    if profile.series < (4, 0):
        return Order.ONE
    return Order.TWO if profile.series < (4, 3) else Order.STRICT


def levels_of(order: Order) -> Callable[[int], int]:
    """The level of a message, by its flags."""

    def level(flags: int) -> int:
        place = flags & PLACES
        if place:
            return _LEVEL_AT[place]
        if order is Order.ONE or not flags & HAS_PRIORITY:
            return _USUAL
        priority = (flags & OWN_FLAGS) >> PRIORITY_SHIFT
        if order is Order.TWO:
            return _HIGH if priority > _USUAL else _USUAL
        return min(priority, _PRIORITY_MAX)

    return level


def placed(message: Message, level: int) -> Message:
    """The message as it stands in a level that is none of priorities."""
    address, header, body, flags = message
    return address, header, body, flags & ~PLACES | _PLACE_OF[level]


def at_the_end(message: Message) -> Message:
    """The message as a new one; its priority counts no more."""
    address, header, body, flags = message
    return address, header, body, flags & ~(PLACES | HAS_PRIORITY | 0xFF << PRIORITY_SHIFT)


class Arrivals:
    """Which of two levels has the older message at its head: runs of positions, and when each began.

    A run whose messages are gone leaves when somebody asks, or when its level is empty.
    """

    def __init__(self) -> None:
        self._runs: dict[int, deque[tuple[int, int]]] = {}
        self._last: int | None = None
        self._now = 0

    def add(self, level: int, part: Level) -> None:
        """Messages are about to come to the end of a level."""
        runs = self._runs.setdefault(level, deque())
        if not part.message_count:
            runs.clear()
        if level != self._last or not runs:
            self._last = level
            self._now += 1
            runs.append((part.tail, self._now))

    def of(self, level: int, position: int) -> int:
        """When the message at this position, the head of the level, came."""
        runs = self._runs.get(level)
        if not runs:
            return 0
        while len(runs) > 1 and runs[1][0] <= position:
            runs.popleft()
        return runs[0][1]


# ---------------------------------------------------------------------------------------------------------------------
# Delayed retry

_DUE: Final = struct.Struct(">Q")


class Parked(HiddenQueue):
    """What waits for its retry, in order of the time. In its records that time stands before the body.

    release: takes what is due.
    """

    def __init__(self, clock: "Clock", release: Callable[[Sequence[Message]], None]) -> None:
        super().__init__()
        self.body_bytes = 0
        self._clock = clock
        self._release = release
        self._heap: list[tuple[int, int, Message]] = []
        self._timer = Timer(clock, self._fall_due)

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, message: Message, due_ms: int, journal: "Journal | None") -> None:
        """Keeps a message until the time has come."""
        if self.log is not None:
            assert journal is not None
            address, header, body, flags = message
            journal.publish([self], [(address, header, _DUE.pack(due_ms) + body, flags)])
        self._add(due_ms, self.tail, message)
        self.tail += 1
        self._set_timer()

    def discard(self) -> None:
        if self.log is not None:
            self.log.settle(sorted(position for _, position, _ in self._heap))
        self._heap.clear()
        self.body_bytes = self.held_bytes = 0
        self._set_timer()

    def contents(self) -> tuple[int, list[tuple[int, int, Message]]]:
        return self.tail, list(self._heap)

    def take_over(self, contents: tuple[int, list[tuple[int, int, Message]]], later_ms: int) -> None:
        self.tail, entries = contents
        for due_ms, position, message in entries:
            self._add(due_ms + later_ms, position, message)
        self._set_timer()

    def load(self, journal: "Journal") -> None:
        for position, (address, header, body, flags) in self._read(journal):
            (due_ms,) = _DUE.unpack_from(body)
            self._add(due_ms, position, (address, header, body[_DUE.size :], flags))
        heapify(self._heap)
        self._set_timer()

    def _add(self, due_ms: int, position: int, message: Message) -> None:
        heappush(self._heap, (due_ms, position, message))
        self.body_bytes += len(message[2])
        self.held_bytes += len(message[2]) + MESSAGE_OVERHEAD_BYTES

    def _set_timer(self) -> None:
        self._timer.set(self._heap[0][0] if self._heap else 0)

    def _fall_due(self) -> None:
        now_ms = self._clock.unix_ms()
        due: list[tuple[int, int, Message]] = []
        while self._heap and self._heap[0][0] <= now_ms and len(due) < _STEP_MESSAGES:
            due.append(heappop(self._heap))
        for _, _, message in due:
            self.body_bytes -= len(message[2])
            self.held_bytes -= len(message[2]) + MESSAGE_OVERHEAD_BYTES
        if self.log is not None:
            self.log.settle(sorted(position for _, position, _ in due))
        self._set_timer()
        self._release([message for _, _, message in due])


# ---------------------------------------------------------------------------------------------------------------------
# The queue


class QuorumLevel(Level):
    """The messages of one priority, or of those that came back."""

    __slots__ = ()

    records_transient: ClassVar = True

    def serve_one(self) -> None:
        """Gives one message of those that wait here."""
        if self.log is not None and self.log.allowance(self.head) <= 0:
            self.log.ask_for(self.head)
            return
        self._hand_over_first(1, self.again)
        if self.log is not None and self.head > self.log.renew_at:
            self.log.handed_out(self.head)


class QuorumQueue(PriorityQueue):
    """order: what priorities do. parked: what waits for its retry, None until anything has."""

    __slots__ = ("_arrivals", "_turn", "order", "parked")

    records_transient: ClassVar = True
    first_level: ClassVar[int] = _USUAL
    part_type: ClassVar[type[Level]] = QuorumLevel

    def __init__(
        self, name: str, store: "Store", order: Order, *, durable: bool = True, arguments: Table | None = None
    ) -> None:
        super().__init__(name, store, levels_of(order), durable=durable, arguments=arguments)
        self.order = order
        self.parked: Parked | None = None
        self._arrivals = Arrivals()
        # Where in the round of two and one it is.
        self._turn = 0

    def arrange(self, order: Order) -> None:
        """It is as it was when it was declared, whatever the profile is now. To be called before anything is in it."""
        self.order = order
        self.level_of = levels_of(order)

    def rule(self) -> "QuorumRules":
        """Its rules, which it always has once it is taken in."""
        assert isinstance(self.rules, QuorumRules)
        return self.rules

    def logs(self) -> "Sequence[QueueJournal]":
        parked = [self.parked.log] if self.parked is not None and self.parked.log is not None else []
        return [*super().logs(), *parked]

    def waiting(self) -> Iterator[tuple[int, Level]]:
        """The parts that clients are given messages of, the highest first."""
        return ((level, part) for level, part in self.parts.items() if level >= 0)

    def dead(self) -> Iterator[Level]:
        """The parts of what waits for being dead-lettered."""
        return (part for level, part in self.parts.items() if level < 0)

    # Messages

    @property
    def message_count(self) -> int:
        return sum(part.message_count for _, part in self.waiting())

    @property
    def ready_bytes(self) -> int:
        return sum(part.ready_bytes for _, part in self.waiting())

    @property
    def memory_bytes(self) -> int:
        return super().memory_bytes + (self.parked.held_bytes if self.parked is not None else 0)

    def extend(self, messages: Sequence[Message]) -> None:
        if self.order is Order.TWO:
            for flags, run in self._by_level(messages):
                self._arrivals.add(self.level_of(flags), self.part_for(flags))
                super().extend(run)
        else:
            super().extend(messages)

    def put_back(self, message: Message) -> None:
        """A message that was here already comes to the end of a level."""
        part = self.part_for(message[3])
        if self.order is Order.TWO:
            self._arrivals.add(self.level_of(message[3]), part)
        self.rule().record(part, message)
        part.append([message])

    def requeue(self, entries: Iterable[tuple[int, Message]], how: Return = Return.REQUEUED) -> None:
        if not self.deleted:
            self.rule().returned(entries, how)

    def take(self) -> tuple[int, Message, bool] | None:
        found = super().take()
        if found is None:
            return None
        self.rule().look_whether_full()
        position, message, redelivered = found
        self._count_turns([message])
        return position, message, redelivered or bool(message[3] & COUNTED)

    def drop(self, most: int, due_by_ms: int | None = None) -> list[Message]:
        if due_by_ms is not None and self.order is Order.STRICT:
            # Each level is looked at, as each has a head.
            dropped: list[Message] = []
            for _, part in list(self.waiting()):
                dropped += part.drop(most - len(dropped), due_by_ms)
            return dropped
        dropped = []
        while len(dropped) < most and (head := self._head_part()) is not None:
            found = head.drop(1 if self._is_mixed() else most - len(dropped), due_by_ms)
            self._count_turns(found)
            dropped += found
            if not found:
                break
        return dropped

    def purge(self) -> int:
        count = sum(part.purge() for _, part in self.waiting()) + self.rule().purge_hidden()
        self.rule().look_whether_full()
        return count

    def delete(self) -> int:
        count = self.message_count
        super().delete()
        return count

    def abandon(self) -> None:
        super().abandon()
        if self.parked is not None:
            self.parked.discard()

    def peek(self, skip: int, count: int) -> list[Waiting]:
        return [
            (position, message, redelivered or bool(message[3] & COUNTED))
            for position, message, redelivered in super().peek(skip, count)
        ]

    # Order

    def heads(self) -> Iterator[Message]:
        """The message at the head of each level."""
        return (head for _, part in self.waiting() if (head := part.first()) is not None)

    def _head_part(self) -> Level | None:
        if self._is_mixed():
            high, normal = self.parts[_HIGH], self.parts[_USUAL]
            is_turn_of_normal = self._turn == _HIGH_IN_TURN
            older = self._arrivals.of(_HIGH, high.head) < self._arrivals.of(_USUAL, normal.head)
            return normal if is_turn_of_normal and not older else high
        return next((part for _, part in self.waiting() if part.first() is not None), None)

    def _is_mixed(self) -> bool:
        """Whether messages of high and normal priority stand beside each other, and nothing before them."""
        if self.order is not Order.TWO:
            return False
        front, high, normal = (self.parts.get(level) for level in (FRONT, _HIGH, _USUAL))
        if high is None or normal is None or (front is not None and front.first() is not None):
            return False
        return high.first() is not None and normal.first() is not None

    def _count_turns(self, messages: Sequence[Message]) -> None:
        if self.order is Order.TWO:
            self._turn += sum(not message[3] & PLACES for message in messages)
            self._turn %= _HIGH_IN_TURN + 1

    # Dispatch

    def drain(self) -> None:
        super().drain()
        self.rule().look_whether_full()

    def _serve(self, part: Level) -> None:
        if self._is_mixed():
            assert isinstance(part, QuorumLevel)
            part.serve_one()
        else:
            super()._serve(part)

    def _give(
        self, consumer: "Consumer", positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        self._count_turns(messages)
        start = 0
        # What has begun again at the end stands among what was never out.
        for run in (messages,) if redelivered else by_flags(messages, COUNTED):
            was_out = redelivered or bool(run[0][3] & COUNTED)
            super()._give(consumer, positions[start : start + len(run)], run, was_out)
            start += len(run)


class QuorumRules(Rules):
    """What a quorum queue does with what comes back, beside what every queue does."""

    __slots__ = ("_is_closed", "_queue", "_retry", "_tried_version")

    def __init__(self, queue: QuorumQueue, vhost: "VirtualHost", settings: QueueSettings) -> None:
        super().__init__(queue, vhost, settings)
        self._queue: QuorumQueue = queue
        self._is_closed = False
        # The timer of what waits for being dead-lettered, and what it was tried with last.
        self._retry: Deadline | None = None
        self._tried_version = -1
        if any(part.message_count for part in queue.dead()):
            # A restart has found them.
            self._plan_retry()

    def change(self, settings: QueueSettings) -> None:
        super().change(settings)
        self._tried_version = -1
        self._try_dead()

    def stop(self) -> None:
        super().stop()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    # Coming in

    def deadline_ms(self, messages: Sequence[Message]) -> int:
        # What was here already keeps the deadline that it had.
        return messages[0][3] >> DEADLINE_SHIFT if messages[0][3] & COUNTED else super().deadline_ms(messages)

    def admitted(self, messages: Sequence[Message]) -> Sequence[Message]:
        return messages if messages[0][3] & COUNTED else super().admitted(messages)

    def record(self, part: Level, message: Message) -> None:
        """A message is about to be put into a part."""
        if part.log is not None:
            assert self._vhost.journal is not None
            self._vhost.journal.publish([part], [message])

    def refuses(self, body_bytes: int) -> bool:
        """Whether it is full: from one message over its limit until it is down to eight tenths of it."""
        settings = self.settings
        if not settings.refuses:
            return False
        count, size_bytes = self._load()
        limits = ((count, settings.max_length), (size_bytes, settings.max_length_bytes))
        there = [(now, limit) for now, limit in limits if limit is not None]
        if any(now > limit for now, limit in there):
            self._is_closed = True
        elif all(now <= int(limit * _OPEN_AGAIN) for now, limit in there):
            self._is_closed = False
        return self._is_closed

    def _load(self) -> tuple[int, int]:
        """Messages, and octets of bodies, that count for the limits: also what is not ready."""
        queue = self._queue
        count, size_bytes = queue.message_count, queue.ready_bytes
        for part in queue.dead():
            count += part.message_count
            size_bytes += part.ready_bytes
        if queue.parked is not None:
            count += len(queue.parked)
            size_bytes += queue.parked.body_bytes
        return count, size_bytes

    # Waiting

    def enforce(self, came: Sequence[Message] = ()) -> None:
        # What has expired goes before anything is too much.
        self.expire()
        super().enforce(came)
        self.look_whether_full()

    def look_whether_full(self) -> None:
        """Messages came or went: it may refuse from now on, or no longer."""
        self.refuses(0)

    def _drop_excess(self) -> None:
        settings, queue = self.settings, self._queue
        while queue.message_count:
            count, size_bytes = self._load()
            excess = count - settings.max_length if settings.max_length is not None else 0
            if excess <= 0 and (settings.max_length_bytes is None or size_bytes <= settings.max_length_bytes):
                break
            self.dead_letter(TOO_LONG, queue.drop(min(max(excess, 1), _STEP_MESSAGES)))

    def _head_due_ms(self) -> int:
        if self._queue.order is not Order.STRICT:
            return super()._head_due_ms()
        dues = (head[3] >> DEADLINE_SHIFT for head in self._queue.heads())
        return min((due_ms for due_ms in dues if due_ms), default=0)

    def purge_hidden(self) -> int:
        """Since 4.3 a purge also drops what waits for its retry or for being dead-lettered."""
        queue = self._queue
        if self._vhost.profile.series < (4, 3):
            return 0
        count = sum(part.purge() for part in queue.dead())
        if queue.parked is not None:
            count += len(queue.parked)
            queue.parked.discard()
        return count

    # Coming back

    def returned(self, entries: Iterable[tuple[int, Message]], how: Return) -> None:
        """What clients had comes back."""
        queue, limit = self._queue, self.settings.delivery_limit
        series = self._vhost.profile.series
        failed = how is not Return.REQUEUED or series < (4, 3)
        to_end = limit is None and (how is Return.REQUEUED or (how is Return.FAILED and series < (4, 3)))
        poison: list[Message] = []
        for position, message in entries:
            queue.forget([(position, message, 0)])
            before = counts_of(message)
            counts = Counts(before.returned + 1, before.failed + failed)
            counted = with_counts(message, counts, series)
            if limit is not None and counts.failed > limit:
                poison.append(counted)
            elif to_end:
                queue.put_back(at_the_end(counted))
            elif delay_ms := self._delay_ms(counts, failed):
                self._park(counted, delay_ms)
            else:
                queue.put_back(placed(counted, FRONT))
        self.dead_letter(DELIVERY_LIMIT, poison)
        self.enforce()

    def _delay_ms(self, counts: Counts, failed: bool) -> int:
        """How long a message waits before its retry; 0: it does not."""
        settings = self.settings
        kinds = ("all", "failed" if failed else "returned")
        least_ms = settings.delayed_retry_min_ms
        if settings.delayed_retry_type not in kinds or not isinstance(least_ms, int) or least_ms <= 0:
            return 0
        most_ms = settings.delayed_retry_max_ms
        if not isinstance(most_ms, int) or most_ms <= 0:
            most_ms = least_ms
        return min(least_ms * max(1, counts.failed), most_ms)

    def _park(self, message: Message, delay_ms: int) -> None:
        clock = self._vhost.clock
        self.parked().add(message, clock.unix_ms() + delay_ms, self._vhost.journal)

    def parked(self) -> Parked:
        """What waits for its retry."""
        queue = self._queue
        if queue.parked is None:
            queue.parked = Parked(self._vhost.clock, self._unpark)
            queue.new_part(queue.parked)
        return queue.parked

    def _unpark(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._queue.put_back(placed(message, FRONT))
        self._queue.drain()

    # Dying

    def dead_letter(self, reason: str, messages: Sequence[Message]) -> None:
        super().dead_letter(reason, [without_counts(message) for message in messages])

    def undeliverable(self, reason: str, message: Message) -> None:
        """No queue has taken a dead letter: with at-least-once it is kept until one does."""
        if self.settings.dead_letter_strategy == AT_LEAST_ONCE and reason in _DEAD and not self._queue.deleted:
            self._queue.put_back(placed(message, _DEAD[reason]))
            self._tried_version = self._vhost.version
            self._plan_retry()

    def _plan_retry(self) -> None:
        if self._retry is None:
            clock = self._vhost.clock
            self._retry = clock.at(clock.now_s() + RETRY_S, self._ring_retry)

    def _ring_retry(self) -> None:
        self._retry = None
        self._try_dead()

    def _try_dead(self) -> None:
        """What waits for being dead-lettered may find a queue now."""
        queue = self._queue
        if not any(part.message_count for part in queue.dead()):
            return
        self._plan_retry()
        if self._tried_version == self._vhost.version:
            return
        self._tried_version = self._vhost.version
        for reason, level in _DEAD.items():
            part = queue.parts.get(level)
            if part is not None:
                # What finds none comes to the end of the part again.
                self._pass_on(reason, [self._unplaced(message) for message in part.drop(part.message_count)])

    @staticmethod
    def _unplaced(message: Message) -> Message:
        address, header, body, flags = message
        return address, header, body, flags & ~PLACES


# ---------------------------------------------------------------------------------------------------------------------
# What quorum queues refuse


def check_delete(queue: "Queue", described: str, *, if_unused: bool, if_empty: bool) -> None:
    """Whether queue.delete may have a condition. Raises 540."""
    if queue.settings.kind == QUORUM and (if_unused or if_empty):
        flag = "if-unused" if if_unused else "if-empty"
        raise AMQPError(
            NOT_IMPLEMENTED,
            f"cannot delete {described}. queue.delete operations with {flag} flag set are not supported by quorum"
            " queues",
        )
