"""Reading records back, and page files: what is read is what was written, or it is told."""

import errno
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.journal import format, paging
from amqpbroker.journal.format import FormatError, MessageId, Publish, location, split_location
from amqpbroker.journal.paging import Pages, page_name
from amqpbroker.journal.segment import Segment, segment_name
from amqpbroker.model.message import DEADLINE_SHIFT, PERSISTENT, Message, with_deadline
from amqpbroker.model.queues import paged
from amqpbroker.wire.runs import UniformRun
from tests.helpers import hosts
from tests.helpers.durable import DurableServer, numbered, persistent, there
from tests.helpers.simulated_disk import SimulatedDisk

QUEUE = 7


class Shelf:
    """Page files on a disk of their own, written as the writer does. damage: what was told."""

    def __init__(self) -> None:
        self.disk = SimulatedDisk()
        for folder in ("log", "paging"):
            self.disk.make_folder(folder)
        self.damage: list[str] = []
        self.pages = Pages(self.disk, self.damage.append)
        self.queue = DurableServer().queue("memory", durable=False)

    def put(self, messages: list[Message] | UniformRun, first: int = 1) -> int:
        """Writes a run; where it is."""
        writes, stored = self.pages.lay([(self.queue, first, messages)])
        for name, offset, octets in writes:
            file = self.disk.open(name, writable=True) if self.disk.exists(name) else self.disk.create(name, 0)
            file.write([octets], offset, sync=False)
            file.close()
        ((queue, at, count, place),) = stored
        assert (queue, at, count) == (self.queue, first, len(messages))
        return place

    def reads(self) -> list[int]:
        """The sizes of the reads from now on are noted here."""
        calls: list[int] = []
        self.disk.before = lambda number, operation, _: calls.append(number) if operation == "read" else None
        return calls


UNIFORM = UniformRun(b"\x00\x05tasks", b"header", [b"one", b"two", b"six"], 0)
VARIED = [persistent("one"), persistent(""), (b"\x01a\x01b", b"", b"\xff" * 1_000, 0)]


@pytest.mark.parametrize("messages", [UNIFORM, VARIED])
def test_any_part_of_a_run_can_be_read(messages: list[Message] | UniformRun) -> None:
    shelf = Shelf()
    shelf.put(numbered(5), 1)
    place = shelf.put(messages, 6)
    for first in range(3):
        for count in range(1, 4 - first):
            assert shelf.pages.read(place, 0, 6 + first, count) == list(messages)[first : first + count]
    assert shelf.damage == []


@given(st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=5), min_size=1, max_size=8), st.randoms())
def test_runs_are_read_in_any_order(bodies: list[list[bytes]], random: object) -> None:
    shelf = Shelf()
    runs = [[persistent(body) for body in run] for run in bodies]
    places, first = [], 1
    for run in runs:
        places.append((shelf.put(run, first), first, run))
        first += len(run)
    random.shuffle(places)  # type: ignore[attr-defined]
    for place, at, run in places:
        assert shelf.pages.read(place, 0, at, len(run)) == run


def test_what_stands_side_by_side_is_read_at_once() -> None:
    shelf = Shelf()
    places = [shelf.put(numbered(1, number), number) for number in range(1, 101)]
    calls = shelf.reads()
    for number, place in enumerate(places, 1):
        assert shelf.pages.read(place, 0, number, 1) == numbered(1, number)
    assert len(calls) == 1


def test_a_run_larger_than_a_read_is_read_whole() -> None:
    shelf = Shelf()
    large = [persistent(b"x" * paging.READ_BYTES), persistent(b"y" * paging.READ_BYTES)]
    place = shelf.put(large)
    assert shelf.pages.read(place, 0, 1, 2) == large


def test_what_was_read_before_it_was_written_is_read_again() -> None:
    shelf = Shelf()
    first = shelf.put(numbered(1), 1)
    assert shelf.pages.read(first, 0, 1, 1) == numbered(1)
    second = shelf.put(numbered(1, 2), 2)
    assert shelf.pages.read(second, 0, 2, 1) == numbered(1, 2)
    assert shelf.damage == []


def test_only_so_many_files_are_open_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "_FILE_MAX_BYTES", 1)
    monkeypatch.setattr(paging, "_OPEN_FILES_MAX", 3)
    shelf = Shelf()
    places = [shelf.put(numbered(1, number), number) for number in range(1, 9)]
    for _ in range(2):
        for number, place in enumerate(places, 1):
            assert shelf.pages.read(place, 0, number, 1) == numbered(1, number)
            assert len(shelf.disk._open) <= 3
    shelf.pages.close()
    assert shelf.disk._open == []


# Damage


def flip(shelf: Shelf, place: int, at: int) -> None:
    number, offset = split_location(place)
    shelf.disk.flip(page_name(number), offset + at, 0)


