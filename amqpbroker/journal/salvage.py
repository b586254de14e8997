"""Making a damaged journal one that a broker starts on, with all of it that is sound.

Nothing gets worse: whatever is changed or left out is copied to `quarantine` first, and until the new manifest stands
the journal is the old one. What is kept stays where it is; the manifest says what is skipped. What is sound in damaged
commits is written again, into a segment of its own, with what makes the rest whole: a name for queues that have lost
theirs, and a mark on everything as redelivered, since acknowledgements may have been lost.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from amqpbroker.journal import format, manifest
from amqpbroker.journal.disk import Disk
from amqpbroker.journal.format import BLOCK_BYTES, Content, Key, SegmentHeader
from amqpbroker.journal.inspection import Examination, Fault, Progress, QueueReport, SegmentReport
from amqpbroker.journal.manifest import Manifest, SegmentEntry
from amqpbroker.journal.segment import FOLDER, segment_name

QUARANTINE: Final = "quarantine"
_COPY_BYTES: Final = 1_048_576


class Refused(Exception):
    """A journal that is left as it is: why, and what to do, in words."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What was done. faults: what was found; none, and nothing was done.

    folder: where copies were put; copies: (file, from, to). queues: as they are now. new_names: of queues whose
    definitions are lost. lost_commits: at least so many are missing or damaged; rescued_messages: so many of theirs are
    kept. is_whole: no commit is lost.
    """

    faults: list[Fault]
    folder: str = ""
    copies: list[tuple[str, int, int]] = field(default_factory=list)
    queues: list[QueueReport] = field(default_factory=list)
    new_names: list[Key] = field(default_factory=list)
    lost_commits: int = 0
    rescued_messages: int = 0
    is_whole: bool = True


def salvage(
    disk: Disk,
    random_bytes: Callable[[int], bytes],
    home: Callable[[int], tuple[Key, Content]],
    progress: Progress,
) -> Salvaged:
    """Makes a locked data directory sound. home: the definition for a queue of this number that has lost its own.

    Raises Refused and OSError.
    """
    found = Examination(disk, progress=progress)
    _refuse(found)
    if not found.faults:
        return Salvaged([])
    kept = [one for one in found.segments if one.is_there and (one.frame_count or _is_blank(one))]
    folder, copies = _quarantine(disk, found, kept)
    is_whole = not any(one.bad or not one.is_there for one in found.segments) and not found.strays
    new = None
    new_names: list[Key] = []
    entries = [_entry(one) for one in kept]
    epoch = found.epoch
    if not is_whole or any(queue.live and queue.key is None for queue in found.queues()):
        epoch += 1
        salt = int.from_bytes(random_bytes(8), "big")
        new = SegmentEntry(_next_number(disk, found), epoch, salt, 0)
        entries.append(_write_segment(disk, found, new, home, new_names))
    for report in kept:
        _make_sure(disk, report)
    disk.sync_folder(FOLDER)
    manifest.replace(disk, Manifest(epoch, tuple(entries)).encode())
    return Salvaged(
        found.faults,
        folder,
        copies,
        found.queues(),
        new_names,
        found.lost_commits,
        found.rescued.message_count,
        is_whole,
    )


def _refuse(found: Examination) -> None:
    if found.is_newer:
        newer = next(fault for fault in found.faults if "version" in fault.text)
        raise Refused(f"{newer}; start a broker of that version on it")
    names = {(one.entry.id, one.entry.salt): one.name for one in found.segments}
    for report in found.segments:
        if report.holds in names:
            raise Refused(
                f"{report.name} holds what should be in {names[report.holds]}: files were mixed up; give them their own"
                " names again, then salvage what is still damaged"
            )


def _is_blank(report: SegmentReport) -> bool:
    """A segment without a commit, of which nothing is missing."""
    return report.header_is_sound and not report.bad


# Quarantine


def _quarantine(disk: Disk, found: Examination, kept: list[SegmentReport]) -> tuple[str, list[tuple[str, int, int]]]:
    """Copies what is going to be changed or left out."""
    disk.make_folder(QUARANTINE)
    number = 1 + max((int(name) for name in disk.names(QUARANTINE) if name.isdigit()), default=0)
    folder = f"{QUARANTINE}/{number:04}"
    disk.make_folder(folder)
    ranges: list[tuple[str, int, int]] = []
    if disk.exists(manifest.NAME):
        ranges.append((manifest.NAME, 0, disk.size_bytes(manifest.NAME)))
    if found.manifest is None:
        ranges += [(name, 0, disk.size_bytes(name)) for name in found.strays]
    for report in found.segments:
        if not report.is_there:
            continue
        if report not in kept:
            ranges.append((report.name, 0, report.size_bytes))
            continue
        if not report.header_is_sound:
            ranges.append((report.name, 0, BLOCK_BYTES))
        ranges += [(report.name, start, end) for start, end in report.bad]
        if report.torn_at is not None:
            ranges.append((report.name, report.torn_at, report.size_bytes))
    copies = []
    for name, start, end in ranges:
        end = min(end, disk.size_bytes(name))
        if start < end:
            _copy(disk, name, start, end, f"{folder}/{name.rpartition('/')[2]}-{start}-{end}")
            copies.append((name, start, end))
    disk.sync_folder(folder)
    return folder, copies


def _copy(disk: Disk, name: str, start: int, end: int, to: str) -> None:
    source = disk.open(name)
    try:
        target = disk.create(to, 0)
        try:
            for at in range(start, end, _COPY_BYTES):
                target.write([source.read(at, min(_COPY_BYTES, end - at))], at - start, sync=False)
            target.sync()
        finally:
            target.close()
    finally:
        source.close()


# What is kept


def _entry(report: SegmentReport) -> SegmentEntry:
    """Sealed behind its last sound commit; what is not sound before that is skipped."""
    ranges = [*report.entry.skip, *report.bad]
    skip = tuple(sorted((start, end) for start, end in ranges if end <= report.end))
    return replace(report.entry, sealed=report.end, skip=skip, size_bytes=report.size_bytes)


def _make_sure(disk: Disk, report: SegmentReport) -> None:
    """What was read may have been in the page cache alone."""
    file = disk.open(report.name, writable=True)
    try:
        if not report.header_is_sound:
            entry = report.entry
            header = format.encode_segment_header(SegmentHeader(entry.epoch, entry.id, entry.salt))
            file.write([header], 0, sync=False)
        file.sync()
    finally:
        file.close()


def _next_number(disk: Disk, found: Examination) -> int:
    """A segment's number that none ever had."""
    files = [int(name.partition(".")[0], 16) for name in disk.names(FOLDER) if name.endswith(".seg")]
    return 1 + max([0, *files, *(one.entry.id for one in found.segments)])


