"""The simulated disk: a faithful one while nothing fails, and one that promises no more than POSIX when it does."""

import errno
from collections.abc import Callable
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpbroker.journal.disk import LOCK, DirectoryInUse, Disk, DiskFile, FileDisk
from tests.helpers.simulated_disk import PID, SECTOR_BYTES, PowerLost, SimulatedDisk

SEEDS = range(40)
IO_ERROR = (errno.EIO, "Input/output error")
NO_SPACE = (errno.ENOSPC, "No space left on device")


def outcomes(what: Callable[[Random], object]) -> set[object]:
    """All that may come of it."""
    return {what(Random(seed)) for seed in SEEDS}


def contents(disk: Disk, name: str) -> bytes | None:
    """The whole file, None if there is none."""
    if not disk.exists(name):
        return None
    file = disk.open(name)
    data = file.read(0, disk.size_bytes(name))
    file.close()
    return data


def synced_file(disk: SimulatedDisk, name: str, octets: bytes) -> DiskFile:
    """A file that is on disk with its name."""
    file = disk.create(name, len(octets))
    file.write([octets], 0, sync=False)
    file.sync()
    disk.sync_folder(name.rpartition("/")[0])
    return file


def sectors(letters: str) -> bytes:
    return b"".join(letter.encode() * SECTOR_BYTES for letter in letters)


def letters(octets: bytes | None) -> str | None:
    """What `sectors` made, or what is left of it, each sector by its last octet; "." is a zero."""
    return None if octets is None else octets[SECTOR_BYTES - 1 :: SECTOR_BYTES].replace(b"\0", b".").decode()


def after_power_cut(act: Callable[[SimulatedDisk], object]) -> set[object]:
    """What may be in the file "1.seg" if the power is cut after the act; it begins with two sectors, "ab"."""

    def once(random: Random) -> object:
        disk = SimulatedDisk(random)
        synced_file(disk, "1.seg", sectors("ab")).close()
        act(disk)
        disk.power_cut()
        return letters(contents(disk, "1.seg"))

    return outcomes(once)


def written(disk: SimulatedDisk, text: str, *, sync: bool, at: int = 0) -> DiskFile:
    file = disk.open("1.seg", writable=True)
    file.write([sectors(text)], at * SECTOR_BYTES, sync=sync)
    return file


# As long as nothing fails.

names = st.sampled_from(["MANIFEST", "log/1.seg", "log/2.seg", "old/1.seg", "log"])
folders = st.sampled_from(["", "log", "old"])
buffers = st.lists(st.binary(max_size=700), max_size=4)
offsets = st.integers(0, 3_000)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("make_folder"), folders),
        st.tuples(st.just("names"), folders),
        st.tuples(st.just("exists"), names),
        st.tuples(st.just("create"), names, st.integers(0, 2_000)),
        st.tuples(st.just("rename"), names, names),
        st.tuples(st.just("remove"), names),
        st.tuples(st.just("sync_folder"), folders),
        st.tuples(st.just("write"), names, buffers, offsets, st.booleans()),
        st.tuples(st.just("read"), names, offsets, st.integers(0, 4_000)),
        st.tuples(st.just("sync"), names),
        st.tuples(st.just("size_bytes"), names),
    ),
    min_size=10,
    max_size=40,
)


