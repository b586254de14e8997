"""Every call that touches the data directory; tests put a simulated disk in its place.

Names are relative to the data directory, "" is the directory itself, folders are parted by "/". Errors are OSError with
`filename` set, so that a message can name the file.
"""

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

if sys.platform != "win32":
    import fcntl

LOCK: Final = "LOCK"

# What POSIX lets one call of writev take on Linux and macOS (IOV_MAX).
BUFFERS_MAX: Final = 1_024
# Write and sync in one call; 0 where the platform has none.
_DSYNC: Final[int] = getattr(os, "RWF_DSYNC", 0)
# What a file system answers that cannot allocate ahead.
_NOT_ALLOCATABLE: Final = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})
_PID_MAX_BYTES: Final = 32
# No process has so many files open: every call answers EBADF, where some of os raise ValueError for -1.
_NO_FD: Final = 2**31 - 1


class DirectoryInUse(OSError):
    """The data directory belongs to another broker. holder_pid: its process, None if it has not said so yet."""

    def __init__(self, path: str, holder_pid: int | None) -> None:
        holder = "another process" if holder_pid is None else f"process {holder_pid}"
        super().__init__(errno.EWOULDBLOCK, f"in use by {holder}", path)
        self.holder_pid = holder_pid


class DiskFile(Protocol):
    """An open file. Everything but `close` may be called from another thread, one call at a time."""

    name: str

    def write(self, buffers: Sequence[bytes], offset: int, *, sync: bool) -> None:
        """Write all of the buffers, one behind the other, from the offset on, or raise OSError.

        After an error any part of them may be in the file. sync: what this call wrote is on disk when it returns;
        nothing is said of what earlier calls wrote.
        """

    def read(self, offset: int, size_bytes: int) -> bytes:
        """The octets at the offset; fewer than asked for only at the end of the file."""

    def sync(self) -> None:
        """The whole file, its size too, is on disk when this returns.

        After an error nothing is known of what is on disk, and a second call proves nothing: the kernel has dropped
        the pages that it could not write.
        """

    def close(self) -> None:
        """Give up the file; what was not synced may still be lost."""


class Disk(Protocol):
    """The data directory. What is created, renamed or removed is certain to be so only after `sync_folder`."""

    def make_folder(self, name: str) -> None:
        """Make a folder (0700) and those above it, on disk when this returns; no error if it is there."""

    def names(self, folder: str) -> list[str]:
        """What is in the folder, sorted, without the folder's own name; empty if the folder is not there."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file or folder; OSError if that cannot be told."""

    def size_bytes(self, name: str) -> int:
        """The file's length."""

    def create(self, name: str, size_bytes: int) -> DiskFile:
        """Make a file (0600) of zeros for reading and writing, its space allocated; FileExistsError if it is there.

        If the space cannot be had there is no such file when the error is raised.
        """

    def open(self, name: str, *, writable: bool = False) -> DiskFile:
        """A file that is there, for reading; also for writing if it is to be `writable`."""

    def rename(self, old: str, new: str) -> None:
        """Give a file another name; a file that had it is replaced."""

    def remove(self, name: str) -> None:
        """Take a file away; whoever has it open keeps it."""

    def sync_folder(self, name: str) -> None:
        """What was created, renamed and removed in the folder is on disk when this returns."""

    def free_bytes(self) -> int:
        """What this process may still use of the file system."""

    def lock(self) -> None:
        """Keep other brokers out of the data directory until `unlock` or the end of the process, however it ends.

        Raises DirectoryInUse if another process, or another disk of this one, has it.
        """

    def unlock(self) -> None:
        """Let others in; nothing if it was not locked."""


class _OpenFile:
    """A file of a FileDisk."""

    __slots__ = ("_dsync", "_fd", "_path", "_syncs", "name")

    def __init__(self, name: str, path: str, fd: int, syncs: bool) -> None:
        self.name = name
        self._path = path
        self._fd = fd
        self._syncs = syncs
        self._dsync = _DSYNC

    def write(self, buffers: Sequence[bytes], offset: int, *, sync: bool) -> None:
        sync = sync and self._syncs
        flags = self._dsync if sync and len(buffers) <= BUFFERS_MAX else 0
        try:
            try:
                _write_all(self._fd, buffers, offset, flags)
            except OSError as error:
                if not flags or error.errno != errno.EOPNOTSUPP:
                    raise
                # An old kernel or a sandbox: it refuses the flag before it writes anything.
                self._dsync = flags = 0
                _write_all(self._fd, buffers, offset, flags)
            if sync and not flags:
                _sync_data(self._fd)
        except OSError as error:
            raise _named(error, self._path) from None

    def read(self, offset: int, size_bytes: int) -> bytes:
        try:
            data = os.pread(self._fd, size_bytes, offset)
            while len(data) < size_bytes:
                more = os.pread(self._fd, size_bytes - len(data), offset + len(data))
                if not more:
                    break
                data += more
        except OSError as error:
            raise _named(error, self._path) from None
        return data

    def sync(self) -> None:
        if not self._syncs:
            return
        try:
            _sync_data(self._fd)
        except OSError as error:
            raise _named(error, self._path) from None

    def close(self) -> None:
        # The number may be another file's as soon as it is closed: it is never used again.
        fd, self._fd = self._fd, _NO_FD
        try:
            os.close(fd)
        except OSError as error:
            raise _named(error, self._path) from None


