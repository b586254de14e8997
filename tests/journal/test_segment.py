"""A segment in the books: what of it is needed, and what the manifest says of it."""

import pytest

from amqpbroker.journal.format import BLOCK_BYTES, Key
from amqpbroker.journal.manifest import SegmentEntry
from amqpbroker.journal.queue_log import QueueLog
from amqpbroker.journal.segment import Segment, free_segments, segment_name, spare_name
from tests.helpers.durable import DurableServer


def segment(number: int = 1) -> Segment:
    return Segment(number, 3, 99, 65_536)


def test_a_segment_begins_behind_its_header() -> None:
    one = segment()
    assert (one.end, one.sealed, one.live_bytes) == (BLOCK_BYTES, False, 0)
    assert (one.header.epoch, one.header.id, one.header.salt) == (3, 1, 99)


def test_files_have_numbers_of_one_length_so_that_names_are_in_order() -> None:
    names = [segment_name(number) for number in (9, 10, 255, 1 << 32)]
    assert names == sorted(names)
    assert names[2] == "log/00000000000000ff.seg"
    assert spare_name(255) == "log/00000000000000ff.spare"


def sealed(number: int, *cancels: Segment) -> Segment:
    one = segment(number)
    one.sealed = True
    one.cancels.update(cancels)
    return one


def test_of_a_segment_without_anything_live_nothing_is_needed_once_it_is_sealed() -> None:
    one = segment()
    assert free_segments([one]) == set()
    one.sealed = True
    assert free_segments([one]) == {one}


def test_a_segment_is_needed_for_its_messages_its_definitions_and_its_marks() -> None:
    for number in range(3):
        one = sealed(1)
        match number:
            case 0:
                one.live = 1
            case 1:
                one.definitions[Key("queue", "/", "tasks")] = 100
            case 2:
                log = DurableServer().queue().log
                assert isinstance(log, QueueLog)
                one.marks.add(log)
        assert one.holds_something
        assert free_segments([one]) == set()


def test_acknowledgements_are_needed_as_long_as_what_they_settle() -> None:
    first = sealed(1)
    second = sealed(2, first)
    third = sealed(3, second)
    first.live = 1
    assert free_segments([first, second, third]) == set()
    first.live = 0
    assert free_segments([first, second, third]) == {first, second, third}
    second.live = 1
    assert free_segments([first, second, third]) == {first}


@pytest.mark.parametrize(("live", "live_bytes"), [(0, 0), (1, 1_000), (5, 5_000), (10, 10_000)])
def test_of_messages_the_share_that_is_not_settled_is_live(live: int, live_bytes: int) -> None:
    one = segment()
    one.end = BLOCK_BYTES + 10_000
    one.recorded, one.live = 10, live
    assert one.live_bytes == live_bytes


def test_definitions_are_live_too() -> None:
    one = segment()
    one.definitions[Key("queue", "/", "tasks")] = 300
    one.definitions[Key("queue", "/", "other")] = 200
    assert one.live_bytes == 500


def test_the_manifest_is_told_where_a_segment_ends_once_it_is_sealed() -> None:
    one = segment(7)
    one.end = 4_096
    assert one.entry() == SegmentEntry(7, 3, 99, 65_536, None, ())
    one.sealed = True
    one.skip = ((512, 1_024),)
    assert one.entry() == SegmentEntry(7, 3, 99, 65_536, 4_096, ((512, 1_024),))
