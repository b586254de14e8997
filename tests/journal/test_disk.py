"""The disk of the file system: what it asks of the system, what it makes of the answers, and who holds the lock."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amqpbroker.journal.disk import BUFFERS_MAX, LOCK, DirectoryInUse, DiskFile, FileDisk

HOLDER = """
import sys
from amqpbroker.journal.disk import FileDisk
disk = FileDisk(sys.argv[1])
disk.lock()
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def disk(tmp_path: Path) -> FileDisk:
    return FileDisk(tmp_path)


@pytest.fixture
def file(disk: FileDisk) -> Iterator[DiskFile]:
    created = disk.create("1.seg", 4_096)
    yield created
    created.close()


class SystemCalls:
    """What was asked of the system, in order. written_max_bytes: no call of pwritev writes more than that."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, int]] = []
        self.written_max_bytes = sys.maxsize
        self.refused_flags = 0
        self._pwritev = os.pwritev
        patch.setattr(os, "pwritev", self.pwritev)
        patch.setattr(os, "fdatasync", self.noting("fdatasync", os.fdatasync))
        patch.setattr(os, "fsync", self.noting("fsync", os.fsync))

    def noting(self, name: str, call: Callable[..., None]) -> Callable[..., None]:
        def noted(*arguments: object) -> None:
            self.asked.append((name, 0))
            call(*arguments)

        return noted

    def pwritev(self, fd: int, buffers: list[bytes], offset: int, flags: int = 0) -> int:
        assert 0 < len(buffers) <= BUFFERS_MAX
        self.asked.append(("pwritev", flags))
        if flags & self.refused_flags:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return self._pwritev(fd, [b"".join(buffers)[: self.written_max_bytes]], offset, flags)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> SystemCalls:
    return SystemCalls(monkeypatch)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def failing(number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_what_is_written_is_read(file: DiskFile) -> None:
    file.write([b"one", b"", b"two"], 10, sync=True)
    file.write([b"three"], 16, sync=False)
    assert file.read(8, 14) == b"\0\0onetwothree\0"
    assert file.read(4_094, 10) == b"\0\0"


def test_a_write_of_nothing_writes_nothing(file: DiskFile, calls: SystemCalls) -> None:
    file.write([], 0, sync=False)
    file.write([b""], 0, sync=False)
    assert calls.asked == []


@pytest.mark.skipif(not hasattr(os, "RWF_DSYNC"), reason="this platform cannot write and sync in one call")
def test_a_synced_write_is_one_call(file: DiskFile, calls: SystemCalls) -> None:
    file.write([b"a"] * BUFFERS_MAX, 0, sync=True)
    assert calls.asked == [("pwritev", os.RWF_DSYNC)]


@pytest.mark.skipif(not hasattr(os, "RWF_DSYNC"), reason="this platform cannot write and sync in one call")
def test_where_the_system_refuses_the_flag_the_write_is_synced_by_a_call_of_its_own(
    file: DiskFile, calls: SystemCalls
) -> None:
    calls.refused_flags = os.RWF_DSYNC
    file.write([b"first"], 0, sync=True)
    assert calls.asked == [("pwritev", os.RWF_DSYNC), ("pwritev", 0), ("fdatasync", 0)]
    calls.asked.clear()
    file.write([b"again"], 0, sync=True)
    assert calls.asked == [("pwritev", 0), ("fdatasync", 0)]


def test_more_buffers_than_one_call_takes_are_synced_after_the_last(file: DiskFile, calls: SystemCalls) -> None:
    file.write([bytes([number % 251]) for number in range(BUFFERS_MAX * 2 + 1)], 5, sync=True)
    assert calls.asked == [("pwritev", 0)] * 3 + [("fdatasync", 0)]
    assert file.read(5, 3_000)[: BUFFERS_MAX * 2 + 1] == bytes(number % 251 for number in range(BUFFERS_MAX * 2 + 1))


@pytest.mark.parametrize("written_max_bytes", [1, 2, 3, 4, 7, 100])
def test_a_short_write_is_continued(file: DiskFile, calls: SystemCalls, written_max_bytes: int) -> None:
    calls.written_max_bytes = written_max_bytes
    file.write([b"abc", b"", b"d", b"efgh"], 2, sync=False)
    assert file.read(0, 12) == b"\0\0abcdefgh\0\0"


def test_every_part_of_a_short_write_is_synced(file: DiskFile, calls: SystemCalls) -> None:
    calls.written_max_bytes = 3
    file.write([b"abcd", b"e"], 0, sync=True)
    synced = all(flags for _, flags in calls.asked) or calls.asked[-1] == ("fdatasync", 0)
    assert len(calls.asked) > 1 and synced


def test_a_system_that_writes_nothing_is_not_asked_for_ever(file: DiskFile, calls: SystemCalls) -> None:
    calls.written_max_bytes = 0
    with pytest.raises(OSError, match="writes nothing") as caught:
        file.write([b"abc"], 0, sync=False)
    assert caught.value.errno == errno.EIO


def test_a_short_read_is_continued(file: DiskFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write([b"abcdefgh"], 0, sync=False)
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size_bytes, offset: pread(fd, min(size_bytes, 3), offset))
    assert file.read(0, 8) == b"abcdefgh"
    assert file.read(4_094, 8) == b"\0\0"


def test_without_sync_nothing_waits_for_the_disk(tmp_path: Path, calls: SystemCalls) -> None:
    disk = FileDisk(tmp_path, no_sync=True)
    disk.make_folder("log")
    file = disk.create("log/1.seg", 10)
    file.write([b"a"], 0, sync=True)
    file.sync()
    disk.sync_folder("log")
    file.close()
    assert calls.asked == [("pwritev", 0)]


def test_files_and_folders_are_synced(disk: FileDisk, file: DiskFile, calls: SystemCalls) -> None:
    file.sync()
    disk.sync_folder("")
    assert calls.asked == [("fdatasync", 0), ("fsync", 0)]


@pytest.mark.parametrize("flagged", [True, False])
def test_a_sync_that_fails_is_not_tried_again(
    file: DiskFile, calls: SystemCalls, monkeypatch: pytest.MonkeyPatch, flagged: bool
) -> None:
    calls.refused_flags = 0 if flagged else getattr(os, "RWF_DSYNC", 0)
    failed = "pwritev" if flagged else "fdatasync"
    monkeypatch.setattr(os, failed, calls.noting(failed, failing(errno.EIO)))
    with pytest.raises(OSError, match="Input/output error") as caught:
        file.write([b"a"], 0, sync=True)
    assert str(caught.value.filename).endswith("1.seg")
    assert [call for call, _ in calls.asked if call in {failed, "fdatasync"}] == [failed]


def test_a_new_file_has_its_length_and_its_space_and_is_its_owner_s_alone(disk: FileDisk, tmp_path: Path) -> None:
    disk.create("1.seg", 1_048_576).close()
    found = (tmp_path / "1.seg").stat()
    assert disk.size_bytes("1.seg") == 1_048_576
    assert mode(tmp_path / "1.seg") == 0o600
    assert found.st_blocks * 512 >= 1_048_576 or not hasattr(os, "posix_fallocate")


def test_a_file_that_is_there_is_not_made_again(disk: FileDisk, file: DiskFile) -> None:
    file.write([b"kept"], 0, sync=False)
    with pytest.raises(FileExistsError):
        disk.create("1.seg", 10)
    assert file.read(0, 4) == b"kept"


def test_a_file_that_finds_no_space_is_not_left_behind(disk: FileDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "posix_fallocate", failing(errno.ENOSPC), raising=False)
    with pytest.raises(OSError, match="No space left") as caught:
        disk.create("1.seg", 10)
    assert caught.value.errno == errno.ENOSPC
    assert disk.names("") == []


@pytest.mark.parametrize("refusal", [errno.EOPNOTSUPP, errno.EINVAL])
def test_where_space_cannot_be_allocated_the_file_has_its_length(
    disk: FileDisk, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", failing(refusal), raising=False)
    disk.create("1.seg", 10_000).close()
    assert disk.size_bytes("1.seg") == 10_000


def test_folders_are_their_owner_s_alone_and_may_be_there(tmp_path: Path) -> None:
    disk = FileDisk(tmp_path / "data" / "broker")
    disk.make_folder("log/old")
    disk.make_folder("log/old")
    disk.make_folder("")
    folders = ["data", "data/broker", "data/broker/log", "data/broker/log/old"]
    assert [mode(tmp_path / folder) for folder in folders] == [0o700] * 4


def test_a_folder_is_on_disk_when_it_is_made_also_by_a_process_that_was_killed(
    disk: FileDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(FileDisk, "_sync_folder", lambda self, path: synced.append(path))
    (tmp_path / "log").mkdir()
    disk.make_folder("log/old")
    assert synced == [str(tmp_path), str(tmp_path / "log")]


def test_names_are_sorted_and_a_folder_that_is_not_there_has_none(disk: FileDisk) -> None:
    disk.make_folder("log")
    for name in ("log/2.seg", "log/1.seg", "MANIFEST"):
        disk.create(name, 0).close()
    assert disk.names("log") == ["1.seg", "2.seg"]
    assert disk.names("") == ["MANIFEST", "log"]
    assert disk.names("paging") == []


def test_a_rename_replaces_and_a_removed_file_is_gone(disk: FileDisk, file: DiskFile) -> None:
    file.write([b"new"], 0, sync=False)
    disk.create("MANIFEST", 100).close()
    disk.rename("1.seg", "MANIFEST")
    assert disk.size_bytes("MANIFEST") == 4_096
    disk.remove("MANIFEST")
    assert disk.names("") == []


def test_a_file_opened_for_reading_cannot_be_written(disk: FileDisk, file: DiskFile) -> None:
    reader = disk.open("1.seg")
    with pytest.raises(OSError, match="Bad file descriptor"):
        reader.write([b"a"], 0, sync=False)
    reader.close()
    writer = disk.open("1.seg", writable=True)
    writer.write([b"a"], 0, sync=False)
    writer.close()
    assert file.read(0, 1) == b"a"


def test_what_cannot_be_looked_at_does_not_pass_for_missing(disk: FileDisk, file: DiskFile) -> None:
    assert disk.exists("1.seg") and not disk.exists("2.seg")
    with pytest.raises(NotADirectoryError):
        disk.exists("1.seg/MANIFEST")


@pytest.mark.parametrize(
    "operation",
    [
        lambda disk: disk.open("log/gone"),
        lambda disk: disk.remove("log/gone"),
        lambda disk: disk.rename("log/gone", "log/new"),
        lambda disk: disk.size_bytes("log/gone"),
        lambda disk: disk.create("log/gone/1.seg", 1),
    ],
    ids=["open", "remove", "rename", "size_bytes", "create"],
)
def test_errors_name_the_file(disk: FileDisk, tmp_path: Path, operation: Callable[[FileDisk], object]) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        operation(disk)
    assert str(caught.value.filename).startswith(str(tmp_path / "log" / "gone"))


@pytest.mark.parametrize(
    "use",
    [
        lambda file: file.write([b"a"], 0, sync=True),
        lambda file: file.read(0, 1),
        lambda file: file.sync(),
        lambda file: file.close(),
    ],
    ids=["write", "read", "sync", "close"],
)
def test_errors_of_an_open_file_name_it(disk: FileDisk, tmp_path: Path, use: Callable[[DiskFile], object]) -> None:
    file = disk.create("1.seg", 1)
    file.close()
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        use(file)
    assert caught.value.filename == str(tmp_path / "1.seg")


def test_free_space_is_what_this_process_may_use(disk: FileDisk, tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    assert disk.free_bytes() == pytest.approx(found.f_bavail * found.f_frsize, rel=0.1)


def test_one_disk_at_a_time_has_the_lock(disk: FileDisk, tmp_path: Path) -> None:
    other = FileDisk(tmp_path)
    disk.lock()
    with pytest.raises(DirectoryInUse, match=f"in use by process {os.getpid()}") as caught:
        other.lock()
    assert (caught.value.holder_pid, caught.value.filename) == (os.getpid(), str(tmp_path / LOCK))
    disk.unlock()
    other.lock()
    other.unlock()


def test_the_lock_s_file_holds_the_process_and_is_its_owner_s_alone(disk: FileDisk, tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("123456789012\n")
    (tmp_path / LOCK).chmod(0o600)
    disk.lock()
    assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
    assert mode(tmp_path / LOCK) == 0o600
    disk.unlock()
    disk.unlock()


def test_a_holder_that_has_not_signed_is_another_process(disk: FileDisk, tmp_path: Path) -> None:
    disk.lock()
    (tmp_path / LOCK).write_text("")
    with pytest.raises(DirectoryInUse, match="in use by another process") as caught:
        FileDisk(tmp_path).lock()
    assert caught.value.holder_pid is None
    disk.unlock()


def test_a_killed_process_gives_up_the_lock(disk: FileDisk, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"locked\n"
        with pytest.raises(DirectoryInUse) as caught:
            disk.lock()
        assert caught.value.holder_pid == holder.pid
        holder.send_signal(signal.SIGKILL)
    disk.lock()
    disk.unlock()
