"""What a log adds up to when it is read again, and what of it is damage."""

from collections.abc import Sequence
from random import Random

import pytest

from amqpbroker.journal import format
from amqpbroker.journal.format import BLOCK_BYTES, Key, MessageId, SegmentHeader
from amqpbroker.journal.log import Log
from amqpbroker.journal.manifest import Manifest, SegmentEntry
from amqpbroker.journal.paging import Pages
from amqpbroker.journal.recovery import Damage, Recovered, Recovery
from amqpbroker.journal.segment import FOLDER, segment_name
from tests.helpers.durable import numbered
from tests.helpers.simulated_disk import SimulatedDisk

SALT = 4_711
SIZE_BYTES = 65_536
QUEUE = 1 << 32 | 1
DEFINED = format.encode_definition(Key("queue", "/", "tasks"), {"id": QUEUE})
Stored = list[tuple[int, int, bool]]


def published(first: int, count: int = 1, *queues: int) -> bytes:
    """A record of messages from a position on, in the queue 'tasks' if none is named."""
    runs = [(queue, first) for queue in queues or (QUEUE,)]
    return b"".join(format.encode_publish(MessageId(1, 1, 0), runs, numbered(count, first))[0])


def acked(*positions: int) -> bytes:
    return format.encode_ack(QUEUE, [(position, position + 1) for position in positions])


class Books:
    """A log of segments with commits, and what recovery makes of it."""

    def __init__(self) -> None:
        self.disk = SimulatedDisk(Random(0))
        self.disk.make_folder(FOLDER)
        self.entries: list[SegmentEntry] = []
        self.sequence = 0
        self.log: Log
        self.recovery: Recovery

    def segment(self, *commits: Sequence[bytes], sealed: bool = True, skip: tuple[tuple[int, int], ...] = ()) -> None:
        """One more segment, the last one if it is not sealed."""
        number = len(self.entries) + 1
        file = self.disk.create(segment_name(number), SIZE_BYTES)
        file.write([format.encode_segment_header(SegmentHeader(1, number, SALT + number))], 0, sync=True)
        at = BLOCK_BYTES
        for records in commits:
            self.sequence += 1
            frame = format.encode_frame(SALT + number, at, self.sequence, 1, len(records), b"".join(records))
            file.write(frame, at, sync=True)
            at += sum(map(len, frame))
        file.close()
        entry = SegmentEntry(number, 1, SALT + number, SIZE_BYTES, at if sealed else None, skip)
        self.entries.append(entry)

    def flip(self, offset: int, number: int = 1) -> None:
        self.disk.flip(segment_name(number), offset, 0)

    def read(self) -> Recovered:
        listed = Manifest(1, tuple(self.entries))
        self.log = Log(listed, Random(0).randbytes, Pages(self.disk, print))
        self.recovery = Recovery(self.log)
        recovered = self.recovery.read(self.disk, listed)
        if recovered.last is not None:
            self.recovery.apply(self.log.segments[-1], recovered.last)
        self.recovery.check_queues()
        return recovered

    def stored(self) -> Stored:
        """(first position, count, redelivered) of the runs that come back."""
        self.read()
        runs = self.recovery.stored_runs(self.log.queues[QUEUE])
        return [(first, count, redelivered) for first, count, _, redelivered in runs]

    def damage(self) -> tuple[str, int, str]:
        with pytest.raises(Damage) as fault:
            self.read()
        return fault.value.file, fault.value.offset, fault.value.text


@pytest.fixture
def books() -> Books:
    return Books()


# What it adds up to


def test_what_was_published_and_not_acknowledged_comes_back(books: Books) -> None:
    books.segment([DEFINED, published(1, 10)], [acked(1, 2, 5)], [published(11, 2)], sealed=False)
    assert books.stored() == [(3, 2, False), (6, 5, False), (11, 2, False)]
    assert books.log.contents == {Key("queue", "/", "tasks"): {"id": QUEUE}}
    assert books.recovery.tail(QUEUE) == 13


def test_an_acknowledgement_counts_even_before_the_copy_of_its_message(books: Books) -> None:
    books.segment([DEFINED, published(1, 10)], [acked(4)])
    books.segment([published(3, 3)], sealed=False)
    assert books.stored() == [(1, 2, False), (3, 1, False), (5, 1, False), (6, 5, False)]


def test_of_two_copies_the_later_counts(books: Books) -> None:
    books.segment([DEFINED, published(1, 3)], [published(4, 1)])
    books.segment([published(5, 1)], [published(1, 3)], [published(6, 1)], sealed=False)
    books.read()
    runs = list(books.recovery.stored_runs(books.log.queues[QUEUE]))
    assert [first for first, *_ in runs] == [1, 4, 5, 6]
    assert [format.split_location(place)[0] for _, _, place, _ in runs] == [2, 1, 2, 2]
    assert [segment.live for segment in books.log.segments] == [1, 5]