def test_a_damaged_message_is_told_once_and_its_neighbours_are_read() -> None:
    shelf = Shelf()
    place = shelf.put(UNIFORM)
    octets = b"".join(format.encode_publish(MessageId(0, 0, 0), [(0, 1)], UNIFORM)[0])
    flip(shelf, place, octets.index(b"two"))
    for _ in range(2):
        assert shelf.pages.read(place, 0, 1, 3) == [UNIFORM[0], None, UNIFORM[2]]
    assert shelf.pages.read(place, 0, 3, 1) == [UNIFORM[2]]
    assert len(shelf.damage) == 1
    assert shelf.damage[0].startswith("paging/00000000.page, offset 0: ")


@pytest.mark.parametrize("at", [0, 3, 8, 15, 30])
def test_a_damaged_head_is_told_and_none_of_the_run_is_read(at: int) -> None:
    shelf = Shelf()
    shelf.put(numbered(3), 1)
    place = shelf.put(VARIED, 4)
    flip(shelf, place, at)
    assert shelf.pages.read(place, 0, 4, 3) == [None] * 3
    assert len(shelf.damage) == 1
    assert f"offset {split_location(place)[1]}: " in shelf.damage[0]


@given(st.data())
def test_no_flipped_bit_is_ever_delivered(data: st.DataObject) -> None:
    shelf = Shelf()
    messages = data.draw(st.sampled_from([UNIFORM, VARIED]))
    place = shelf.put(messages)
    size_bytes = format.encode_publish(MessageId(0, 0, 0), [(0, 1)], messages)[1]
    flip(shelf, place, data.draw(st.integers(0, size_bytes - 1)))
    found = shelf.pages.read(place, 0, 1, 3)
    assert [one for one in found if one is not None] == [
        message for message, one in zip(messages, found, strict=True) if one is not None
    ]
    assert (None in found) == bool(shelf.damage)


def test_a_file_that_is_cut_is_damage_and_no_fault() -> None:
    shelf = Shelf()
    shelf.put(numbered(1))
    beyond = location(format.PAGE_FILES, 1 << 20)
    assert shelf.pages.read(beyond, 0, 1, 2) == [None, None]
    assert len(shelf.damage) == 1


def test_a_disk_that_gives_nothing_back_is_damage_and_no_fault() -> None:
    shelf = Shelf()
    place = shelf.put(numbered(1))
    shelf.disk.fail_at(shelf.disk.calls + 2, OSError(errno.EIO, os.strerror(errno.EIO)))
    assert shelf.pages.read(place, 0, 1, 1) == [None]
    assert len(shelf.damage) == 1
    assert shelf.damage[0].startswith("paging/00000000.page, offset 0: it cannot be read: Input/output error")


def test_a_record_of_other_positions_is_damage() -> None:
    shelf = Shelf()
    place = shelf.put(numbered(3), 10)
    for first, count in ((9, 1), (12, 2), (13, 1)):
        assert shelf.pages.read(place, 0, first, count) == [None] * count


def test_a_queue_finds_only_its_own_in_a_record_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "HEAD_MAX_BYTES", 1)
    server = DurableServer()
    server.put(numbered(3), "a")
    server.put(numbered(2, 4), "a", "b")
    server.put(numbered(1, 6), "a", "b")
    server.commit()
    _, _, place, _ = list(server.queue("a").on_disk)[-1]
    ids = [server.queue(name).log_id for name in "ab"]
    assert server.log.read(place, ids[0], 6, 1) == server.log.read(place, ids[1], 3, 1) == numbered(1, 6)
    assert server.log.read(place, ids[1], 6, 1) == server.log.read(place, 99, 6, 1) == [None]


# Page files


def test_runs_follow_one_another_until_a_file_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "_FILE_MAX_BYTES", 300)
    shelf = Shelf()
    places = [split_location(shelf.put(numbered(1, number), number)) for number in range(1, 10)]
    files = sorted({number for number, _ in places})
    assert files[0] == format.PAGE_FILES
    assert len(files) > 2
    for file in files:
        offsets = [offset for number, offset in places if number == file]
        assert offsets == sorted(offsets) and offsets[0] == 0


def test_a_full_file_goes_when_the_last_that_waits_in_it_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "_FILE_MAX_BYTES", 1)
    shelf = Shelf()
    first, second = shelf.put(numbered(3), 1), shelf.put(numbered(1, 4), 4)
    assert shelf.disk.names("paging") == ["00000000.page", "00000001.page"]
    shelf.pages.release(first, 2)
    assert len(shelf.disk.names("paging")) == 2
    shelf.pages.release(first, 1)
    assert shelf.disk.names("paging") == ["00000001.page"]
    # The one that is written to stays.
    shelf.pages.release(second, 1)
    assert shelf.disk.names("paging") == ["00000001.page"]


