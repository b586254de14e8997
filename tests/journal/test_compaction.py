"""Compaction: what is still needed is copied forward, all of it and once, and what was settled stays gone."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpbroker.journal import compaction
from amqpbroker.journal.format import Publish, split_location
from amqpbroker.journal.queue_log import QueueLog
from amqpbroker.journal.segment import Segment
from amqpbroker.model.message import DEADLINE_SHIFT
from amqpbroker.model.queues import paged
from amqpbroker.model.queues.paged import PagedQueue
from tests.helpers.durable import DurableServer, drained, flagged, numbered, publishes, there
from tests.helpers.hosts import declare

SEGMENT_BYTES = 16_384
NEVER = 1 << 40
COMMITS_MAX = 400


def small(*names: str) -> DurableServer:
    """A broker with small segments and some queues, whose log is not compacted before `compact`."""
    server = DurableServer(segment_bytes=SEGMENT_BYTES, space_floor_bytes=NEVER)
    for name in (*names, "other"):
        server.queue(name)
    server.commit()
    return server


def log_of(queue: PagedQueue) -> QueueLog:
    assert isinstance(queue.log, QueueLog)
    return queue.log


def put_on_disk(server: DurableServer, count: int, *names: str, size_bytes: int = 1_000) -> Segment:
    """So many commits of a message each, all in one segment; that."""
    for _ in range(count):
        server.put(numbered(1, server.queue(names[0]).tail, size_bytes=size_bytes), *names)
        settle_down(server)
    return server.log.current


def pass_by(server: DurableServer) -> None:
    """A message that comes and goes: something to commit, of which nothing is needed later."""
    server.put(numbered(1, size_bytes=1_500), "other")
    settle_down(server)
    server.queue("other").purge()
    settle_down(server)


def fill(server: DurableServer, *, count: int = 1) -> Segment:
    """Traffic until another segment has begun, so often; that segment."""
    for _ in range(count):
        full = server.log.current
        while server.log.current is full:
            pass_by(server)
    return server.log.current


def settle_down(server: DurableServer) -> int:
    """Commits until nothing more is to be written; how many there were."""
    server.finish_turn()
    for count in range(COMMITS_MAX):
        if server.in_flight is None:
            return count
        server.commit_one()
    raise AssertionError("commits without end")


def compact(server: DurableServer) -> list[Publish]:
    """The log takes more than it should, until a segment has begun; the records that were copied."""
    server.log.space_floor_bytes = 0
    copies: list[Publish] = []
    full = server.log.current
    while server.log.current is full or server.in_flight is not None:
        if server.in_flight is None:
            server.put(numbered(1, size_bytes=1_500), "other")
            server.queue("memory", durable=False)
            server.finish_turn()
        assert server.in_flight is not None
        copies += [one for one in publishes(server.in_flight) if server.queue("other").log_id not in dict(one.queues)]
        server.commit_one()
    server.log.space_floor_bytes = NEVER
    server.queue("other").purge()
    settle_down(server)
    return copies


def begin_to_compact(server: DurableServer, targets: str = "tasks") -> None:
    """Steps until the first copies of a queue's messages are under way, and no further."""
    server.log.space_floor_bytes = 0
    for step in range(COMMITS_MAX):
        if step % 2:
            server.queue("other").purge()
        else:
            server.put(numbered(1, size_bytes=1_500), "other")
        commit = server.log.close()
        assert commit is not None
        if any(log.queue.name == targets for copy, _ in commit.moved for log, _, _ in copy.targets):
            server.log.space_floor_bytes = NEVER
            return
        write(server)
    raise AssertionError("nothing is ever copied")


def write(server: DurableServer) -> None:
    """The commit under way, and no other."""
    commit = server.in_flight
    assert commit is not None
    server.writer.commit_once(commit)
    server.log.committed(commit)


def numbers(*which: int) -> list[str]:
    return [str(number) for number in which]


def of_range(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


def after_both(server: DurableServer) -> Iterator[DurableServer]:
    """The broker as it is, and after a power cut."""
    yield server
    yield server.after_a_power_cut()


@pytest.fixture
def one_record_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "_STEP_MIN_BYTES", 1)
    monkeypatch.setattr(compaction, "_STEP_SHARE", 0)


# What is copied