class User:
    """Does operations one after the other; keeps a file open once it has written it, under whatever name it goes."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.files: dict[str, DiskFile] = {}

    def answer(self, operation: str, name: str, *arguments: object) -> object:
        """What came of it: an error by its number."""
        if operation == "size_bytes" and name == "log":
            return None  # a folder's own length is nobody's business
        try:
            done_by = self if hasattr(self, operation) else self.disk
            return getattr(done_by, operation)(name, *arguments)
        except OSError as error:
            return error.errno

    def rename(self, old: str, new: str) -> None:
        if "log" not in (old, new):
            self.disk.rename(old, new)

    def create(self, name: str, size_bytes: int) -> None:
        self.disk.create(name, size_bytes).close()

    def file(self, name: str) -> DiskFile:
        if name not in self.files:
            self.files[name] = self.disk.open(name, writable=True)
        return self.files[name]

    def write(self, name: str, buffers: list[bytes], offset: int, sync: bool) -> None:
        self.file(name).write(buffers, offset, sync=sync)

    def read(self, name: str, offset: int, size_bytes: int) -> bytes:
        return self.file(name).read(offset, size_bytes)

    def sync(self, name: str) -> None:
        self.file(name).sync()

    def close(self) -> None:
        for file in self.files.values():
            file.close()


@given(operations)
@settings(max_examples=150, deadline=None)
def test_it_answers_like_the_disk_of_the_file_system(asked: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as folder:
        users = [User(FileDisk(folder)), User(SimulatedDisk())]
        for operation in [("make_folder", "log"), *asked]:
            real, simulated = (user.answer(*operation) for user in users)
            assert simulated == real, operation
        for user in users:
            user.close()


@given(operations, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_a_kill_changes_nothing_that_can_be_read(asked: list[tuple[str, str]], random: Random) -> None:
    disk = SimulatedDisk(random)
    user = User(disk)
    for operation in [("make_folder", "log"), *asked]:
        user.answer(*operation)

    def everything() -> list[tuple[str, bytes | None]]:
        found = [f"{folder}/{name}".lstrip("/") for folder in ("", "log", "old") for name in disk.names(folder)]
        return [(name, contents(disk, name)) for name in found if name not in ("log", "old")]

    before = everything()
    disk.kill()
    assert everything() == before


# Power cuts.

SEGMENT_SECTORS = 8
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 6), st.integers(1, 2), st.booleans()),
        st.tuples(st.just("sync")),
        st.tuples(st.just("fail_sync")),
        st.tuples(st.just("power_cut")),
        st.tuples(st.just("kill")),
    ),
    max_size=30,
)


class Sectors:
    """What each sector holds, what it may hold after a power cut, and whether the next sync settles it."""

    def __init__(self, octets: bytes) -> None:
        self.now = bytearray(octets)
        self.later = [{octet} for octet in octets]
        self.dirty: set[int] = set()

    def write(self, numbers: range, value: int, sync: bool) -> None:
        for number in numbers:
            self.now[number] = value
            self.later[number] = {value} if sync else self.later[number] | {value}
        self.dirty = self.dirty.difference(numbers) if sync else self.dirty.union(numbers)

    def sync(self) -> None:
        for number in self.dirty:
            self.later[number] = {self.now[number]}
        self.dirty.clear()

    def fail_sync(self) -> None:
        """No later sync says anything of these."""
        self.dirty.clear()


@given(steps, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_what_was_synced_is_there_after_a_power_cut(taken: list[tuple[str, int, int, bool]], random: Random) -> None:
    disk, expected = SimulatedDisk(random), Sectors(bytes(SEGMENT_SECTORS))
    file = synced_file(disk, "1.seg", bytes(SEGMENT_SECTORS * SECTOR_BYTES))
    for value, (step, *arguments) in enumerate([*taken, ("power_cut",)], 1):
        if step == "write":
            first, count, sync = map(int, arguments)
            file.write([bytes([value]) * (count * SECTOR_BYTES)], first * SECTOR_BYTES, sync=bool(sync))
            expected.write(range(first, first + count), value, bool(sync))
        elif step == "sync":
            file.sync()
            expected.sync()
        elif step == "fail_sync":
            disk.fail_at(disk.calls + 1, OSError(*IO_ERROR))
            with pytest.raises(OSError, match="Input/output error"):
                file.sync()
            expected.fail_sync()
        else:
            disk.kill() if step == "kill" else disk.power_cut()
            file = disk.open("1.seg", writable=True)
            found = file.read(0, SEGMENT_SECTORS * SECTOR_BYTES)[::SECTOR_BYTES]
            if step == "kill":
                assert found == expected.now
            else:
                assert all(octet in allowed for octet, allowed in zip(found, expected.later, strict=True))
                expected = Sectors(found)


def test_a_power_cut_leaves_any_part_of_what_was_not_synced() -> None:
    left = after_power_cut(lambda disk: written(disk, "cd", sync=False))
    assert left == {"ab", "cb", "ad", "cd"}


def test_a_synced_write_speaks_for_its_own_octets_alone() -> None:
    def act(disk: SimulatedDisk) -> None:
        written(disk, "c", sync=False)
        written(disk, "d", sync=True, at=1)

    assert after_power_cut(act) == {"ad", "cd"}


def test_a_sync_speaks_for_the_whole_file() -> None:
    assert after_power_cut(lambda disk: written(disk, "cd", sync=False).sync()) == {"cd"}


def test_a_length_that_was_not_synced_may_be_lost_and_may_come_without_the_octets() -> None:
    left = after_power_cut(lambda disk: written(disk, "cd", sync=False, at=2))
    assert left == {"ab", "ab..", "abc.", "ab.d", "abcd"}


def test_a_failed_sync_passes_for_done_and_the_next_one_says_nothing() -> None:
    def act(disk: SimulatedDisk) -> None:
        file = written(disk, "c", sync=False)
        disk.fail_at(disk.calls + 1, OSError(*IO_ERROR))
        with pytest.raises(OSError, match="Input/output error"):
            file.sync()
        file.sync()
        assert letters(contents(disk, "1.seg")) == "cb"

    assert after_power_cut(act) == {"ab", "cb"}


def test_a_synced_write_that_fails_may_have_written_any_beginning_and_passes_for_synced() -> None:
    seen: set[str | None] = set()

    def act(disk: SimulatedDisk) -> None:
        disk.fail_at(disk.calls + 2, OSError(*IO_ERROR))
        with pytest.raises(OSError, match="Input/output error"):
            written(disk, "cd", sync=True)
        data = contents(disk, "1.seg")
        assert data is not None
        begun = len(data) - len(data.lstrip(b"cd"))
        seen.add("none" if begun == 0 else "all" if data == sectors("cd") else "some")
        file = disk.open("1.seg", writable=True)
        file.sync()

    assert after_power_cut(act) >= {"ab", "cd", "cb", "ad"}
    assert seen == {"none", "some", "all"}


# Names.


def names_after_power_cut(act: Callable[[SimulatedDisk], object]) -> set[object]:
    """Which files there may be; "log/a" and "log/b" are there at first, "log/a" holds an A."""

    def once(random: Random) -> object:
        disk = SimulatedDisk(random)
        disk.make_folder("log")
        disk.make_folder("old")
        synced_file(disk, "log/a", b"A")
        synced_file(disk, "log/b", b"B")
        act(disk)
        disk.power_cut()
        found = [f"{folder}/{name}" for folder in ("log", "old") for name in disk.names(folder)]
        return " ".join(f"{name}={(contents(disk, name) or b'').decode()}" for name in found)

    return outcomes(once)


def test_a_file_whose_name_is_not_synced_may_be_gone() -> None:
    def act(disk: SimulatedDisk) -> None:
        disk.create("log/c", 0).write([b"C"], 0, sync=True)

    assert names_after_power_cut(act) == {"log/a=A log/b=B", "log/a=A log/b=B log/c=C"}


def test_a_file_that_is_not_synced_may_be_empty_though_its_name_is() -> None:
    def act(disk: SimulatedDisk) -> None:
        disk.create("log/c", 0).write([b"C"], 0, sync=False)
        disk.sync_folder("log")

    left = names_after_power_cut(act)
    assert left == {"log/a=A log/b=B log/c=", "log/a=A log/b=B log/c=\0", "log/a=A log/b=B log/c=C"}


def test_a_rename_is_undone_or_done_and_the_replaced_file_is_there_or_the_new_one() -> None:
    assert names_after_power_cut(lambda disk: disk.rename("log/a", "log/b")) == {"log/a=A log/b=B", "log/b=A"}


def test_a_removed_file_may_come_back() -> None:
    assert names_after_power_cut(lambda disk: disk.remove("log/a")) == {"log/a=A log/b=B", "log/b=B"}


def test_changes_of_names_happen_in_their_order() -> None:
    def act(disk: SimulatedDisk) -> None:
        disk.remove("log/a")
        disk.remove("log/b")

    assert names_after_power_cut(act) == {"log/a=A log/b=B", "log/b=B", ""}


def test_what_a_power_cut_has_left_the_next_one_leaves() -> None:
    for seed in SEEDS:
        disk = SimulatedDisk(Random(seed))
        disk.create("a", 1).close()
        disk.rename("a", "b")
        disk.power_cut()
        left = disk.names("")
        disk.power_cut()
        assert disk.names("") == left


def test_a_synced_folder_keeps_its_names_and_says_nothing_of_another() -> None:
    def act(disk: SimulatedDisk) -> None:
        disk.create("old/c", 0).close()
        disk.rename("log/a", "log/c")
        disk.sync_folder("log")

    assert names_after_power_cut(act) == {"log/b=B log/c=A", "log/b=B log/c=A old/c="}


def test_a_synced_folder_brings_what_its_names_came_from() -> None:
    def act(disk: SimulatedDisk) -> None:
        disk.rename("log/a", "log/c")
        disk.rename("log/c", "old/c")
        disk.sync_folder("old")

    assert names_after_power_cut(act) == {"log/b=B old/c=A"}


# The process dies in the middle.


def test_a_write_that_is_interrupted_may_have_written_any_of_its_sectors() -> None:
    def once(random: Random) -> object:
        disk = SimulatedDisk(random)
        synced_file(disk, "1.seg", sectors("ab"))
        disk.fail_at(disk.calls + 2, PowerLost())
        with pytest.raises(PowerLost):
            written(disk, "cd", sync=True)
        disk.kill()
        return letters(contents(disk, "1.seg"))

    assert outcomes(once) == {"ab", "cb", "ad", "cd"}


def test_a_write_inside_a_sector_that_is_interrupted_has_written_it_or_not() -> None:
    def once(random: Random) -> object:
        disk = SimulatedDisk(random)
        file = synced_file(disk, "1.seg", b"a" * 500)
        disk.fail_at(disk.calls + 1, PowerLost())
        with pytest.raises(PowerLost):
            file.write([b"b" * 100], 300, sync=True)
        disk.kill()
        return contents(disk, "1.seg")

    assert outcomes(once) == {b"a" * 500, b"a" * 300 + b"b" * 100 + b"a" * 100}


def test_a_write_that_is_interrupted_stays_inside_its_octets() -> None:
    for seed in SEEDS:
        disk = SimulatedDisk(Random(seed))
        file = synced_file(disk, "1.seg", b"a" * 2_000)
        disk.fail_at(disk.calls + 1, PowerLost())
        with pytest.raises(PowerLost):
            file.write([b"b" * 900], 300, sync=True)
        disk.power_cut()
        data = contents(disk, "1.seg")
        assert data is not None and len(data) == 2_000
        assert data[:300] == b"a" * 300 and data[1_200:] == b"a" * 800


@pytest.mark.parametrize(
    ("change", "undone", "done"),
    [
        (lambda disk: disk.create("2.seg", 1), ["1.seg"], ["1.seg", "2.seg"]),
        (lambda disk: disk.rename("1.seg", "2.seg"), ["1.seg"], ["2.seg"]),
        (lambda disk: disk.remove("1.seg"), ["1.seg"], []),
    ],
    ids=["create", "rename", "remove"],
)
def test_a_change_that_is_interrupted_happens_or_not(
    change: Callable[[SimulatedDisk], object], undone: list[str], done: list[str]
) -> None:
    def once(random: Random) -> object:
        disk = SimulatedDisk(random)
        synced_file(disk, "1.seg", b"a")
        disk.fail_at(disk.calls + 1, PowerLost())
        with pytest.raises(PowerLost):
            change(disk)
        disk.kill()
        return tuple(disk.names(""))

    assert outcomes(once) == {tuple(undone), tuple(done)}


def test_without_power_nothing_is_answered_and_nothing_changes() -> None:
    disk = SimulatedDisk()
    file = synced_file(disk, "1.seg", b"a")
    disk.fail_at(disk.calls + 1, PowerLost())
    calls = disk.calls + 1
    for act in (
        lambda: disk.names(""),
        lambda: file.write([b"b"], 0, sync=True),
        file.sync,
        lambda: file.read(0, 1),
        lambda: disk.remove("1.seg"),
        disk.lock,
    ):
        with pytest.raises(PowerLost):
            act()
    assert disk.calls == calls
    disk.kill()
    assert contents(disk, "1.seg") == b"a"


def test_a_file_of_a_dead_process_cannot_be_used() -> None:
    disk = SimulatedDisk()
    file = disk.create("1.seg", 1)
    disk.kill()
    with pytest.raises(AssertionError, match=r"1\.seg was opened by a process that is dead"):
        file.sync()


# What tests do to it.


@pytest.mark.parametrize("end", [SimulatedDisk.unlock, SimulatedDisk.kill, SimulatedDisk.power_cut])
def test_the_lock_is_held_until_the_end_of_the_process(end: Callable[[SimulatedDisk], None]) -> None:
    disk = SimulatedDisk()
    disk.lock()
    with pytest.raises(DirectoryInUse) as caught:
        disk.lock()
    assert caught.value.holder_pid == PID
    assert contents(disk, LOCK) == b"%d\n" % PID
    end(disk)
    disk.lock()


def test_operations_are_counted_and_told_before_they_happen() -> None:
    disk, told = SimulatedDisk(), []
    disk.before = lambda number, operation, name: told.append((number, operation, name))
    file = disk.create("1.seg", 1)
    file.write([b"a"], 0, sync=True)
    file.close()
    disk.rename("1.seg", "2.seg")
    assert told == [(1, "create", "1.seg"), (2, "write", "1.seg"), (3, "rename", "1.seg")]
    assert disk.calls == 3


def test_the_operation_of_a_number_fails_once_and_names_its_file() -> None:
    disk = SimulatedDisk()
    disk.fail_at(2, OSError(*NO_SPACE))
    disk.create("1.seg", 1)
    with pytest.raises(OSError, match="No space left") as caught:
        disk.create("2.seg", 1)
    assert caught.value.filename == "2.seg"
    assert disk.names("") == ["1.seg"]
    disk.create("2.seg", 1)


def test_a_hook_fails_what_it_likes() -> None:
    def no_syncs(_: int, operation: str, name: str) -> None:
        if operation == "sync":
            raise OSError(*IO_ERROR, name)

    disk = SimulatedDisk()
    disk.before = no_syncs
    file = disk.create("1.seg", 1)
    with pytest.raises(OSError, match="Input/output error"):
        file.sync()


def test_a_full_disk_takes_what_fits_and_no_more() -> None:
    disk = SimulatedDisk(capacity_bytes=1_000)
    file = disk.create("1.seg", 600)
    with pytest.raises(OSError, match="No space left"):
        disk.create("2.seg", 401)
    file.write([b"a" * 600], 0, sync=True)
    with pytest.raises(OSError, match="No space left"):
        file.write([b"b" * 600], 500, sync=True)
    assert (disk.size_bytes("1.seg"), disk.free_bytes()) == (1_000, 0)
    assert file.read(499, 600) == b"a" + b"b" * 500
    disk.capacity_bytes = 1_200
    assert disk.free_bytes() == 200


def test_the_space_of_a_removed_file_is_free_when_nobody_has_it_open() -> None:
    disk = SimulatedDisk(capacity_bytes=1_000)
    file = disk.create("1.seg", 600)
    disk.remove("1.seg")
    assert disk.free_bytes() == 400
    file.close()
    assert disk.free_bytes() == 1_000


def test_the_space_of_a_replaced_file_is_free() -> None:
    disk = SimulatedDisk(capacity_bytes=1_000)
    disk.create("1.seg", 600).close()
    disk.create("2.seg", 100).close()
    disk.rename("2.seg", "1.seg")
    assert disk.free_bytes() == 900


@pytest.mark.parametrize("crash", [lambda disk: None, SimulatedDisk.kill, SimulatedDisk.power_cut])
def test_a_flipped_bit_is_damage_that_lasts(crash: Callable[[SimulatedDisk], None]) -> None:
    disk = SimulatedDisk()
    disk.create("1.seg", 2_000).sync()
    disk.sync_folder("")
    disk.flip("1.seg", 1_000, 6)
    crash(disk)
    assert contents(disk, "1.seg") == bytes(1_000) + b"\x40" + bytes(999)
    disk.flip("1.seg", 1_000, 6)
    assert contents(disk, "1.seg") == bytes(2_000)


def test_the_same_random_leaves_the_same_disk() -> None:
    def once() -> object:
        disk = SimulatedDisk(Random(7))
        synced_file(disk, "1.seg", sectors("aaaaaaaaaaaa"))
        written(disk, "bbbbbbbbbbbb", sync=False)
        disk.power_cut(Random(3))
        return contents(disk, "1.seg")

    assert once() == once()