class FileDisk:
    """The data directory of the file system.

    root: its path. no_sync: nothing waits for the disk, for runs whose data nobody needs after a power cut.
    """

    def __init__(self, root: str | os.PathLike[str], *, no_sync: bool = False) -> None:
        self._root = os.path.abspath(root)
        self._syncs = not no_sync
        self._lock_fd: int | None = None

    def _path(self, name: str) -> str:
        return os.path.join(self._root, name) if name else self._root

    def make_folder(self, name: str) -> None:
        root, path = Path(self._root), Path(self._path(name))
        for folder in [*reversed(path.parents), path]:
            made = not folder.is_dir()
            if made:
                folder.mkdir(0o700, exist_ok=True)
            # Also if it was there: a broker may have been killed between the two.
            if made or root in folder.parents:
                self._sync_folder(str(folder.parent))

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self._path(folder)))
        except FileNotFoundError:
            return []

    def exists(self, name: str) -> bool:
        # Not os.path.exists, which says no when it is not allowed to look: data would pass for an empty directory.
        try:
            os.stat(self._path(name))
        except FileNotFoundError:
            return False
        return True

    def size_bytes(self, name: str) -> int:
        return os.stat(self._path(name)).st_size

    def create(self, name: str, size_bytes: int) -> DiskFile:
        path = self._path(name)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _allocate(fd, size_bytes)
        except OSError as error:
            os.close(fd)
            os.unlink(path)
            raise _named(error, path) from None
        return _OpenFile(name, path, fd, self._syncs)

    def open(self, name: str, *, writable: bool = False) -> DiskFile:
        path = self._path(name)
        fd = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
        return _OpenFile(name, path, fd, self._syncs)

    def rename(self, old: str, new: str) -> None:
        os.replace(self._path(old), self._path(new))

    def remove(self, name: str) -> None:
        os.unlink(self._path(name))

    def sync_folder(self, name: str) -> None:
        self._sync_folder(self._path(name))

    def _sync_folder(self, path: str) -> None:
        if not self._syncs:
            return
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # Not fdatasync: to ext4 a new name in a folder that does not grow is no data of it.
            os.fsync(fd)
        except OSError as error:
            raise _named(error, path) from None
        finally:
            os.close(fd)

    def free_bytes(self) -> int:
        found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize

    def lock(self) -> None:
        path = self._path(LOCK)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock_and_sign(fd, path)
        except OSError as error:
            os.close(fd)
            raise _named(error, path) from None
        self._lock_fd = fd

    def unlock(self) -> None:
        if self._lock_fd is not None:
            fd, self._lock_fd = self._lock_fd, None
            # The file stays: a process that has opened it but not locked it yet must meet the same file as others.
            os.close(fd)


def _named(error: OSError, path: str) -> OSError:
    """The error with the path that a call on a descriptor does not know."""
    error.filename = path
    return error


def _write_all(fd: int, buffers: Sequence[bytes], offset: int, flags: int) -> None:
    """All of the buffers, in as many calls as the system needs for it."""
    for start in range(0, len(buffers), BUFFERS_MAX):
        left: list[bytes | memoryview] = list(buffers[start : start + BUFFERS_MAX])
        left_bytes = sum(map(len, left))
        while left_bytes:
            written = os.pwritev(fd, left, offset, flags)
            if written == 0:
                raise OSError(errno.EIO, "the file system writes nothing and gives no reason")
            offset += written
            left_bytes -= written
            if left_bytes:
                left = _behind(left, written)


def _behind(buffers: list[bytes | memoryview], written: int) -> list[bytes | memoryview]:
    """What is left of the buffers after a short write."""
    for index, buffer in enumerate(buffers):
        if written < len(buffer):
            return [memoryview(buffer)[written:], *buffers[index + 1 :]]
        written -= len(buffer)
    return []


def _allocate(fd: int, size_bytes: int) -> None:
    """Make an empty file so long, its space taken now, so that a write into it cannot run out of space."""
    if size_bytes == 0:
        return
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, 0, size_bytes)
            return
        except OSError as error:
            if error.errno not in _NOT_ALLOCATABLE:
                raise
    os.ftruncate(fd, size_bytes)


def _sync_data(fd: int) -> None:
    if sys.platform == "darwin":
        # fsync leaves the data in the drive's own cache there.
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(fd)


def _lock_and_sign(fd: int, path: str) -> None:
    """Take the lock and write the process's number into the file, for whoever is refused after this."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        digits = os.pread(fd, _PID_MAX_BYTES, 0).split(b"\n")[0]
        raise DirectoryInUse(path, int(digits) if digits.isdigit() else None) from None
    pid = b"%d\n" % os.getpid()
    # Cut only afterwards: written over what is there it needs no space, and a full disk keeps no broker from starting.
    os.pwrite(fd, pid, 0)
    os.ftruncate(fd, len(pid))