def test_a_copy_of_half_a_record_leaves_the_other_half_where_it_is(books: Books) -> None:
    books.segment([DEFINED, published(1, 4)])
    books.segment([published(2, 2)], sealed=False)
    assert books.stored() == [(1, 1, False), (2, 2, False), (4, 1, False)]


def test_below_the_mark_and_in_flagged_runs_all_is_redelivered(books: Books) -> None:
    mark = format.encode_mark(QUEUE, 3, [(5, 7)])
    books.segment([DEFINED, published(1, 8)], [mark], sealed=False)
    assert books.stored() == [(1, 2, True), (3, 2, False), (5, 2, True), (7, 2, False)]


def test_the_last_mark_counts(books: Books) -> None:
    marks = [format.encode_mark(QUEUE, 5, []), format.encode_mark(QUEUE, 0, [])]
    books.segment([DEFINED, published(1, 2)], marks, sealed=False)
    assert books.stored() == [(1, 2, False)]


@pytest.mark.parametrize("record", [acked(20), format.encode_mark(QUEUE, 21, [])])
def test_no_position_is_given_twice(books: Books, record: bytes) -> None:
    books.segment([DEFINED, published(1, 2)], [record], sealed=False)
    books.read()
    assert books.recovery.tail(QUEUE) == 21


def test_beyond_a_mark_new_messages_are_no_copies(books: Books) -> None:
    books.segment([DEFINED, published(1)], [format.encode_mark(QUEUE, 100, [])], [published(2)], sealed=False)
    assert books.stored() == [(1, 1, True), (2, 1, True)]
    assert books.recovery.tail(QUEUE) == 100


def test_of_a_deleted_queue_nothing_comes_back(books: Books) -> None:
    gone = [format.encode_ack(QUEUE, [format.EVERYTHING]), format.encode_definition(Key("queue", "/", "tasks"), None)]
    books.segment([DEFINED, published(1, 5)], gone, [published(3), format.encode_mark(QUEUE, 9, [])], sealed=False)
    books.read()
    assert (books.log.queues, books.log.contents) == ({}, {})
    assert books.recovery.is_deleted(QUEUE)


def test_queues_take_turns(books: Books) -> None:
    other = QUEUE + 1
    defined = format.encode_definition(Key("queue", "/", "other"), {"id": other})
    turns = [published(1), published(1, 2, other), published(2), published(3, 2, other), published(3, 1, QUEUE, other)]
    books.segment([DEFINED, defined, *turns[:4]], [acked(2)], sealed=False)
    assert books.stored() == [(1, 1, False)]
    assert books.recovery.stored_runs(books.log.queues[other]).positions() == [(1, 5)]


def test_one_record_stands_in_all_the_queues_it_reached(books: Books) -> None:
    other = QUEUE + 1
    defined = format.encode_definition(Key("queue", "/", "other"), {"id": other})
    books.segment([DEFINED, defined, published(7, 3, QUEUE, other)], sealed=False)
    assert books.stored() == [(7, 3, False)]
    assert books.recovery.stored_runs(books.log.queues[other]).positions() == [(7, 10)]


def with_moments(first: int, count: int, *moments: int) -> bytes:
    """A record in as many queues: 'tasks', and those after it."""
    runs = [(QUEUE + number, first) for number in range(len(moments))]
    return b"".join(format.encode_publish(MessageId(1, 1, 0), runs, numbered(count, first), moments)[0])


def test_what_has_a_moment_comes_back_like_the_rest_and_it_is_told_which_queues_do(books: Books) -> None:
    other = format.encode_definition(Key("queue", "/", "other"), {"id": QUEUE + 1})
    books.segment([DEFINED, published(1, 2)], [with_moments(3, 2, 5_000)], [published(5, 1), acked(4)], sealed=True)
    books.segment([other], [published(1, 1, QUEUE + 1)], [with_moments(6, 1, 0)], sealed=False)
    recovered = books.read()
    runs = books.recovery.stored_runs(books.log.queues[QUEUE])
    assert [(first, count) for first, count, _, _ in runs] == [(1, 2), (3, 1), (5, 1), (6, 1)]
    assert recovered.timed == {QUEUE}


def test_a_run_of_records_goes_on_behind_one_that_has_a_moment(books: Books) -> None:
    books.segment([DEFINED, published(1), with_moments(2, 1, 7), published(3)], [published(4), with_moments(5, 1, 7)])
    books.segment([published(6)], sealed=False)
    assert books.stored() == [(first, 1, False) for first in range(1, 7)]
    assert [segment.live for segment in books.log.segments] == [5, 1]


def test_of_a_copy_with_a_moment_the_later_counts(books: Books) -> None:
    books.segment([DEFINED, with_moments(1, 3, 5_000)], [published(4)])
    books.segment([with_moments(2, 2, 5_000)], [published(5)], sealed=False)
    books.read()
    runs = list(books.recovery.stored_runs(books.log.queues[QUEUE]))
    assert [(first, count, format.split_location(place)[0]) for first, count, place, _ in runs] == [
        (1, 1, 1),
        (2, 2, 2),
        (4, 1, 1),
        (5, 1, 2),
    ]


