"""A data directory is opened, or refused and left as it is."""

import errno
from collections.abc import Callable
from random import Random
from zlib import crc32

import pytest

from amqpbroker.journal import format, manifest
from amqpbroker.journal.disk import DirectoryInUse
from amqpbroker.journal.format import BLOCK_BYTES
from amqpbroker.journal.opening import open_journal
from amqpbroker.journal.recovery import Damage
from amqpbroker.journal.segment import segment_name
from tests.helpers.durable import DurableServer, numbered, there
from tests.helpers.simulated_disk import SimulatedDisk
from tests.journal.mutations import Files, Journal, build, disk_of, files_of, last_commit, mutate, outcome, run

FIRST = "log/0000000000000001.seg"
LAST = "log/0000000000000002.seg"


def killed() -> Files:
    """What a broker leaves that was killed in its second life: two segments, and three messages in a queue."""
    server = DurableServer()
    for number in (1, 2, 3):
        server.put(numbered(1, number))
        server.commit()
        if number == 2:
            server = server.after_a_kill()
    return files_of(server.disk)


def refused(files: Files) -> tuple[str, int, str]:
    """Where and why, having seen that nothing was changed."""
    disk = disk_of(files)
    with pytest.raises(Damage) as fault:
        open_journal(disk, Random(0).randbytes, print)
    assert files_of(disk) == files
    return fault.value.file, fault.value.offset, fault.value.text


def needed(journal: Journal, name: str) -> int:
    """How much of a file is needed: of the last segment all before the seal, of a spare nothing."""
    sizes = {entry.id: entry.sealed for entry in manifest.decode(journal.files["MANIFEST"]).segments}
    of_segments = {segment_name(number): sealed for number, sealed in sizes.items()}
    if name == "MANIFEST":
        return len(journal.files[name])
    return of_segments.get(name, 0) or (last_commit(journal.files)[1].offset if name in of_segments else 0)


def flipped(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]


# What is opened


def test_an_empty_directory_becomes_a_journal() -> None:
    disk = SimulatedDisk()
    opened = open_journal(disk, Random(0).randbytes, print)
    assert (opened.log.epoch, opened.log.contents, opened.recovered.last) == (1, {}, None)
    assert len(manifest.read(disk).segments) == 1


def test_every_start_counts() -> None:
    server = DurableServer().after_a_kill().after_a_kill()
    assert manifest.read(server.disk).epoch == 3


def test_what_was_left_by_the_way_is_cleared_away() -> None:
    server = DurableServer()
    server.put(numbered(3))
    server.commit()
    for name in ("paging/00000000.page", "log/00000000000000ff.seg", "log/0000000000000099.spare"):
        server.disk.create(name, 100).close()
    server = server.after_a_kill()
    assert server.disk.names("paging") == []
    assert not {"00000000000000ff.seg", "0000000000000099.spare"} & set(server.disk.names("log"))
    assert there(server.queue()) == ["1", "2", "3"]


def test_a_start_that_is_cut_off_at_any_call_loses_nothing() -> None:
    files = killed()
    whole = disk_of(files)
    before = whole.calls
    DurableServer(whole)
    for call in range(1, whole.calls + 1 - before):
        disk = disk_of(files)
        disk.fail_at(disk.calls + call, OSError(errno.EIO, "the disk is gone"))
        with pytest.raises(OSError, match="the disk is gone"):
            DurableServer(disk)
        disk.power_cut()
        assert there(DurableServer(disk).queue()) == ["1", "2", "3"], call


# What is refused


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda files: files.pop("MANIFEST"), ("MANIFEST", 0, "it is missing, and there are segments")),
        (lambda files: files.pop(LAST), (LAST, 0, "the segment is missing")),
        (lambda files: files.update({FIRST: files[LAST]}), (FIRST, 0, "another segment than the manifest says")),
        (lambda files: files.update({LAST: flipped(files[LAST], 20)}), (LAST, 0, "checksum of the segment's")),
        (lambda files: files.update({LAST: files[LAST][:100]}), (LAST, 0, "shorter than the header")),
        (lambda files: files.update({LAST: flipped(files[LAST], 600)}), (LAST, 512, "is damaged, and commit")),
        (lambda files: files.update({FIRST: flipped(files[FIRST], 1_100)}), (FIRST, 1_024, "damaged or cut")),
        (lambda files: files.update(MANIFEST=files["MANIFEST"][:-3]), ("MANIFEST", 0, "checksum is wrong")),
        (lambda files: files.update(MANIFEST=b""), ("MANIFEST", 0, "does not begin like a manifest")),
        (
            lambda files: files.update(MANIFEST=b"amqpbroker-journal 3 %08x\n{}" % crc32(b"{}")),
            ("MANIFEST", 0, "it is of version 3, and this broker reads versions up to 2"),
        ),
    ],
)
def test_damage_is_refused_with_file_and_offset(
    damage: Callable[[Files], object], expected: tuple[str, int, str]
) -> None:
    files = killed()
    damage(files)
    file, offset, text = refused(files)
    assert (file, offset) == expected[:2]
    assert expected[2] in text


