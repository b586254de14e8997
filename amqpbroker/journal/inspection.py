"""Reading all of a journal, damaged or not: what is in it, every fault, and what is known to be lost.

Recovery stops at the first thing that is wrong. Here it is noted, and the reading goes on behind it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from amqpbroker.journal import format, manifest
from amqpbroker.journal.disk import Disk, DiskFile
from amqpbroker.journal.format import Content, DamagedMessage, FormatError, Frame, Key, NewerVersion, Publish
from amqpbroker.journal.intervals import Intervals
from amqpbroker.journal.log import Log
from amqpbroker.journal.manifest import Manifest, ManifestError, NewerManifest, SegmentEntry
from amqpbroker.journal.paging import Pages
from amqpbroker.journal.recovery import FrameReader, Recovery, numbers_of
from amqpbroker.journal.segment import FOLDER, segment_name

Progress = Callable[[int, int], None]
"""Told now and then: (octets read, octets in all)."""

_SUFFIX: Final = ".seg"
_TELL_EVERY_BYTES: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class Fault:
    """offset: where it begins in the file; end: where what is sound goes on, None: nowhere."""

    file: str
    offset: int
    end: int | None
    text: str

    def __str__(self) -> str:
        where = f"offset {self.offset}" if self.end is None else f"offset {self.offset} to {self.end}"
        return f"{self.file}, {where}: {self.text}"


@dataclass(slots=True)
class SegmentReport:
    """What is in a segment. entry: as the manifest has it, or as it would. end: where its frames end.

    first, last: sequences of its commits, 0 if there is none. header_is_sound: what its first block says is what the
    manifest says; holds: it says that it is another segment, of this number and salt. bad: (from, to), no valid frames.
    torn_at: where a commit begins that was not finished.
    """

    entry: SegmentEntry
    size_bytes: int = 0
    end: int = format.BLOCK_BYTES
    frame_count: int = 0
    record_count: int = 0
    message_count: int = 0
    first: int = 0
    last: int = 0
    is_there: bool = True
    header_is_sound: bool = True
    holds: tuple[int, int] | None = None
    bad: list[tuple[int, int]] = field(default_factory=list)
    torn_at: int | None = None

    @property
    def name(self) -> str:
        """Its file."""
        return segment_name(self.entry.id)


@dataclass(frozen=True, slots=True)
class QueueReport:
    """key: its definition's, None if that is lost. flagged: how many count as redelivered after a start.

    mark: below it all count as redelivered. lost: at most so many messages were in what is damaged.
    """

    id: int
    key: Key | None
    live: int
    flagged: int
    mark: int
    tail: int
    lost: int


@dataclass(slots=True)
class Rescued:
    """What is sound in frames that are not: records as they are to be written again."""

    pieces: list[bytes] = field(default_factory=list)
    record_count: int = 0
    message_count: int = 0
    definitions: dict[Key, Content | None] = field(default_factory=dict)

    def add(self, pieces: list[bytes]) -> None:
        """A record."""
        self.pieces += pieces
        self.record_count += 1


class Examination:
    """All of a journal. manifest: None if there is none that can be used; the segments are then those that are found.

    faults: all of them. is_newer: a later version has written it. strays: segments that are not in the manifest and
    will go. definitions, queues: what the commits that are sound add up to. lost_commits: how many are known to be
    missing.
    """

    def __init__(self, disk: Disk, *, messages: bool = True, progress: Progress = lambda _done, _all: None) -> None:
        """Reads it. messages: compare the checksum of each. Raises OSError."""
        self.faults: list[Fault] = []
        self.is_newer = False
        self.manifest: Manifest | None = None
        self.segments: list[SegmentReport] = []
        self.strays: list[str] = []
        self.rescued = Rescued()
        self.lost_commits = 0
        self._disk = disk
        self._messages = messages
        self._progress = progress
        self._done_bytes = self._all_bytes = self._told_bytes = 0
        self._sequence = 0
        # Counts the places where something is missing; by queue, how many there were before its last new message.
        self._gap = 0
        self._seen: dict[int, tuple[int, int]] = {}
        self._lost: dict[int, Intervals] = {}
        self._read_manifest()
        # Its books alone are used: nothing is ever written or read back through it.
        self._log = Log(self.manifest or Manifest(), bytes, Pages(disk, lambda _fault: None))
        self._recovery = Recovery(self._log)
        self._read_segments()
        self._find_homeless()

    @property
    def epoch(self) -> int:
        """Of the last start."""
        known = self.manifest.epoch if self.manifest is not None else 0
        return max([known, *(one.entry.epoch for one in self.segments)])

    @property
    def definitions(self) -> dict[Key, Content]:
        """As they were at the end."""
        return self._log.contents

    def queues(self) -> list[QueueReport]:
        """Those that are defined, and those that have messages."""
        keys = {number: key for key, content in self._log.contents.items() for number in numbers_of(key, content)}
        reports = []
        missed = {number for number in self._lost if not self._recovery.is_deleted(number)}
        for number in sorted({*keys, *self._log.queues, *missed}):
            log = self._log.queues.get(number)
            if log is None:
                reports.append(QueueReport(number, keys.get(number), 0, 0, 0, 1, self._lost_of(number)))
                continue
            flagged = Intervals()
            flagged.add(0, log.mark)
            for first, end in log.flagged:
                flagged.add(first, end)
            count = sum(flagged.count_within(first, end) for first, end in log.live)
            tail, lost = self._recovery.tail(number), self._lost_of(number)
            # Of a queue that was deleted acknowledgements and marks may be left.
            if log.live.count or number in keys or lost:
                reports.append(QueueReport(number, keys.get(number), log.live.count, count, log.mark, tail, lost))
        return reports

    def _lost_of(self, number: int) -> int:
        lost = self._lost.get(number)
        if lost is None or self._recovery.is_deleted(number):
            return 0
        log = self._log.queues.get(number)
        for known in (self._recovery.acknowledged(number), log.live if log is not None else ()):
            for first, end in known:
                lost.remove(first, end)
        return lost.count

    # The manifest

    def _read_manifest(self) -> None:
        found = [name for name in self._disk.names(FOLDER) if name.endswith(_SUFFIX)]
        try:
            if not self._disk.exists(manifest.NAME):
                if not found:
                    self.manifest = Manifest()
                    return
                raise ManifestError("it is missing, and there are segments")
            self.manifest = manifest.read(self._disk)
            self.segments = [SegmentReport(entry) for entry in self.manifest.segments]
            listed = {one.name for one in self.segments}
            self.strays = [name for name in (f"{FOLDER}/{one}" for one in found) if name not in listed]
        except NewerManifest as fault:
            self.is_newer = True
            self._note(manifest.NAME, 0, None, str(fault))
        except ManifestError as fault:
            self._note(manifest.NAME, 0, None, str(fault))
            self._find_segments([f"{FOLDER}/{name}" for name in found])

    def _find_segments(self, names: list[str]) -> None:
        """What the segments themselves tell of what was in the manifest."""
        for name in names:
            file = self._disk.open(name)
            try:
                size_bytes = self._disk.size_bytes(name)
                header = format.decode_segment_header(file.read(0, format.BLOCK_BYTES))
            except FormatError as fault:
                self.is_newer |= isinstance(fault, NewerVersion)
                self.strays.append(name)
                self._note(name, 0, None, f"{fault}; without manifest and header nothing in it can be read")
                continue
            finally:
                file.close()
            if segment_name(header.id) != name:
                self.strays.append(name)
                self._note(name, 0, None, f"it is segment {header.id:016x}, under another's name")
                continue
            self.segments.append(SegmentReport(SegmentEntry(header.id, header.epoch, header.salt, size_bytes)))

    # Segments

    def _read_segments(self) -> None:
        sizes = [self._disk.size_bytes(one.name) if self._disk.exists(one.name) else None for one in self.segments]
        self._all_bytes = sum(size for size in sizes if size is not None)
        for place, (report, size_bytes) in enumerate(zip(self.segments, sizes, strict=True)):
            if size_bytes is None:
                report.is_there = False
                self._gap += 1
                self._note(report.name, 0, None, "the segment is missing")
                continue
            report.size_bytes = size_bytes
            file = self._disk.open(report.name)
            try:
                if self.manifest is not None:
                    self._check_header(report, file)
                self._read_segment(report, file, place)
            finally:
                file.close()
            self._done_bytes += size_bytes

    def _check_header(self, report: SegmentReport, file: DiskFile) -> None:
        entry = report.entry
        try:
            header = format.decode_segment_header(file.read(0, format.BLOCK_BYTES))
            if (header.epoch, header.id, header.salt) == (entry.epoch, entry.id, entry.salt):
                return
            report.holds = header.id, header.salt
            text = f"it is another segment than the manifest says: {header.id:016x}"
        except FormatError as fault:
            self.is_newer |= isinstance(fault, NewerVersion)
            text = str(fault)
        report.header_is_sound = False
        self._note(report.name, 0, format.BLOCK_BYTES, text)

    def _read_segment(self, report: SegmentReport, file: DiskFile, place: int) -> None:
        entry = report.entry
        reader = FrameReader(file, entry, report.size_bytes)
        segment = self._recovery.add_segment(entry)
        # Without a manifest: where the last commit was written again at a start, the one before ends ahead of it.
        limit = self._first_of(place + 1) if self.manifest is None else None
        for frame in self._frames(report, reader):
            if limit is not None and frame.sequence >= limit:
                report.end = frame.offset
                break
            if not self._is_sound(report, frame):
                continue
            report.frame_count += 1
            report.record_count += frame.record_count
            report.first = report.first or frame.sequence
            self.lost_commits += self._missing_before(frame)
            self._sequence = report.last = frame.sequence
            report.end = frame.end
            self._recovery.apply(segment, frame)
            self._tell(self._done_bytes + frame.end)
        if not report.frame_count and report.header_is_sound and entry.sealed is None and self.manifest is not None:
            text = "there is no valid commit in it: the first was on disk before the manifest named the segment"
            self._bad(report, format.BLOCK_BYTES, report.size_bytes, text)

    def _missing_before(self, frame: Frame) -> int:
        """How many commits are missing between the last and this one, if something is known to be missing."""
        return max(frame.sequence - self._sequence - 1, 0) if self._gap and self._sequence else 0

    def _first_of(self, place: int) -> int | None:
        """The sequence of the first commit of a segment."""
        for report in self.segments[place:]:
            file = self._disk.open(report.name)
            try:
                frame = next(FrameReader(file, report.entry, self._disk.size_bytes(report.name)).frames(), None)
            finally:
                file.close()
            if frame is not None:
                return frame.sequence
        return None

    def _frames(self, report: SegmentReport, reader: FrameReader) -> Iterator[Frame]:
        """The valid frames of a segment; what lies between them is noted."""
        sealed = report.entry.sealed
        while True:
            for frame in reader.frames():
                if frame.sequence > self._sequence:
                    yield frame
                else:
                    text = f"commit {frame.sequence} stands after commit {self._sequence}"
                    self._bad(report, frame.offset, frame.end, text)
            at = reader.at
            if sealed is not None and at >= sealed:
                return
            later = reader.later(at + format.BLOCK_BYTES)
            if later is not None:
                self._rescue_begun(reader)
                self._bad(report, at, later.offset, f"no valid commit up to commit {later.sequence}")
                reader.at = later.offset
                continue
            if sealed is not None:
                self._rescue_begun(reader)
                self._bad(report, at, sealed, "no valid commit up to the end of the segment")
            elif reader.is_torn() or reader.is_short:
                report.torn_at = at
            return

    def _is_sound(self, report: SegmentReport, frame: Frame) -> bool:
        """Whether every record, and every message, of a valid frame is as it should be."""
        payload = frame.payload
        publishes: list[Publish] = []
        defined: list[Key] = []
        at = count = 0
        try:
            while at < len(payload):
                kind, begin, after = format.record(payload, at)
                if kind in format.PUBLISHES:
                    publish = format.decode_publish(payload, begin, after)
                    publishes.append(publish)
                    if self._messages:
                        format.read_messages(payload, publish, 0, publish.message_count)
                elif kind == format.ACK:
                    format.decode_ack(payload[begin:after])
                elif kind == format.DEFINE:
                    defined.append(format.decode_definition(payload[begin:after])[0])
                elif kind == format.MARK:
                    format.decode_mark(payload[begin:after])
                count += 1
                at = after
            if count != frame.record_count:
                raise FormatError(f"a commit of {frame.record_count} records holds {count}", 0)
        except (FormatError, DamagedMessage) as fault:
            self.is_newer |= isinstance(fault, NewerVersion)
            text = str(fault) if isinstance(fault, FormatError) else f"message {fault.place} of a record is damaged"
            where = frame.offset + format.FRAME_HEADER_BYTES + at
            self._rescue(frame)
            self._bad(report, frame.offset, frame.end, f"a record at {where}: {text}")
            return False
        for publish in publishes:
            report.message_count += publish.message_count
            for number, first in publish.queues:
                self._see(number, first, first + publish.message_count)
        for key in defined:
            self.rescued.definitions.pop(key, None)
        return True

    def _rescue_begun(self, reader: FrameReader) -> None:
        frame = reader.begun()
        if frame is not None:
            self._rescue(frame)

    def _tell(self, done_bytes: int) -> None:
        if done_bytes - self._told_bytes >= _TELL_EVERY_BYTES:
            self._told_bytes = done_bytes
            self._progress(done_bytes, self._all_bytes)

    def _note(self, file: str, offset: int, end: int | None, text: str) -> None:
        self.faults.append(Fault(file, offset, end, text))

    def _bad(self, report: SegmentReport, start: int, end: int, text: str) -> None:
        self._gap += 1
        report.bad.append((start, end))
        self._note(report.name, start, end, text)

    # What is lost

    def _see(self, number: int, first: int, end: int) -> None:
        """Positions of a queue. Those that are left out, where something is missing, may have been in that."""
        gap, last = self._seen.get(number, (self._gap, first))
        if first < last:
            # A copy.
            return
        if gap != self._gap:
            self._lose(number, last, first)
        self._seen[number] = (self._gap, end)

    def _lose(self, number: int, first: int, end: int) -> None:
        self._lost.setdefault(number, Intervals()).add(first, end)

    def _rescue(self, frame: Frame) -> None:
        """What is sound in a frame that is not. Every record, and every message of a run, has its own checksum."""
        payload = frame.payload
        at = 0
        while at < len(payload):
            try:
                kind, begin, after = format.record(payload, at)
                if kind in format.PUBLISHES:
                    self._rescue_messages(frame, format.decode_publish(payload, begin, after))
                elif kind == format.ACK:
                    format.decode_ack(payload[begin:after])
                    self.rescued.add([payload[at:after]])
                elif kind == format.DEFINE:
                    key, content = format.decode_definition(payload[begin:after])
                    self.rescued.definitions[key] = content
                at = after
            except FormatError:
                self._gap += 1
                at = format.next_record(payload, at)

    def _rescue_messages(self, frame: Frame, publish: Publish) -> None:
        """Whole messages of a run become runs of their own.

        What the run says of its own origin has to be true of this frame: so it is not what an earlier use of the file
        has left here. Of a copy that compaction made that cannot be said.
        """
        count = publish.message_count
        if publish.id.sequence != frame.sequence or publish.id.epoch > frame.epoch:
            for number, start in publish.queues:
                self._lose(number, start, start + count)
            return
        first = 0
        places = format.content_places(frame.payload, publish)
        while first < count:
            end = self._first_damaged(frame.payload, publish, first)
            if first < end:
                queues = [(number, start + first) for number, start in publish.queues]
                self.rescued.add(format.copy_publish(frame.payload, publish, places, first, end, queues)[0])
                self.rescued.message_count += end - first
            for number, start in publish.queues:
                self._see(number, start + first, start + end)
                if end < count:
                    self._lose(number, start + end, start + end + 1)
                    self._see(number, start + end, start + end + 1)
            first = end + 1

    def _first_damaged(self, payload: bytes, publish: Publish, first: int) -> int:
        """The place of the next message of a run that is damaged; behind the last if there is none."""
        try:
            format.read_messages(payload, publish, first, publish.message_count - first)
        except DamagedMessage as fault:
            return fault.place
        return publish.message_count

    def _find_homeless(self) -> None:
        """Queues that have messages and no name."""
        for queue in self.queues():
            if queue.live and queue.key is None:
                text = f"there are {queue.live} messages of queue number {queue.id}, which nothing defines or deletes"
                self._note(FOLDER, 0, None, text)

    # For salvage

    def add(self, segment: SegmentEntry, payload: bytes, record_count: int) -> None:
        """Enters what is to be written as if it stood in the log already."""
        frame = Frame(self._sequence + 1, segment.epoch, record_count, payload, format.BLOCK_BYTES, 0)
        self._recovery.apply(self._recovery.add_segment(segment), frame)

    @property
    def next_sequence(self) -> int:
        """Of the commit after the last one."""
        return self._sequence + 1