def test_what_is_live_of_a_segment_is_copied_and_the_segment_leaves() -> None:
    server = small("tasks")
    victim = put_on_disk(server, 9, "tasks")
    log_of(server.queue()).settle([1, 2, 3, 5, 6, 7, 8])
    fill(server)
    assert [one.message_count for one in compact(server)] == [1, 1]
    fill(server)
    assert victim not in server.log.segments
    assert not server.disk.exists(victim.name)
    assert there(server.after_a_power_cut().queue()) == numbers(4, 9)


def test_each_message_is_copied_with_the_queues_that_still_have_it() -> None:
    server = small(*"abc")
    server.put(numbered(8, size_bytes=1_000), *"abc")
    server.commit()
    log_of(server.queue("a")).settle([1, 2, 3, 4])
    log_of(server.queue("b")).settle([1, 2, 5, 6])
    log_of(server.queue("c")).settle([1, 2, 3, 4, 5, 6, 7])
    fill(server)
    ids = [log_of(server.queue(name)).id for name in "abc"]
    assert [(one.message_count, dict(one.queues)) for one in compact(server)] == [
        (2, {ids[1]: 3}),
        (2, {ids[0]: 5}),
        (1, {ids[0]: 7, ids[1]: 7}),
        (1, {ids[0]: 8, ids[1]: 8, ids[2]: 8}),
    ]
    again = server.after_a_power_cut()
    assert there(again.queue("a")) == numbers(5, 6, 7, 8)
    assert there(again.queue("b")) == numbers(3, 4, 7, 8)
    assert there(again.queue("c")) == numbers(8)


def test_a_copy_keeps_the_number_of_its_message_and_its_octets() -> None:
    server = small("tasks")
    server.put(numbered(1))
    server.put(numbered(5, 2, size_bytes=1_000))
    server.finish_turn()
    assert server.in_flight is not None
    original = publishes(server.in_flight)[1].id
    settle_down(server)
    log_of(server.queue()).settle([1, 2, 3, 6])
    fill(server)
    (copy,) = compact(server)
    assert copy.id == original._replace(place=original.place + 2)
    again = server.after_a_power_cut()
    assert [message for _, message, _ in again.queue().messages()] == numbered(2, 4, size_bytes=1_000)


def test_definitions_are_carried_forward() -> None:
    server = small("tasks", "kept")
    victim = server.log.current
    server.log.define("exchange", "/", "gone", {})
    settle_down(server)
    server.log.undefine("exchange", "/", "gone")
    fill(server)
    assert compact(server) == []
    fill(server, count=2)
    assert victim not in server.log.segments
    assert set(server.after_a_power_cut().vhost.queues) == {"tasks", "kept", "other"}


def test_marks_are_carried_forward() -> None:
    server = small("tasks")
    victim = put_on_disk(server, 8, "tasks")
    log_of(server.queue()).settle([1, 2, 3, 5, 6])
    log_of(server.queue()).handed_out(8)
    settle_down(server)
    fill(server)
    compact(server)
    fill(server, count=2)
    assert victim not in server.log.segments
    again = server.after_a_power_cut().queue()
    assert flagged(again) == there(again) == numbers(4, 7, 8)


def test_what_is_deleted_while_a_segment_is_compacted_is_not_copied(one_record_a_step: None) -> None:
    server = small("tasks")
    victim = put_half_on_disk(server)
    fill(server)
    begin_to_compact(server)
    server.vhost.delete_queue(server.queue())
    settle_down(server)
    assert victim.live == 0
    assert set(server.after_a_power_cut().vhost.queues) == {"other"}


# What is read


def test_a_backlog_on_disk_is_read_where_it_was_moved_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "HEAD_MAX_BYTES", 1)
    monkeypatch.setattr(paged, "_REFILL_BYTES", 1)
    server = small("tasks")
    victim = put_on_disk(server, 9, "tasks")
    queue = server.queue()
    log_of(queue).settle([found[0] for _ in range(3) if (found := queue.take())])
    fill(server)
    compact(server)
    fill(server)
    assert victim not in server.log.segments
    assert queue.on_disk.message_count == 6
    assert victim.id not in {split_location(place)[0] for _, _, place, _ in queue.on_disk}
    assert drained(queue) == of_range(4, 9)
    assert server.damage == []


