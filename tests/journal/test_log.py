"""The log: what is recorded in a turn is one commit, one commit is under way, and its octets are what was said."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.journal import format
from amqpbroker.journal.format import EVERYTHING, MessageId
from amqpbroker.journal.manifest import read
from amqpbroker.journal.segment import Segment, segment_name
from amqpbroker.model.message import Message
from amqpbroker.wire.runs import UniformRun
from tests.helpers.durable import (
    DurableServer,
    acks,
    definitions,
    numbered,
    persistent,
    publishes,
    records,
    there,
    transient,
)


def kinds(server: DurableServer) -> Counter[int]:
    """How many records of each kind the commit under way has."""
    server.finish_turn()
    assert server.in_flight is not None
    return Counter(kind for kind, _ in records(server.in_flight))


def ready(*names: str) -> DurableServer:
    """A broker with durable queues, all on disk."""
    server = DurableServer()
    for name in names or ("tasks",):
        server.queue(name)
    server.commit()
    return server


def settle(server: DurableServer, *positions: int, name: str = "tasks") -> None:
    log = server.queue(name).log
    assert log is not None
    log.settle(positions)


# One list, one commit


def test_what_is_recorded_in_a_turn_is_one_commit_and_one_frame() -> None:
    server = ready()
    before = server.log.sequence
    server.put(numbered(2))
    server.put(numbered(1, 3))
    settle(server, 1)
    server.queue("other")
    assert kinds(server) == {format.PUBLISH: 2, format.ACK: 1, format.DEFINE: 1}
    server.commit()
    assert server.log.sequence == before + 1


def test_while_a_commit_is_under_way_the_next_fills_and_no_other_begins() -> None:
    server = ready()
    server.put(numbered(1))
    first = server.log.close()
    assert first is not None
    for number in range(2, 5):
        server.put(numbered(1, number))
        assert server.log.close() is None
    server.commit_one()
    assert server.in_flight is not first
    assert server.in_flight is not None
    assert sum(one.message_count for one in publishes(server.in_flight)) == 3


def test_where_nothing_was_recorded_nothing_is_written_and_who_waits_is_called() -> None:
    server = ready()
    called: list[int] = []
    server.log.when_committed(lambda: called.append(server.log.done_number))
    number = server.log.open_number
    assert not server.log.is_recording
    assert server.log.close() is None
    assert called == [number]


def test_who_waits_is_called_when_the_commit_is_on_disk_and_once() -> None:
    server = ready()
    called: list[int] = []
    server.put(numbered(1))
    server.log.when_committed(lambda: called.append(server.log.done_number))
    number = server.log.open_number
    server.finish_turn()
    assert called == []
    server.commit()
    assert called == [number]


def test_who_begins_to_wait_while_a_commit_is_under_way_waits_for_the_next() -> None:
    server = ready()
    called: list[str] = []
    server.put(numbered(1))
    server.finish_turn()
    server.log.when_committed(lambda: called.append("second"))
    server.put(numbered(1, 2))
    server.commit_one()
    assert called == []
    server.commit_one()
    assert called == ["second"]


def test_octets_are_pending_from_being_recorded_until_they_are_on_disk() -> None:
    server = ready()
    server.put(numbered(10, size_bytes=1_000))
    assert 10_000 <= server.log.pending_bytes <= 12_000
    server.finish_turn()
    server.put(numbered(10, 11, size_bytes=1_000))
    assert 20_000 <= server.log.pending_bytes <= 24_000
    server.commit_one()
    assert 10_000 <= server.log.pending_bytes <= 12_000
    server.commit_one()
    assert server.log.pending_bytes == 0


def test_what_is_dropped_unwritten_is_pending_no_more() -> None:
    server = ready()
    server.put(numbered(10, size_bytes=1_000))
    server.queue().purge()
    server.commit()
    assert server.log.pending_bytes == 0


# Messages


def test_one_message_for_ten_queues_is_one_record_with_their_positions() -> None:
    names = [f"queue-{number}" for number in range(10)]
    server = ready(*names)
    for number, name in enumerate(names):
        server.put(transient(numbered(number + 1)), name)
    server.put(numbered(1), *names)
    server.finish_turn()
    assert server.in_flight is not None
    (record,) = publishes(server.in_flight)
    assert record.message_count == 1
    assert record.queues == tuple((server.queue(name).log_id, number + 2) for number, name in enumerate(names))


def test_every_message_has_a_number_of_its_own_epoch_commit_and_place() -> None:
    server = ready()
    server.put(numbered(3))
    server.put(numbered(2, 4))
    server.finish_turn()
    assert server.in_flight is not None
    epoch, sequence = server.log.epoch, server.in_flight.sequence
    assert [one.id for one in publishes(server.in_flight)] == [
        MessageId(epoch, sequence, 0),
        MessageId(epoch, sequence, 3),
    ]
    server.commit()
    again = server.after_a_kill()
    again.put(numbered(1, 6))
    again.finish_turn()
    assert again.in_flight is not None
    (other,) = publishes(again.in_flight)
    assert other.id.epoch == epoch + 1
    assert other.id.sequence > sequence


def test_a_queue_that_is_not_durable_is_in_no_record() -> None:
    server = ready()
    server.queue("memory", durable=False)
    server.put(numbered(1), "tasks", "memory")
    server.finish_turn()
    assert server.in_flight is not None
    (record,) = publishes(server.in_flight)
    assert record.queues == ((server.queue().log_id, 1),)


@pytest.mark.parametrize(
    "messages",
    [
        UniformRun(b"\x00\x05tasks", b"header", [b"one", b"two"], 1),
        UniformRun(b"\x00\x05tasks", b"header", [b"", b""], 1),
        [persistent(""), persistent("one"), (b"\x01a\x00", b"", b"\xff" * 300_000, 1)],
    ],
)
def test_messages_come_back_octet_by_octet(messages: list[Message] | UniformRun) -> None:
    server = ready()
    server.put(messages)
    server.commit()
    again = server.after_a_power_cut().queue()
    assert [message for _, message, _ in again.messages()] == list(messages)


def test_a_commit_larger_than_a_segment_has_a_segment_that_is_large_enough() -> None:
    server = ready()
    server.put(numbered(3, size_bytes=100_000))
    server.put(numbered(1, 4))
    server.commit()
    assert server.log.current.size_bytes > 300_000
    assert there(server.after_a_power_cut().queue()) == ["1", "2", "3", "4"]


# What comes and goes before it is written


def test_what_is_settled_before_it_is_written_is_not_written() -> None:
    server = ready()
    server.put(numbered(3))
    settle(server, 1, 2, 3)
    server.finish_turn()
    assert server.in_flight is None


def test_a_run_of_which_something_is_left_is_written_with_what_is_settled() -> None:
    server = ready()
    server.put(numbered(3))
    settle(server, 1, 3)
    server.finish_turn()
    assert server.in_flight is not None
    assert [one.message_count for one in publishes(server.in_flight)] == [3]
    assert acks(server.in_flight) == {server.queue().log_id: [(1, 2), (3, 4)]}
    server.commit()
    assert there(server.after_a_power_cut().queue()) == ["2"]


def test_a_message_in_several_queues_is_dropped_only_if_it_is_settled_in_all_of_them() -> None:
    server = ready("a", "b")
    server.put(numbered(1), "a", "b")
    settle(server, 1, name="a")
    server.put(numbered(1, 2), "a", "b")
    settle(server, 2, name="a")
    settle(server, 2, name="b")
    server.finish_turn()
    assert server.in_flight is not None
    assert [one.message_count for one in publishes(server.in_flight)] == [1]
    assert acks(server.in_flight) == {server.queue("a").log_id: [(1, 2)]}
    server.commit()
    again = server.after_a_power_cut()
    assert (there(again.queue("a")), there(again.queue("b"))) == ([], ["1"])


def test_what_is_settled_while_it_is_being_written_is_settled_by_the_next_commit() -> None:
    server = ready()
    server.put(numbered(1))
    server.finish_turn()
    settle(server, 1)
    server.commit_one()
    assert server.in_flight is not None
    assert acks(server.in_flight) == {server.queue().log_id: [(1, 2)]}
    server.commit()
    assert there(server.after_a_power_cut().queue()) == []
    assert server.log.current.live == 0


def test_a_queue_that_is_deleted_with_what_was_just_published_leaves_its_messages_unwritten() -> None:
    server = ready()
    server.put(numbered(1))
    server.vhost.delete_queue(server.queue())
    server.finish_turn()
    assert server.in_flight is not None
    assert publishes(server.in_flight) == []
    assert list(acks(server.in_flight).values()) == [[EVERYTHING]]


def test_a_message_for_a_deleted_queue_and_another_is_written_for_the_other() -> None:
    server = ready("a", "b")
    server.put(numbered(1), "a", "b")
    server.vhost.delete_queue(server.queue("a"))
    server.commit()
    again = server.after_a_power_cut()
    assert there(again.queue("b")) == ["1"]
    assert set(again.vhost.queues) == {"b"}


# Definitions


def test_of_what_is_defined_more_than_once_in_a_turn_the_last_is_written() -> None:
    server = ready()
    server.log.define("policy", "/", "all", {"priority": 1})
    server.log.define("policy", "/", "all", {"priority": 2})
    server.finish_turn()
    assert server.in_flight is not None
    assert definitions(server.in_flight) == {("policy", "/", "all"): {"priority": 2}}


def test_what_is_defined_and_gone_in_a_turn_is_not_written() -> None:
    server = ready()
    server.log.define("policy", "/", "all", {})
    server.log.undefine("policy", "/", "all")
    server.log.undefine("policy", "/", "missing")
    server.finish_turn()
    assert server.in_flight is None


def test_a_definition_has_the_number_of_its_list() -> None:
    server = ready()
    server.put(numbered(1))
    before = server.log.defined_number
    assert before <= server.log.done_number
    server.finish_turn()
    server.log.define("policy", "/", "all", {})
    assert server.log.defined_number == server.log.open_number > before
    server.commit()
    assert server.log.defined_number <= server.log.done_number


@given(st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 9)), st.booleans()), max_size=20))
def test_after_a_restart_the_last_word_on_each_thing_counts(words: list[tuple[str, int | None, bool]]) -> None:
    """words: (name, value or None for gone, whether a commit follows)"""
    server = DurableServer()
    truth: dict[str, int] = {}
    for name, value, ends in words:
        if value is None:
            server.log.undefine("exchange", "x", name)
            truth.pop(name, None)
        else:
            server.log.define("exchange", "x", name, content(value))
            truth[name] = value
        if ends:
            server.commit()
    server.commit()
    found = server.after_a_power_cut().log.contents
    assert {key.name: one["value"] for key, one in found.items()} == truth


def content(value: int) -> dict[str, object]:
    return {"type": "direct", "auto_delete": False, "internal": False, "arguments": {}, "value": value}


# The seal


def test_after_a_while_without_a_commit_the_last_is_sealed_once() -> None:
    server = ready()
    commit = server.log.close(seal=True)
    assert commit is not None
    assert [kind for kind, _ in records(commit)] == [format.SEAL]
    server.commit()
    assert server.log.close(seal=True) is None
    server.put(numbered(1))
    server.commit()
    assert server.log.close(seal=True) is not None


def test_a_start_is_sealed_up_already() -> None:
    server = DurableServer()
    assert server.log.close(seal=True) is None


def test_what_was_recorded_meanwhile_takes_the_seals_place() -> None:
    server = ready()
    server.put(numbered(1))
    commit = server.log.close(seal=True)
    assert commit is not None
    assert [kind for kind, _ in records(commit)] == [format.PUBLISH]


# Segments


def test_a_full_segment_is_sealed_in_the_manifest_with_the_first_commit_of_the_next() -> None:
    server = ready()
    first = server.log.current
    while server.log.current is first:
        assert [one.sealed for one in read(server.disk).segments] == [None]
        server.put(numbered(1, size_bytes=10_000))
        server.commit()
    sealed, current = read(server.disk).segments
    assert (sealed.id, sealed.sealed) == (first.id, first.end)
    assert (current.id, current.sealed) == (first.id + 1, None)
    assert sealed.salt != current.salt


def test_a_segment_of_which_nothing_is_needed_leaves_with_the_next_that_begins() -> None:
    server = ready("keep", "tasks")
    for number in range(1, 30):
        server.put(numbered(1, number, size_bytes=10_000))
        server.commit()
    settle(server, *range(1, 30))
    server.queue().purge()
    for number in range(30, 45):
        server.put(numbered(1, number, size_bytes=10_000))
        server.commit()
    kept = [one.id for one in read(server.disk).segments]
    assert kept[0] == 1  # the definitions
    assert 2 not in kept and 3 not in kept
    assert not server.disk.exists(segment_name(2))
    assert there(server.after_a_power_cut().queue()) == [str(number) for number in range(30, 45)]


def test_a_segment_with_acknowledgements_stays_while_what_they_settle_is_there() -> None:
    server = ready("keep", "tasks")
    server.put(numbered(1), "keep")
    first, second = server.log.current, fill_the_segment(server)
    settle(server, *range(1, server.queue().tail))
    server.queue().purge()
    server.commit()
    assert second is server.log.current
    for _ in range(3):
        fill_the_segment(server)
        server.queue().purge()
        server.commit()
    # The first holds what is live in 'keep', and with it what the second acknowledges.
    assert server.log.segments[:2] == [first, second]
    assert (second.live, second.cancels) == (0, {first})
    again = server.after_a_power_cut()
    assert (there(again.queue("keep")), there(again.queue())) == (["1"], [])


def fill_the_segment(server: DurableServer) -> Segment:
    """Publishes until another segment has begun; that."""
    full = server.log.current
    while server.log.current is full:
        server.put(numbered(1, server.queue().tail, size_bytes=10_000))
        server.commit()
    return server.log.current
