"""The only hand that writes to the log: one commit at a time, in a thread of its own or stepped by a test.

A commit is done when `commit_once` returns. When it raises an OSError for want of space, nothing of it counts and it is
done again as a whole, later; every step may be repeated. Any other error is final: what the disk holds is not known.
"""

import contextlib
import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from amqpbroker.journal import manifest
from amqpbroker.journal.disk import Disk, DiskFile
from amqpbroker.journal.format import encode_frame, encode_segment_header
from amqpbroker.journal.segment import FOLDER, Segment, spare_name

if TYPE_CHECKING:
    from amqpbroker.journal.compaction import Copy
    from amqpbroker.journal.queue_log import QueueLog
    from amqpbroker.model.ports import RecordedQueue

# Kept for when the disk is full: acknowledgements and compaction go on in these, and make room.
SPARES: Final = 2
# Kept for the next manifest, which is written beside the present one.
ROOM: Final = "MANIFEST.room"
ROOM_BYTES: Final = 262_144
NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(slots=True)
class Commit:
    """A closed list: what is to be written, and what is to be told when it is.

    record_count: 0 when only pages are written. is_new: the segment is new. retired: segments that the new manifest
    leaves out. stored, paged: (queue, first position, messages, location) for queues that wait to let go of what they
    hold: recorded in the log, or in a page file; pages_failed: there was no space for the latter.
    """

    sequence: int
    record_count: int
    pieces: list[bytes]
    pages: list[tuple[str, int, bytes]] = field(default_factory=list)
    stored: list[tuple["RecordedQueue", int, int, int]] = field(default_factory=list)
    paged: list[tuple["RecordedQueue", int, int, int]] = field(default_factory=list)
    pages_failed: bool = False
    number: int = 0
    pending_bytes: int = 0
    segment: Segment = field(init=False)
    offset: int = 0
    is_new: bool = False
    manifest: bytes | None = None
    retired: list[Segment] = field(default_factory=list)
    moved: list[tuple["Copy", int]] = field(default_factory=list)
    marks: list[tuple["QueueLog", int]] = field(default_factory=list)
    callbacks: list[Callable[[], None]] = field(default_factory=list)


class Writer:
    """spares: files whose space is allocated, for segments to be. short: a spare could not be had, the disk is full."""

    def __init__(self, disk: Disk, segment_bytes: int, spares: list[str]) -> None:
        self.spares = spares
        self.short = False
        self._disk = disk
        self._segment_bytes = segment_bytes
        self._file: DiskFile | None = None
        self._file_segment: Segment | None = None
        self._page_file: DiskFile | None = None
        self._next_spare = 1 + max((int(name.split("/")[1].split(".")[0], 16) for name in spares), default=0)

    def commit_once(self, commit: Commit) -> None:
        """Writes a commit and syncs it. Raises OSError."""
        self._write_pages(commit)
        if not commit.record_count:
            if self.short:
                self._replenish()
            return
        segment = commit.segment
        if commit.is_new:
            self._begin(segment)
        payload = commit.pieces[0] if len(commit.pieces) == 1 else b"".join(commit.pieces)
        frame = encode_frame(segment.salt, commit.offset, commit.sequence, segment.epoch, commit.record_count, payload)
        self._open(segment).write(frame, commit.offset, sync=True)
        if commit.manifest is not None:
            # After the frame: the first manifest of a start cuts the last commit off the old segment, and what lets a
            # segment go may be the acknowledgements in this very commit.
            self._replace_manifest(commit.manifest)
            for retired in commit.retired:
                self._recycle(retired)
        if commit.is_new or commit.retired or self.short:
            self._replenish()

    def close(self) -> None:
        """Lets go of the files."""
        for file in (self._file, self._page_file):
            if file is not None:
                file.close()

    def _open(self, segment: Segment) -> DiskFile:
        if self._file is None or self._file_segment is not segment:
            if self._file is not None:
                self._file.close()
                self._file = None
            self._file = self._disk.open(segment.name, writable=True)
            self._file_segment = segment
        return self._file

    def _begin(self, segment: Segment) -> None:
        """The segment is there, with its header, before the manifest names it."""
        if not self._disk.exists(segment.name):
            if self.spares and segment.size_bytes == self._segment_bytes:
                self._disk.rename(self.spares[0], segment.name)
                del self.spares[0]
            else:
                self._disk.create(segment.name, segment.size_bytes).close()
        file = self._open(segment)
        file.write([encode_segment_header(segment.header)], 0, sync=False)
        # With all of its length, so that a shorter one is known to be damaged.
        file.sync()
        self._disk.sync_folder(FOLDER)

    def _recycle(self, segment: Segment) -> None:
        """The manifest on disk does not name it any more: its space is free for another."""
        if not self._disk.exists(segment.name):
            return
        if len(self.spares) < SPARES and segment.size_bytes == self._segment_bytes:
            name = spare_name(self._next_spare)
            self._disk.rename(segment.name, name)
            self._add_spare(name)
        else:
            self._disk.remove(segment.name)

    def _replenish(self) -> None:
        self.short = False
        try:
            if not self._disk.exists(ROOM):
                self._disk.create(ROOM, ROOM_BYTES).close()
            while len(self.spares) < SPARES:
                name = spare_name(self._next_spare)
                self._disk.create(name, self._segment_bytes).close()
                self._add_spare(name)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            self.short = True

    def _add_spare(self, name: str) -> None:
        self._next_spare += 1
        self.spares.append(name)

    def _replace_manifest(self, octets: bytes) -> None:
        """On a full disk there is a room kept for it: what follows may free more."""
        try:
            manifest.replace(self._disk, octets)
        except OSError as error:
            if error.errno not in NO_SPACE or not self._disk.exists(ROOM):
                raise
            self.short = True
            self._disk.remove(ROOM)
            manifest.replace(self._disk, octets)

    def _write_pages(self, commit: Commit) -> None:
        """What finds no room stays in memory: acknowledgements are not kept waiting for it."""
        try:
            for name, offset, octets in commit.pages:
                self._write_page(name, offset, octets)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            commit.pages_failed = self.short = True

    def _write_page(self, name: str, offset: int, octets: bytes) -> None:
        if self._page_file is None or self._page_file.name != name:
            if self._page_file is not None:
                self._page_file.close()
                self._page_file = None
            with contextlib.suppress(FileExistsError):
                self._disk.create(name, 0).close()
            self._page_file = self._disk.open(name, writable=True)
        self._page_file.write([octets], offset, sync=False)