def test_what_was_settled_while_its_copy_was_written_stays_settled(one_record_a_step: None) -> None:
    server = small("tasks")
    put_half_on_disk(server)
    fill(server)
    begin_to_compact(server)
    log_of(server.queue()).settle([5, 6])
    settle_down(server)
    server.queue("other").purge()
    settle_down(server)
    assert [one.live for one in server.log.segments if one.live] == [2]
    again = server.after_a_power_cut()
    assert [one.live for one in again.log.segments if one.live] == [2]
    assert there(again.queue()) == numbers(7, 8)


def put_half_on_disk(server: DurableServer) -> Segment:
    """Eight messages, of which the first four are settled."""
    segment = put_on_disk(server, 8, "tasks")
    log_of(server.queue()).settle([1, 2, 3, 4])
    settle_down(server)
    return segment


# What must not come back


def test_a_segment_of_acknowledgements_stays_while_what_they_settle_is_there() -> None:
    server = small("tasks", "kept")
    put_on_disk(server, 1, "kept")
    put_on_disk(server, 6, "tasks")
    fill(server)
    server.queue().purge()
    settle_down(server)
    for _ in range(3):
        fill(server)
        server = server.after_a_power_cut()
        assert (there(server.queue()), there(server.queue("kept"))) == ([], ["1"])


def test_what_was_copied_and_acknowledged_stays_gone_while_its_original_is_there(one_record_a_step: None) -> None:
    server = small("tasks")
    victim = put_half_on_disk(server)
    fill(server)
    begin_to_compact(server)
    write(server)
    # Some are copied and some are not, and the next process does not go on with it.
    server = server.after_a_kill()
    log_of(server.queue()).settle([5, 6])
    for _ in range(4):
        server.queue("other").purge()
        pass_by(server)
        fill(server)
        server = server.after_a_kill()
        assert there(server.queue()) == numbers(7, 8)
    assert victim.id in {one.id for one in server.log.segments}


def test_a_segment_with_copies_stays_as_long_as_the_one_with_the_originals(one_record_a_step: None) -> None:
    server = small("tasks")
    victim = put_half_on_disk(server)
    fill(server)
    begin_to_compact(server)
    copies = server.log.current
    assert victim not in copies.cancels
    write(server)
    # What settles the copies needs their segment, and that needs the originals': they go together or not at all.
    assert victim in copies.cancels
    # One more, since a start writes the last commit again.
    server.put(numbered(1), "other")
    server.log.close()
    write(server)
    again = server.after_a_power_cut()
    found = {one.id: {gone.id for gone in one.cancels} for one in again.log.segments}
    assert victim.id in found[copies.id]


def test_what_was_copied_before_a_restart_is_not_copied_again(one_record_a_step: None) -> None:
    server = small("tasks")
    put_half_on_disk(server)
    fill(server)
    begin_to_compact(server)
    write(server)
    server = server.after_a_kill()
    own = server.queue().log_id
    log_of(server.queue("other")).settle(range(1, server.queue("other").tail))
    settle_down(server)
    copies = [dict(one.queues)[own] for one in compact(server) if own in dict(one.queues)]
    assert copies == [6, 7, 8]
    assert there(server.after_a_power_cut().queue()) == numbers(5, 6, 7, 8)


def test_what_is_left_of_a_deleted_queue_is_no_damage() -> None:
    for leaves_a_mark in (False, True):
        server = DurableServer(segment_bytes=SEGMENT_BYTES, space_floor_bytes=NEVER)
        server.put(numbered(1, size_bytes=14_000), "tasks")
        settle_down(server)
        server.put(numbered(1, size_bytes=3_000), "kept")
        if leaves_a_mark:
            log_of(server.queue()).handed_out(2)
        else:
            log_of(server.queue()).settle([1])
        settle_down(server)
        server.vhost.delete_queue(server.queue())
        server.put(numbered(1, 2, size_bytes=15_000), "kept")
        settle_down(server)
        log_of(server.queue("kept")).settle([2])
        for number in range(3, 6):
            server.put(numbered(1, number, size_bytes=15_000), "kept")
            settle_down(server)
        again = server.after_a_power_cut()
        assert set(again.vhost.queues) == {"kept"}
        assert there(again.queue("kept")) == numbers(1, 3, 4, 5)


