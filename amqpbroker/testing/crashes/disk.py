"""The data directory of a broker that may crash: at a given octet, or at once.

After a crash nothing of the broker reaches the disk. What it wrote stays, as the system has it: a kill loses nothing
that was written. A power cut loses what was not synced, so of each such write it is kept what stood there before.
"""

import errno
import os
import threading
from collections.abc import Callable, Sequence

from amqpbroker.journal.disk import DiskFile, FileDisk


class CrashedError(OSError):
    """The broker that wrote is no more."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.EIO, "the broker has crashed", name)


class CrashableDisk(FileDisk):
    """is_dead: the broker has crashed."""

    def __init__(self, root: str | os.PathLike[str], *, no_sync: bool = False) -> None:
        super().__init__(root, no_sync=no_sync)
        self.is_dead = False
        # Held by whoever writes: the thread of the journal, or the loop.
        self.writing = threading.Lock()
        self._bytes_left: int | None = None
        self._crashed: Callable[[], None] = lambda: None
        # By file: (offset, what stood there, length of the file before), of each write that was not synced.
        self._unsynced: dict[str, list[tuple[int, bytes, int]]] = {}

    def crash_after(self, octets: int | None, crashed: Callable[[], None] = lambda: None) -> None:
        """So many octets more are written, and none behind them; None: as many as there are.

        crashed: called at that moment, in the thread that writes.
        """
        with self.writing:
            self._bytes_left = octets
            self._crashed = crashed

    def die(self) -> None:
        """Nothing is written any more."""
        with self.writing:
            self.is_dead = True

    def cut_power(self) -> None:
        """The broker is dead already: what it wrote and did not sync is lost."""
        for name, writes in self._unsynced.items():
            with open(self._path(name), "r+b") as file:
                for offset, before, size_bytes in reversed(writes):
                    file.seek(offset)
                    file.write(before)
                    file.truncate(max(size_bytes, offset + len(before)))
        self._unsynced.clear()

    # What its files ask

    def check(self, name: str) -> None:
        """Raises CrashedError."""
        if self.is_dead:
            raise CrashedError(name)

    def grant(self, size_bytes: int) -> int:
        """How many of these octets are written."""
        if self._bytes_left is None:
            return size_bytes
        granted = min(size_bytes, self._bytes_left)
        self._bytes_left -= granted
        if granted < size_bytes:
            self.is_dead = True
            self._crashed()
        return granted

    def written(self, file: DiskFile, offset: int, size_bytes: int, *, synced: bool) -> None:
        """A file is about to be written to. synced: this write is on disk when it is done."""
        if not (synced and self._syncs):
            before = file.read(offset, size_bytes)
            self._unsynced.setdefault(file.name, []).append((offset, before, self.size_bytes(file.name)))

    def synced(self, name: str) -> None:
        """A file is on disk, with all that was written to it."""
        if self._syncs:
            self._unsynced.pop(name, None)

    # As of any disk

    def create(self, name: str, size_bytes: int) -> DiskFile:
        with self.writing:
            self.check(name)
            return _CrashableFile(self, super().create(name, size_bytes))

    def open(self, name: str, *, writable: bool = False) -> DiskFile:
        return _CrashableFile(self, super().open(name, writable=writable))

    def rename(self, old: str, new: str) -> None:
        with self.writing:
            self.check(old)
            super().rename(old, new)
            self._unsynced.pop(new, None)
            if old in self._unsynced:
                self._unsynced[new] = self._unsynced.pop(old)

    def remove(self, name: str) -> None:
        with self.writing:
            # Who removes is not told: of pages the loop does it, amidst what it does for clients.
            if not self.is_dead:
                super().remove(name)
                self._unsynced.pop(name, None)

    def sync_folder(self, name: str) -> None:
        self.check(name)
        super().sync_folder(name)


class _CrashableFile:
    """A file of it."""

    def __init__(self, disk: CrashableDisk, file: DiskFile) -> None:
        self.name = file.name
        self._disk = disk
        self._file = file

    def write(self, buffers: Sequence[bytes], offset: int, *, sync: bool) -> None:
        with self._disk.writing:
            self._disk.check(self.name)
            size_bytes = sum(map(len, buffers))
            granted = self._disk.grant(size_bytes)
            if granted < size_bytes:
                if granted:
                    self._file.write([b"".join(buffers)[:granted]], offset, sync=False)
                raise CrashedError(self.name)
            self._disk.written(self._file, offset, size_bytes, synced=sync)
            self._file.write(buffers, offset, sync=sync)

    def read(self, offset: int, size_bytes: int) -> bytes:
        return self._file.read(offset, size_bytes)

    def sync(self) -> None:
        with self._disk.writing:
            self._disk.check(self.name)
            self._file.sync()
            self._disk.synced(self.name)

    def close(self) -> None:
        self._file.close()
