"""The log: what is recorded goes into an open list; a closed list becomes one commit; one commit is written at a time.

All of this runs between two reads of sockets, in plain calls. `close` is called at the end of a turn, so that what
belongs together (the acknowledgement of one message and the publish of another, a whole transaction) is in one list,
and a list is one frame on disk: all of it or nothing. Batching needs no timer: while a commit is being written, the
next list fills.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from amqpbroker.journal import format
from amqpbroker.journal.compaction import Compactor, Copy
from amqpbroker.journal.format import Content, Frame, Key, MessageId, Run
from amqpbroker.journal.intervals import Intervals
from amqpbroker.journal.manifest import Manifest
from amqpbroker.journal.paging import Pages
from amqpbroker.journal.queue_log import NOTHING, QueueLog
from amqpbroker.journal.segment import Segment, free_segments
from amqpbroker.journal.writer import Commit
from amqpbroker.limits import SEGMENT_BYTES, SPACE_FLOOR_BYTES
from amqpbroker.model.message import Message
from amqpbroker.model.ports import QueueJournal

if TYPE_CHECKING:
    from amqpbroker.model.ports import RecordedQueue

# A manifest is written for retired segments alone when they come to so much: it costs two syncs.
_RETIRE_MIN_BYTES: Final = 4 * SEGMENT_BYTES


Target = tuple[QueueLog, int, int]
"""A queue that a run of messages reached: (its log, the position of the first, the moment that is recorded)."""


class _OpenList:
    """What was recorded since the last close.

    publishes: (targets, messages) of each run.
    forgotten: the logs of queues that were deleted.
    """

    __slots__ = ("acks", "callbacks", "definitions", "forgotten", "marks", "pages", "publishes")

    def __init__(self) -> None:
        self.publishes: list[tuple[list[Target], Sequence[Message]]] = []
        self.acks: dict[QueueLog, Intervals] = {}
        self.definitions: dict[Key, Content | None] = {}
        self.marks: set[QueueLog] = set()
        self.forgotten: list[QueueLog] = []
        self.pages: list[tuple[RecordedQueue, int, Sequence[Message]]] = []
        self.callbacks: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        return bool(self.publishes or self.acks or self.definitions or self.marks or self.forgotten or self.pages)


class _Payload:
    """The octets of a frame to be: pieces, and how many they are."""

    __slots__ = ("pieces", "record_count", "size_bytes")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size_bytes = 0
        self.record_count = 0

    def add(self, pieces: list[bytes], size_bytes: int) -> int:
        """Appends a record; returns where it begins."""
        at = self.size_bytes
        self.pieces += pieces
        self.size_bytes += size_bytes
        self.record_count += 1
        return at

    def add_one(self, record: bytes) -> int:
        """Appends a record in one piece; returns its size."""
        self.add([record], len(record))
        return len(record)


class Log:
    """open_number: of the list that is recorded into; done_number: of the last that is on disk; defined_number: of the
    last that holds a definition.

    pending_bytes: about how much is recorded and not on disk. queues: by id. contents: the definitions, as recorded.
    defined: the segments in which there is a record of a definition; definitions: the one with the last.
    """

    def __init__(
        self,
        manifest: Manifest,
        random_bytes: Callable[[int], bytes],
        pages: Pages,
        segment_bytes: int = SEGMENT_BYTES,
        space_floor_bytes: int = SPACE_FLOOR_BYTES,
    ) -> None:
        self.open_number = 1
        self.done_number = 0
        self.defined_number = 0
        self.pending_bytes = 0
        self.queues: dict[int, QueueLog] = {}
        self.contents: dict[Key, Content] = {}
        self.definitions: dict[Key, Segment] = {}
        self.defined: dict[Key, set[Segment]] = {}
        self.segments: list[Segment] = []
        self.pages = pages
        self.epoch = manifest.epoch
        self.sequence = 0
        self.in_flight: Commit | None = None
        self.segment_bytes = segment_bytes
        self.space_floor_bytes = space_floor_bytes
        self._open = _OpenList()
        self._open_bytes = 0
        self._random_bytes = random_bytes
        self._next_queue = 1
        self._compactor = Compactor(self)
        self.is_short = False
        self._sealed_up = True
        self._touched: set[QueueLog] = set()

    @property
    def current(self) -> Segment:
        """The segment that frames are appended to."""
        return self.segments[-1]

    @property
    def is_compacting(self) -> bool:
        """Whether there is more to do though nothing is recorded: `close` is to be called now and then."""
        return self._compactor.has_work

    @property
    def is_paging(self) -> bool:
        """Whether anything in the open list goes to a page file."""
        return bool(self._open.pages)

    @property
    def is_recording(self) -> bool:
        """Whether anything is in the open list."""
        return bool(self._open)

    # Recording

    def define(self, kind: str, vhost: str, name: str, content: Content) -> None:
        """From now on this is true of the thing."""
        key = Key(kind, vhost, name)
        self.contents[key] = content
        self._open.definitions[key] = content
        self.defined_number = self.open_number

    def undefine(self, kind: str, vhost: str, name: str) -> None:
        """The thing is gone, if it was ever defined."""
        key = Key(kind, vhost, name)
        if self.contents.pop(key, None) is not None:
            self._open.definitions[key] = None
            self.defined_number = self.open_number

    def new_queue(self, queue: "RecordedQueue") -> QueueLog:
        """A durable queue is declared."""
        log = QueueLog(self, self.epoch << 32 | self._next_queue)
        self._next_queue += 1
        log.queue = queue
        self.queues[log.id] = log
        return log

    def forget_queue(self, log: QueueJournal) -> None:
        """A durable queue was deleted, with all that was in it or with clients."""
        assert isinstance(log, QueueLog)
        for first, end in log.live:
            log.count_out(first, min(end, log.open_from))
        log.live.clear()
        del self.queues[log.id]
        if log.mark_segment is not None:
            log.mark_segment.marks.discard(log)
        self._open.marks.discard(log)
        self._open.acks.pop(log, None)
        self._open.forgotten.append(log)

    def publish(self, queues: Sequence["RecordedQueue"], messages: Sequence[Message]) -> None:
        """A run of persistent messages is about to be put into these durable queues."""
        count = len(messages)
        targets = []
        for queue in queues:
            log = queue.log
            assert isinstance(log, QueueLog)
            first = queue.tail
            queue.counters.disk_writes += count
            log.live.add(first, first + count)
            if log.open_from == NOTHING:
                log.open_from = first
                self._touched.add(log)
            targets.append((log, first, queue.moment_ms(messages)))
        self._open.publishes.append((targets, messages))
        self._add_pending(messages)

    def settled(self, log: QueueLog, runs: Sequence[Run]) -> None:
        """These positions were live, and are not any more."""
        acks = self._open.acks.get(log)
        if acks is None:
            acks = self._open.acks[log] = Intervals()
        for first, end in runs:
            acks.add(first, end)

    def marked(self, log: QueueLog) -> None:
        """The mark of a queue has moved."""
        self._open.marks.add(log)

    def page(self, queue: "RecordedQueue", first: int, messages: Sequence[Message]) -> None:
        """A run that is not recorded is to leave memory: it is written to a page file with the next commit."""
        queue.counters.disk_writes += len(messages)
        self._open.pages.append((queue, first, messages))
        self._add_pending(messages)

    def _add_pending(self, messages: Sequence[Message]) -> None:
        size_bytes = format.run_bytes(messages)
        self._open_bytes += size_bytes
        self.pending_bytes += size_bytes

    def read(self, place: int, queue: int, first: int, count: int) -> list[Message | None]:
        """Messages of a run, as `Pages.read`."""
        return self.pages.read(place, queue, first, count)

    def release(self, place: int, count: int) -> None:
        """Messages of a run are waited for no more."""
        self.pages.release(place, count)

    def when_committed(self, callback: Callable[[], None]) -> None:
        """Calls callback when all that is recorded by now is on disk."""
        self._open.callbacks.append(callback)

    def mark_clean(self) -> None:
        """The broker stops in peace: what was with clients is known exactly, and nothing else is flagged."""
        self._compactor.stop()
        for log in self.queues.values():
            flagged = log.queue.redelivered_runs()
            if log.mark or flagged or log.flagged:
                log.mark = 0
                log.flagged = flagged
                self._open.marks.add(log)

    # Closing

    def close(self, seal: bool = False) -> Commit | None:
        """The commit of all that was recorded since the last; None: nothing is to be written, or one is under way.

        seal: a while has passed without a commit. One that holds nothing follows the last, once, so that damage to that
        one is not taken for a torn tail.
        """
        if self.in_flight is not None:
            return None
        if not (self._open or self._open.callbacks or seal or self._compactor.has_work):
            return None
        opened, self._open = self._open, _OpenList()
        number = self.open_number
        self.open_number += 1
        flight_bytes, self._open_bytes = self._open_bytes, 0
        self._drop_what_is_settled(opened)
        has_news = bool(opened)
        copies = self._compactor.take(flight_bytes, opened.definitions, opened.marks)
        sealing = seal and not self._sealed_up
        if not opened and not copies and not sealing:
            self._release_open()
            self._done(number, flight_bytes, opened.callbacks)
            return None
        self._sealed_up = sealing and not opened and not copies
        commit = self.in_flight = self._encode(opened, copies)
        if commit.is_new and has_news:
            self._compactor.look()
        commit.number = number
        commit.pending_bytes = flight_bytes
        commit.callbacks = opened.callbacks
        self._release_open()
        return commit

    def _drop_what_is_settled(self, opened: _OpenList) -> None:
        """What came and went before it was written need not be written, if it is gone from all of its queues."""
        kept = []
        for targets, messages in opened.publishes:
            count = len(messages)
            targets = [target for target in targets if target[0].id in self.queues]
            if any(log not in opened.acks or log.live.count_within(at, at + count) for log, at, _ in targets):
                kept.append((targets, messages))
                continue
            for log, at, _ in targets:
                opened.acks[log].remove(at, at + count)
        opened.publishes = kept
        for key in [key for key, content in opened.definitions.items() if content is None and key not in self.defined]:
            del opened.definitions[key]
        opened.acks = {log: acks for log, acks in opened.acks.items() if acks.count}

    def _release_open(self) -> None:
        for log in self._touched:
            log.open_from = NOTHING
        self._touched.clear()

    def _encode(self, opened: _OpenList, copies: list[Copy]) -> Commit:
        """Lays the records of a list, and enters into the books where each is."""
        sequence = self.sequence = self.sequence + 1
        payload = _Payload()
        places = []
        place = 0
        for targets, messages in opened.publishes:
            first = MessageId(self.epoch, sequence, place)
            queues = [(log.id, at) for log, at, _ in targets]
            moments = [moment_ms for _, _, moment_ms in targets]
            places.append(payload.add(*format.encode_publish(first, queues, messages, moments)))
            place += len(messages)
        copied_to = [payload.add(copy.pieces, copy.size_bytes) for copy in copies]
        for log, acks in opened.acks.items():
            payload.add_one(format.encode_ack(log.id, list(acks)))
        for log in opened.forgotten:
            payload.add_one(format.encode_ack(log.id, [format.EVERYTHING]))
        sizes = {
            key: payload.add_one(format.encode_definition(key, content)) for key, content in opened.definitions.items()
        }
        for log in opened.marks:
            payload.add_one(format.encode_mark(log.id, log.mark, log.still_flagged()))
        if not payload.record_count and not opened.pages:
            payload.add_one(format.encode_seal())
        pages, paged = self.pages.lay(opened.pages)
        commit = Commit(sequence, payload.record_count, payload.pieces, pages=pages, paged=paged)
        if payload.record_count:
            self._place(commit, payload.size_bytes)
            segment = commit.segment
            start = commit.offset + format.FRAME_HEADER_BYTES
            for (targets, messages), at in zip(opened.publishes, places, strict=True):
                self._enter_publish(commit, segment, targets, len(messages), format.location(segment.id, start + at))
            for copy, at in zip(copies, copied_to, strict=True):
                segment.recorded += sum(count for _, _, count in copy.targets)
                commit.moved.append((copy, format.location(segment.id, start + at)))
            self._enter_settled(segment, opened)
            self._enter_definitions(segment, opened, sizes)
            self._enter_marks(commit, segment, opened)
        else:
            # Only pages: nothing is appended to the log.
            self.sequence -= 1
        return commit

    def _place(self, commit: Commit, payload_bytes: int) -> None:
        """Finds the place of a frame, in a new segment if need be; segments that are not needed any more leave."""
        needed_bytes = format.round_up(format.FRAME_HEADER_BYTES + payload_bytes)
        last = self.current
        if last.end + needed_bytes > last.size_bytes:
            last.sealed = True
            self._begin_segment(commit, last.id + 1, needed_bytes)
        commit.segment = self.current
        commit.offset = commit.segment.end
        commit.segment.end += needed_bytes
        self._write_manifest(commit)

    def _begin_segment(self, commit: Commit, number: int, needed_bytes: int) -> None:
        size_bytes = max(self.segment_bytes, format.BLOCK_BYTES + needed_bytes)
        salt = int.from_bytes(self._random_bytes(8), "big")
        self.segments.append(Segment(number, self.epoch, salt, size_bytes))
        commit.is_new = True

    def _write_manifest(self, commit: Commit) -> None:
        commit.retired = self._retire(commit.is_new)
        if commit.is_new or commit.retired:
            entries = tuple(one.entry() for one in self.segments)
            commit.manifest = Manifest(self.epoch, entries).encode()

    def first_commit(self, last: Frame | None) -> Commit:
        """The commit of a start: the last one once more, in a new segment.

        A valid last frame is no proof that it was synced: after a kill it may stand in the page cache alone. last: None
        for a log without a frame. `finish_first` completes it.
        """
        self.epoch += 1
        payload = format.encode_seal() if last is None else last.payload
        if last is None:
            self.sequence += 1
        commit = Commit(self.sequence, 1 if last is None else last.record_count, [payload])
        needed_bytes = format.round_up(format.FRAME_HEADER_BYTES + len(payload))
        number = self.segments[-1].id + 1 if self.segments else 1
        self._begin_segment(commit, number, needed_bytes)
        commit.segment = self.current
        commit.offset = format.BLOCK_BYTES
        commit.segment.end += needed_bytes
        return commit

    def finish_first(self, commit: Commit) -> None:
        """All that was recovered is in the books: the manifest may be written, with what is still needed."""
        self._write_manifest(commit)
        self._compactor.look()
        self.in_flight = commit

    def _retire(self, anyway: bool) -> list[Segment]:
        """Takes segments of which nothing is needed out of the books; anyway: a manifest is written in any case.

        Ordinary traffic makes chains, in which each segment is only there for the acknowledgements of what stood in the
        one before: a chain leaves as a whole, since the manifest switches as a whole.
        """
        free = free_segments(self.segments)
        if not free:
            return []
        is_much = sum(one.size_bytes for one in free) >= _RETIRE_MIN_BYTES
        if not (anyway or is_much or self.is_short or self._compactor.takes_too_much(self.segments)):
            return []
        gone = [segment for segment in self.segments if segment in free]
        self.segments = [segment for segment in self.segments if segment not in free]
        for segment in gone:
            self.pages.forget(segment)
            for log in segment.queues:
                log.extents.forget(segment)
            for key in segment.defined:
                self.defined[key].discard(segment)
                if not self.defined[key]:
                    del self.defined[key]
        for segment in self.segments:
            segment.cancels -= free
        return gone

    # Books

    def _enter_publish(self, commit: Commit, segment: Segment, targets: list[Target], count: int, place: int) -> None:
        for log, first, _ in targets:
            log.extents.append(first, segment)
            segment.queues.add(log)
            segment.recorded += count
            segment.live += log.live.count_within(first, first + count)
            if log.queue.waits_for_disk:
                commit.stored.append((log.queue, first, count, place))

    def _enter_settled(self, segment: Segment, opened: _OpenList) -> None:
        """What is settled here would come back if these records went before those that they settle."""
        cancels: set[Segment | None] = set()
        for log, acks in opened.acks.items():
            for first, end in acks:
                cancels.update(span[0] for span in log.extents.spans(first, end))
        for log in opened.forgotten:
            cancels |= log.extents.segments()
        for key, content in opened.definitions.items():
            if content is None:
                cancels |= self.defined.get(key, set())
        segment.cancels |= {one for one in cancels if one is not None and one is not segment}

    def _enter_definitions(self, segment: Segment, opened: _OpenList, sizes: dict[Key, int]) -> None:
        for key, content in opened.definitions.items():
            last = self.definitions.pop(key, None)
            if last is not None:
                del last.definitions[key]
            if content is not None:
                self.definitions[key] = segment
                segment.definitions[key] = sizes[key]
                segment.defined.add(key)
                self.defined.setdefault(key, set()).add(segment)

    def _enter_marks(self, commit: Commit, segment: Segment, opened: _OpenList) -> None:
        for log in opened.marks:
            if log.mark_segment is not None:
                log.mark_segment.marks.discard(log)
            log.mark_segment = segment
            segment.marks.add(log)
            commit.marks.append((log, log.mark))

    # Committed

    def run_short(self, is_short: bool) -> None:
        """The disk is full, or is not any more: while it is, the log is made as small as it can be."""
        if is_short and not self.is_short:
            self._compactor.look()
        self.is_short = is_short

    def committed(self, commit: Commit) -> None:
        """The commit is on disk: what waited for it goes on."""
        self.in_flight = None
        for log, mark in commit.marks:
            log.durable_mark = max(log.durable_mark, mark)
        if commit.pages_failed:
            for _, _, count, place in commit.paged:
                self.pages.release(place, count)
            commit.paged.clear()
        for queue, first, count, place in sorted(commit.paged + commit.stored, key=itemgetter(1)):
            queue.stored(first, count, place)
        for copy, place in commit.moved:
            self._enter_copy(copy, commit.segment, place)
        self._done(commit.number, commit.pending_bytes, commit.callbacks)

    def _enter_copy(self, copy: Copy, segment: Segment, place: int) -> None:
        for log, first, count in copy.targets:
            end = first + count
            log.count_out_live(first, end)
            log.extents.move(first, end, segment)
            # What settles these stays as long as this segment, and this segment as long as the original.
            segment.cancels.add(copy.victim)
            segment.queues.add(log)
            segment.live += log.live.count_within(first, end)
            if log.id in self.queues:
                log.queue.relocate(first, count, place)

    def _done(self, number: int, pending_bytes: int, callbacks: list[Callable[[], None]]) -> None:
        self.done_number = number
        self.pending_bytes -= pending_bytes
        for callback in callbacks:
            callback()
