"""A damaged journal is read through, and made one that a broker starts on; nothing of it is lost that is sound."""

import errno
from random import Random

import pytest

from amqpbroker.journal import format, manifest
from amqpbroker.journal.format import Content, Key
from amqpbroker.journal.inspection import Examination
from amqpbroker.journal.manifest import Manifest, SegmentEntry
from amqpbroker.journal.salvage import Refused, Salvaged, salvage
from amqpbroker.journal.segment import segment_name
from tests.helpers.durable import SEGMENT_BYTES, DurableServer, flagged, numbered, there
from tests.helpers.simulated_disk import SimulatedDisk
from tests.journal.mutations import Files, disk_of, files_of

MANIFEST = "MANIFEST"
OLD = segment_name(1)
NEW = segment_name(2)


def home(number: int) -> tuple[Key, Content]:
    return Key("queue", "/", f"salvaged-{number:x}"), {"id": number, "auto_delete": False, "arguments": {}}


def salvaged(disk: SimulatedDisk) -> Salvaged:
    return salvage(disk, Random(1).randbytes, home, lambda _done, _all: None)


def two_segments() -> SimulatedDisk:
    """Commits: 1 a seal, 2 the queue, 3 '1' to '5', 4 '6' to '8' | 4 again, 5 '9', 6 a seal; the bar is a restart."""
    server = DurableServer()
    server.queue()
    server.commit()
    server.put(numbered(5))
    server.commit()
    server.put(numbered(3, 6))
    server.commit()
    server = server.after_a_kill()
    server.put(numbered(1, 9))
    server.commit()
    seal = server.log.close(seal=True)
    assert seal is not None
    server.writer.commit_once(seal)
    server.disk.kill()
    return server.disk


def offset_of(disk: SimulatedDisk, octets: bytes, name: str = OLD) -> int:
    """Where something stands in a segment."""
    return files_of(disk)[name].index(octets)


def started(disk: SimulatedDisk) -> DurableServer:
    assert Examination(disk).faults == []
    return DurableServer(disk)


def faults(disk: SimulatedDisk) -> list[str]:
    return [str(fault) for fault in Examination(disk).faults]


def overwrite(disk: SimulatedDisk, name: str, octets: bytes, offset: int = 0) -> None:
    disk.open(name, writable=True).write([octets], offset, sync=True)


# Looking


def test_a_sound_journal_has_no_faults() -> None:
    found = Examination(two_segments())
    assert (found.faults, found.epoch) == ([], 2)
    assert [(one.first, one.last, one.frame_count, one.message_count) for one in found.segments] == [
        (1, 3, 3, 5),
        (4, 6, 3, 4),
    ]
    (queue,) = found.queues()
    assert (queue.key, queue.live, queue.flagged, queue.lost) == (Key("queue", "/", "tasks"), 9, 0, 0)


def test_every_fault_is_found_with_its_range() -> None:
    disk = two_segments()
    disk.flip(OLD, 1_100, 0)
    disk.flip(NEW, 600, 0)
    assert faults(disk) == [
        f"{OLD}, offset 1024 to 1536: no valid commit up to commit 3",
        f"{NEW}, offset 512 to 1024: no valid commit up to commit 5",
        "log, offset 0: there are 6 messages of queue number 4294967297, which nothing defines or deletes",
    ]


def test_a_torn_last_commit_is_no_fault() -> None:
    disk = two_segments()
    disk.flip(NEW, 1_536 + format.FRAME_HEADER_BYTES, 0)
    found = Examination(disk)
    assert (found.faults, found.segments[-1].torn_at) == ([], 1_536)


def test_each_messages_own_checksum_is_compared() -> None:
    disk = two_segments()
    entry = manifest.read(disk).segments[1]
    pieces, _ = format.encode_publish(format.MessageId(2, 5, 0), [(1 << 32 | 1, 9)], numbered(1, 9))
    record = b"".join(pieces).replace(b"9", b"8")
    overwrite(disk, NEW, b"".join(format.encode_frame(entry.salt, 1_024, 5, 2, 1, record)), 1_024)
    assert faults(disk) == [f"{NEW}, offset 1024 to 1536: a record at 1060: message 0 of a record is damaged"]
    assert Examination(disk, messages=False).faults == []


def test_looking_changes_nothing() -> None:
    disk = two_segments()
    disk.flip(OLD, 1_100, 0)
    before = files_of(disk)
    Examination(disk).queues()
    assert files_of(disk) == before