def test_the_last_definition_of_a_thing_counts(books: Books) -> None:
    key = Key("exchange", "/", "logs")
    books.segment(*[[format.encode_definition(key, content)] for content in ({"n": 1}, None, {"n": 2})], sealed=False)
    books.read()
    assert books.log.contents == {key: {"n": 2}}
    assert books.log.segments[0].definitions.keys() == {key}


def test_what_salvage_left_out_is_skipped(books: Books) -> None:
    books.segment([DEFINED, published(1)], [published(2)], [published(3)], skip=((1_024, 1_536),))
    books.flip(1_100)
    assert books.stored() == [(1, 1, False), (3, 1, False)]


# Its end


def test_the_last_commit_is_given_to_be_written_again(books: Books) -> None:
    books.segment([DEFINED])
    books.segment([published(1)], [published(2)], sealed=False)
    last = books.read().last
    assert last is not None
    assert (last.sequence, last.offset, books.log.sequence) == (3, 1_024, 3)


def test_a_torn_last_commit_is_cut_and_told(books: Books) -> None:
    books.segment([DEFINED, published(1)], [published(2)], sealed=False)
    books.flip(1_100)
    assert books.stored() == [(1, 1, False)]
    assert books.read().cut == (segment_name(1), 1_024)
    assert books.log.segments[-1].end == 1_024


def test_what_an_earlier_use_of_the_file_left_is_no_torn_commit(books: Books) -> None:
    books.segment([DEFINED, published(1)], sealed=False)
    file = books.disk.open(segment_name(1), writable=True)
    file.write(format.encode_frame(SALT, 1_024, 2, 1, 1, published(2)), 1_024, sync=True)
    assert books.read().cut is None


def test_a_file_that_is_too_short_is_told(books: Books) -> None:
    books.segment([DEFINED, published(1)], sealed=False)
    books.entries[0] = SegmentEntry(1, 1, SALT + 1, 2 * SIZE_BYTES)
    assert books.read().cut == (segment_name(1), 1_024)


# Damage


def test_a_commit_before_a_valid_one_is_damage(books: Books) -> None:
    books.segment([DEFINED, published(1)], [published(2)], [published(3)], sealed=False)
    books.flip(1_100)
    assert books.damage() == (segment_name(1), 1_024, "a commit is damaged, and commit 3 stands after it at 1536")


def test_a_commit_of_a_sealed_segment_is_damage(books: Books) -> None:
    books.segment([DEFINED, published(1)], [published(2)])
    books.flip(1_100)
    file, offset, text = books.damage()
    assert (file, offset) == (segment_name(1), 1_024)
    assert "the segment goes on to 1536" in text


def test_the_first_commit_of_a_segment_is_never_torn(books: Books) -> None:
    books.segment([DEFINED, published(1)], sealed=False)
    books.flip(600)
    assert books.damage() == (segment_name(1), 512, "the first commit of the segment is damaged")


def test_a_sequence_that_goes_back_is_damage(books: Books) -> None:
    books.segment([DEFINED], [published(1)])
    books.sequence = 1
    books.segment([published(2)], sealed=False)
    assert books.damage() == (segment_name(2), 512, "commit 2 stands after commit 2")


def test_a_sequence_that_leaves_one_out_is_damage(books: Books) -> None:
    books.segment([DEFINED], sealed=False)
    file = books.disk.open(segment_name(1), writable=True)
    file.write(format.encode_frame(SALT + 1, 1_024, 3, 1, 1, published(2)), 1_024, sync=True)
    assert books.damage()[1] == 1_024


def test_another_segment_in_its_place_is_damage(books: Books) -> None:
    books.segment([DEFINED])
    books.segment([published(1)], sealed=False)
    books.disk.rename(segment_name(2), segment_name(1))
    assert books.damage() == (segment_name(1), 0, "it is another segment than the manifest says")


def test_a_missing_segment_is_damage(books: Books) -> None:
    books.segment([DEFINED])
    books.disk.remove(segment_name(1))
    assert books.damage() == (segment_name(1), 0, "the segment is missing")


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (b"\7" + format.encode_seal()[1:], "a record of kind 7: this journal was written by a newer version"),
        (format.encode_seal()[:-1] + b"\1", "the checksum of a record is wrong"),
        (format.encode_seal()[:-1], "a record is cut"),
    ],
)
def test_a_record_that_is_none_is_damage(books: Books, record: bytes, text: str) -> None:
    books.segment([DEFINED, record])
    assert books.damage() == (segment_name(1), 512 + format.FRAME_HEADER_BYTES + len(DEFINED), text)


def test_messages_of_a_queue_that_nothing_names_are_damage(books: Books) -> None:
    books.segment([published(1)])
    assert f"messages of queue number {QUEUE}" in books.damage()[2]
