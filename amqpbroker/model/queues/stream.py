"""A stream: messages stay when they are read, and every consumer reads them from where it wants.

A message's offset is its position less one. The journal has all of them; the last ones are in memory too, in chunks
that are stamped with their offsets once and given to every consumer as they are. A consumer behind that reads chunks
back from disk, which those that are as far behind share. A consumer has a place and credit, and nothing of it outlives
it: what a program wants to go on from it notes itself, as with RabbitMQ over AMQP 0-9-1.

What is not on disk yet is delivered to nobody: after a crash its offsets are given to other messages.

Source: RabbitMQ `rabbit_stream_queue`, osiris; docs/behaviour/streams.md.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, ClassVar, Final

from amqpbroker.errors import INTERNAL_ERROR, NOT_IMPLEMENTED, PRECONDITION_FAILED, AMQPError
from amqpbroker.limits import DRAIN_MAX_MESSAGES, OUTBOX_MAX_BYTES
from amqpbroker.model.message import DEADLINE_SHIFT, Message
from amqpbroker.model.queue import Entry, Queue, Return, Waiting, size_of
from amqpbroker.model.queues.stream_segments import Segments, age_ms
from amqpbroker.model.stored_runs import StoredRuns
from amqpbroker.profiles import Profile
from amqpbroker.wire import properties
from amqpbroker.wire.runs import SharedMessages, SharedRun, UniformRun
from amqpbroker.wire.stream_offset import stamped
from amqpbroker.wire.tables import Field, Table

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.ports import Clock, Store

OFFSET: Final = "x-stream-offset"
FILTER: Final = "x-stream-filter"
MATCH_UNFILTERED: Final = "x-stream-match-unfiltered"
FILTER_VALUE: Final = "x-stream-filter-value"

# What is kept of the end of a stream, and of what was read back.
CACHE_MAX_BYTES: Final = 16_777_216
_CHUNK_BYTES: Final = 262_144
_CHUNK_MESSAGES: Final = 1_024
# So many messages that a filter leaves out are looked at in one go, and then others have their turn.
_LEFT_OUT_MAX_MESSAGES: Final = 4_096
_GO_ON_AFTER_S: Final = 0.001
# How many places of a stream are looked at after a restart to know its segments again.
_SURVEY_MAX_RUNS: Final = 1_024

_INTEGER_KINDS: Final = frozenset("bBsuIilL")


class Chunk:
    """Messages in a row. first: the position of the first; end: the one behind the last. size_bytes: in memory."""

    __slots__ = ("_filter_values", "_raw", "_shared", "end", "first", "size_bytes")

    def __init__(self, first: int) -> None:
        self.first = first
        self.end = first
        self.size_bytes = 0
        # What came and was not asked for yet.
        self._raw: list[Sequence[Message]] = []
        self._shared = SharedMessages()
        self._filter_values: list[bytes | None] = []

    @property
    def is_full(self) -> bool:
        """Whether what follows begins another chunk."""
        return self.size_bytes >= _CHUNK_BYTES or self.end - self.first >= _CHUNK_MESSAGES

    def append(self, messages: Sequence[Message], size_bytes: int) -> None:
        """Messages follow those that are there."""
        self._raw.append(messages)
        self.end += len(messages)
        self.size_bytes += size_bytes

    def shared(self) -> SharedMessages:
        """Its messages, with their offsets."""
        for messages in self._raw:
            self._shared.append(stamped(messages, self.first + len(self._shared.messages) - 1))
        self._raw.clear()
        return self._shared

    def matching(self, wanted: frozenset[bytes | None], start: int, stop: int, most: int) -> list[int]:
        """Which of the messages from place start to stop have one of these filter values; at most so many."""
        messages = self.shared().messages
        values = self._filter_values
        values += [_filter_value(header) for _, header, _, _ in messages[len(values) :]]
        found = []
        for place in range(start, stop):
            if values[place] in wanted:
                found.append(place)
                if len(found) == most:
                    break
        return found


class Cursor:
    """Where a consumer is. position: of the next message. wanted: its filter values, None without a filter."""

    __slots__ = ("chunk", "position", "wanted")

    def __init__(self, position: int, wanted: frozenset[bytes | None] | None) -> None:
        self.position = position
        self.wanted = wanted
        self.chunk: Chunk | None = None


class StreamQueue(Queue):
    """head: the first position that is still there. tail: the position that the next message gets. limit: what lies
    below it may be delivered: it is on disk, or there is no disk.

    on_disk: runs that are on disk. recent: the chunks at the end, in memory without a gap. turn: consumers that can
    take messages and have some before them; at_end: those that have none.
    """

    __slots__ = (
        "_clock",
        "_goes_on",
        "_last_run",
        "_left_out",
        "_moments",
        "_moments_first",
        "_read_back",
        "_read_back_bytes",
        "_recent_bytes",
        "_segments",
        "_store",
        "at_end",
        "cursors",
        "limit",
        "on_disk",
        "recent",
        "tail",
        "turn",
    )

    # All of its messages are on disk, also those that are not persistent.
    records_transient: ClassVar = True
    # No message has a deadline.
    is_timed: ClassVar = False

    def __init__(self, name: str, clock: "Clock", store: "Store", *, arguments: Table | None = None) -> None:
        super().__init__(name, durable=True, arguments=arguments)
        self._clock = clock
        self._store = store
        self.tail = 1
        self.limit = 1
        self.on_disk = StoredRuns()
        self.recent: deque[Chunk] = deque()
        self.turn: dict[Consumer, None] = {}
        self.at_end: dict[Consumer, None] = {}
        self.cursors: dict[Consumer, Cursor] = {}
        self._recent_bytes = 0
        self._read_back: deque[Chunk] = deque()
        self._read_back_bytes = 0
        self._last_run = 0
        self._segments = Segments(None)
        # Since when there are messages from which position on: what this process has taken in.
        self._moments: list[int] = []
        self._moments_first: list[int] = []
        self._left_out = 0
        self._goes_on = False

    def restore(self, runs: StoredRuns, tail: int, *, timed: bool = False) -> None:
        """What a restart has found of it. timed: moments are recorded, as they always are of a stream."""
        self.on_disk = runs
        self.tail = self.limit = tail
        self.head = tail
        if runs:
            self.head = runs.peek()[0]
            self._last_run = runs.at(len(runs) - 1)[0]

    # Messages

    @property
    def message_count(self) -> int:
        return self.tail - self.head

    @property
    def ready_bytes(self) -> int:
        return self._segments.size_bytes

    @property
    def log_id(self) -> int:
        """What its records call it; 0 if there are none."""
        return self.log.id if self.log is not None else 0

    def moment_ms(self, messages: Sequence[Message]) -> int:
        """What is recorded with messages that are about to be put in: when they came."""
        return self._clock.unix_ms()

    def part_for(self, flags: int) -> "StreamQueue":
        """Which part of the queue takes messages with these flags, and has them recorded."""
        return self

    def extend(self, messages: Sequence[Message]) -> None:
        first = self._last_run = self.tail
        self.tail = first + len(messages)
        now_ms = self._clock.unix_ms()
        if not self._moments or self._moments[-1] < now_ms:
            self._moments.append(now_ms)
            self._moments_first.append(first)
        if not self.recent or self.recent[-1].is_full:
            self.recent.append(Chunk(first))
        size_bytes = size_of(messages)
        self.recent[-1].append(messages, size_bytes)
        self._recent_bytes += size_bytes
        self.held_bytes += size_bytes
        if self._segments.add(first, len(messages), _stored_bytes(messages), now_ms):
            self.retain()
        if self.log is None:
            self._deliverable(self.tail)
            self.drain()
        else:
            self.log.wake_when_committed()

    def take(self) -> tuple[int, Message, bool] | None:
        raise AssertionError("nothing is ever taken from a stream")

    def requeue(self, entries: Iterable[tuple[int, Message]], how: Return = Return.REQUEUED) -> None:
        """Nothing was taken."""

    def discard(self, entries: Sequence[Entry]) -> None:
        """What a client rejects, others may want."""

    def delete(self) -> int:
        """The queue is no more; RabbitMQ tells no count."""
        self.deleted = True
        self._forget_before(self.tail)
        return 0

    def peek(self, skip: int, count: int) -> list[Waiting]:
        found: list[Waiting] = []
        position = self.head + skip
        while len(found) < count and (chunk := self._chunk_at(position)) is not None:
            position = max(position, chunk.first)
            start = position - chunk.first
            part = chunk.shared().messages[start : start + count - len(found)]
            found += [(position + place, message, False) for place, message in enumerate(part)]
            position = chunk.end
        if not self.consumers:
            self._forget_read_back()
        return found

    # Retention

    def settings_changed(self) -> None:
        """Its limits may be others."""
        self._segments.segment_bytes = self.settings.segment_size_bytes or self._segments.segment_bytes
        if not self._segments.size_bytes and self.on_disk and self._is_limited:
            self._survey()
        self.retain()

    @property
    def _is_limited(self) -> bool:
        return self.settings.max_length_bytes is not None or self.settings.max_age is not None

    def retain(self) -> None:
        """Lets go of the segments that are too much."""
        if self._is_limited:
            max_age = self.settings.max_age
            max_age_ms = age_ms(max_age) if max_age is not None else None
            first = self._segments.let_go(self.settings.max_length_bytes, max_age_ms, self._clock.unix_ms())
            if first is not None and first > self.head:
                self._forget_before(first)

    def _forget_before(self, position: int) -> None:
        if self.log is not None:
            self.log.settle_run(self.head, position)
        self.head = position
        while self.on_disk and self.on_disk.peek()[0] < position:
            first, count, place, _ = self.on_disk.peek()
            gone = min(position - first, count)
            self.on_disk.shorten(gone)
            self._store.release(place, gone)
        while self.recent and self.recent[0].end <= position:
            self._drop_recent()
        while self._read_back and self._read_back[0].end <= position:
            self._drop_read_back()
        self._forget_moments(position)

    def _forget_moments(self, position: int) -> None:
        gone = bisect_right(self._moments_first, position) - 1
        if gone > 0:
            del self._moments[:gone], self._moments_first[:gone]

    def _survey(self) -> None:
        """After a restart: segments as large as before, from the size and the time of messages here and there."""
        runs = list(self.on_disk)
        step = -(-len(runs) // _SURVEY_MAX_RUNS)
        now_ms = 0
        size_bytes = 0
        for at in range(0, len(runs), step):
            group = runs[at : at + step]
            first, _, place, _ = group[-1]
            message = self._read_run(place, first, 1)[0]
            if message is not None:
                size_bytes, now_ms = _stored_bytes((message,)), message[3] >> DEADLINE_SHIFT
            count = sum(run[1] for run in group)
            self._segments.add(group[0][0], count, count * size_bytes, now_ms)

    # Disk

    @property
    def waits_for_disk(self) -> bool:
        """Whether it wants to know where what is recorded of it stands."""
        return True

    def stored(self, first: int, count: int, place: int) -> None:
        """A run is on disk at this place."""
        end = first + count
        kept_from = min(max(first, self.head), end)
        if kept_from > first:
            self._store.release(place, kept_from - first)
        if kept_from < end and not self.deleted:
            self.on_disk.append(kept_from, end - kept_from, place)
            self._deliverable(end)
            # From now on the disk knows when they came.
            self._forget_moments(end)
            while self._recent_bytes > CACHE_MAX_BYTES and self.recent[0].end <= end:
                self._drop_recent()

    def relocate(self, first: int, count: int, place: int) -> None:
        """A run has moved on disk."""
        self.on_disk.relocate(first, count, place)

    def redelivered_runs(self) -> list[tuple[int, int]]:
        """Nothing of a stream counts as redelivered."""
        return []

    def _drop_recent(self) -> None:
        chunk = self.recent.popleft()
        self._recent_bytes -= chunk.size_bytes
        self.held_bytes -= chunk.size_bytes

    def _drop_read_back(self) -> None:
        chunk = self._read_back.popleft()
        self._read_back_bytes -= chunk.size_bytes
        self.held_bytes -= chunk.size_bytes

    def _forget_read_back(self) -> None:
        while self._read_back:
            self._drop_read_back()

    # Chunks

    def _chunk_at(self, position: int) -> Chunk | None:
        """The chunk with this position, or with the next one that can be read; None at the end."""
        if self.recent and position >= self.recent[0].first:
            return next((chunk for chunk in reversed(self.recent) if chunk.first <= position < chunk.end), None)
        for chunk in self._read_back:
            if chunk.first <= position < chunk.end:
                return chunk
        read = self._read(position)
        if read is None:
            return self.recent[0] if self.recent else None
        self.counters.disk_reads += read.end - read.first
        self._read_back.append(read)
        self._read_back_bytes += read.size_bytes
        self.held_bytes += read.size_bytes
        while self._read_back_bytes > CACHE_MAX_BYTES and len(self._read_back) > 1:
            self._drop_read_back()
        return read

    def _read(self, position: int) -> Chunk | None:
        """What stands on disk from a position on, up to what is in memory, a gap, or as much as is read at once."""
        stop = self.recent[0].first if self.recent else self.limit
        chunk: Chunk | None = None
        for run_first, run_count, place, _ in self.on_disk.following(position):
            first = max(run_first, position)
            count = min(run_first + run_count - first, _CHUNK_MESSAGES)
            if first >= stop or (chunk is not None and (chunk.is_full or first != chunk.end)):
                break
            for sound_first, messages in _sound(first, self._read_run(place, first, count)):
                if chunk is None:
                    chunk = Chunk(sound_first)
                if sound_first != chunk.end:
                    return chunk
                chunk.append(messages, size_of(messages))
        return chunk

    def _read_run(self, place: int, first: int, count: int) -> list[Message | None]:
        return self._store.read(place, self.log_id, first, count)

    # Consumers

    def add_consumer(self, consumer: "Consumer") -> None:
        """Registers a consumer; it gets nothing before `drain`. On a stream none is exclusive."""
        self.had_consumer = True
        consumer.registered = True
        self.consumers[consumer] = None
        position = self._start(consumer.arguments.get(OFFSET))
        self.cursors[consumer] = Cursor(position, filter_of(consumer.arguments))
        self.ready_to_take(consumer)

    def remove_consumer(self, consumer: "Consumer") -> None:
        consumer.registered = False
        del self.consumers[consumer], self.cursors[consumer]
        if consumer.in_turn:
            self._leave_turn(consumer)
        if not self.consumers:
            self._forget_read_back()

    def ready_to_take(self, consumer: "Consumer") -> None:
        if self.paused:
            return
        if consumer.registered and not consumer.in_turn and consumer.capacity > 0:
            consumer.in_turn = True
            self.turn[consumer] = None

    def _leave_turn(self, consumer: "Consumer") -> None:
        consumer.in_turn = False
        self.turn.pop(consumer, None)
        self.at_end.pop(consumer, None)

    def _deliverable(self, limit: int) -> None:
        """Messages below the limit may be delivered now."""
        self.limit = limit
        self.turn.update(self.at_end)
        self.at_end.clear()

    def _start(self, offset: Field | None) -> int:
        """The position that a consumer begins with. Source: `osiris_log:init_offset_reader0`."""
        if offset is None or offset.value == b"next":
            return self.tail
        if offset.value == b"first":
            return self.head
        if offset.value == b"last":
            return max(self._last_run, self.head) if self.message_count else self.tail
        if offset.kind == "T":
            return self._position_at(offset.value * 1_000)
        if offset.kind == "S":
            return self._position_at(self._clock.unix_ms() - age_ms(offset.value.decode()))
        number: int = offset.value
        return max(number + 1, self.head)

    def _position_at(self, unix_ms: int) -> int:
        """The first position of a run that came at this time or later; without one the next that there will be."""
        at = bisect_left(range(len(self.on_disk)), unix_ms, key=self._moment_of)
        if at < len(self.on_disk):
            return self.on_disk.at(at)[0]
        at = bisect_left(self._moments, unix_ms)
        return max(self._moments_first[at], self.head) if at < len(self._moments) else self.tail

    def _moment_of(self, index: int) -> int:
        """When a run on disk came; what cannot be read came long ago."""
        first, _, place, _ = self.on_disk.at(index)
        message = self._read_run(place, first, 1)[0]
        return message[3] >> DEADLINE_SHIFT if message is not None else 0

    # Dispatch

    def drain(self) -> None:
        turn = self.turn
        self._left_out = 0
        while turn and self._left_out < _LEFT_OUT_MAX_MESSAGES:
            consumer = next(iter(turn))
            del turn[consumer]
            if consumer.capacity <= 0:
                consumer.in_turn = False
                continue
            cursor = self.cursors[consumer]
            # What it would have next may be gone, with all that may be delivered yet.
            cursor.position = max(cursor.position, self.head)
            if cursor.position < self.limit:
                self._feed(consumer, cursor)
            (turn if cursor.position < self.limit else self.at_end)[consumer] = None
        if turn and not self._goes_on:
            self._goes_on = True
            self._clock.at(self._clock.now_s() + _GO_ON_AFTER_S, self._go_on)

    def _go_on(self) -> None:
        self._goes_on = False
        self.drain()

    def _feed(self, consumer: "Consumer", cursor: Cursor) -> None:
        """Gives a consumer what follows in one chunk, as far as it has room for it."""
        position = cursor.position
        chunk = cursor.chunk
        if chunk is None or not chunk.first <= position < chunk.end:
            chunk = cursor.chunk = self._chunk_at(position)
            if chunk is None:
                # The rest is damaged, or beyond the end.
                cursor.position = self.limit
                return
            position = max(position, chunk.first)
        start = position - chunk.first
        stop = min(chunk.end, self.limit) - chunk.first
        room = min(consumer.capacity, DRAIN_MAX_MESSAGES)
        if cursor.wanted is None:
            stop = self._fitting(chunk, start, min(stop, start + room))
            cursor.position = chunk.first + stop
            self._give(consumer, range(position, cursor.position), SharedRun(chunk.shared(), start, stop), False)
            return
        places = chunk.matching(cursor.wanted, start, stop, room)
        cursor.position = chunk.first + (places[-1] + 1 if len(places) == room else stop)
        self._left_out += cursor.position - position - len(places)
        if places:
            messages = chunk.shared().messages
            self._give(consumer, [chunk.first + one for one in places], [messages[one] for one in places], False)

    @staticmethod
    def _fitting(chunk: Chunk, start: int, stop: int) -> int:
        """Where to stop so that no more octets go out than in one turn, but for one message."""
        if chunk.size_bytes <= OUTBOX_MAX_BYTES:
            return stop
        size_bytes = 0
        for place in range(start, stop):
            size_bytes += len(chunk.shared().messages[place][2])
            if size_bytes > OUTBOX_MAX_BYTES:
                return place + 1
        return stop


# What a client may not ask for


def check_consume(
    queue: str, vhost: str, arguments: Table, *, no_ack: bool, prefetch: int, global_prefetch: int, profile: Profile
) -> None:
    """Whether a stream may be consumed so. Raises 406 on the channel, 540 and 541 on the connection."""
    resource = f"queue '{queue}' in vhost '{vhost}'"
    is_old = profile.series < (4, 0)
    if prefetch == 0:
        what = f"'{resource}'" if is_old else f"stream {resource}"
        raise AMQPError(PRECONDITION_FAILED, f"consumer prefetch count is not set for {what}")
    if no_ack:
        what = "stream queues" if is_old else "stream"
        raise AMQPError(NOT_IMPLEMENTED, f"automatic acknowledgement not supported by {what} {resource}")
    if global_prefetch:
        raise AMQPError(NOT_IMPLEMENTED, f"{resource} does not support global qos")
    offset = arguments.get(OFFSET)
    is_offset = offset is None or offset.kind in _INTEGER_KINDS or offset.kind in "TS"
    if not is_offset or filter_of(arguments) == frozenset():
        # RabbitMQ's code fails.
        raise AMQPError(INTERNAL_ERROR, "", (0, 0))


def refusal(method: str, queue: str, vhost: str) -> AMQPError:
    """540: no stream can do that. method: as `basic.get`."""
    return AMQPError(NOT_IMPLEMENTED, f"{method} not supported by stream queues queue '{queue}' in vhost '{vhost}'")


def filter_of(arguments: Table) -> frozenset[bytes | None] | None:
    """The filter values that a consumer wants, None among them for messages without one; None without a filter.

    Source: `rabbit_stream_queue:filter_spec`.
    """
    field = arguments.get(FILTER)
    if field is None or field.kind not in "SA":
        return None
    fields = field.value if field.kind == "A" else [field]
    wanted: set[bytes | None] = {one.value for one in fields if one.kind == "S"}
    if wanted and arguments.get(MATCH_UNFILTERED) == Field("t", True):
        wanted.add(None)
    return frozenset(wanted)


def _filter_value(header: bytes) -> bytes | None:
    if FILTER_VALUE.encode() not in header:
        return None
    field = (properties.headers(header) or {}).get(FILTER_VALUE)
    return field.value if field is not None and field.kind == "S" else None


def _stored_bytes(messages: Sequence[Message]) -> int:
    """Octets of addresses, headers and bodies."""
    if isinstance(messages, UniformRun):
        return len(messages) * (len(messages.address) + len(messages.header) + len(messages.bodies[0]))
    return sum(len(address) + len(header) + len(body) for address, header, body, _ in messages)


def _sound(first: int, messages: Sequence[Message | None]) -> Iterator[tuple[int, list[Message]]]:
    """The parts of what was read that are not damaged: (first position, messages)."""
    place = 0
    while place < len(messages):
        sound = [one for one in takewhile(lambda one: one is not None, messages[place:]) if one is not None]
        if sound:
            yield first + place, sound
        place += len(sound) + 1
