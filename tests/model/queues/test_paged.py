"""A paged queue: a head in memory, the rest on disk, and the same order and the same counts as in memory alone."""

import errno
import os
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from amqpbroker.journal import paging
from amqpbroker.limits import HEAD_MAX_BYTES, MESSAGE_OVERHEAD_BYTES
from amqpbroker.model.consumer import ChannelBudget, Consumer
from amqpbroker.model.message import Message, with_deadline
from amqpbroker.model.queue import size_of
from amqpbroker.model.queues import paged
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.wire.runs import UniformRun
from tests.helpers.durable import DurableServer, drained, flagged, numbered, persistent, there, transient
from tests.helpers.outlet import Outlet


@pytest.fixture
def small_head(monkeypatch: pytest.MonkeyPatch) -> int:
    """A head of three messages of ten octets."""
    size_bytes = 3 * (10 + MESSAGE_OVERHEAD_BYTES)
    monkeypatch.setattr(paged, "HEAD_MAX_BYTES", size_bytes)
    return size_bytes


def tens(count: int, first: int = 1) -> list[Message]:
    return numbered(count, first, size_bytes=10)


def put_singly(server: DurableServer, messages: list[Message], name: str = "tasks") -> None:
    for message in messages:
        server.put([message], name)


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


def places(queue: PagedQueue) -> tuple[int, int, int, int]:
    """How many messages came back, are in the head, on disk, held until they are."""
    return len(queue.requeued), len(queue.ready), queue.on_disk.message_count, queue.held_count


def subscribe(queue: PagedQueue, prefetch: int = 0, *, no_ack: bool = False) -> tuple[Outlet, Consumer]:
    outlet = Outlet()
    consumer = Consumer("ctag", queue, outlet, ChannelBudget(), number=1, no_ack=no_ack, prefetch=prefetch)
    queue.add_consumer(consumer)
    queue.drain()
    return outlet, consumer


def bodies(outlet: Outlet) -> list[str]:
    return [body.rstrip() for body in outlet.bodies]


# The head and what is behind it


def test_a_head_is_64_mib() -> None:
    assert HEAD_MAX_BYTES == 64 << 20


def test_what_the_head_has_no_room_for_is_held_until_it_is_on_disk(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(8))
    queue = server.queue()
    assert places(queue) == (0, 3, 0, 5)
    assert queue.held_bytes == size_of(tens(8))
    server.commit()
    assert places(queue) == (0, 3, 5, 0)
    assert queue.held_bytes == size_of(tens(3)) == small_head
    assert queue.message_count == 8
    assert there(queue) == numbers(1, 8)


def test_what_is_published_behind_what_is_on_disk_stays_behind_it(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(5))
    server.commit()
    queue = server.queue()
    assert [queue.take() is not None for _ in range(3)] == [True] * 3
    server.put(tens(1, 6))
    assert places(queue) == (0, 0, 2, 1)
    assert drained(queue) == numbers(4, 6)


def test_the_order_holds_over_all_four_places(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(6))
    server.commit()
    queue = server.queue()
    taken = [found for _ in range(2) if (found := queue.take())]
    put_singly(server, tens(2, 7))
    queue.requeue([(position, message) for position, message, _ in taken])
    assert places(queue) == (2, 1, 3, 2)
    assert there(queue) == numbers(1, 8)
    assert flagged(queue) == ["1", "2"]
    assert drained(queue) == numbers(1, 8)
    assert (queue.message_count, queue.held_bytes) == (0, 0)


def test_what_came_back_goes_out_before_what_is_on_disk(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(6))
    server.commit()
    queue = server.queue()
    taken = [found for _ in range(5) if (found := queue.take())]
    queue.requeue([taken[4][:2], taken[1][:2]])
    assert drained(queue) == ["2", "5", "6"]


def test_a_consumer_is_given_all_of_it_in_order(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(9))
    server.commit()
    put_singly(server, tens(2, 10))
    outlet, _ = subscribe(server.queue())
    server.commit()
    assert bodies(outlet) == numbers(1, 11)
    assert [position for _, position, _, _ in outlet.deliveries] == list(range(1, 12))
    assert places(server.queue()) == (0, 0, 0, 0)