def test_a_queue_deleted_while_its_copies_are_written_is_deleted(one_record_a_step: None) -> None:
    server = small("tasks", "kept")
    put_on_disk(server, 1, "kept", size_bytes=100)
    put_half_on_disk(server)
    fill(server)
    begin_to_compact(server)
    server.vhost.delete_queue(server.queue())
    # Its end is in the next segment.
    server.put(numbered(1, size_bytes=15_900), "other")
    write(server)
    settle_down(server)
    for _ in range(4):
        server.queue("other").purge()
        fill(server)
        server = server.after_a_kill()
        assert set(server.vhost.queues) == {"kept", "other"}
        assert there(server.queue("kept")) == ["1"]


# How much, and for how long


def test_under_the_floor_nothing_is_copied() -> None:
    server = small("tasks")
    server.log.space_floor_bytes = 8 * SEGMENT_BYTES
    victim = put_on_disk(server, 8, "tasks")
    fill(server, count=6)
    assert victim in server.log.segments


def test_the_disk_holds_no_more_than_it_should() -> None:
    server = DurableServer(segment_bytes=SEGMENT_BYTES, space_floor_bytes=8 * SEGMENT_BYTES)
    random = Random(7)
    live: list[int] = []
    for number in range(1, 600):
        server.put(numbered(1, number, size_bytes=1_000))
        live.append(number)
        while len(live) > 30:
            log_of(server.queue()).settle([live.pop(random.randrange(len(live)))])
        settle_down(server)
        live_bytes = len(live) * 1_600
        assert sum(one.size_bytes for one in server.log.segments) <= (
            max(2 * live_bytes, 8 * SEGMENT_BYTES) + 2 * SEGMENT_BYTES
        )
    found = {int(body) for body in there(server.after_a_power_cut().queue())}
    assert found == set(live)


def test_ordinary_traffic_walks_no_segment_again_and_again() -> None:
    server = DurableServer(segment_bytes=SEGMENT_BYTES, space_floor_bytes=8 * SEGMENT_BYTES)
    walked = walks_of(server)
    for number in range(1, 500):
        server.put(numbered(1, number, size_bytes=1_000))
        if number > 3:
            log_of(server.queue()).settle([number - 3])
            assert server.queue().take()
        settle_down(server)
    assert server.log.current.id > 40
    assert len(walked) <= server.log.current.id
    assert len(walked) == len(set(walked))
    assert len(server.log.segments) <= 8 + 2


def walks_of(server: DurableServer) -> list[int]:
    """The segments that are read from now on to be compacted."""
    walked: list[int] = []
    walk = server.log.pages.walk

    def noted(segment: Segment) -> Iterator[object]:
        walked.append(segment.id)
        return walk(segment)

    server.log.pages.walk = noted  # type: ignore[method-assign,assignment]
    return walked


def test_a_chain_of_acknowledgements_leaves_as_a_whole() -> None:
    server = small("tasks", "kept")
    put_on_disk(server, 1, "kept")
    for number in range(1, 100):
        server.put(numbered(1, number, size_bytes=1_000))
        if number > 3:
            log_of(server.queue()).settle([number - 3])
        settle_down(server)
    assert len(server.log.segments) > 7
    log_of(server.queue("kept")).settle([1])
    for (kind, vhost, name), content in list(server.log.contents.items()):
        server.log.define(kind, vhost, name, content)
    fill(server, count=2)
    assert len(server.log.segments) <= 4
    assert there(server.after_a_power_cut().queue()) == numbers(97, 98, 99)


def test_compaction_of_definitions_comes_to_an_end() -> None:
    server = DurableServer(segment_bytes=SEGMENT_BYTES, space_floor_bytes=6 * SEGMENT_BYTES)
    for number in range(300):
        server.queue(f"queue-{number:030}")
    settle_down(server)
    for number in range(1, 200):
        server.put(numbered(1, number, size_bytes=1_000))
        if number % 3:
            log_of(server.queue()).settle([number])
        settle_down(server)
    assert len(server.after_a_power_cut().vhost.queues) == 301


