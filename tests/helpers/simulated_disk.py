"""A data directory in memory with a page cache: it fails, tears, reorders, runs full and loses power when told to.

Of every file and folder there are two states: what this process sees (the cache, which survives a kill) and what is on
disk (which survives a power cut). The disk promises no more than POSIX does: `sync` speaks for one file's octets and
length, a synced write for its own octets, `sync_folder` for the names in a folder.
"""

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import TypeVar

from amqpbroker.journal.disk import LOCK, DirectoryInUse

SECTOR_BYTES = 512
PID = 4_711
NO_LIMIT_BYTES = 1 << 40

# (number of the operation, the first is 1; its kind, such as "write"; name of the file or folder)
Hook = Callable[[int, str, str], None]
Result = TypeVar("Result")


class PowerLost(Exception):
    """The process is no more: until `power_cut` or `kill` the disk answers nothing else."""


def _error(number: int, name: str) -> OSError:
    return OSError(number, os.strerror(number), name)


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _sectors(offset: int, end: int) -> range:
    """The numbers of the sectors that a range of octets touches."""
    return range(offset // SECTOR_BYTES, -(-end // SECTOR_BYTES))


def _put(octets: bytearray, offset: int, data: bytes | bytearray) -> None:
    if len(octets) < offset:
        octets.extend(bytes(offset - len(octets)))
    octets[offset : offset + len(data)] = data


class _Inode:
    """A file's octets, whatever its name. What lies behind the end of a bytearray, and before the size, is zeros.

    dirty: sectors that differ, or may, between the cache and the disk, and that the next sync would write.
    """

    __slots__ = ("cache", "dirty", "durable", "durable_size_bytes", "size_bytes")

    def __init__(self, size_bytes: int = 0) -> None:
        self.cache = bytearray()
        self.durable = bytearray()
        self.size_bytes = size_bytes
        self.durable_size_bytes = 0
        self.dirty: set[int] = set()

    def write(self, data: bytes, offset: int) -> None:
        if data:
            end = offset + len(data)
            _put(self.cache, offset, data)
            self.size_bytes = max(self.size_bytes, end)
            self.dirty.update(_sectors(offset, end))

    def read(self, offset: int, size_bytes: int) -> bytes:
        end = min(offset + size_bytes, self.size_bytes)
        return bytes(self.cache[offset:end]).ljust(max(end - offset, 0), b"\0")

    def persist(self, first: int, end: int) -> None:
        """Bring the sectors from the cache to the disk."""
        start = first * SECTOR_BYTES
        _put(self.durable, start, self.cache[start : end * SECTOR_BYTES])

    def sync(self, offset: int, end: int) -> None:
        """Bring the octets of a write, and so much of the length, to the disk."""
        sectors = _sectors(offset, end)
        self.persist(sectors.start, sectors.stop)
        self.dirty.difference_update(sectors)
        self.durable_size_bytes = max(self.durable_size_bytes, end)

    def sync_all(self) -> None:
        for sector in self.dirty:
            self.persist(sector, sector + 1)
        self.dirty.clear()
        self.durable_size_bytes = self.size_bytes

    def fail_sync(self, sectors: Sequence[int], random: Random) -> None:
        """Some sectors reach the disk, the others are forgotten: they pass for written from now on."""
        for sector in sectors:
            if random.random() < 0.5:
                self.persist(sector, sector + 1)
        self.dirty.difference_update(sectors)

    def cut(self, random: Random) -> None:
        """What is on disk, with some of what was on its way there, is all that is left."""
        likelihood = random.choice((0.0, 0.5, 1.0))
        for sector in sorted(self.dirty):
            if random.random() < likelihood:
                self.persist(sector, sector + 1)
        self.dirty.clear()
        self.size_bytes = self.durable_size_bytes = random.choice((self.durable_size_bytes, self.size_bytes))
        del self.durable[self.size_bytes :]
        self.cache = bytearray(self.durable)


class _Change:
    """A name that was given or taken away: the names before it are removed, those after it are set, all or none."""

    __slots__ = ("inode", "new", "old")

    def __init__(self, old: str | None, new: str | None, inode: _Inode) -> None:
        self.old = old
        self.new = new
        self.inode = inode

    def apply(self, names: dict[str, _Inode]) -> None:
        if self.old is not None:
            names.pop(self.old, None)
        if self.new is not None:
            names[self.new] = self.inode

    def folders(self) -> set[str]:
        return {_folder(name) for name in (self.old, self.new) if name is not None}


class SimulatedFile:
    """An open file of a SimulatedDisk; nobody may use it after a kill or a power cut."""

    def __init__(self, disk: "SimulatedDisk", name: str, inode: _Inode, writable: bool) -> None:
        self.name = name
        self._disk = disk
        self._inode: _Inode | None = inode
        self._writable = writable
        self._incarnation = disk.incarnation

    def _open_inode(self) -> _Inode:
        assert self._incarnation == self._disk.incarnation, f"{self.name} was opened by a process that is dead"
        if self._inode is None:
            raise _error(errno.EBADF, self.name)
        return self._inode

    def write(self, buffers: Sequence[bytes], offset: int, *, sync: bool) -> None:
        disk, inode = self._disk, self._open_inode()
        if not self._writable:
            raise _error(errno.EBADF, self.name)
        data = b"".join(buffers)
        end = offset + len(data)
        disk.check_power()
        try:
            disk.begin("write", self.name)
        except PowerLost:
            self._write_any_sectors(inode, data, offset)
            raise
        except OSError:
            written = disk.random.choice((0, disk.random.randint(0, len(data)), len(data)))
            inode.write(data[:written], offset)
            if sync and written == len(data):
                inode.fail_sync(_sectors(offset, end), disk.random)
            raise
        growth = end - inode.size_bytes
        if growth > 0 and growth > disk.free_now_bytes():
            inode.write(data[: max(len(data) - growth + disk.free_now_bytes(), 0)], offset)
            raise _error(errno.ENOSPC, self.name)
        inode.write(data, offset)
        if sync and data:
            inode.sync(offset, end)

    def _write_any_sectors(self, inode: _Inode, data: bytes, offset: int) -> None:
        end = offset + len(data)
        for sector in _sectors(offset, end):
            if self._disk.random.random() < 0.5:
                first = max(sector * SECTOR_BYTES, offset)
                last = min((sector + 1) * SECTOR_BYTES, end)
                inode.write(data[first - offset : last - offset], first)

    def read(self, offset: int, size_bytes: int) -> bytes:
        inode = self._open_inode()
        self._disk.begin("read", self.name)
        return inode.read(offset, size_bytes)

    def sync(self) -> None:
        inode = self._open_inode()
        self._disk.check_power()
        try:
            self._disk.begin("sync", self.name)
        except OSError:
            inode.fail_sync(sorted(inode.dirty), self._disk.random)
            raise
        inode.sync_all()

    def close(self) -> None:
        inode = self._open_inode()
        self._inode = None
        self._disk.closed(inode)


class SimulatedDisk:
    """A `Disk` in memory.

    random: decides what an interrupted operation did. capacity_bytes: more than this cannot be created or written; may
    be changed at any time. calls: the number of operations so far; what is only let go (`close`, `unlock`) is none.
    before: called ahead of every operation; may raise an OSError, which the operation then fails with, or PowerLost,
    and the operation is left in the middle.
    """

    def __init__(self, random: Random | None = None, capacity_bytes: int | None = None) -> None:
        self.random = random or Random(0)
        self.capacity_bytes = capacity_bytes
        self.calls = 0
        self.before: Hook | None = None
        self.incarnation = 0
        self._faults: dict[int, OSError | PowerLost] = {}
        self._powered = True
        self._locked = False
        self._folders = {""}
        self._names: dict[str, _Inode] = {}
        self._durable_names: dict[str, _Inode] = {}
        self._changes: list[_Change] = []
        self._open: list[_Inode] = []

    # What tests do to it.

    def fail_at(self, call_number: int, error: OSError | PowerLost) -> None:
        """The operation of this number, counted like `calls` (the next one is `calls` + 1), fails with the error."""
        self._faults[call_number] = error

    def kill(self) -> None:
        """The process dies: its files and its lock are gone, what it wrote is in the page cache."""
        self.incarnation += 1
        self._powered = True
        self._locked = False
        self._open.clear()

    def power_cut(self, random: Random | None = None) -> None:
        """The machine dies and starts again: what was synced is there, and any part of what was not."""
        random = random or self.random
        self.kill()
        for change in self._changes[: random.randint(0, len(self._changes))]:
            change.apply(self._durable_names)
        self._changes.clear()
        for inode in self._durable_names.values():
            inode.cut(random)
        self._names = dict(self._durable_names)

    def flip(self, name: str, offset: int, bit: int) -> None:
        """Damage one bit of a file at rest: in the cache and on disk."""
        inode = self._names[name]
        assert 0 <= offset < inode.size_bytes, f"{name} has {inode.size_bytes} octets"
        for octets in (inode.cache, inode.durable):
            octet = octets[offset] if offset < len(octets) else 0
            _put(octets, offset, bytes([octet ^ 1 << bit]))

    # What happens to every operation.

    def check_power(self) -> None:
        if not self._powered:
            raise PowerLost

    def begin(self, operation: str, name: str) -> None:
        self.check_power()
        self.calls += 1
        try:
            if self.before is not None:
                self.before(self.calls, operation, name)
            fault = self._faults.get(self.calls)
            if fault is not None:
                raise fault
        except PowerLost:
            self._powered = False
            raise
        except OSError as error:
            error.filename = error.filename or name
            raise

    def _perform(self, operation: str, name: str, change: Callable[[], Result]) -> Result:
        """A change of names; if the power is lost in the middle it happens or does not."""
        self.check_power()
        try:
            self.begin(operation, name)
        except PowerLost:
            if self.random.random() < 0.5:
                with suppress(OSError):
                    change()
            raise
        return change()

    def free_now_bytes(self) -> int:
        if self.capacity_bytes is None:
            return NO_LIMIT_BYTES
        inodes = {id(inode): inode.size_bytes for inode in [*self._names.values(), *self._open]}
        return max(self.capacity_bytes - sum(inodes.values()), 0)

    def closed(self, inode: _Inode) -> None:
        self._open.remove(inode)

    def _change(self, old: str | None, new: str | None, inode: _Inode) -> None:
        change = _Change(old, new, inode)
        change.apply(self._names)
        self._changes.append(change)

    def _found(self, name: str) -> _Inode:
        if name not in self._names:
            raise _error(errno.EISDIR if name in self._folders else errno.ENOENT, name)
        return self._names[name]

    def _check_place(self, name: str) -> None:
        """A file may have this name if its folder is there and no folder has the name."""
        if _folder(name) not in self._folders:
            raise _error(errno.ENOENT, name)
        if name in self._folders:
            raise _error(errno.EISDIR, name)

    def _opened(self, name: str, inode: _Inode, writable: bool) -> SimulatedFile:
        self._open.append(inode)
        return SimulatedFile(self, name, inode, writable)

    # The interface of a disk.

    def make_folder(self, name: str) -> None:
        self.begin("make_folder", name)
        while name:
            if name in self._names:
                raise _error(errno.EEXIST, name)
            self._folders.add(name)
            name = _folder(name)

    def names(self, folder: str) -> list[str]:
        self.begin("names", folder)
        inside = [name for name in [*self._names, *self._folders] if name and _folder(name) == folder]
        return sorted(name.rpartition("/")[2] for name in inside)

    def exists(self, name: str) -> bool:
        self.begin("exists", name)
        return name in self._names or name in self._folders

    def size_bytes(self, name: str) -> int:
        self.begin("size_bytes", name)
        return self._found(name).size_bytes

    def create(self, name: str, size_bytes: int) -> SimulatedFile:
        inode = self._perform("create", name, lambda: self._create(name, size_bytes))
        return self._opened(name, inode, True)

    def _create(self, name: str, size_bytes: int) -> _Inode:
        if name in self._names or name in self._folders:
            raise _error(errno.EEXIST, name)
        self._check_place(name)
        if size_bytes > self.free_now_bytes():
            raise _error(errno.ENOSPC, name)
        inode = _Inode(size_bytes)
        self._change(None, name, inode)
        return inode

    def open(self, name: str, *, writable: bool = False) -> SimulatedFile:
        self.begin("open", name)
        return self._opened(name, self._found(name), writable)

    def rename(self, old: str, new: str) -> None:
        self._perform("rename", old, lambda: self._rename(old, new))

    def _rename(self, old: str, new: str) -> None:
        inode = self._found(old)
        self._check_place(new)
        self._change(old, new, inode)

    def remove(self, name: str) -> None:
        self._perform("remove", name, lambda: self._change(name, None, self._found(name)))

    def sync_folder(self, name: str) -> None:
        self.begin("sync_folder", name)
        if name not in self._folders:
            raise _error(errno.ENOENT, name)
        # With a change goes what came before it in a folder that it shares: a rename needs the file to be there.
        folders, synced, left = {name}, [], []
        for change in reversed(self._changes):
            if folders & change.folders():
                folders |= change.folders()
                synced.append(change)
            else:
                left.append(change)
        for change in reversed(synced):
            change.apply(self._durable_names)
        self._changes = left[::-1]

    def free_bytes(self) -> int:
        self.begin("free_bytes", "")
        return self.free_now_bytes()

    def lock(self) -> None:
        self.begin("lock", LOCK)
        if self._locked:
            raise DirectoryInUse(LOCK, PID)
        if LOCK not in self._names:
            self._change(None, LOCK, _Inode())
        self._names[LOCK].write(b"%d\n" % PID, 0)
        self._locked = True

    def unlock(self) -> None:
        self._locked = False