def test_a_consumer_takes_what_is_held_before_it_is_on_disk_and_the_rest_after(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(6))
    outlet, consumer = subscribe(server.queue(), prefetch=4)
    assert bodies(outlet) == numbers(1, 4)
    server.commit()
    server.queue().settle(consumer, 4)
    server.queue().drain()
    assert bodies(outlet) == numbers(1, 6)


def test_a_long_backlog_takes_next_to_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "HEAD_MAX_BYTES", 1)
    server = DurableServer(segment_bytes=1 << 20)
    for first in range(1, 10_001, 500):
        server.put(tens(500, first))
    server.commit()
    queue = server.queue()
    assert queue.message_count == 10_000
    assert queue.held_bytes == size_of(tens(500))
    assert len(queue.on_disk) == 19


# Purge and delete


@pytest.mark.parametrize("durable", [True, False])
def test_a_purge_reaches_every_place(small_head: int, durable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "_FILE_MAX_BYTES", 1)
    server = DurableServer()
    queue = server.queue(durable=durable)
    put_singly(server, tens(6))
    server.commit()
    taken = [found for _ in range(2) if (found := queue.take())]
    put_singly(server, tens(2, 7))
    queue.requeue([taken[0][:2]])
    assert places(queue) == (1, 1, 3, 2)
    assert queue.purge() == 7
    assert (places(queue), queue.message_count, queue.held_bytes) == ((0, 0, 0, 0), 0, 0)
    server.commit()
    # The one that would be written to next.
    assert len(server.disk.names("paging")) <= 1
    server.put(tens(1, 9))
    assert there(queue) == ["9"]


def test_what_was_purged_does_not_come_back_and_what_clients_have_does(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(6))
    server.commit()
    queue = server.queue()
    assert queue.take()
    put_singly(server, tens(2, 7))
    queue.purge()
    server.commit()
    assert there(server.after_a_power_cut().queue()) == ["1"]


def test_a_deleted_queue_leaves_nothing(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(6))
    server.commit()
    put_singly(server, tens(2, 7))
    assert server.vhost.delete_queue(server.queue()) == 8
    server.commit()
    again = server.after_a_power_cut()
    assert again.vhost.queues == {}
    assert again.log.queues == {}


# What is not written


def test_persistent_and_transient_messages_keep_their_order_in_a_durable_queue(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(3))
    for number in range(4, 10):
        messages = tens(1, number)
        server.put(messages if number % 2 else transient(messages))
    queue = server.queue()
    server.commit()
    assert places(queue) == (0, 3, 6, 0)
    assert there(queue) == numbers(1, 9)
    assert drained(queue) == numbers(1, 9)


def test_of_both_the_persistent_ones_are_there_after_a_restart(small_head: int) -> None:
    server = DurableServer()
    for number in range(1, 10):
        messages = tens(1, number)
        server.put(messages if number % 2 else transient(messages))
    server.commit()
    assert there(server.after_a_power_cut().queue()) == ["1", "3", "5", "7", "9"]


def test_the_backlog_of_a_queue_that_is_not_durable_is_in_a_page_file(small_head: int) -> None:
    server = DurableServer()
    queue = server.queue("memory", durable=False)
    put_singly(server, tens(8), "memory")
    server.commit()
    assert places(queue) == (0, 3, 5, 0)
    assert queue.held_bytes == small_head
    assert len(server.disk.names("paging")) == 1
    assert drained(queue) == numbers(1, 8)