def _write_segment(
    disk: Disk,
    found: Examination,
    new: SegmentEntry,
    home: Callable[[int], tuple[Key, Content]],
    new_names: list[Key],
) -> SegmentEntry:
    """One commit, in a segment of its own: what was rescued, and what makes the rest whole."""
    pieces = list(found.rescued.pieces)
    pieces += [format.encode_definition(*one) for one in found.rescued.definitions.items()]
    found.add(new, b"".join(pieces), found.rescued.record_count + len(found.rescued.definitions))
    added: list[bytes] = []
    for queue in found.queues():
        if not queue.live:
            continue
        added.append(format.encode_mark(queue.id, queue.tail, []))
        if queue.key is None:
            key, content = home(queue.id)
            new_names.append(key)
            added.append(format.encode_definition(key, content))
    added.append(format.encode_seal())
    found.add(new, b"".join(added), len(added))
    payload = b"".join([*pieces, *added])
    count = found.rescued.record_count + len(found.rescued.definitions) + len(added)
    frame = format.encode_frame(new.salt, BLOCK_BYTES, found.next_sequence, new.epoch, count, payload)
    end = BLOCK_BYTES + sum(map(len, frame))
    file = disk.create(segment_name(new.id), end)
    try:
        file.write([format.encode_segment_header(SegmentHeader(new.epoch, new.id, new.salt))], 0, sync=False)
        file.write(frame, BLOCK_BYTES, sync=False)
        file.sync()
    finally:
        file.close()
    return replace(new, size_bytes=end, sealed=end)