def test_progress_is_told_on_the_way() -> None:
    server = DurableServer(segment_bytes=4_194_304)
    for _ in range(30):
        server.put(numbered(1, size_bytes=100_000))
        server.commit()
    told: list[tuple[int, int]] = []
    Examination(server.disk, progress=lambda done, whole: told.append((done, whole)))
    assert len(told) >= 2
    assert told == sorted(told)
    assert all(done <= whole == 4_194_304 for done, whole in told)


# Salvage


def test_a_sound_journal_is_left_alone() -> None:
    disk = two_segments()
    before = files_of(disk)
    assert salvaged(disk) == Salvaged([])
    assert files_of(disk) == before


def test_of_a_damaged_commit_only_the_damaged_message_is_lost() -> None:
    disk = two_segments()
    disk.flip(OLD, offset_of(disk, b"3"), 0)
    done = salvaged(disk)
    server = started(disk)
    assert there(server.queue()) == ["1", "2", "4", "5", "6", "7", "8", "9"]
    assert [(one.live, one.lost) for one in done.queues] == [(8, 1)]
    assert (done.lost_commits, done.rescued_messages, done.new_names) == (1, 4, [])


def test_a_commit_whose_header_is_damaged_is_lost_and_counted() -> None:
    disk = two_segments()
    disk.flip(OLD, 1_536 + 10, 0)
    done = salvaged(disk)
    assert there(started(disk).queue()) == ["6", "7", "8", "9"]
    # The first message that is seen afterwards is not the first of the queue; what came before may have been settled.
    assert [one.live for one in done.queues] == [4]
    assert done.lost_commits == 1


def test_what_is_missing_between_two_commits_is_lost() -> None:
    disk = two_segments()
    disk.flip(NEW, 512 + 10, 0)
    done = salvaged(disk)
    assert there(started(disk).queue()) == ["1", "2", "3", "4", "5", "9"]
    assert [(one.live, one.lost) for one in done.queues] == [(6, 3)]


def test_what_may_be_delivered_again_is_flagged() -> None:
    disk = two_segments()
    disk.flip(NEW, 512 + 10, 0)
    salvaged(disk)
    server = started(disk)
    assert flagged(server.queue()) == there(server.queue())


def test_what_is_left_out_is_copied_first() -> None:
    disk = two_segments()
    disk.flip(OLD, 1_536 + 10, 0)
    before = files_of(disk)
    done = salvaged(disk)
    assert done.copies == [(MANIFEST, 0, len(before[MANIFEST])), (OLD, 1_536, 2_048)]
    kept = disk.open(f"{done.folder}/0000000000000001.seg-1536-2048").read(0, 1_000)
    assert kept == before[OLD][1_536:2_048]
    assert files_of(disk)[OLD] == before[OLD]


def test_messages_that_lost_their_queue_get_a_new_one() -> None:
    disk = two_segments()
    disk.flip(OLD, 1_024 + 10, 0)
    done = salvaged(disk)
    assert done.new_names == [Key("queue", "/", "salvaged-100000001")]
    assert there(started(disk).queue("salvaged-100000001")) == [str(number) for number in range(1, 10)]


def test_a_definition_out_of_a_damaged_commit_is_kept_unless_a_later_one_counts() -> None:
    server = DurableServer()
    server.put(numbered(2), "tasks", "other")
    server.commit()
    server.vhost.delete_queue(server.queue("other"))
    server.commit()
    server.put(numbered(1, 3))
    server.commit()
    server.disk.flip(OLD, offset_of(server.disk, b"2"), 0)
    salvaged(server.disk)
    server.disk.kill()
    server = started(server.disk)
    assert sorted(server.vhost.queues) == ["tasks"]
    assert there(server.queue()) == ["1", "3"]


def test_an_acknowledgement_out_of_a_damaged_commit_counts() -> None:
    server = DurableServer()
    server.put(numbered(4))
    server.commit()
    log = server.queue().log
    assert log is not None
    log.settle([1, 2])
    server.put(numbered(1, 5))
    server.commit()
    server.put(numbered(1, 6))
    server.commit()
    server.disk.kill()
    server.disk.flip(OLD, offset_of(server.disk, b"5"), 0)
    salvaged(server.disk)
    assert there(started(server.disk).queue()) == ["3", "4", "6"]


def test_a_missing_segment_is_done_without() -> None:
    disk = two_segments()
    disk.remove(OLD)
    done = salvaged(disk)
    assert not done.is_whole
    assert there(started(disk).queue("salvaged-100000001")) == ["6", "7", "8", "9"]


@pytest.mark.parametrize("octets", [b"", b"\0" * 400])
def test_a_manifest_is_made_again_from_the_segments(octets: bytes) -> None:
    disk = two_segments()
    disk.remove(MANIFEST)
    if octets:
        disk.create(MANIFEST, 0).close()
        overwrite(disk, MANIFEST, octets)
    done = salvaged(disk)
    server = started(disk)
    assert (done.is_whole, done.lost_commits) == (True, 0)
    assert there(server.queue()) == [str(number) for number in range(1, 10)]
    assert flagged(server.queue()) == []


