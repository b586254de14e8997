"""A disk of which a crash leaves what it leaves."""

import errno

import pytest

from amqpbroker.testing.crashes.disk import CrashableDisk, CrashedError


def content(tmp_path) -> bytes:
    return (tmp_path / "file").read_bytes()


@pytest.mark.parametrize("octets", range(7))
def test_so_many_octets_are_written_and_none_behind_them(tmp_path, octets):
    disk = CrashableDisk(tmp_path)
    file = disk.create("file", 0)
    crashed = []
    disk.crash_after(octets, lambda: crashed.append(True))
    with pytest.raises(CrashedError) as caught:
        for _ in range(4):
            file.write([b"a", b"b"], len(content(tmp_path)), sync=True)
    assert (content(tmp_path), crashed, caught.value.errno) == (b"abababab"[:octets], [True], errno.EIO)
    file.close()


def test_a_dead_broker_writes_nothing_and_can_still_read(tmp_path):
    disk = CrashableDisk(tmp_path)
    file = disk.create("file", 0)
    file.write([b"before"], 0, sync=True)
    disk.die()
    disk.remove("file")
    for write in (
        lambda: file.write([b"after"], 0, sync=True),
        file.sync,
        lambda: disk.create("other", 0),
        lambda: disk.rename("file", "other"),
        lambda: disk.sync_folder(""),
    ):
        with pytest.raises(CrashedError):
            write()
    assert (file.read(0, 6), disk.names("")) == (b"before", ["file"])
    file.close()


def test_a_power_cut_loses_what_was_not_synced(tmp_path):
    disk = CrashableDisk(tmp_path)
    file = disk.create("file", 4)
    file.write([b"abcd"], 0, sync=True)
    file.write([b"XX"], 1, sync=False)
    file.sync()
    file.write([b"YYY"], 2, sync=False)
    file.write([b"Z"], 3, sync=False)
    disk.die()
    disk.cut_power()
    assert content(tmp_path) == b"aXXd"
    file.close()


def test_a_power_cut_takes_back_what_made_a_file_longer_whatever_it_is_called_by_now(tmp_path):
    disk = CrashableDisk(tmp_path)
    file = disk.create("new", 0)
    file.write([b"abc"], 0, sync=False)
    file.close()
    disk.rename("new", "file")
    disk.cut_power()
    assert content(tmp_path) == b""


def test_without_syncs_nothing_of_it_is_safe(tmp_path):
    disk = CrashableDisk(tmp_path, no_sync=True)
    file = disk.create("file", 2)
    file.write([b"ab"], 0, sync=True)
    file.sync()
    disk.cut_power()
    assert content(tmp_path) == b"\0\0"
    file.close()