def test_a_segment_of_a_newer_version_is_refused() -> None:
    files = killed()
    start = bytearray(files[LAST][:32])
    start[11] = 3
    files[LAST] = (start + crc32(start).to_bytes(4, "big")).ljust(BLOCK_BYTES, b"\0") + files[LAST][BLOCK_BYTES:]
    assert refused(files)[2] == "it is of version 3, and this broker reads versions up to 2"


def test_damage_is_not_taken_for_a_newer_version() -> None:
    for name in ("MANIFEST", LAST):
        files = killed()
        files[name] = flipped(files[name], 18 if name == "MANIFEST" else 11)
        with pytest.raises(Damage) as fault:
            open_journal(disk_of(files), Random(0).randbytes, print)
        assert not fault.value.newer


def test_a_record_of_a_newer_version_is_refused() -> None:
    files = killed()
    entry = manifest.decode(files["MANIFEST"]).segments[-1]
    record = b"\x09" + format.encode_seal()[1:]
    frame = b"".join(format.encode_frame(entry.salt, BLOCK_BYTES, 3, entry.epoch, 1, record))
    files[LAST] = files[LAST][:BLOCK_BYTES] + frame + bytes(entry.size_bytes - BLOCK_BYTES - len(frame))
    file, offset, text = refused(files)
    assert (file, offset) == (LAST, BLOCK_BYTES + format.FRAME_HEADER_BYTES)
    assert "written by a newer version" in text


def test_a_directory_in_use_is_refused() -> None:
    server = DurableServer()
    with pytest.raises(DirectoryInUse, match="in use by process"):
        DurableServer(server.disk)


@pytest.mark.parametrize("operation", ["create", "write", "rename", "remove", "sync_folder"])
def test_a_directory_that_cannot_be_written_to_is_left_as_it_is(operation: str) -> None:
    files = killed()
    disk = disk_of(files)

    def refuse(_call: int, what: str, name: str) -> None:
        if what in ("create", "write", "rename", "remove", "sync_folder", "make_folder"):
            raise OSError(errno.EROFS, f"no {operation} here", name)

    disk.before = refuse
    with pytest.raises(OSError, match=f"no {operation} here"):
        open_journal(disk, Random(0).randbytes, print)
    disk.before = None
    assert files_of(disk) == files


# Every kind of damage, at random; `python -m tests.journal.mutations` goes on for longer


def test_no_damage_is_passed_over_in_silence() -> None:
    counts = run(3_000, seed=1, journal_every=200)
    assert min(counts["refused"], counts["exact"], counts["salvaged"]) > 100
    assert counts["gone"] < 50


def test_a_cut_at_every_block_is_refused_or_told() -> None:
    journal = build(Random(5))
    for name, octets in journal.files.items():
        for at in range(0, len(octets), BLOCK_BYTES):
            came = outcome(journal, journal.files | {name: octets[:at]})
            assert came in ("refused", "told") or at >= needed(journal, name), (name, at)


@pytest.mark.parametrize("name", ["MANIFEST", FIRST])
def test_no_bit_changes_unnoticed(name: str) -> None:
    journal = build(Random(6))
    random = Random(7)
    octets = journal.files[name]
    for at in random.sample(range(len(octets)), min(len(octets), 500)):
        assert outcome(journal, journal.files | {name: flipped(octets, at)}) in ("refused", "exact")


def test_mutations_do_change_something() -> None:
    journal = build(Random(8))
    changed = sum(mutate(journal, Random(number))[0] != journal.files for number in range(200))
    assert changed > 150