def test_a_damaged_header_is_written_again_as_the_manifest_has_it() -> None:
    disk = two_segments()
    disk.flip(OLD, 25, 3)
    done = salvaged(disk)
    assert (done.is_whole, done.copies[1:]) == (True, [(OLD, 0, 512)])
    assert there(started(disk).queue()) == [str(number) for number in range(1, 10)]


def test_without_manifest_and_header_a_segment_is_put_aside_as_a_whole() -> None:
    disk = two_segments()
    disk.remove(MANIFEST)
    disk.flip(OLD, 25, 3)
    done = salvaged(disk)
    assert (OLD, 0, SEGMENT_BYTES) in done.copies
    assert there(started(disk).queue("salvaged-100000001")) == ["6", "7", "8", "9"]


def test_a_segment_that_is_cut_off_is_kept_as_far_as_it_goes() -> None:
    disk = two_segments()
    files: Files = files_of(disk)
    files[OLD] = files[OLD][:1_600]
    disk = disk_of(files)
    salvaged(disk)
    assert there(started(disk).queue()) == ["6", "7", "8", "9"]


def test_after_salvage_the_broker_goes_on_as_ever() -> None:
    disk = two_segments()
    disk.flip(OLD, offset_of(disk, b"3"), 0)
    salvaged(disk)
    server = started(disk)
    server.put(numbered(1, 10))
    server.commit()
    server = server.after_a_kill().after_a_power_cut()
    assert there(server.queue()) == ["1", "2", "4", "5", "6", "7", "8", "9", "10"]


def test_it_can_be_damaged_and_salvaged_again() -> None:
    disk = two_segments()
    disk.flip(OLD, offset_of(disk, b"3"), 0)
    salvaged(disk)
    disk.flip(NEW, offset_of(disk, b"7", NEW), 0)
    assert salvaged(disk).folder == "quarantine/0002"
    assert there(started(disk).queue()) == ["1", "2", "4", "5", "6", "8", "9"]


# What is refused, and what goes wrong


def test_what_a_newer_version_wrote_is_left_alone() -> None:
    disk = two_segments()
    octets = Manifest(1, ()).encode().replace(b" 2 ", b" 3 ", 1)
    disk.remove(MANIFEST)
    disk.create(MANIFEST, 0).close()
    overwrite(disk, MANIFEST, octets)
    before = files_of(disk)
    with pytest.raises(Refused, match=r"version 3.*start a broker of that version"):
        salvaged(disk)
    assert files_of(disk) == before


def test_files_that_were_mixed_up_are_to_be_named_right_first() -> None:
    disk = two_segments()
    disk.rename(OLD, "log/x")
    disk.rename(NEW, OLD)
    disk.rename("log/x", NEW)
    before = files_of(disk)
    with pytest.raises(Refused, match=f"{OLD} holds what should be in {NEW}"):
        salvaged(disk)
    assert files_of(disk) == before


def test_wherever_it_is_cut_off_it_can_be_done_again() -> None:
    files = files_of(two_segments())
    offset = files[OLD].index(b"3")
    files[OLD] = files[OLD][:offset] + b"X" + files[OLD][offset + 1 :]
    whole = disk_of(files)
    before = whole.calls
    salvaged(whole)
    for call in range(1, whole.calls + 1 - before):
        disk = disk_of(files)
        disk.fail_at(disk.calls + call, OSError(errno.EIO, "the disk is gone"))
        with pytest.raises(OSError, match="the disk is gone"):
            salvaged(disk)
        disk.power_cut(Random(call))
        salvaged(disk)
        assert there(started(disk).queue()) == ["1", "2", "4", "5", "6", "7", "8", "9"], call


def test_with_no_room_for_copies_nothing_is_changed() -> None:
    disk = two_segments()
    disk.flip(OLD, 1_100, 0)
    before = files_of(disk)
    disk.capacity_bytes = 0
    with pytest.raises(OSError) as fault:
        salvaged(disk)
    assert fault.value.errno == errno.ENOSPC
    assert files_of(disk) == before


def test_a_segment_says_what_it_is_for_the_manifest() -> None:
    disk = two_segments()
    listed = manifest.read(disk).segments
    disk.remove(MANIFEST)
    found = [one.entry for one in Examination(disk).segments]
    assert found == [SegmentEntry(one.id, one.epoch, one.salt, one.size_bytes) for one in listed]