def test_page_files_disappear_when_nobody_waits_for_anything_in_them(
    small_head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_FILE_MAX_BYTES", 1_000)
    server = DurableServer()
    queue = server.queue("memory", durable=False)
    for number in range(1, 101):
        server.put(tens(1, number), "memory")
        server.commit()
    assert len(server.disk.names("paging")) > 3
    assert drained(queue) == numbers(1, 100)
    assert len(server.disk.names("paging")) == 1
    server.after_a_kill()
    assert server.disk.names("paging") == []


def test_a_page_that_finds_no_room_stays_in_memory_and_keeps_nothing_from_being_written(small_head: int) -> None:
    server = DurableServer()
    server.queue("memory", durable=False)
    put_singly(server, tens(4), "memory")

    def full(_: int, operation: str, name: str) -> None:
        if name.startswith("paging/") and operation in ("create", "write"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    server.disk.before = full
    server.put(tens(1), "tasks")
    server.commit()
    assert places(server.queue("memory")) == (0, 3, 0, 1)
    assert drained(server.queue("memory")) == numbers(1, 4)
    server.disk.before = None
    assert there(server.after_a_power_cut().queue()) == ["1"]


# Damage


def test_a_look_begins_anywhere_and_reaches_every_place(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(8))
    server.commit()
    queue = server.queue()
    put_singly(server, tens(2, 9))
    taken = [found for _ in range(2) if (found := queue.take())]
    queue.requeue([(position, message) for position, message, _ in taken])
    assert min(places(queue)) > 0
    for skip in range(11):
        part = [body.decode().rstrip() for _, (_, _, body, _), _ in queue.peek(skip, 4)]
        assert part == numbers(1, 10)[skip : skip + 4]


def test_a_damaged_message_is_left_out_and_told_and_the_others_keep_their_order(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(3))
    for first in (4, 8, 12):
        server.put([persistent(f"<{number}>") for number in range(first, first + 4)])
    server.commit()
    damage(server, b"<9>")
    outlet, _ = subscribe(server.queue())
    server.commit()
    assert bodies(outlet) == [*numbers(1, 3), *(f"<{number}>" for number in range(4, 16) if number != 9)]
    assert len(server.damage) == 1
    assert server.damage[0].startswith("log/0000000000000001.seg, offset ")
    assert server.queue().message_count == 0


def damage(server: DurableServer, body: bytes) -> None:
    """Flips a bit of a body at rest in the log."""
    name = server.log.current.name
    octets = server.disk.open(name).read(0, server.log.current.end)
    assert octets.count(body) == 1
    server.disk.flip(name, octets.index(body) + 1, 3)


@pytest.mark.parametrize("bad", [4, 6, 7])
def test_where_in_a_record_the_damage_is_makes_no_difference(small_head: int, bad: int) -> None:
    server = DurableServer()
    put_singly(server, tens(3))
    server.put([persistent(f"<{number}>") for number in range(4, 8)])
    server.commit()
    damage(server, f"<{bad}>".encode())
    sound = [f"<{number}>" for number in range(4, 8) if number != bad]
    assert drained(server.queue()) == [*numbers(1, 3), *sound]
    assert len(server.damage) == 1


def test_of_a_damaged_run_of_one_kind_the_neighbours_are_delivered(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(3))
    server.put(UniformRun(b"\x00\x05tasks", b"header", [b"<%d>" % number for number in range(4, 8)], 1))
    server.commit()
    damage(server, b"<5>")
    assert drained(server.queue()) == [*numbers(1, 3), "<4>", "<6>", "<7>"]


def test_a_record_whose_head_is_damaged_is_left_out_as_a_whole(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(3))
    server.put([persistent("<4>"), persistent("<5>")])
    server.put([persistent("<6>")])
    server.commit()
    queue = server.queue()
    _, _, place, _ = queue.on_disk.peek()
    server.disk.flip(server.log.current.name, (place & (1 << 34) - 1) + 20, 0)
    assert drained(queue) == [*numbers(1, 3), "<6>"]
    assert queue.message_count == 0


def test_what_stands_beside_a_damaged_message_is_flagged_after_a_crash_once_it_was_handed_out(small_head: int) -> None:
    server = DurableServer()
    server.put([persistent(f"<{number}>") for number in range(1, 41)])
    server.commit()
    server = server.after_a_kill()
    name = server.log.segments[-1].name
    octets = server.disk.open(name).read(0, server.log.segments[-1].end)
    server.disk.flip(name, octets.index(b"<2>"), 0)
    outlet, _ = subscribe(server.queue())
    server.commit()
    assert len(outlet.deliveries) == 39
    server.disk.flip(name, octets.index(b"<2>"), 0)
    again = server.after_a_kill()
    assert set(flagged(again.queue())) >= set(outlet.bodies)


# Giving up the head


def test_what_is_dropped_comes_from_every_place_and_in_order(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(6))
    server.commit()
    queue = server.queue()
    held = [found[:2] for _ in range(2) if (found := queue.take())]
    put_singly(server, tens(2, 7))
    queue.requeue(held)
    assert places(queue) == (2, 1, 3, 2)
    assert [int(body) for _, _, body, _ in queue.drop(7)] == [1, 2, 3, 4, 5, 6, 7]
    assert (there(queue), queue.held_bytes) == (["8"], size_of(tens(1)))


def test_by_a_time_only_what_is_due_is_dropped_and_nothing_behind_the_first_that_is_not() -> None:
    queue = DurableServer().queue("memory", durable=False)
    for due_ms in (5, 7, 0, 5):
        queue.extend(with_deadline(tens(1, due_ms), due_ms))
    assert [int(body) for _, _, body, _ in queue.drop(9, due_by_ms=6)] == [5]
    assert [int(body) for _, _, body, _ in queue.drop(9, due_by_ms=7)] == [7]
    assert queue.drop(9, due_by_ms=1 << 40) == []


@pytest.mark.parametrize("again", ["after_a_kill", "after_a_power_cut", "after_a_stop"])
def test_what_was_dropped_does_not_come_back(small_head: int, again: str) -> None:
    server = DurableServer()
    put_singly(server, tens(8))
    server.commit()
    assert len(server.queue().drop(5)) == 5
    server.commit()
    assert there(getattr(server, again)().queue()) == numbers(6, 8)


def test_what_was_dropped_before_it_was_written_is_never_written() -> None:
    server = DurableServer()
    server.queue()
    server.commit()
    server.put(tens(3))
    server.queue().drop(3)
    server.finish_turn()
    assert server.in_flight is None


# Octets that wait


def test_octets_of_bodies_are_counted_wherever_they_are(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(6))
    server.commit()
    put_singly(server, numbered(1, 7, size_bytes=100))
    queue = server.queue()
    assert places(queue) == (0, 3, 3, 1)
    assert queue.ready_bytes == 160
    held = queue.take()
    assert held is not None and queue.ready_bytes == 150
    queue.requeue([held[:2]])
    assert queue.ready_bytes == 160


def test_after_a_restart_they_are_counted_when_somebody_asks_or_what_is_left_of_them(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(6))
    put_singly(server, numbered(1, 7, size_bytes=100))
    server.commit()
    queue = server.after_a_kill().queue()
    assert queue.take() is not None
    assert queue.ready_bytes == 150
    queue.purge()
    assert queue.ready_bytes == 0


# After a restart


def test_what_comes_back_is_read_when_somebody_wants_it(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(8))
    server.commit()
    queue = server.after_a_stop().queue()
    assert places(queue) == (0, 0, 8, 0)
    assert queue.held_bytes == 0
    assert drained(queue) == numbers(1, 8)


def test_positions_go_on_above_all_that_were_given(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(3))
    server.commit()
    queue = server.queue()
    assert drained(queue) == numbers(1, 3)
    server.commit()
    again = server.after_a_power_cut().queue()
    assert again.tail >= 4


def test_a_purge_of_what_came_back_reaches_the_disk(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(8))
    server.commit()
    server = server.after_a_kill()
    assert server.queue().purge() == 8
    server.commit()
    assert there(server.after_a_power_cut().queue()) == []


def test_what_is_published_when_all_that_came_back_is_gone_is_in_the_head_and_new(small_head: int) -> None:
    server = DurableServer()
    server.put(tens(2))
    subscribe(server.queue())
    server.commit()
    server = server.after_a_kill()
    assert flagged(server.queue()) == ["1", "2"]
    assert drained(server.queue()) == ["1", "2"]
    server.put(tens(1, 3))
    assert places(server.queue()) == (0, 1, 0, 0)
    assert flagged(server.queue()) == []


def test_what_may_have_been_with_a_client_is_flagged(small_head: int) -> None:
    server = DurableServer()
    put_singly(server, tens(3))
    server.commit()
    subscribe(server.queue(), prefetch=1)
    server.commit()
    server = server.after_a_kill()
    queue = server.queue()
    assert flagged(queue) == numbers(1, 3)
    outlet, _ = subscribe(queue)
    server.commit()
    assert [redelivered for _, _, _, redelivered in outlet.deliveries] == [True] * 3


# Beside a list


class PagedQueueBesideAList(RuleBasedStateMachine):
    """A durable queue with a tiny head, of which the disk is written when it happens to be."""

    @initialize(seed=st.integers(0, 1 << 16))
    def begin(self, seed: int) -> None:
        self.server = DurableServer(random=Random(seed), segment_bytes=8_192, space_floor_bytes=65_536)
        self.queue = self.server.queue()
        self.server.commit()
        self.waiting: list[tuple[str, bool, bool]] = []  # body, whether it is written, whether it was handed out
        self.out: list[tuple[int, Message]] = []
        self.next = 1

    @rule(count=st.sampled_from([1, 2, 7, 30]), written=st.booleans(), size_bytes=st.sampled_from([10, 10, 5, 23]))
    def publish(self, count: int, written: bool, size_bytes: int) -> None:
        messages = numbered(count, self.next, size_bytes=size_bytes)
        self.server.put(messages if written else transient(messages))
        self.waiting += [(str(number), written, False) for number in range(self.next, self.next + count)]
        self.next += count

    @rule(count=st.sampled_from([1, 3, 20]))
    def take(self, count: int) -> None:
        for _ in range(min(count, len(self.waiting))):
            found = self.queue.take()
            assert found is not None
            position, message, redelivered = found
            body, _, was_out = self.waiting.pop(0)
            assert (message[2].decode().rstrip(), redelivered) == (body, was_out)
            self.queue.may_hand_out(position, message)
            self.out.append((position, message))

    @precondition(lambda self: self.out)
    @rule(data=st.data(), back=st.booleans())
    def settle(self, data: st.DataObject, back: bool) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.out), min_size=1, unique=True))
        self.out = [one for one in self.out if one not in chosen]
        if back:
            self.queue.requeue(chosen)
            returned = [(message[2].decode().rstrip(), bool(message[3]), True) for _, message in chosen]
            self.waiting = sorted(self.waiting + returned, key=lambda one: int(one[0]))
        else:
            assert self.queue.log is not None
            self.queue.log.settle([position for position, _ in chosen])

    @rule(most=st.sampled_from([1, 4, 40]))
    def drop(self, most: int) -> None:
        dropped = [message[2].decode().rstrip() for message in self.queue.drop(most)]
        assert dropped == [body for body, _, _ in self.waiting[:most]]
        del self.waiting[:most]

    @rule()
    def octets_are_counted(self) -> None:
        """Now and then: after a restart nobody knows before somebody asks."""
        assert self.queue.ready_bytes == sum(len(message[2]) for _, message, _ in self.queue.messages())

    @rule()
    def purge(self) -> None:
        assert self.queue.purge() == len(self.waiting)
        self.waiting.clear()

    @rule()
    def a_turn_ends(self) -> None:
        self.server.finish_turn()

    @precondition(lambda self: self.server.in_flight)
    @rule()
    def one_commit_is_written(self) -> None:
        self.server.commit_one()

    @rule(stop=st.booleans())
    def restart(self, stop: bool) -> None:
        """Everything is written; what clients had is back."""
        back = [(message[2].decode().rstrip(), bool(message[3]), True) for _, message in self.out]
        written = [one for one in self.waiting + back if one[1]]
        expected = sorted(written, key=lambda one: int(one[0]))
        if stop:
            self.queue.requeue(self.out)
            self.server = self.server.after_a_stop()
        else:
            self.server.commit()
            self.server = self.server.after_a_power_cut()
        self.queue = self.server.queue()
        self.out.clear()
        found = [(body.decode().rstrip(), redelivered) for _, (_, _, body, _), redelivered in self.queue.messages()]
        assert [body for body, _ in found] == [body for body, _, _ in expected]
        if stop:
            assert [redelivered for _, redelivered in found] == [was_out for _, _, was_out in expected]
        assert all(redelivered for (_, redelivered), (_, _, was_out) in zip(found, expected, strict=True) if was_out)
        self.waiting = [(body, True, redelivered) for body, redelivered in found]

    @invariant()
    def the_same_waits(self) -> None:
        found = [(body.decode().rstrip(), redelivered) for _, (_, _, body, _), redelivered in self.queue.messages()]
        assert found == [(body, was_out) for body, _, was_out in self.waiting]
        assert self.queue.message_count == len(self.waiting)

    @invariant()
    def memory_is_counted_exactly(self) -> None:
        queue = self.queue
        held = [message for _, message in queue.requeued] + [*queue.ready]
        held += [message for _, run in queue.held for message in run]
        assert queue.held_bytes == size_of(held)
        if not self.server.log.is_recording and self.server.in_flight is None:
            assert not queue.held


class TestPagedQueueBesideAList(PagedQueueBesideAList.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(max_examples=80, stateful_step_count=40, deadline=None)

    def setUp(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(paged, "HEAD_MAX_BYTES", 4 * (10 + MESSAGE_OVERHEAD_BYTES))
        self.addCleanup(self.patch.undo)
