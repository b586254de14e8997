"""Reading records back, and the page files of what is not recorded but has to leave memory.

A backlog behind the head of a queue waits on disk. What is persistent stands in the log in any case; transient messages
are written to page files, which are never synced, wiped at the start, and removed as soon as nobody waits for anything
in them. Reads are large and mostly sequential, so the last read of a file answers the next few.
"""

import errno
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from amqpbroker.journal import format
from amqpbroker.journal.disk import Disk, DiskFile
from amqpbroker.journal.format import DamagedMessage, FormatError, MessageId, Publish
from amqpbroker.journal.segment import Segment, segment_name
from amqpbroker.model.message import DEADLINE_SHIFT, Message

if TYPE_CHECKING:
    from amqpbroker.model.ports import RecordedQueue

FOLDER: Final = "paging"
READ_BYTES: Final = 262_144
_FILE_MAX_BYTES: Final = 67_108_864
_OPEN_FILES_MAX: Final = 32
_NO_DESCRIPTORS: Final = (errno.EMFILE, errno.ENFILE)


class Pages:
    """on_damage: told of a message that cannot be read back, in words."""

    def __init__(self, disk: Disk, on_damage: Callable[[str], None]) -> None:
        self._disk = disk
        self._on_damage = on_damage
        self._files: dict[int, DiskFile] = {}
        # number → (offset, octets) of the last read of each open file
        self._windows: dict[int, tuple[int, bytes]] = {}
        # page file → messages in it that somebody waits for
        self._waiting: dict[int, int] = {}
        self._told: set[str] = set()
        self._page_file = format.PAGE_FILES
        self._page_end = 0

    # Page files

    def lay(
        self, pages: Sequence[tuple["RecordedQueue", int, Sequence[Message]]]
    ) -> tuple[list[tuple[str, int, bytes]], list[tuple["RecordedQueue", int, int, int]]]:
        """Where runs go: (file, offset, octets) to write, and (queue, first position, messages, location) then."""
        writes: list[tuple[str, int, bytes]] = []
        stored: list[tuple[RecordedQueue, int, int, int]] = []
        for queue, first, messages in pages:
            if self._page_end >= _FILE_MAX_BYTES:
                full, self._page_file, self._page_end = self._page_file, self._page_file + 1, 0
                self._remove_if_done(full)
            pieces, size_bytes = format.encode_publish(
                MessageId(0, 0, 0), [(0, first)], messages, [messages[0][3] >> DEADLINE_SHIFT]
            )
            writes.append((page_name(self._page_file), self._page_end, b"".join(pieces)))
            stored.append((queue, first, len(messages), format.location(self._page_file, self._page_end)))
            self._waiting[self._page_file] = self._waiting.get(self._page_file, 0) + len(messages)
            self._page_end += size_bytes
        return writes, stored

    def release(self, place: int, count: int) -> None:
        """A queue waits for these messages no more: they were read, or purged."""
        number, _ = format.split_location(place)
        if number >= format.PAGE_FILES:
            self._waiting[number] -= count
            if number != self._page_file:
                self._remove_if_done(number)

    def _remove_if_done(self, number: int) -> None:
        if not self._waiting.get(number):
            self._waiting.pop(number, None)
            self._close(number)
            try:
                if self._disk.exists(page_name(number)):
                    self._disk.remove(page_name(number))
            except OSError as error:
                # It is in nobody's way until the next start wipes it.
                self._tell(format.location(number, 0), f"it cannot be removed: {error.strerror or error}")

    # Reading

    def read(self, place: int, queue: int, first: int, count: int) -> list[Message | None]:
        """The messages of a queue from the position first on, of the run at this place.

        None stands for a message that is damaged; it was told.
        """
        number, _ = format.split_location(place)
        if number >= format.PAGE_FILES:
            queue = 0
        if number in self._windows:
            try:
                return [*self._read(place, queue, first, count, fresh=False)]
            except (FormatError, DamagedMessage):
                # It may have been read before it was written.
                del self._windows[number]
        try:
            return [*self._read(place, queue, first, count, fresh=True)]
        except FormatError as fault:
            self._tell(place, f"{fault}; the messages of the record are not delivered")
            return [None] * count
        except DamagedMessage as fault:
            self._tell(place, f"message {fault.place} of the record is damaged and not delivered")
        return [self._read_one(place, queue, first + at) for at in range(count)]

    def _read_one(self, place: int, queue: int, position: int) -> Message | None:
        try:
            return self._read(place, queue, position, 1, fresh=False)[0]
        except DamagedMessage:
            return None

    def _read(self, place: int, queue: int, first: int, count: int, *, fresh: bool) -> list[Message]:
        number, offset = format.split_location(place)
        octets, at = self._window(number, offset, format.RECORD_HEADER_BYTES + 4, fresh)
        _, record_bytes = format.read_record(octets, at)
        octets, at = self._window(number, offset, record_bytes, False)
        publish = format.check_publish(octets, at)
        start = dict(publish.queues).get(queue)
        if start is None or not start <= first <= first + count <= start + publish.message_count:
            raise FormatError("the record holds other messages than it should")
        return format.read_messages(octets, publish, first - start, count, format.moment_of(publish, queue))

    def _window(self, number: int, offset: int, size_bytes: int, fresh: bool) -> tuple[bytes, int]:
        """Octets of a file that hold size_bytes from offset on, as far as the file goes, and where these begin."""
        known = None if fresh else self._windows.get(number)
        if known is not None and known[0] <= offset and offset + size_bytes <= known[0] + len(known[1]):
            return known[1], offset - known[0]
        try:
            octets = self._file(number).read(offset, max(size_bytes, READ_BYTES))
        except OSError as error:
            raise FormatError(f"it cannot be read: {error.strerror or error}") from error
        self._windows[number] = (offset, octets)
        return octets, 0

    def _file(self, number: int) -> DiskFile:
        file = self._files.pop(number, None)
        if file is None:
            if len(self._files) >= _OPEN_FILES_MAX:
                self._close(next(iter(self._files)))
            name = page_name(number) if number >= format.PAGE_FILES else segment_name(number)
            try:
                file = self._disk.open(name)
            except OSError as error:
                if error.errno not in _NO_DESCRIPTORS or not self._files:
                    raise
                # Connections have taken all that there are: these are the journal's own to give up.
                self.close()
                file = self._disk.open(name)
        self._files[number] = file
        return file

    def _close(self, number: int) -> None:
        self._windows.pop(number, None)
        file = self._files.pop(number, None)
        if file is not None:
            file.close()

    def close(self) -> None:
        """Lets go of the files."""
        for number in list(self._files):
            self._close(number)

    def forget(self, segment: Segment) -> None:
        """The segment is no more; its file may be another's soon."""
        self._close(segment.id)

    def walk(self, segment: Segment) -> Iterator[tuple[bytes, list[Publish]]]:
        """The payload of each frame of a sealed segment, and the PUBLISH records in it. Raises FormatError."""
        at = format.BLOCK_BYTES
        end = segment.end
        skips = dict(segment.skip)
        while at < end:
            if at in skips:
                at = skips[at]
                continue
            octets, start = self._window(segment.id, at, format.FRAME_HEADER_BYTES, True)
            size_bytes = format.frame_bytes(octets, start, segment.salt, at)
            frame = None
            if size_bytes is not None and at + size_bytes <= end:
                octets, start = self._window(segment.id, at, size_bytes, False)
                frame = format.decode_frame(octets, start, segment.salt, at)
            if frame is None:
                self._tell(format.location(segment.id, at), "a frame is damaged")
                raise FormatError("a frame is damaged", at)
            payload = frame.payload
            publishes = [
                format.decode_publish(payload, content_start, content_end)
                for kind, content_start, content_end in format.records(payload)
                if kind in format.PUBLISHES
            ]
            yield payload, publishes
            at = frame.end

    def _tell(self, place: int, fault: str) -> None:
        number, offset = format.split_location(place)
        name = page_name(number) if number >= format.PAGE_FILES else segment_name(number)
        text = f"{name}, offset {offset}: {fault}"
        if text not in self._told:
            self._told.add(text)
            self._on_damage(text)


def page_name(number: int) -> str:
    """The file of a number that is no segment's."""
    return f"{FOLDER}/{number - format.PAGE_FILES:08x}.page"
