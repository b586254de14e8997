"""From what stands on disk back to what was true: the definitions, and the messages of every queue.

Only one commit is ever under way. So the last frame may be torn, and is then cut off: nobody was told that it is there.
A valid frame after a bad one proves that the bad one had been synced and perhaps confirmed. That is damage, and nothing
is guessed: the start is refused, and says where and what to do.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from amqpbroker.journal import format
from amqpbroker.journal.disk import Disk, DiskFile
from amqpbroker.journal.format import Content, FormatError, Frame, Key, NewerVersion, Publish, Run
from amqpbroker.journal.intervals import Intervals
from amqpbroker.journal.log import Log
from amqpbroker.journal.manifest import Manifest, SegmentEntry
from amqpbroker.journal.queue_log import QueueLog
from amqpbroker.journal.segment import Segment, segment_name
from amqpbroker.model.stored_runs import StoredRuns

_READ_BYTES: Final = 262_144
_NO_QUEUE: Final = -1

# Of the records of a queue: first position, number of messages, location.
_Columns = tuple["array[int]", "array[int]", "array[int]"]


class Damage(Exception):
    """A journal that cannot be used as it is: file, offset, what is wrong. newer: another version could use it."""

    def __init__(self, file: str, offset: int, text: str, *, newer: bool = False) -> None:
        super().__init__(f"{file}, offset {offset}: {text}")
        self.file = file
        self.offset = offset
        self.text = text
        self.newer = newer


class FrameReader:
    """The frames of one segment. at: where the next is looked for; where it stands still there is no valid one."""

    def __init__(self, file: DiskFile, entry: SegmentEntry, size_bytes: int) -> None:
        self.at = format.BLOCK_BYTES
        self._file = file
        self._entry = entry
        self._end = min(size_bytes, entry.sealed) if entry.sealed is not None else size_bytes
        self._size_bytes = size_bytes
        self._skip = dict(entry.skip)
        self._window = (0, b"")

    def frames(self) -> Iterator[Frame]:
        """Valid frames one after the other, as far as there are any."""
        last = 0
        while self.at < self._end:
            if self.at in self._skip:
                self.at = self._skip[self.at]
                last = 0
                continue
            before = self.at
            for frame in self._frames(before):
                if frame.epoch != self._entry.epoch or (last and frame.sequence != last + 1):
                    return
                last = frame.sequence
                yield frame
                self.at = frame.end
                if self._skip and self.at in self._skip:
                    break
            if self.at == before:
                return

    def later(self, at: int) -> Frame | None:
        """The first valid frame from this block of the file on."""
        while at < self._end:
            octets, start = self._octets(at, format.FRAME_HEADER_BYTES)
            found = octets.find(format.FRAME_MAGIC, start)
            while found >= 0 and (at + found - start) % format.BLOCK_BYTES:
                found = octets.find(format.FRAME_MAGIC, found + 1)
            if found < 0:
                # A magic of four octets at the beginning of a block is never cut by the end of a read of whole blocks.
                at += max(len(octets) - start, format.BLOCK_BYTES) // format.BLOCK_BYTES * format.BLOCK_BYTES
                continue
            at += found - start
            frame = next(self._frames(at), None)
            if frame is not None and frame.epoch == self._entry.epoch:
                return frame
            at += format.BLOCK_BYTES
        return None

    def is_torn(self) -> bool:
        """Whether a frame of this segment was begun at the place where `frames` stood still."""
        return self._frame_bytes(self.at) is not None

    def begun(self) -> Frame | None:
        """The frame that is damaged at the place where `frames` stood still, if its header is not."""
        size_bytes = self._frame_bytes(self.at)
        if size_bytes is None:
            return None
        octets, start = self._octets(self.at, size_bytes)
        return format.begun_frame(octets, start, self._entry.salt, self.at)

    @property
    def is_short(self) -> bool:
        """Whether the file is shorter than it was made."""
        return self._size_bytes < self._entry.size_bytes

    def _frames(self, at: int) -> Iterator[Frame]:
        """The valid frames from this place of the file on: those that one read holds, or one that is larger."""
        size_bytes = self._frame_bytes(at)
        if size_bytes is None or at + size_bytes > self._end:
            return iter(())
        octets, start = self._octets(at, size_bytes)
        return format.frames(octets, start, self._entry.salt, at - start)

    def _frame_bytes(self, at: int) -> int | None:
        """How long the frame is whose header stands at this place of the file, if one does."""
        octets, start = self._octets(at, format.FRAME_HEADER_BYTES)
        return format.frame_bytes(octets, start, self._entry.salt, at)

    def _octets(self, at: int, size_bytes: int) -> tuple[bytes, int]:
        """At least so many octets from this place of the file on, if it has so many: what was read, and where in it."""
        offset, octets = self._window
        if not offset <= at <= at + size_bytes <= offset + len(octets):
            octets = self._file.read(at, min(max(size_bytes, _READ_BYTES), self._end - at))
            self._window = (at, octets)
            offset = at
        return octets, at - offset


@dataclass(slots=True)
class Recovered:
    """last: the last frame of the segment that was not sealed, if there is any: it is to be written again. cut: where a
    torn tail begins, if any.

    tails: by queue id, the first position that may be given to a new message. timed: queues some of whose records have
    a moment.
    """

    last: Frame | None = None
    cut: tuple[str, int] | None = None
    tails: dict[int, int] = field(default_factory=dict)
    timed: set[int] = field(default_factory=set)


class Recovery:
    """Reads segments, oldest first, into the books of a log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._acked: dict[int, Intervals] = {}
        # By queue and segment.
        self._records: dict[int, dict[int, _Columns]] = {}
        self._deleted: set[int] = set()
        # By queue: beyond all positions that were published; and beyond those that were acknowledged or marked, too.
        self._published: dict[int, int] = {}
        self._tails: dict[int, int] = {}
        self._timed: set[int] = set()
        self._copied: set[int] = set()
        # The run that is being read.
        self._segment: Segment | None = None
        self._number = _NO_QUEUE
        self._first = self._end = 0
        self._columns: _Columns = array("Q"), array("Q"), array("Q")

    def read(self, disk: Disk, manifest: Manifest) -> Recovered:
        """All but the last frame, which is returned. Raises Damage and OSError."""
        recovered = Recovered(tails=self._tails, timed=self._timed)
        for entry in manifest.segments:
            name = segment_name(entry.id)
            if not disk.exists(name):
                raise Damage(name, 0, "the segment is missing")
            file = disk.open(name)
            try:
                segment = self._open(file, entry)
                reader = FrameReader(file, entry, disk.size_bytes(name))
                self._read_frames(segment, entry, reader, recovered)
                self._see_end(name, entry, reader, recovered)
            finally:
                file.close()
        self._enter_run()
        return recovered

    def _read_frames(self, segment: Segment, entry: SegmentEntry, reader: FrameReader, recovered: Recovered) -> None:
        sequence = self._log.sequence
        for frame in reader.frames():
            if frame.sequence <= sequence:
                raise Damage(segment.name, frame.offset, f"commit {frame.sequence} stands after commit {sequence}")
            sequence = frame.sequence
            if entry.sealed is not None:
                self._apply(segment, frame)
                continue
            if recovered.last is not None:
                self._apply(segment, recovered.last)
            recovered.last = frame
        self._log.sequence = sequence

    def _open(self, file: DiskFile, entry: SegmentEntry) -> Segment:
        name = segment_name(entry.id)
        try:
            header = format.decode_segment_header(file.read(0, format.BLOCK_BYTES))
        except FormatError as fault:
            raise Damage(name, 0, str(fault), newer=isinstance(fault, NewerVersion)) from None
        if (header.epoch, header.id, header.salt) != (entry.epoch, entry.id, entry.salt):
            raise Damage(name, 0, "it is another segment than the manifest says")
        return self.add_segment(entry)

    def add_segment(self, entry: SegmentEntry) -> Segment:
        """The next segment, to be filled with what is in it."""
        segment = Segment(entry.id, entry.epoch, entry.salt, entry.size_bytes)
        segment.skip = entry.skip
        segment.sealed = True
        if entry.sealed is not None:
            segment.end = entry.sealed
        self._log.segments.append(segment)
        return segment

    def _see_end(self, name: str, entry: SegmentEntry, reader: FrameReader, recovered: Recovered) -> None:
        """Whether a segment ends where it should. Raises Damage."""
        segment = self._log.segments[-1]
        if entry.sealed is not None:
            if reader.at < entry.sealed:
                raise Damage(name, reader.at, f"a commit is damaged or cut; the segment goes on to {entry.sealed}")
            return
        segment.end = reader.at
        later = reader.later(reader.at)
        if later is not None:
            text = f"a commit is damaged, and commit {later.sequence} stands after it at {later.offset}"
            raise Damage(name, reader.at, text)
        if recovered.last is None:
            # It was synced before the manifest named the segment.
            raise Damage(name, reader.at, "the first commit of the segment is damaged")
        if reader.is_torn() or reader.is_short:
            recovered.cut = name, reader.at

    # Records

    def apply(self, segment: Segment, frame: Frame) -> None:
        """Takes the records of a commit into the books. Raises Damage."""
        self._apply(segment, frame)
        self._enter_run()

    def _apply(self, segment: Segment, frame: Frame) -> None:
        """The same, but for a run that may go on in the next commit."""
        payload = frame.payload
        start = frame.offset + format.FRAME_HEADER_BYTES
        place = format.location(segment.id, start)
        at = 0
        try:
            while at < len(payload):
                single = format.single_publish(payload, at)
                if single is None:
                    at = self._apply_record(segment, payload, at, place)
                    continue
                number, first, count, after = single
                if payload[at] == format.TIMED:
                    self._timed.add(number)
                if number != self._number or first != self._end or segment is not self._segment:
                    self._enter_run()
                    self._begin_run(segment, number, first)
                firsts, counts, places = self._columns
                firsts.append(first)
                counts.append(count)
                places.append(place + at)
                self._end = first + count
                at = after
        except FormatError as fault:
            raise Damage(segment.name, start + fault.at, str(fault), newer=isinstance(fault, NewerVersion)) from None

    def _apply_record(self, segment: Segment, payload: bytes, at: int, place: int) -> int:
        """Takes one record into the books, and returns where the next begins. Raises FormatError."""
        self._enter_run()
        kind, begin, end = format.record(payload, at)
        try:
            self._take(segment, kind, payload, begin, end, place + at)
        except FormatError as fault:
            raise FormatError(str(fault), at) from None
        return end

    def _take(self, segment: Segment, kind: int, payload: bytes, begin: int, end: int, place: int) -> None:
        if kind in format.PUBLISHES:
            self._publish(segment, format.decode_publish(payload, begin, end), place)
        elif kind == format.ACK:
            self._ack(segment, *format.decode_ack(payload[begin:end]))
        elif kind == format.DEFINE:
            self._define(segment, *format.decode_definition(payload[begin:end]), end - begin)
        elif kind == format.MARK:
            self._mark(segment, *format.decode_mark(payload[begin:end]))

    def _queue(self, number: int) -> QueueLog:
        log = self._log.queues.get(number)
        if log is None:
            log = self._log.queues[number] = QueueLog(self._log, number)
            self._acked[number] = Intervals()
            self._records[number] = {}
            self._published[number] = 0
            self._tails[number] = 1
        return log

    def _publish(self, segment: Segment, publish: Publish, place: int) -> None:
        """A record that is no single one: in several queues, or with moments."""
        if publish.moments:
            self._timed.update(number for number, _ in publish.queues)
        for number, first in publish.queues:
            self._begin_run(segment, number, first)
            for values, value in zip(self._columns, (first, publish.message_count, place), strict=True):
                values.append(value)
            self._end = first + publish.message_count
            self._enter_run()

    def _begin_run(self, segment: Segment, number: int, first: int) -> None:
        """Records of one queue, one behind the other in position and in the segment, go into the books at once."""
        self._segment, self._number = segment, number
        self._first = self._end = first
        if number not in self._deleted:
            self._queue(number)
        by_segment = self._records.get(number, {})
        if segment.id not in by_segment:
            by_segment[segment.id] = array("Q"), array("Q"), array("Q")
        self._columns = by_segment[segment.id]

    def _enter_run(self) -> None:
        segment, number, first, end = self._segment, self._number, self._first, self._end
        self._number = _NO_QUEUE
        if segment is None or number == _NO_QUEUE:
            return
        segment.recorded += end - first
        if number in self._deleted:
            return
        log = self._log.queues[number]
        if first >= self._published[number]:
            log.extents.append(first, segment)
        else:
            # A copy: of the records of a position the later one counts. What settles it stays as long as this segment,
            # and this segment as long as the original.
            self._copied.add(number)
            originals = {span[0] for span in log.extents.spans(first, end)}
            segment.cancels |= {one for one in originals if one is not None and one is not segment}
            log.count_out_live(first, end)
            log.extents.move(first, end, segment)
        log.live.add(first, end)
        for start, stop in self._acked[number].within(first, end):
            log.live.remove(start, stop)
        segment.live += log.live.count_within(first, end)
        segment.queues.add(log)
        self._published[number] = max(self._published[number], end)
        self._tails[number] = max(self._tails[number], end)

    def _ack(self, segment: Segment, number: int, runs: Sequence[Run]) -> None:
        if number in self._deleted:
            return
        log = self._queue(number)
        if runs == [format.EVERYTHING]:
            for first, end in log.live:
                log.count_out(first, end)
            segment.cancels |= log.extents.segments() - {segment}
            if log.mark_segment is not None:
                log.mark_segment.marks.discard(log)
            self._deleted.add(number)
            for known in (self._log.queues, self._acked, self._records, self._published, self._tails):
                del known[number]
            return
        acked = self._acked[number]
        for first, end in runs:
            for start, stop in log.live.removed(first, end):
                log.count_out(start, stop)
            acked.add(first, end)
            for target, _, _ in log.extents.spans(first, end):
                if target is not None and target is not segment:
                    segment.cancels.add(target)
            self._tails[number] = max(self._tails[number], end)

    def _define(self, segment: Segment, key: Key, content: Content | None, size_bytes: int) -> None:
        log = self._log
        last = log.definitions.pop(key, None)
        if last is not None:
            del last.definitions[key]
        if content is None:
            log.contents.pop(key, None)
            segment.cancels |= log.defined.get(key, set()) - {segment}
            return
        log.contents[key] = content
        log.definitions[key] = segment
        segment.definitions[key] = size_bytes
        segment.defined.add(key)
        log.defined.setdefault(key, set()).add(segment)

    def _mark(self, segment: Segment, number: int, mark: int, flagged: list[Run]) -> None:
        if number in self._deleted:
            return
        log = self._queue(number)
        if log.mark_segment is not None:
            log.mark_segment.marks.discard(log)
        log.mark_segment = segment
        segment.marks.add(log)
        log.mark = log.durable_mark = log.renew_at = mark
        log.flagged = flagged
        self._tails[number] = max(self._tails[number], mark)

    # Queues

    def tail(self, number: int) -> int:
        """The first position of a queue that was never given to a message, as far as is known."""
        return self._tails[number]

    def is_deleted(self, number: int) -> bool:
        """Whether the queue was deleted."""
        return number in self._deleted

    def acknowledged(self, number: int) -> Intervals:
        """The positions of a queue that are settled, as far as that is in the log."""
        return self._acked.get(number) or Intervals()

    def check_queues(self) -> None:
        """Every queue that has messages is defined. Raises Damage.

        Of one that was deleted acknowledgements and marks may be left: what says that it was deleted stays no longer
        than the messages that it had.
        """
        defined = {number for key, content in self._log.contents.items() for number in numbers_of(key, content)}
        for number in list(self._log.queues):
            if number in defined:
                continue
            log = self._log.queues[number]
            if not log.live.count:
                if log.mark_segment is not None:
                    log.mark_segment.marks.discard(log)
                del self._log.queues[number]
                continue
            text = f"there are messages of queue number {number}, which nothing defines or deletes"
            raise Damage(self._log.segments[0].name, 0, text)

    def stored_runs(self, log: QueueLog) -> StoredRuns:
        """The live messages of a queue, where they stand on disk, and whether they may have been with a client."""
        by_segment = self._records.pop(log.id)
        copied = log.id in self._copied
        if copied:
            by_segment = {number: _sorted(columns) for number, columns in by_segment.items()}
        runs = StoredRuns()
        last = 0
        for begin, stop, segment, redelivered in _stretches(log):
            if segment != last and not copied:
                # Nothing more is found in it: at no time is everything there twice.
                by_segment.pop(last, None)
            last = segment
            firsts, counts, places = by_segment[segment]
            at, after = max(bisect_right(firsts, begin) - 1, 0), bisect_left(firsts, stop)
            for first, count, place in zip(firsts[at:after], counts[at:after], places[at:after], strict=True):
                if begin <= first and first + count <= stop:
                    runs.append(first, count, place, redelivered)
                elif begin < first + count:
                    first, end = max(begin, first), min(first + count, stop)
                    runs.append(first, end - first, place, redelivered)
        return runs


