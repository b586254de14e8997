"""A queue with priorities: a plain queue for each level that is in use, the highest first.

Consumers belong to the queue as a whole; its parts share its rounds, so that each of them gives out messages as if it
were alone. Each part has its own positions, and its own log if the queue is durable. Deadlines, limits and the queue's
end are matters of the whole: of the message at its head, which is the first of the highest level.

Source: RabbitMQ `rabbit_priority_queue`.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from amqpbroker.limits import BACKLOG_HIGH_MESSAGES
from amqpbroker.model.message import FLAGS, OWN_FLAGS, PRIORITY_SHIFT, Message
from amqpbroker.model.queue import Entry, Queue, Return, Waiting
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.wire.runs import UniformRun
from amqpbroker.wire.tables import Table

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.dispatch import Strategy
    from amqpbroker.model.ports import QueueJournal, RecordedQueue, Store
    from amqpbroker.model.queues.rules import Rules


class Level(PagedQueue):
    """The messages of one priority. whole: the queue that it is a part of."""

    __slots__ = ("whole",)

    def __init__(self, whole: "PriorityQueue", store: "Store") -> None:
        super().__init__(whole.name, store, durable=whole.durable)
        self.whole = whole
        self.levels = whole.levels
        self.counters = whole.counters

    def moment_ms(self, messages: Sequence[Message]) -> int:
        return self.whole.moment_ms(messages)

    def drain(self) -> None:
        """The journal has made room for this part; others may have to go first."""
        self.whole.drain()

    def serve(self) -> None:
        """Gives what waits here to the consumers."""
        super().drain()

    def append(self, messages: Sequence[Message]) -> None:
        """Puts messages at the end, whoever may wait for them."""
        if self.rules is not None:
            messages = self.rules.admitted(messages)
        first = self.tail
        self.tail = first + len(messages)
        if not self.ready and not self.on_disk and not self.held:
            self.head = first
            self.again = False
        self._keep(first, messages)
        if self.rules is not None:
            self.rules.enforce()

    def _give(
        self, consumer: "Consumer", positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        self.whole.give(consumer, positions, messages, redelivered)
        if consumer.no_ack:
            self._settled(positions)


class PriorityQueue(Queue):
    """level_of: the level of a message, by its flags. parts: by level, the highest first; those that were ever used.

    new_part: called with a part before anything is put in there.
    """

    __slots__ = ("_arriving", "level_of", "new_part", "parts", "store")

    # The part that is there from the beginning.
    first_level: ClassVar[int] = 0
    part_type: ClassVar[type[Level]] = Level

    def __init__(
        self,
        name: str,
        store: "Store",
        level_of: Callable[[int], int],
        *,
        durable: bool = False,
        auto_delete: bool = False,
        owner: object | None = None,
        arguments: Table | None = None,
    ) -> None:
        super().__init__(name, durable=durable, auto_delete=auto_delete, owner=owner, arguments=arguments)
        self.store = store
        self.level_of = level_of
        self.parts: dict[int, Level] = {}
        # The positions of messages that are being handed over as they come, by their places; None: nobody needs them.
        self._arriving: Sequence[int] | None = None
        self.new_part: Callable[[RecordedQueue], None] = lambda part: None

    def part(self, level: int) -> Level:
        """The part for a level."""
        found = self.parts.get(level)
        if found is None:
            found = self.parts[level] = self.part_type(self, self.store)
            found.rules = self.rules
            found.strategy = self.strategy
            self.parts = dict(sorted(self.parts.items(), reverse=True))
            self.new_part(found)
        return found

    def part_for(self, flags: int) -> Level:
        return self.part(self.level_of(flags))

    def logs(self) -> "Sequence[QueueJournal]":
        return [part.log for part in self.parts.values() if part.log is not None]

    def follow(self, rules: "Rules") -> None:
        super().follow(rules)
        for part in self.parts.values():
            part.rules = rules

    def dispatch_by(self, strategy: "Strategy | None") -> None:
        super().dispatch_by(strategy)
        for part in self.parts.values():
            part.strategy = strategy

    # Messages

    @property
    def is_timed(self) -> bool:
        """See PagedQueue."""
        return any(part.is_timed for part in self.parts.values())

    @property
    def message_count(self) -> int:
        return sum(part.message_count for part in self.parts.values())

    @property
    def ready_bytes(self) -> int:
        return sum(part.ready_bytes for part in self.parts.values())

    @property
    def memory_bytes(self) -> int:
        return sum(part.held_bytes for part in self.parts.values())

    @property
    def is_lagging(self) -> bool:
        return bool(self.consumers) and self.message_count > BACKLOG_HIGH_MESSAGES

    def extend(self, messages: Sequence[Message]) -> None:
        # Consumers that can take messages while others wait are kept from those by the disk: nothing may overtake.
        waits = bool(self.levels) and self.message_count > 0
        if self.rules is None and not self.durable and len(messages) > 1 and not isinstance(messages, UniformRun):
            self._take_in(messages, waits)
            return
        for flags, run in self._by_level(messages):
            part = self.part_for(flags)
            if waits:
                part.append(run)
            else:
                part.extend(run)
        if waits:
            self.drain()

    def _take_in(self, messages: Sequence[Message], waits: bool) -> None:
        """Messages of any levels come, and nothing of them is recorded: no more than their order has to be kept.

        That is the order in which they came while consumers take them at once, and each level's own behind that.
        """
        if self.levels and not waits:
            messages = messages[self._hand_over_as_they_come(messages) :]
        if messages:
            parts = self._parts_of(messages)
            by_part: dict[Level, list[Message]] = {part: [] for part in parts.values()}
            for message in messages:
                by_part[parts[message[3]]].append(message)
            for part, own in by_part.items():
                part.append(own)
        if waits:
            self.drain()

    def _parts_of(self, messages: Sequence[Message]) -> dict[int, Level]:
        """The parts for messages, by their flags."""
        return {flags: self.part_for(flags) for flags in set(map(FLAGS, messages))}

    def _hand_over_as_they_come(self, messages: Sequence[Message]) -> int:
        """Gives messages to the consumers, as no other waits; returns how many found one."""
        if all([consumer.no_ack for consumer in self.consumers]):
            # Nobody needs positions, and what has none can be told by that it is below 0.
            self.head = -len(messages)
            return self._hand_over(messages)
        self.head = 0
        parts = self._parts_of(messages)
        self._arriving = arriving = []
        for message in messages:
            part = parts[message[3]]
            arriving.append(part.tail)
            part.tail += 1
        given = self._hand_over(messages)
        self._arriving = None
        for message in messages[given:]:
            parts[message[3]].tail -= 1
        return given

    def _by_level(self, messages: Sequence[Message]) -> Iterable[tuple[int, Sequence[Message]]]:
        if isinstance(messages, UniformRun):
            return ((messages.flags, messages),)
        if len(messages) == 1:
            return ((messages[0][3], messages),)
        return ((flags, list(run)) for flags, run in groupby(messages, lambda message: message[3] & OWN_FLAGS))

    def _head_part(self) -> Level | None:
        """The part that the head of the queue is in."""
        return next((part for part in self.parts.values() if part.first() is not None), None)

    def first(self) -> Message | None:
        part = self._head_part()
        return None if part is None else part.first()

    def take(self) -> tuple[int, Message, bool] | None:
        if self.rules is not None:
            self.rules.clear_head()
        while (part := self._head_part()) is not None:
            found = part.take()
            if found is not None:
                return found
            # All that stood in that part has expired just now.
        return None

    def may_hand_out(self, position: int, message: Message) -> bool:
        return self.part_for(message[3]).may_hand_out(position, message)

    def drop(self, most: int, due_by_ms: int | None = None) -> list[Message]:
        dropped: list[Message] = []
        for part in self.parts.values():
            dropped += part.drop(most - len(dropped), due_by_ms)
            if len(dropped) == most or part.first() is not None:
                break
        return dropped

    def requeue(self, entries: Iterable[tuple[int, Message]], how: Return = Return.REQUEUED) -> None:
        if self.deleted:
            return
        for entry in entries:
            self.part_for(entry[1][3]).take_back(entry)
        if self.rules is not None:
            self.rules.enforce()

    def forget(self, entries: Sequence[Entry]) -> None:
        by_level: dict[int, list[Entry]] = {}
        for entry in entries:
            by_level.setdefault(self.level_of(entry[1][3]), []).append(entry)
        for level, own in by_level.items():
            self.part(level).forget(own)

    def purge(self) -> int:
        return sum(part.purge() for part in self.parts.values())

    def abandon(self) -> None:
        super().abandon()
        for part in self.parts.values():
            part.deleted = True

    def waiting(self) -> Iterable[tuple[int, Level]]:
        """The parts that clients are given messages of, by level, the highest first."""
        return self.parts.items()

    def peek(self, skip: int, count: int) -> list[Waiting]:
        waiting: list[Waiting] = []
        for _, part in self.waiting():
            waiting += part.peek(skip, count - len(waiting))
            skip = max(skip - part.message_count, 0)
        return waiting

    # Dispatch

    def drain(self) -> None:
        rules = self.rules
        while self.levels and (rules is None or rules.expire()):
            part = self._head_part()
            if part is None:
                break
            before = part.message_count
            self._serve(part)
            if part.message_count == before:
                # It waits for the disk, and what is below it waits for it.
                break
        self._wake_resting()

    def _serve(self, part: Level) -> None:
        """Gives messages of the part that the head is in."""
        part.serve()

    def give(
        self, consumer: "Consumer", positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        """A part gives messages to a consumer."""
        self._give(consumer, positions, messages, redelivered)

    def _give(
        self, consumer: "Consumer", positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        if self._arriving is not None:
            positions = [self._arriving[place] for place in positions]
        super()._give(consumer, positions, messages, redelivered)

    def _wake_resting(self) -> None:
        if self.resting and not self.is_lagging:
            resting, self.resting = self.resting, []
            for wake in resting:
                wake()


def classic_levels(max_priority: int) -> Callable[[int], int]:
    """Levels 0 to the highest one; what is above counts as that, what says nothing as 0."""
    return lambda flags: min((flags & OWN_FLAGS) >> PRIORITY_SHIFT, max_priority)
