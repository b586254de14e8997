"""A queue: messages in order, and consumers in turn.

Messages that nobody has had are a deque; the position of a message is the deque's head counter plus its place, so it
costs nothing. Messages that came back are a heap ordered by position. A position in the heap is always lower than any
in the deque, so what came back goes out first and in its original order, and a queue without requeues pays nothing.

What a queue does beyond that (deadlines, limits, dead letters) are its rules, `queues/rules.py`; most have none.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from heapq import heappop, heappush
from itertools import accumulate, groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, ClassVar

from amqpbroker.limits import (
    BACKLOG_HIGH_MESSAGES,
    BACKLOG_LOW_MESSAGES,
    DRAIN_MAX_MESSAGES,
    MESSAGE_OVERHEAD_BYTES,
    OUTBOX_MAX_BYTES,
)
from amqpbroker.model.counters import Counters
from amqpbroker.model.dispatch import Strategy, plan
from amqpbroker.model.message import DEADLINE_SHIFT, Message
from amqpbroker.model.settings import QueueSettings
from amqpbroker.wire.runs import UniformRun
from amqpbroker.wire.tables import Table

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.ports import QueueJournal, RecordedQueue
    from amqpbroker.model.queues.rules import Rules
    from amqpbroker.model.single_active import SingleActive

Entry = tuple[int, Message, int]
"""What a client has: (position, message, number of the consumer). Ints and tuples, so that the collector lets go."""

Waiting = tuple[int, Message, bool]
"""What waits: (position, message, redelivered)."""


class Return(StrEnum):
    """How what a client had comes back: by basic.nack and basic.recover, by basic.reject, or by its channel's end."""

    REQUEUED = "requeue"
    FAILED = "fail"
    LOST = "lost"


PLAIN = QueueSettings()
_BODY = itemgetter(2)