def _sorted(columns: _Columns) -> _Columns:
    """Copies stand among what was published later: by position, as the others are already."""
    firsts, counts, places = columns
    order = sorted(range(len(firsts)), key=firsts.__getitem__)
    return (
        array("Q", [firsts[at] for at in order]),
        array("Q", [counts[at] for at in order]),
        array("Q", [places[at] for at in order]),
    )


def _stretches(log: QueueLog) -> Iterator[tuple[int, int, int, bool]]:
    """(first, end, segment, whether they may have been with a client) of the live positions of a queue, ascending."""
    flagged = Intervals()
    flagged.add(0, log.mark)
    for first, end in log.flagged:
        flagged.add(first, end)
    for live_first, live_end in log.live:
        for segment, first, end in log.extents.spans(live_first, live_end):
            assert segment is not None, "what is live has a record"
            for start, stop in flagged.within(first, end):
                if first < start:
                    yield first, start, segment.id, False
                yield start, stop, segment.id, True
                first = stop
            if first < end:
                yield first, end, segment.id, False


def numbers_of(key: Key, content: Content) -> list[int]:
    """What records call the queues of a definition. A queue may have parts; an exchange may keep messages like one."""
    if key.kind not in ("queue", "exchange"):
        return []
    own = [content[name] for name in ("id", "parked") if name in content]
    return own + [number for number in content.get("parts", {}).values() if number not in own]
