"""A filesystem that loses its power: ext4 in an image file, on a loop device, shut down without a word.

The ioctl by which filesystems are shut down for tests like this stops the mounted one in its tracks: what was not
synced, or written back by the kernel of its own accord, never reaches the image, and its own journal is not flushed. It
is one instant for the whole image, which no copy of it could be. Mounted again it is what a machine finds after a
power cut. `unsynced_is_lost` shows by an experiment that this is so where the loop runs.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# FS_IOC_SHUTDOWN, linux/fs.h: _IOR('X', 125, __u32); and its flags.
_SHUTDOWN: Final = 0x8004587D
_WITHOUT_FLUSH: Final = 2
_PROGRAMS: Final = ("losetup", "mkfs.ext4", "mount", "umount", "truncate")
_TIMEOUT_S: Final = 60.0


class Image:
    """A mounted filesystem of its own. mount_point: where it is. device: the loop device, while there is one."""

    def __init__(self, directory: Path, size_mb: int) -> None:
        self.mount_point = directory / "disk"
        self._file = directory / "image"
        self._size_mb = size_mb
        self.device: str | None = None
        self._mounted = False

    def __enter__(self) -> "Image":
        try:
            self.mount_point.mkdir()
            with self._file.open("wb") as file:
                file.truncate(self._size_mb * 1_000_000)
            # Inodes and journal are laid down at once: a thread of the kernel would write them later, beside the loop.
            _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self._file))
            self.device = _run("losetup", "--find", "--show", "--direct-io=on", str(self._file)).strip()
            self.mount()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing stays behind, whatever has happened."""
        if self._mounted:
            # Lazily if it must be: a process that has a file open would keep the device for ever.
            subprocess.run(["umount", self.mount_point], check=False, capture_output=True, timeout=_TIMEOUT_S)
            subprocess.run(["umount", "--lazy", self.mount_point], check=False, capture_output=True, timeout=_TIMEOUT_S)
            self._mounted = False
        if self.device is not None:
            subprocess.run(["losetup", "--detach", self.device], check=False, capture_output=True, timeout=_TIMEOUT_S)
            self.device = None
        self._file.unlink(missing_ok=True)

    def mount(self) -> None:
        assert self.device is not None
        _run("mount", "-t", "ext4", self.device, str(self.mount_point))
        self._mounted = True

    def unmount(self) -> None:
        _run("umount", str(self.mount_point))
        self._mounted = False

    def cut_power(self) -> None:
        """From now on nothing is written; reading and writing fail with EIO.

        A sync that is under way at this instant may succeed without being on disk: whoever syncs must be frozen before.
        """
        descriptor = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSH))
        finally:
            os.close(descriptor)

    def restore_power(self) -> None:
        """Mounts what the image holds. Nobody may have a file open."""
        self.unmount()
        self.mount()


def cannot() -> str | None:
    """Why no such filesystem can be had here; None: it can."""
    if sys.platform != "linux":
        return "loop devices are Linux's"
    if os.geteuid() != 0:
        return "a loop device takes root"
    if missing := [program for program in _PROGRAMS if shutil.which(program) is None]:
        return f"{', '.join(missing)}: not installed"
    found = subprocess.run(["losetup", "--find"], check=False, capture_output=True, text=True, timeout=_TIMEOUT_S)
    if found.returncode != 0:
        return f"no loop device: {found.stderr.strip()}"
    return None


def backing_file(device: str | None) -> str | None:
    """The file behind a loop device; None if it has none."""
    found = subprocess.run(
        ["losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"],
        check=True,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    return dict(line.split(maxsplit=1) for line in found.stdout.splitlines()).get(device or "")


def unsynced_is_lost(image: Image) -> str | None:
    """Cuts the power once: what was synced has to be there afterwards and what was not has to be gone.

    Returns what was otherwise. The files are those of a journal: allocated, synced in part.
    """
    folder = image.mount_point / "control"
    folder.mkdir()
    allocated = os.open(folder / "allocated", os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(allocated, 0, 1 << 20)
    os.fsync(allocated)
    with _opened(folder) as directory:
        os.fsync(directory)
    with _opened(image.mount_point) as directory:
        os.fsync(directory)
    os.pwrite(allocated, b"synced", 0)
    os.fdatasync(allocated)
    os.pwrite(allocated, b"unsynced", 512 * 1024)
    (folder / "never synced").write_bytes(b"unsynced")
    image.cut_power()
    try:
        os.fsync(allocated)
        return "a sync succeeded after the power was cut"
    except OSError as error:
        if error.errno != errno.EIO:
            raise
    finally:
        os.close(allocated)
        image.restore_power()
    found = (folder / "allocated").read_bytes()
    if not found.startswith(b"synced"):
        return "what was synced is gone"
    if b"unsynced" in found or (folder / "never synced").exists():
        return "what was not synced is there"
    shutil.rmtree(folder)
    return None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _run(*command: str) -> str:
    """Its output. Raises OSError with its own words."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_S)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