def test_a_step_copies_a_bounded_number_of_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "_STEP_MIN_BYTES", 2_000)
    monkeypatch.setattr(compaction, "_STEP_SHARE", 0)
    server = small("tasks")
    victim = put_half_on_disk(server)
    fill(server)
    begin_to_compact(server)
    sizes = []
    while victim.live:
        commit = server.in_flight or server.log.close()
        assert commit is not None
        sizes.append(sum(copy.size_bytes for copy, _ in commit.moved))
        write(server)
    assert len(sizes) == 2
    assert max(sizes) <= 2_000 + 1_200


def test_a_step_reads_a_bounded_part_of_a_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "_STEP_READ_BYTES", 3_000)
    server = small("tasks")
    victim = put_on_disk(server, 8, "tasks")
    # Of all that is in it only the definitions are needed.
    server.queue().purge()
    settle_down(server)
    fill(server)
    read: list[int] = []
    walk = server.log.pages.walk

    def noted(segment: Segment) -> Iterator[tuple[bytes, list[Publish]]]:
        for payload, publishes_there in walk(segment):
            read[-1] += len(payload)
            yield payload, publishes_there

    monkeypatch.setattr(server.log.pages, "walk", noted)
    server.log.space_floor_bytes = 0
    while victim.definitions:
        read.append(0)
        server.put(numbered(1, size_bytes=1_500), "other")
        server.log.close()
        write(server)
    assert len(read) > 3
    assert max(read) <= 3_000 + 1_500


def test_compaction_keeps_up_with_what_is_published() -> None:
    server = DurableServer(segment_bytes=SEGMENT_BYTES, space_floor_bytes=4 * SEGMENT_BYTES)
    live = 0
    for number in range(1, 300):
        server.put(numbered(1, number, size_bytes=1_000))
        if number > 1 and number % 20:
            log_of(server.queue()).settle([number - 1])
        else:
            live += 1
        # No turn without a publish: what a step copies has to be more than what comes.
        server.log.close()
        write(server)
        total_bytes = sum(one.size_bytes for one in server.log.segments)
        assert total_bytes <= max(2 * 1_600 * live, 4 * SEGMENT_BYTES) + 3 * SEGMENT_BYTES


def test_a_segment_that_cannot_be_read_stays_as_it_is_and_is_told() -> None:
    server = small("tasks")
    victim = put_on_disk(server, 8, "tasks")
    log_of(server.queue()).settle([1, 2, 3, 4, 5])
    fill(server)
    server.disk.flip(victim.name, victim.end - 1_500, 0)
    compact(server)
    fill(server, count=3)
    assert victim in server.log.segments
    assert victim.damaged
    assert len(server.damage) == 1
    assert server.damage[0].startswith(f"{victim.name}, offset ")


@pytest.mark.parametrize("frame_blocks", [9, 15, 16, 17, 20, 30])
def test_what_is_half_full_and_all_live_is_left_alone(frame_blocks: int) -> None:
    server = DurableServer(segment_bytes=SEGMENT_BYTES, space_floor_bytes=2 * SEGMENT_BYTES)
    for number in range(1, 20):
        server.put(numbered(1, number, size_bytes=512 * frame_blocks - 200))
        settle_down(server)
    assert len(there(server.after_a_power_cut().queue())) == 19


def test_copies_that_carry_definitions_along_do_not_begin_it_all_again() -> None:
    server = DurableServer(segment_bytes=4_096, space_floor_bytes=3 * 4_096)
    for name in "abc":
        server.queue(name)
    for count in (4, 5):
        server.put(numbered(count, server.queue("a").tail, size_bytes=300), "a", "b")
        settle_down(server)
    server.vhost.delete_queue(server.queue("a"))
    server.queue("a")
    settle_down(server)
    server.put(numbered(5, size_bytes=300), "a")
    settle_down(server)


