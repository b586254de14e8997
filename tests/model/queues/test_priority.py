"""A queue with priorities: what its levels do together, with rules, on disk and after a restart."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from amqpbroker.limits import MESSAGE_OVERHEAD_BYTES
from amqpbroker.model.message import PERSISTENT, Message
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues import paged
from amqpbroker.model.queues.priority import PriorityQueue, classic_levels
from tests.helpers.durable import DurableServer
from tests.helpers.hosts import TO_DEAD, clock_of, declare, host, message, put, subscribe, taken, waiting
from tests.helpers.outlet import Outlet

PRIORITIES = st.lists(st.one_of(st.none(), st.integers(0, 7)), min_size=2, max_size=12)
MAX_PRIORITY = 5


def messages_of(priorities: list[int | None]) -> list[Message]:
    """One of each, with its place as its body."""
    return [message(place, priority=priority) for place, priority in enumerate(priorities)]


def in_order(priorities: list[int | None]) -> list[str]:
    """The places as they go out when all of them wait."""
    return [str(place) for place in sorted(range(len(priorities)), key=lambda place: -level(priorities[place]))]


def level(priority: int | None) -> int:
    return min(priority or 0, MAX_PRIORITY)


def levels_queue() -> Queue:
    return declare(host(), x_max_priority=MAX_PRIORITY)


def give_back(queue: Queue, outlet: Outlet, messages: list[Message]) -> None:
    """All that was given out comes back."""
    queue.requeue([(position, messages[int(body)]) for _, position, body, _ in outlet.deliveries])


# A transient queue without rules: messages of several levels that come at once


@given(PRIORITIES)
def test_what_waits_goes_out_highest_first_and_in_order(priorities: list[int | None]) -> None:
    queue = levels_queue()
    queue.extend(messages_of(priorities))
    outlet, _ = subscribe(queue, no_ack=True)
    assert outlet.bodies == in_order(priorities)


@given(PRIORITIES)
def test_who_waits_gets_messages_as_they_come(priorities: list[int | None]) -> None:
    queue = levels_queue()
    outlet, _ = subscribe(queue, no_ack=True)
    queue.extend(messages_of(priorities))
    assert outlet.bodies == [str(place) for place in range(len(priorities))]


@given(PRIORITIES, st.integers(1, 12))
def test_what_nobody_takes_waits_by_its_level(priorities: list[int | None], prefetch: int) -> None:
    vhost = host()
    queue = declare(vhost, x_max_priority=MAX_PRIORITY)
    outlet, _ = subscribe(queue, prefetch=prefetch)
    queue.extend(messages_of(priorities))
    taken = [str(place) for place in range(len(priorities))][:prefetch]
    assert outlet.bodies == taken
    assert waiting(vhost).split() == [body for body in in_order(priorities) if body not in taken]


@given(st.lists(PRIORITIES, max_size=3), PRIORITIES, st.integers(1, 12))
def test_what_comes_back_stands_where_it_was_in_its_level(
    before: list[list[int | None]], priorities: list[int | None], prefetch: int
) -> None:
    vhost = host()
    queue = declare(vhost, x_max_priority=MAX_PRIORITY)
    for earlier in before:
        _, consumer = subscribe(queue, no_ack=True)
        queue.extend(messages_of(earlier))
        queue.remove_consumer(consumer)
    outlet, consumer = subscribe(queue, prefetch=prefetch)
    messages = messages_of(priorities)
    queue.extend(messages)
    queue.remove_consumer(consumer)
    give_back(queue, outlet, messages)
    assert waiting(vhost).split() == in_order(priorities)


def test_two_consumers_take_turns_though_the_levels_differ() -> None:
    queue = levels_queue()
    first, second = (subscribe(queue)[0] for _ in range(2))
    queue.extend(messages_of([0, 5, 1, 4]))
    assert (first.bodies, second.bodies) == (["0", "2"], ["1", "3"])


# Levels


@pytest.mark.parametrize(("priority", "expected"), [(None, 0), (0, 0), (2, 2), (5, 5), (6, 5), (255, 5)])
def test_what_says_nothing_is_of_the_lowest_level_and_what_says_too_much_of_the_highest(
    priority: int | None, expected: int
) -> None:
    deadline = 1_700_000_000_000 << 16
    assert classic_levels(MAX_PRIORITY)(message("", priority=priority, mode=2)[3] | deadline) == expected


@pytest.mark.parametrize(("profile", "expected"), [("3.13", "1 2"), ("4.2", "2 1")])
def test_a_highest_priority_of_0_leaves_one_level_and_two_since_4_0(profile: str, expected: str) -> None:
    vhost = host(profile)
    declare(vhost, x_max_priority=0)
    put(vhost, 1)
    put(vhost, 2, priority=1)
    assert waiting(vhost) == expected


# With rules


def test_a_limit_counts_all_levels_and_takes_the_highest_first() -> None:
    vhost = host()
    declare(vhost, x_max_priority=5, x_max_length=2)
    put(vhost, 1)
    put(vhost, 2, priority=5)
    put(vhost, 3)
    assert waiting(vhost) == "1 3"


def test_what_comes_back_together_is_back_before_anything_is_too_much() -> None:
    vhost = host()
    declare(vhost, "dead")
    queue = declare(vhost, x_max_priority=5, x_max_length=2, **TO_DEAD)
    put(vhost, 1, priority=5)
    high = taken(queue)
    put(vhost, 2)
    low = taken(queue)
    put(vhost, 3, 4, priority=5)
    queue.requeue([low, high])
    assert (waiting(vhost), waiting(vhost, "dead")) == ("4 2", "1 3")


def test_the_head_of_the_highest_level_is_what_expires() -> None:
    vhost = host()
    queue = declare(vhost, x_max_priority=5)
    put(vhost, 1, expiration=1_000)
    put(vhost, 2, priority=5)
    put(vhost, 3, priority=5, expiration=1_000)
    clock_of(vhost).advance(1)
    assert waiting(vhost) == "2 3 1"
    taken(queue)
    assert waiting(vhost) == ""


def test_nothing_expires_below_what_lives() -> None:
    vhost = host()
    declare(vhost, x_max_priority=5)
    put(vhost, 1, priority=5, expiration=1_000)
    put(vhost, 2, priority=5)
    put(vhost, 3, expiration=1_000)
    clock_of(vhost).advance(1)
    assert waiting(vhost) == "2 3"


def test_a_level_that_expires_as_a_whole_hides_nothing_of_the_next() -> None:
    vhost = host()
    queue = declare(vhost, x_max_priority=5)
    put(vhost, 1)
    put(vhost, 2, priority=5, expiration=1_000)
    clock_of(vhost).seconds += 1
    assert taken(queue)[1][2] == b"1"


def test_all_levels_together_have_one_timer_and_leave_none() -> None:
    vhost = host()
    queue = declare(vhost, x_max_priority=5, x_message_ttl=1_000)
    for priority in range(6):
        put(vhost, priority, priority=priority)
        assert clock_of(vhost).waiting == 1
    vhost.delete_queue(queue)
    assert clock_of(vhost).waiting == 0


def test_the_highest_goes_out_first_when_a_consumer_takes_one_at_a_time() -> None:
    vhost = host()
    queue = declare(vhost, x_max_priority=5, x_message_ttl=1_000)
    outlet, consumer = subscribe(queue, prefetch=1)
    put(vhost, 1, 2)
    put(vhost, 3, priority=5)
    put(vhost, 4, priority=3)
    for _ in range(4):
        queue.settle(consumer, 1)
        queue.drain()
    assert outlet.bodies == ["1", "3", "4", "2"]


# On disk


def test_nothing_of_a_lower_level_overtakes_what_waits_for_the_disk() -> None:
    server = DurableServer()
    declare(server.vhost, durable=True, x_max_priority=5)
    put(server.vhost, "1", mode=2)
    put(server.vhost, "2", mode=2, priority=5)
    server.commit()
    outlet, _ = subscribe(server.vhost.queues["tasks"], no_ack=True)
    put(server.vhost, "3")
    assert outlet.bodies == []
    server.commit()
    assert outlet.bodies == ["2", "1", "3"]


def test_a_deleted_queue_leaves_nothing_of_any_level() -> None:
    server = DurableServer()
    queue = declare(server.vhost, durable=True, x_max_priority=5)
    for priority in range(6):
        put(server.vhost, priority, mode=2, priority=priority)
    server.commit()
    assert server.vhost.delete_queue(queue) == 6
    server.commit()
    again = server.after_a_power_cut()
    assert (again.vhost.queues, again.log.queues) == ({}, {})


Waiting = tuple[int, int, bool, bool]
"""(minus its level, number, whether it is written, whether it was with a client)"""


class LevelsBesideASortedList(RuleBasedStateMachine):
    """A durable queue of three levels with tiny heads, of which the disk is written when it happens to be."""

    @initialize(seed=st.integers(0, 1 << 16))
    def begin(self, seed: int) -> None:
        self.server = DurableServer(random=Random(seed), segment_bytes=8_192, space_floor_bytes=65_536)
        declare(self.server.vhost, durable=True, x_max_priority=2)
        self.server.commit()
        self.waiting: list[Waiting] = []
        self.out: list[tuple[int, Message]] = []
        self.next = 1

    @property
    def queue(self) -> PriorityQueue:
        queue = self.server.vhost.queues["tasks"]
        assert isinstance(queue, PriorityQueue)
        return queue

    @staticmethod
    def known(message: Message, was_out: bool) -> Waiting:
        _, _, body, flags = message
        return -classic_levels(2)(flags), int(body), bool(flags & PERSISTENT), was_out

    @rule(
        priorities=st.lists(st.sampled_from([None, 0, 1, 2, 9]), min_size=1, max_size=9),
        written=st.booleans(),
        size_bytes=st.sampled_from([4, 11]),
    )
    def publish(self, priorities: list[int | None], written: bool, size_bytes: int) -> None:
        run = []
        for priority in priorities:
            run.append(message(str(self.next).ljust(size_bytes), priority=priority, mode=2 if written else 1))
            self.next += 1
        self.server.vhost.put([self.queue], run)
        self.waiting = sorted(self.waiting + [self.known(one, False) for one in run])

    @rule(count=st.sampled_from([1, 3, 12]))
    def take(self, count: int) -> None:
        for _ in range(min(count, len(self.waiting))):
            found = self.queue.take()
            assert found is not None
            position, message, redelivered = found
            expected = self.waiting.pop(0)
            assert self.known(message, redelivered) == expected
            self.queue.may_hand_out(position, message)
            self.out.append((position, message))

    @precondition(lambda self: self.out)
    @rule(data=st.data(), back=st.booleans())
    def settle(self, data: st.DataObject, back: bool) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.out), min_size=1, unique=True))
        self.out = [one for one in self.out if one not in chosen]
        if back:
            self.queue.requeue(chosen)
            self.waiting = sorted(self.waiting + [self.known(message, True) for _, message in chosen])
        else:
            self.queue.forget([(position, message, 1) for position, message in chosen])

    @rule(most=st.sampled_from([1, 2, 9]))
    def drop(self, most: int) -> None:
        assert [int(one[2]) for one in self.queue.drop(most)] == [one[1] for one in self.waiting[:most]]
        del self.waiting[:most]

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
        """Everything is written; what clients had is back, and what was given up is not."""
        back = [self.known(message, True) for _, message in self.out]
        expected = sorted(one for one in self.waiting + back if one[2])
        if stop:
            self.queue.requeue(self.out)
            self.server = self.server.after_a_stop()
        else:
            self.server.commit()
            self.server = self.server.after_a_power_cut()
        self.out.clear()
        self.waiting = [self.known(message, was_out) for _, message, was_out in self.queue.messages()]
        assert [one[:3] for one in self.waiting] == [one[:3] for one in expected]
        assert all(found[3] for found, one in zip(self.waiting, expected, strict=True) if one[3])
        assert not stop or self.waiting == expected

    @rule()
    def octets_are_counted(self) -> None:
        assert self.queue.ready_bytes == sum(len(message[2]) for _, message, _ in self.queue.messages())

    @invariant()
    def the_same_waits(self) -> None:
        found = [self.known(message, was_out) for _, message, was_out in self.queue.messages()]
        assert found == self.waiting
        assert self.queue.message_count == len(found)

    def teardown(self) -> None:
        if hasattr(self, "server"):
            self.octets_are_counted()
            assert self.server.damage == []


class TestLevelsBesideASortedList(LevelsBesideASortedList.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(max_examples=80, stateful_step_count=40, deadline=None)

    def setUp(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(paged, "HEAD_MAX_BYTES", 3 * (4 + MESSAGE_OVERHEAD_BYTES))
        self.addCleanup(self.patch.undo)
