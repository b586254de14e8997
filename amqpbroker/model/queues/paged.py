"""A queue that keeps its head in memory and the rest on disk, and that is recorded in the journal if it is durable.

From the front: what came back (a heap), the head (the deque of the plain queue), what is on disk, what is still held in
memory because it is not on disk yet. The last two are empty until the head is full.
"""

from collections import deque
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from amqpbroker.limits import HEAD_MAX_BYTES, MESSAGE_OVERHEAD_BYTES
from amqpbroker.model.message import PERSISTENT, Message
from amqpbroker.model.queue import Entry, Queue, Waiting, size_of
from amqpbroker.model.stored_runs import StoredRuns
from amqpbroker.wire.tables import Table

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.ports import RecordedQueue, Store

# So much is read back at a time.
_REFILL_BYTES: Final = 1_048_576


class NoStore:
    """For a broker that keeps everything in memory: what it is told to take stays where it is."""

    def page(self, queue: "RecordedQueue", first: int, messages: Sequence[Message]) -> None:
        pass

    def read(self, place: int, queue: int, first: int, count: int) -> list[Message | None]:
        raise AssertionError("nothing is ever on disk")

    def release(self, place: int, count: int) -> None:
        pass


NO_STORE: Final = NoStore()


class PagedQueue(Queue):
    """tail: the position that the next message gets. again: what is in the head may have been with a client already.

    on_disk: runs behind the head; _disk_bytes: of their bodies, None after a restart until somebody asks.
    held: runs behind those, as (first position, messages), until they are on disk. is_timed: a restart has found
    messages with deadlines.
    """

    __slots__ = ("_disk_bytes", "again", "held", "held_count", "is_timed", "on_disk", "store", "tail")

    def __init__(
        self,
        name: str,
        store: "Store",
        *,
        durable: bool = False,
        auto_delete: bool = False,
        owner: object | None = None,
        arguments: Table | None = None,
    ) -> None:
        super().__init__(name, durable=durable, auto_delete=auto_delete, owner=owner, arguments=arguments)
        self.store = store
        self.tail = 1
        self.again = False
        self.on_disk = StoredRuns()
        self.held: deque[tuple[int, Sequence[Message]]] = deque()
        self.held_count = 0
        self._disk_bytes: int | None = 0
        self.is_timed = False

    def restore(self, runs: StoredRuns, tail: int, *, timed: bool = False) -> None:
        """What a restart has found of it. timed: some of it may have a deadline."""
        self.on_disk = runs
        self.is_timed = timed
        self.tail = tail
        self._disk_bytes = None if runs.message_count else 0

    # Messages

    @property
    def message_count(self) -> int:
        return len(self.ready) + len(self.requeued) + self.on_disk.message_count + self.held_count

    @property
    def ready_bytes(self) -> int:
        if self._disk_bytes is None:
            self._disk_bytes = sum(
                len(message[2])
                for first, count, place, _ in self.on_disk
                for message in self.store.read(place, self.log_id, first, count)
                if message is not None
            )
        return super().ready_bytes - MESSAGE_OVERHEAD_BYTES * self.held_count + self._disk_bytes

    @property
    def disk_bytes(self) -> int | None:
        """Octets of the bodies on disk; None after a restart until somebody has asked for `ready_bytes`."""
        return self._disk_bytes

    def part_for(self, flags: int) -> "PagedQueue":
        """Which part of the queue takes messages with these flags, and has them recorded."""
        return self

    def extend(self, messages: Sequence[Message]) -> None:
        rules = self.rules
        if rules is not None:
            messages = rules.admitted(messages)
        count = len(messages)
        first = self.tail
        self.tail = first + count
        if not self.ready and not self.on_disk and not self.held:
            # There may be a gap between here and what the head had before.
            self.head = first
            self.again = False
            if self.levels and not self.requeued:
                given = self._hand_over(messages)
                if self.log is not None and self.head > self.log.renew_at:
                    self.log.handed_out(self.head)
                if given == count:
                    return
                if given:
                    messages = messages[given:]
                    first += given
        self._keep(first, messages)
        if rules is not None:
            rules.enforce(messages)

    def _keep(self, first: int, messages: Sequence[Message]) -> None:
        """Puts messages that nobody takes at once behind all others."""
        # After a restart there may be a gap between the head and here, and the head counts without gaps.
        follows = first == self.head + len(self.ready) and not self.again
        if self.on_disk or self.held or not follows or self.held_bytes >= HEAD_MAX_BYTES:
            self.held.append((first, messages))
            self.held_count += len(messages)
            if self.log is None or not (self.records_transient or messages[0][3] & PERSISTENT):
                self.store.page(self, first, messages)
        else:
            self.ready.extend(messages)
        self.held_bytes += size_of(messages)

    def first(self) -> Message | None:
        while not (self.requeued or self.ready) and self._refill():
            pass
        return super().first()

    def _head_was_out(self) -> bool:
        return self.again or bool(self.requeued)

    def forget(self, entries: Sequence[Entry]) -> None:
        super().forget(entries)
        self._settled([position for position, _, _ in entries])

    def _settled(self, positions: Sequence[int]) -> None:
        if self.log is not None and positions:
            self.log.settle(positions)

    def may_hand_out(self, position: int, message: Message) -> bool:
        if self.log is None:
            return True
        may = self.log.allowance(position) > 0
        if position >= self.log.renew_at:
            self.log.handed_out(position + 1)
        return may

    def purge(self) -> int:
        count = self.message_count
        if self.log is not None:
            self.log.settle(sorted(position for position, _ in self.requeued))
            self.log.settle(range(self.head, self.head + len(self.ready)))
            for first, end in self.on_disk.positions():
                self.log.settle_run(first, end)
            for first, messages in self.held:
                self.log.settle_run(first, first + len(messages))
        for _, run_count, place, _ in self.on_disk:
            self.store.release(place, run_count)
        self.on_disk.clear()
        self._disk_bytes = 0
        self.held.clear()
        self.held_count = 0
        super().purge()
        return count

    def peek(self, skip: int, count: int) -> list[Waiting]:
        waiting = super().peek(skip, count)
        if self.again:
            waiting = [(position, message, True) for position, message, _ in waiting]
        skip = max(skip - len(self.requeued) - len(self.ready), 0)
        for first, run_count, place, redelivered in self.on_disk:
            wanted = min(run_count - skip, count - len(waiting))
            if wanted > 0:
                read = self.store.read(place, self.log_id, first + skip, wanted)
                waiting += [
                    (first + skip + at, message, redelivered) for at, message in enumerate(read) if message is not None
                ]
            skip = max(skip - run_count, 0)
            if len(waiting) >= count:
                return waiting
        for first, held in self.held:
            part = held[skip : skip + count - len(waiting)]
            waiting += [(first + skip + at, message, False) for at, message in enumerate(part)]
            skip = max(skip - len(held), 0)
        return waiting

    @property
    def log_id(self) -> int:
        """What its records call it; 0 if there are none."""
        return self.log.id if self.log is not None else 0

    # Disk

    @property
    def waits_for_disk(self) -> bool:
        """Whether it holds anything only until that is on disk."""
        return bool(self.held)

    def stored(self, first: int, count: int, place: int) -> None:
        """A run is on disk at this place: it need not be held any more."""
        if self.held and self.held[0][0] == first:
            _, messages = self.held.popleft()
            self.held_count -= count
            size_bytes = size_of(messages)
            self.held_bytes -= size_bytes
            self._on_disk_bytes(size_bytes - MESSAGE_OVERHEAD_BYTES * count)
            self.on_disk.append(first, count, place)
        else:
            self.store.release(place, count)

    def relocate(self, first: int, count: int, place: int) -> None:
        """A run has moved on disk."""
        self.on_disk.relocate(first, count, place)

    def redelivered_runs(self) -> list[tuple[int, int]]:
        """The runs of what waits that may have been with a client: (first, end)."""
        runs = [(position, position + 1) for position, _ in sorted(self.requeued)]
        if self.again and self.ready:
            runs.append((self.head, self.head + len(self.ready)))
        return runs + [(first, first + count) for first, count, _, redelivered in self.on_disk if redelivered]

    def _on_disk_bytes(self, bodies_bytes: int) -> None:
        if self._disk_bytes is not None:
            self._disk_bytes += bodies_bytes

    def _refill(self) -> bool:
        """The head is empty: what stands behind it becomes the head, as far as its positions have no gap.

        False: nothing stood behind it. True: it may still be empty, since what was there is damaged.
        """
        self.again = False
        if not self.on_disk:
            if self.held:
                self.head, messages = self.held.popleft()
                self.held_count -= len(messages)
                self.ready.extend(messages)
            return bool(self.ready)
        self.head, _, _, self.again = self.on_disk.peek()
        end = self.head
        read_bytes = 0
        while self.on_disk and read_bytes < _REFILL_BYTES:
            first, count, place, redelivered = self.on_disk.peek()
            if first != end or redelivered != self.again:
                break
            messages = self._read_sound(place, first, count)
            self.ready.extend(messages)
            size_bytes = size_of(messages)
            self._on_disk_bytes(MESSAGE_OVERHEAD_BYTES * len(messages) - size_bytes)
            read_bytes += size_bytes
            end = first + len(messages)
        self.held_bytes += read_bytes
        return bool(self.ready or self.on_disk or self.held)

    def _read_sound(self, place: int, first: int, count: int) -> list[Message]:
        """Takes the front run, or the part of it before a damaged message, or what is damaged at its beginning."""
        read = self.store.read(place, self.log_id, first, count)
        self.counters.disk_reads += count
        is_damaged = read[0] is None
        front = list(takewhile(lambda message: (message is None) == is_damaged, read))
        sound = [message for message in front if message is not None]
        taken = len(front)
        self.on_disk.shorten(taken)
        self.store.release(place, taken)
        return sound

    # Dispatch

    def drain(self) -> None:
        levels = self.levels
        log = self.log
        rules = self.rules
        while levels and (rules is None or rules.expire()):
            if self.requeued:
                position = self.requeued[0][0]
                if log is not None and log.allowance(position) <= 0:
                    # It was taken for an answer that never went out.
                    log.ask_for(position)
                    break
                self._hand_back_out()
                continue
            if not self.ready:
                if not self._refill():
                    break
                continue
            count = self._wanted(levels[max(levels)])
            if log is not None:
                allowed = log.allowance(self.head)
                if allowed <= 0:
                    log.ask_for(self.head)
                    break
                count = min(count, allowed)
            self._hand_over_first(count, self.again)
            if log is not None and self.head > log.renew_at:
                log.handed_out(self.head)
        self._wake_resting()

    def _give(
        self,
        consumer: "Consumer",
        positions: Sequence[int],
        messages: Sequence[Message],
        redelivered: bool,
    ) -> None:
        super()._give(consumer, positions, messages, redelivered)
        if consumer.no_ack and self.log is not None:
            self.log.settle(positions)