def test_a_file_of_which_nothing_is_waited_for_goes_when_the_next_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "_FILE_MAX_BYTES", 1)
    shelf = Shelf()
    shelf.pages.release(shelf.put(numbered(1)), 1)
    shelf.put(numbered(1, 2), 2)
    assert shelf.disk.names("paging") == ["00000001.page"]


def test_what_is_released_in_the_log_is_no_matter() -> None:
    shelf = Shelf()
    shelf.pages.release(location(3, 512), 5)
    assert shelf.disk.names("paging") == []


def test_pages_of_an_earlier_start_are_gone_and_their_numbers_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "HEAD_MAX_BYTES", 1)
    server = DurableServer()
    server.queue("memory", durable=False)
    for number in range(1, 4):
        server.put(numbered(1, number), "memory")
    server.commit()
    assert server.disk.names("paging") == ["00000000.page"]
    again = server.after_a_power_cut()
    assert again.disk.names("paging") == []
    again.queue("memory", durable=False)
    for number in range(1, 4):
        again.put(numbered(1, number), "memory")
    again.commit()
    assert there(again.queue("memory")) == ["1", "2", "3"]


# Walking through a segment


def walked(server: DurableServer, segment: Segment) -> Iterator[Publish]:
    for _, publishes in server.log.pages.walk(segment):
        yield from publishes


def with_commits(count: int) -> tuple[DurableServer, Segment]:
    server = DurableServer()
    for number in range(1, count + 1):
        server.put(numbered(2, 2 * number - 1))
        server.commit()
    return server, server.log.current


def test_a_walk_finds_every_record_of_messages_in_order() -> None:
    server, segment = with_commits(5)
    found = list(walked(server, segment))
    assert [dict(one.queues) for one in found] == [{server.queue().log_id: 2 * number + 1} for number in range(5)]
    assert all(one.message_count == 2 for one in found)


def test_a_walk_that_meets_a_damaged_frame_tells_it_and_ends() -> None:
    server, segment = with_commits(5)
    server.disk.flip(segment.name, segment.end - 1_000, 0)
    with pytest.raises(FormatError):
        list(walked(server, segment))
    assert len(server.damage) == 1
    assert server.damage[0].startswith(segment_name(1))


def test_a_walk_leaves_out_what_was_put_into_quarantine() -> None:
    server, segment = with_commits(5)
    second = segment.end - 4 * 512
    server.disk.flip(segment.name, second + 40, 0)
    segment.skip = ((second, second + 512),)
    assert len(list(walked(server, segment))) == 4
    assert server.damage == []


def test_a_segment_that_is_gone_is_not_read_from_memory() -> None:
    server, segment = with_commits(2)
    list(walked(server, segment))
    server.log.pages.forget(segment)
    server.disk.remove(segment.name)
    with pytest.raises(FormatError, match="cannot be read"):
        list(walked(server, segment))


# Moments


@pytest.mark.parametrize("messages", [UNIFORM, VARIED])
def test_a_page_keeps_when_its_messages_are_to_leave(messages: list[Message] | UniformRun) -> None:
    shelf = Shelf()
    waiting = with_deadline(messages, 1_700_000_000_000)
    assert isinstance(waiting, list | UniformRun)
    place = shelf.put(waiting, 5)
    assert shelf.pages.read(place, QUEUE, 5, 3) == list(waiting)
    assert shelf.pages.read(place, QUEUE, 6, 1) == [waiting[1]]


def test_of_one_record_in_the_log_each_queue_reads_its_own_moment() -> None:
    server = DurableServer()
    queues = [server.queue("a"), hosts.declare(server.vhost, "b", durable=True, x_message_ttl=5_000)]
    server.vhost.put(queues, numbered(2))
    server.commit()
    due_ms = server.clock.unix_ms() + 5_000
    again = server.after_a_kill()
    flags = [[one[3] for _, one, _ in again.queue(name).messages()] for name in "ab"]
    assert flags == [[PERSISTENT] * 2, [due_ms << DEADLINE_SHIFT | PERSISTENT] * 2]


def test_a_backlog_in_page_files_expires_when_it_comes_to_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "HEAD_MAX_BYTES", 1)
    server = DurableServer()
    hosts.declare(server.vhost, x_message_ttl=1_000)
    hosts.put(server.vhost, 1, 2)
    server.clock.advance(0.5)
    hosts.put(server.vhost, 3)
    server.commit()
    assert server.queue().on_disk.message_count == 2
    server.clock.advance(0.5)
    assert there(server.queue()) == ["3"]
    server.clock.advance(0.5)
    assert there(server.queue()) == []