# At random


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1 << 16),
    st.lists(
        st.one_of(
            st.tuples(st.just("publish"), st.sets(st.sampled_from("abc"), min_size=1), st.integers(1, 6)),
            st.tuples(st.just("settle"), st.sampled_from("abc"), st.integers(0, 100)),
            st.tuples(st.just("delete"), st.sampled_from("abc"), st.just(0)),
            st.tuples(st.just("restart"), st.just(""), st.just(0)),
        ),
        max_size=60,
    ),
)
def test_whatever_is_copied_every_queue_has_what_it_should(seed: int, steps: list[tuple[str, object, int]]) -> None:
    server = DurableServer(random=Random(seed), segment_bytes=8_192, space_floor_bytes=2 * 8_192)
    queues: dict[str, dict[int, str]] = {name: {} for name in "abc"}
    body = 0
    for name in "abc":
        server.queue(name)
    for what, names, number in steps:
        match what:
            case "publish":
                assert isinstance(names, set | frozenset)
                chosen = sorted(names)
                for name in chosen:
                    first = server.queue(name).tail
                    queues[name].update({first + at: str(body + at) for at in range(number)})
                server.put(numbered(number, body, size_bytes=200), *chosen)
                body += number
            case "settle":
                assert isinstance(names, str)
                own = [one for at, one in enumerate(sorted(queues[names])) if (at * 7 + number) % 3]
                # They were with a client: the queue knows nothing of them any more.
                log_of(server.queue(names)).settle(own)
                for one in own:
                    del queues[names][one]
            case "delete":
                assert isinstance(names, str)
                server.vhost.delete_queue(server.queue(names))
                server.queue(names)
                queues[names] = {}
            case "restart":
                settle_down(server)
                server = server.after_a_power_cut()
        settle_down(server)
    assert all(one.live >= 0 for one in server.log.segments)
    again = server.after_a_power_cut()
    for name, own in queues.items():
        assert there(again.queue(name)) == [own[one] for one in sorted(own)]
        assert again.log.segments and not again.damage


# Moments


TTLS_MS = {"a": None, "b": 100_000_000, "c": 200_000_000}


def deadlines(queue: PagedQueue) -> list[tuple[str, int]]:
    return [(body.decode().rstrip(), flags >> DEADLINE_SHIFT) for _, (_, _, body, flags), _ in queue.messages()]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1 << 16),
    st.lists(
        st.one_of(
            st.tuples(st.just("publish"), st.sets(st.sampled_from("abc"), min_size=1), st.integers(1, 6)),
            st.tuples(st.just("drop"), st.sampled_from("abc"), st.integers(1, 5)),
            st.tuples(st.just("restart"), st.just(""), st.just(0)),
        ),
        min_size=20,
        max_size=60,
    ),
)
def test_whatever_is_copied_each_queue_keeps_its_own_moments(seed: int, steps: list[tuple[str, object, int]]) -> None:
    server = DurableServer(random=Random(seed), segment_bytes=8_192, space_floor_bytes=2 * 8_192)
    expected: dict[str, list[tuple[str, int]]] = {name: [] for name in TTLS_MS}
    for name, ttl_ms in TTLS_MS.items():
        declare(server.vhost, name, durable=True, **({} if ttl_ms is None else {"x_message_ttl": ttl_ms}))
    body = 0
    for what, names, number in steps:
        server.clock.advance(1)
        now_ms = server.clock.unix_ms()
        match what:
            case "publish":
                assert isinstance(names, set | frozenset)
                server.put(numbered(number, body, size_bytes=400), *sorted(names))
                for name in names:
                    ttl_ms = TTLS_MS[name]
                    deadline_ms = 0 if ttl_ms is None else now_ms + ttl_ms
                    expected[name] += [(str(one), deadline_ms) for one in range(body, body + number)]
                body += number
            case "drop":
                assert isinstance(names, str)
                server.queue(names).drop(number)
                del expected[names][:number]
            case "restart":
                settle_down(server)
                server = server.after_a_power_cut()
        settle_down(server)
    again = server.after_a_power_cut()
    assert {name: deadlines(again.queue(name)) for name in TTLS_MS} == expected
    assert again.damage == []


def test_a_copy_in_fewer_queues_has_their_moments() -> None:
    server = small("a")
    for name, ttl_ms in (("b", 100_000_000), ("c", 200_000_000)):
        declare(server.vhost, name, durable=True, x_message_ttl=ttl_ms)
    victim = put_on_disk(server, 9, "a", "b", "c")
    server.queue("a").purge()
    server.queue("b").drop(3)
    server.queue("c").drop(6)
    before = [deadlines(server.queue(name)) for name in "bc"]
    fill(server)
    copies = compact(server)
    fill(server)
    assert victim not in server.log.segments
    assert [len(one.queues) for one in copies] == [1, 1, 1, 2, 2, 2]
    assert all(all(one.moments) for one in copies)
    again = server.after_a_kill()
    assert [deadlines(again.queue(name)) for name in "bc"] == before