class Queue:
    """A classic queue.

    owner: the connection that an exclusive queue belongs to. head: the position of `ready[0]`.
    levels: the consumers that can take messages, in turn, by priority. strategy: who is next among those of one
    priority; None: they take turns. single_active: which consumer gets everything; None: all of them share.
    unacked: how many messages are with clients. resting: called when the backlog is short again.
    held_bytes: what it keeps in memory of the messages that wait. log: what is recorded of it, None if nothing of it
    survives a restart. settings: what its arguments and policies come to; rules: what follows from them for its
    messages, None if nothing does. paused: consumers get nothing until it is resumed.
    """

    # Whether it records what is not persistent too, if it records anything.
    records_transient: ClassVar = False

    __slots__ = (
        "arguments",
        "auto_delete",
        "consumers",
        "counters",
        "deleted",
        "durable",
        "exclusive_consumer",
        "had_consumer",
        "head",
        "held_bytes",
        "levels",
        "log",
        "name",
        "owner",
        "paused",
        "ready",
        "requeued",
        "resting",
        "rules",
        "settings",
        "single_active",
        "strategy",
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
        self.settings = PLAIN
        self.rules: Rules | None = None
        self.unacked = 0
        self.consumers: dict[Consumer, None] = {}
        # The consumer that has the queue to itself.
        self.exclusive_consumer: Consumer | None = None
        self.levels: dict[int, deque[Consumer]] = {}
        self.strategy: Strategy | None = None
        self.single_active: SingleActive | None = None
        self.resting: list[Callable[[], None]] = []
        self.had_consumer = False
        self.paused = False
        self.deleted = False
        self.counters = Counters()

    def follow(self, rules: "Rules") -> None:
        """From now on it has rules."""
        self.rules = rules

    def part_for(self, flags: int) -> "RecordedQueue":
        """Which part of the queue takes messages with these flags, and has them recorded."""
        raise AssertionError("nothing of it is recorded")

    def moment_ms(self, messages: Sequence[Message]) -> int:
        """What is recorded with messages that are about to be put in: when they are to leave; 0: never."""
        return self.rules.deadline_ms(messages) if self.rules is not None else 0

    def dispatch_by(self, strategy: Strategy | None) -> None:
        """From now on this says who is next."""
        self.strategy = strategy

    def logs(self) -> "Sequence[QueueJournal]":
        """What is recorded of it, in all of its parts."""
        return [self.log] if self.log is not None else []

    # Messages

    @property
    def message_count(self) -> int:
        """Messages that wait for a consumer; those with clients are not counted."""
        return len(self.ready) + len(self.requeued)

    @property
    def ready_bytes(self) -> int:
        """Octets of the bodies that wait for a consumer."""
        return self.held_bytes - MESSAGE_OVERHEAD_BYTES * (len(self.ready) + len(self.requeued))

    @property
    def memory_bytes(self) -> int:
        """About how much memory the messages that wait take."""
        return self.held_bytes

    @property
    def is_lagging(self) -> bool:
        """Whether the consumers do not keep up with what is published."""
        return len(self.ready) > BACKLOG_HIGH_MESSAGES and bool(self.consumers)

    def extend(self, messages: Sequence[Message]) -> None:
        """Puts messages at the end; consumers that wait are given them at once."""
        rules = self.rules
        if rules is not None:
            messages = rules.admitted(messages)
        if self.levels and not self.ready and not self.requeued:
            given = self._hand_over(messages)
            if given:
                if given == len(messages):
                    return
                messages = messages[given:]
        self.ready.extend(messages)
        self.held_bytes += size_of(messages)
        if rules is not None:
            rules.enforce()

    def first(self) -> Message | None:
        """The message at the head."""
        if self.requeued:
            return self.requeued[0][1]
        return self.ready[0] if self.ready else None

    def _pop(self) -> tuple[int, Message]:
        """Takes the message at the head, which is there."""
        if self.requeued:
            position, message = heappop(self.requeued)
        else:
            position, message = self.head, self.ready.popleft()
            self.head += 1
        self.held_bytes -= len(message[2]) + MESSAGE_OVERHEAD_BYTES
        return position, message

    def take(self) -> tuple[int, Message, bool] | None:
        """The next message for basic.get: (position, message, redelivered), or None."""
        if self.rules is not None:
            self.rules.clear_head()
        if self.first() is None:
            return None
        redelivered = self._head_was_out()
        position, message = self._pop()
        if self.rules is not None:
            self.rules.expire()
        return position, message, redelivered

    def _head_was_out(self) -> bool:
        """Whether the message at the head may have been with a client."""
        return bool(self.requeued)

    def drop(self, most: int, due_by_ms: int | None = None) -> list[Message]:
        """Gives up at most so many messages off the head; if a time is given, only while their deadline has come."""
        dropped: list[tuple[int, Message]] = []
        while len(dropped) < most and (message := self.first()) is not None:
            if due_by_ms is not None and not 0 < message[3] >> DEADLINE_SHIFT <= due_by_ms:
                break
            dropped.append(self._pop())
        self._settled([position for position, _ in dropped])
        messages = [message for _, message in dropped]
        if self.rules is not None:
            self.rules.left(messages)
        return messages

    def may_hand_out(self, position: int, message: Message) -> bool:
        """Whether a message that was just taken may go to a client before anything else is on disk."""
        return True

    def requeue(self, entries: Iterable[tuple[int, Message]], how: Return = Return.REQUEUED) -> None:
        """Puts (position, message) back where they were."""
        if self.deleted:
            return
        for entry in entries:
            self.take_back(entry)
        if self.rules is not None:
            self.rules.enforce()

    def take_back(self, entry: tuple[int, Message]) -> None:
        """Puts (position, message) back where it was, whatever follows from that."""
        heappush(self.requeued, entry)
        self.held_bytes += size_of((entry[1],))

    def forget(self, entries: Sequence[Entry]) -> None:
        """What clients had is done with: nothing of it comes back."""
        if self.rules is not None:
            self.rules.left(message for _, message, _ in entries)

    def discard(self, entries: Sequence[Entry]) -> None:
        """Clients have rejected what they had."""
        self.forget(entries)
        if self.rules is not None and not self.deleted:
            self.rules.rejected([message for _, message, _ in entries])

    def _settled(self, positions: Sequence[int]) -> None:
        """Messages that waited are gone."""

    def purge(self) -> int:
        """Drops what waits; returns how many messages that were."""
        count = self.message_count
        self.head += len(self.ready)
        self.ready.clear()
        self.requeued.clear()
        self.held_bytes = 0
        if self.rules is not None:
            self.rules.emptied()
        return count

    def delete(self) -> int:
        """The queue is no more; returns how many messages waited in it."""
        count = self.purge()
        self.abandon()
        return count

    def abandon(self) -> None:
        """The queue is no more, and what waits in it goes with it: nothing of it falls due."""
        self.deleted = True
        if self.rules is not None:
            self.rules.stop()

    # Consumers

    def add_consumer(self, consumer: "Consumer") -> None:
        """Registers a consumer; it gets nothing before `drain`."""
        self.had_consumer = True
        consumer.registered = True
        self.consumers[consumer] = None
        if consumer.exclusive:
            self.exclusive_consumer = consumer
        if self.single_active is not None:
            self._look_who_is_active(self.single_active)
        self.ready_to_take(consumer)

    def remove_consumer(self, consumer: "Consumer") -> None:
        """Takes a consumer out; what it holds unacknowledged stays with its channel."""
        consumer.registered = False
        del self.consumers[consumer]
        if consumer.exclusive:
            self.exclusive_consumer = None
        if consumer.in_turn:
            self._leave_turn(consumer)
        if self.single_active is not None:
            self._look_who_is_active(self.single_active)
        if self.rules is not None:
            self.rules.used()

    def ready_to_take(self, consumer: "Consumer") -> None:
        """A consumer may have capacity (again): it joins its round at the end."""
        if self.paused:
            return
        if consumer.registered and not consumer.in_turn and not consumer.waits and consumer.capacity > 0:
            consumer.in_turn = True
            self.levels.setdefault(consumer.priority, deque()).append(consumer)

    def pause(self) -> None:
        """From now on consumers get nothing; what they have is theirs. Forgotten by a restart."""
        self.paused = True
        for consumer in self.consumers:
            if consumer.in_turn:
                self._leave_turn(consumer)

    def resume(self) -> None:
        """Consumers get again what waits."""
        self.paused = False
        for consumer in self.consumers:
            self.ready_to_take(consumer)
        self.drain()

    def _look_who_is_active(self, single_active: "SingleActive") -> None:
        single_active.look(self.consumers)
        for consumer in self.consumers:
            if not consumer.waits:
                self.ready_to_take(consumer)
            elif consumer.in_turn:
                self._leave_turn(consumer)

    def timed_out(self, consumer: "Consumer", count: int) -> None:
        """A consumer has let messages time out: it gets nothing more until its client has settled them."""
        consumer.timed_out += count
        consumer.waits = True
        if consumer.in_turn:
            self._leave_turn(consumer)
        if self.single_active is not None:
            self._look_who_is_active(self.single_active)

    def settle_timed_out(self, consumer: "Consumer", count: int) -> None:
        """A client has settled messages that timed out, and came back long ago."""
        consumer.timed_out -= count
        if consumer.timed_out == 0:
            consumer.waits = False
            if self.single_active is not None:
                self._look_who_is_active(self.single_active)
            self.ready_to_take(consumer)
            self.drain()

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
        rules = self.rules
        while (rules is None or rules.expire()) and levels and (self.requeued or self.ready):
            if self.requeued:
                self._hand_back_out()
            else:
                self._hand_over_first(self._wanted(levels[max(levels)]), False)
        self._wake_resting()

    def _hand_over_first(self, count: int, redelivered: bool) -> None:
        """Gives at most count messages off the head; what finds no consumer goes back there."""
        messages = self._first(count)
        if self.rules is not None:
            messages = self._without_late(messages, self.rules.fresh_count(messages))
        given = self._hand_over(messages, redelivered)
        if given < len(messages):
            self.ready.extendleft(reversed(messages[given:]))
            self.held_bytes += size_of(messages[given:])

    def _without_late(self, messages: list[Message], fresh_count: int) -> list[Message]:
        """Messages off the head, as far as they have not expired; the others stand there again."""
        late = messages[fresh_count:]
        if late:
            self.ready.extendleft(reversed(late))
            self.held_bytes += size_of(late)
            return messages[:fresh_count]
        return messages

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
        consumer = self._next()
        if consumer is None:
            return
        position, message = heappop(self.requeued)
        self.held_bytes -= size_of((message,))
        self._give(consumer, (position,), (message,), True)

    def _next(self) -> "Consumer | None":
        """Who gets the next message. None: one could not take it, and has left its turn."""
        level = self.levels[max(self.levels)]
        if self.strategy is not None and len(level) > 1 and (planned := plan(self.strategy, level, 1)):
            return planned[0]
        consumer = level[0]
        if consumer.capacity <= 0:
            self._leave_turn(consumer)
            return None
        level.rotate(-1)
        return consumer

    def _hand_over(self, messages: Sequence[Message], redelivered: bool = False) -> int:
        """Gives messages, whose first has the position `head`, to consumers in turn; returns how many found one."""
        levels = self.levels
        count = len(messages)
        given = 0
        looked_at: deque[Consumer] | None = None
        apart = False
        while given < count and levels:
            level = levels[max(levels)] if len(levels) > 1 else next(iter(levels.values()))
            if self.strategy is not None and len(level) > 1:
                given += self._hand_over_planned(self.strategy, level, messages[given:], redelivered)
                continue
            consumer = level[0]
            room = consumer.capacity
            if room <= 0:
                self._leave_turn(consumer)
                continue
            if level is not looked_at:
                looked_at, apart = level, len(level) > 1 and _are_apart(level)
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

    def _hand_over_planned(
        self, strategy: Strategy, level: "deque[Consumer]", messages: Sequence[Message], redelivered: bool
    ) -> int:
        """Gives messages to the consumers of a level as the strategy says; returns how many it could.

        Who has no capacity leaves its turn.
        """
        for consumer in [consumer for consumer in level if consumer.capacity <= 0]:
            self._leave_turn(consumer)
        planned = plan(strategy, level, len(messages))
        given = 0
        if _are_apart(level):
            # Nobody can tell this from single turns.
            places: dict[Consumer, list[int]] = {}
            for place, consumer in enumerate(planned):
                places.setdefault(consumer, []).append(place)
            for consumer, own in places.items():
                self._give(consumer, [self.head + place for place in own], _those_at(own, messages), redelivered)
            given = len(planned)
        else:
            for consumer, turns in groupby(planned):
                share = len(list(turns))
                if consumer.capacity < share:
                    break  # its connection is full by what it was given just now
                first = self.head + given
                self._give(consumer, range(first, first + share), messages[given : given + share], redelivered)
                given += share
        self.head += given
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
        if not consumer.no_ack:
            self.unacked += count
            consumer.spend(count)
        elif self.rules is not None:
            self.rules.left(messages)
        consumer.sink.deliver(consumer, positions, messages, redelivered)

    # What clients had

    def settle(self, consumer: "Consumer", count: int) -> None:
        """Messages that a consumer (or basic.get) had are acknowledged, rejected or back: it has credit for more."""
        self.unacked -= count
        consumer.restore(count)
        if self.single_active is not None and self.single_active.gives_way:
            self._look_who_is_active(self.single_active)
        self.ready_to_take(consumer)

    def messages(self) -> list[Waiting]:
        """What waits, in order, without taking it."""
        return self.peek(0, self.message_count)

    def peek(self, skip: int, count: int) -> list[Waiting]:
        """What waits behind so many, in order, without taking it; at most count of them."""
        back = sorted(self.requeued)
        waiting = [(position, message, True) for position, message in back[skip : skip + count]]
        skip, count = max(skip - len(back), 0), count - len(waiting)
        ready = islice(self.ready, skip, skip + count)
        return waiting + [(self.head + skip + place, message, False) for place, message in enumerate(ready)]


def _are_apart(level: "deque[Consumer]") -> bool:
    """Whether every consumer has a connection of its own."""
    return len({id(consumer.sink.outlet()) for consumer in level}) == len(level)


def _those_at(places: Sequence[int], messages: Sequence[Message]) -> Sequence[Message]:
    if isinstance(messages, UniformRun):
        bodies = [messages.bodies[place] for place in places]
        return UniformRun(messages.address, messages.header, bodies, messages.flags)
    return [messages[place] for place in places]


def size_of(messages: Sequence[Message]) -> int:
    """About how many octets of memory messages take; their headers stand for themselves in the overhead."""
    if isinstance(messages, UniformRun):
        return len(messages) * (len(messages.bodies[0]) + MESSAGE_OVERHEAD_BYTES)
    return sum(map(len, map(_BODY, messages))) + MESSAGE_OVERHEAD_BYTES * len(messages)
