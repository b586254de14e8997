"""The writer: each commit is on disk when it returns, every step can be repeated, and a full disk ends by itself."""

import errno
import os

import pytest

from amqpbroker.journal.format import decode_frame
from amqpbroker.journal.manifest import read
from amqpbroker.journal.segment import segment_name
from amqpbroker.journal.writer import SPARES, Commit
from tests.helpers.durable import SEGMENT_BYTES, DurableServer, numbered, there, transient
from tests.helpers.simulated_disk import PowerLost, SimulatedDisk

Calls = list[tuple[str, str]]


def noted(disk: SimulatedDisk) -> Calls:
    """The operations from now on: (kind, name)."""
    calls: Calls = []
    disk.before = lambda _, operation, name: calls.append((operation, name))
    return calls


def spares(server: DurableServer) -> list[str]:
    return [name for name in server.disk.names("log") if name.endswith(".spare")]


def ready() -> DurableServer:
    server = DurableServer()
    server.queue()
    server.queue("memory", durable=False)
    server.commit()
    return server


def commit_of(server: DurableServer) -> Commit:
    server.finish_turn()
    assert server.in_flight is not None
    return server.in_flight


def commit_in_a_new_segment(server: DurableServer) -> Commit:
    """Publishes until a commit is under way that begins a segment and lets others go."""
    for _ in range(100):
        server.put(numbered(1, server.queue().tail, size_bytes=10_000))
        commit = commit_of(server)
        if commit.is_new and commit.retired:
            return commit
        server.commit()
        purge(server)
    raise AssertionError("no segment is ever let go")


def purge(server: DurableServer) -> None:
    server.queue().purge()
    server.commit()


# What is done


def test_an_ordinary_commit_is_one_synced_write() -> None:
    server = ready()
    server.put(numbered(1))
    commit = commit_of(server)
    calls = noted(server.disk)
    server.writer.commit_once(commit)
    assert calls == [("write", segment_name(1))]
    server.log.committed(commit)
    assert there(server.after_a_power_cut().queue()) == ["1"]


def test_what_is_on_disk_is_the_frame_of_the_commit() -> None:
    server = ready()
    server.put(numbered(1))
    commit = commit_of(server)
    server.commit()
    octets = server.disk.open(commit.segment.name).read(0, commit.segment.end)
    frame = decode_frame(octets, commit.offset, commit.segment.salt, commit.offset)
    assert frame is not None
    assert (frame.sequence, frame.epoch, frame.payload) == (
        commit.sequence,
        commit.segment.epoch,
        b"".join(commit.pieces),
    )


def test_a_segment_is_whole_before_the_manifest_names_it_and_what_it_replaces_goes_after() -> None:
    server = ready()
    commit = commit_in_a_new_segment(server)
    name, gone = commit.segment.name, commit.retired[0].name
    calls = noted(server.disk)
    server.writer.commit_once(commit)
    writes = [at for at, call in enumerate(calls) if call == ("write", name)]
    named = calls.index(("rename", "MANIFEST.new"))
    assert len(writes) == 2  # the header and the frame
    assert max(writes) < named < calls.index(("sync_folder", "")) < calls.index(("rename", gone))


def test_the_space_of_what_is_let_go_is_kept_for_the_next() -> None:
    server = ready()
    commit = commit_in_a_new_segment(server)
    server.commit()
    assert len(spares(server)) == SPARES
    for retired in commit.retired:
        assert not server.disk.exists(retired.name)
    purge(server)
    first = spares(server)[0]
    calls = noted(server.disk)
    server.writer.commit_once(commit_in_a_new_segment(server))
    assert ("rename", f"log/{first}") in calls


def test_no_more_than_the_spares_are_kept() -> None:
    server = ready()
    for _ in range(5):
        commit_in_a_new_segment(server)
        server.commit()
        purge(server)
    assert len(spares(server)) == SPARES
    assert len(server.disk.names("log")) == SPARES + len(server.log.segments)


def test_a_segment_of_another_size_is_no_spare() -> None:
    server = ready()
    server.put(numbered(1, size_bytes=3 * SEGMENT_BYTES))
    server.commit()
    large = server.log.current
    server.queue().purge()
    commit_in_a_new_segment(server)
    server.commit()
    assert large not in server.log.segments
    assert {server.disk.size_bytes(f"log/{name}") for name in spares(server)} == {SEGMENT_BYTES}


def test_the_spares_of_an_earlier_start_are_used() -> None:
    server = ready().after_a_kill()
    before = spares(server)
    assert len(before) == SPARES
    server.after_a_kill()
    assert before[1] in spares(server)


def test_a_closed_writer_has_no_file_open() -> None:
    server = ready()
    server.put(transient(numbered(1)), "memory")
    server.commit()
    server.writer.close()
    server.log.pages.close()
    server.disk.unlock()
    assert DurableServer(server.disk).queue().message_count == 0


# A start


class Failing:
    """The at-th operation of a disk from now on fails, until `end`. happened: whether there were so many."""

    def __init__(self, disk: SimulatedDisk, at: int, error: OSError | PowerLost) -> None:
        self.happened = False
        self._left = at
        self._disk = disk
        self._error = error
        disk.before = self._count

    def _count(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            self.happened = True
            raise self._error

    def end(self) -> None:
        self._disk.before = None


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


MANY = 80


@pytest.mark.parametrize("cause", [PowerLost(), error(errno.ENOSPC), error(errno.EIO)], ids=repr)
def test_a_start_that_is_cut_short_at_any_call_loses_nothing(cause: OSError | PowerLost) -> None:
    for at in range(1, MANY):
        server = ready()
        server.put(numbered(3))
        server.commit()
        server.disk.kill()
        failing = Failing(server.disk, at, cause)
        try:
            DurableServer(server.disk)
        except type(cause) as raised:
            assert raised is cause
        failing.end()
        assert there(server.after_a_power_cut().queue()) == ["1", "2", "3"]
        if not failing.happened:
            assert at > 10
            return
    raise AssertionError("a start takes more calls than it should")


# A full disk


def test_wherever_space_runs_out_a_commit_can_be_written_again() -> None:
    for at in range(1, MANY):
        server = ready()
        commit = commit_in_a_new_segment(server)
        expected = there(server.queue())
        failing = Failing(server.disk, at, error(errno.ENOSPC))
        try:
            server.writer.commit_once(commit)
        except OSError as raised:
            assert raised.errno == errno.ENOSPC
            failing.end()
            server.writer.commit_once(commit)
        failing.end()
        server.log.committed(commit)
        server.put(numbered(1, 99_999))
        server.commit()
        assert there(server.after_a_power_cut().queue()) == [*expected, "99999"]
        if not failing.happened:
            assert at > 10
            return
    raise AssertionError("a commit takes more calls than it should")


def test_wherever_the_disk_fails_nothing_that_was_confirmed_is_lost() -> None:
    for at in range(1, MANY):
        server = ready()
        commit = commit_in_a_new_segment(server)
        expected = there(server.queue())
        failing = Failing(server.disk, at, error(errno.EIO))
        try:
            server.writer.commit_once(commit)
        except OSError as raised:
            assert raised.errno == errno.EIO
        failing.end()
        found = there(server.after_a_power_cut().queue())
        assert found == expected or (failing.happened and found == expected[:-1])
        if not failing.happened:
            assert at > 10
            return
    raise AssertionError("a commit takes more calls than it should")


def test_a_commit_can_be_written_twice() -> None:
    server = ready()
    commit = commit_in_a_new_segment(server)
    expected = there(server.queue())
    server.writer.commit_once(commit)
    server.writer.commit_once(commit)
    server.log.committed(commit)
    assert there(server.after_a_power_cut().queue()) == expected
    assert len(server.log.segments) + SPARES == len(server.disk.names("log"))


def full(server: DurableServer) -> None:
    """From now on the disk has not an octet left but what it gets back."""
    server.disk.capacity_bytes = 1 << 40
    server.disk.capacity_bytes -= server.disk.free_bytes()


def test_without_space_commits_go_on_in_what_is_allocated_and_it_is_said() -> None:
    server = ready()
    full(server)
    begun = server.log.current.id
    with pytest.raises(OSError, match="No space left"):
        for number in range(1, 100):
            server.put(numbered(1, number, size_bytes=10_000))
            server.commit()
    assert server.log.current.id > begun + SPARES
    assert server.writer.short
    server.disk.capacity_bytes = None
    server.commit()
    assert not server.writer.short
    assert there(server.after_a_power_cut().queue()) == [str(one) for one in range(1, number + 1)]


def test_acknowledgements_on_a_full_disk_make_room_again() -> None:
    server = ready()
    for number in range(1, 13):
        server.put(numbered(1, number, size_bytes=10_000))
        server.commit()
    full(server)
    log = server.queue().log
    assert log is not None
    for _ in range(20):
        # Small commits, as many as go into a segment.
        server.queue().purge()
        for _ in range(SEGMENT_BYTES // 512):
            log.handed_out(log.mark + 1)
            server.commit()
    assert len(server.log.segments) <= 4


def test_with_space_again_the_spares_are_made_up() -> None:
    server = ready()
    full(server)
    first = server.log.current
    while server.log.current is first:
        server.put(numbered(1, size_bytes=10_000))
        server.commit()
    assert server.writer.short
    server.disk.capacity_bytes = None
    server.put(numbered(1))
    server.commit()
    assert (server.writer.short, len(spares(server))) == (False, SPARES)


def test_pages_without_space_keep_no_commit_from_being_written() -> None:
    server = ready()

    def no_pages(_: int, operation: str, name: str) -> None:
        if name.startswith("paging/") and operation in ("create", "write"):
            raise error(errno.ENOSPC)

    server.log.page(server.queue("memory"), 1, transient(numbered(1)))
    server.put(numbered(1))
    commit = commit_of(server)
    server.disk.before = no_pages
    server.writer.commit_once(commit)
    assert commit.pages_failed
    server.log.committed(commit)
    server.disk.before = None
    assert there(server.after_a_power_cut().queue()) == ["1"]


def test_a_page_that_fails_for_another_reason_is_a_failed_disk() -> None:
    server = ready()
    server.log.page(server.queue("memory"), 1, transient(numbered(1)))
    commit = commit_of(server)
    Failing(server.disk, 1, error(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        server.writer.commit_once(commit)


def test_pages_alone_write_nothing_to_the_log() -> None:
    server = ready()
    before = (server.log.sequence, server.log.current.end)
    server.log.page(server.queue("memory"), 1, transient(numbered(1)))
    commit = commit_of(server)
    calls = noted(server.disk)
    server.commit()
    assert (server.log.sequence, server.log.current.end) == before
    assert {name for _, name in calls} == {"paging/00000000.page"}
    assert commit.record_count == 0


def test_what_is_read_is_what_is_listed() -> None:
    server = ready()
    commit_in_a_new_segment(server)
    server.commit()
    listed = read(server.disk)
    assert [one.id for one in listed.segments] == [one.id for one in server.log.segments]
    assert listed.epoch == server.log.epoch
