"""The rules of a queue: deadlines, limits, its own end; what they give up is gone, or a dead letter."""

from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from amqpbroker.limits import MESSAGE_OVERHEAD_BYTES
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.message import DEADLINE_SHIFT, EXPIRES, PERSISTENT, Message
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues import paged
from amqpbroker.model.queues.rules import Rules
from amqpbroker.model.settings import QueueSettings
from amqpbroker.wire.runs import UniformRun
from tests.helpers.durable import DurableServer
from tests.helpers.hosts import (
    TO_DEAD,
    clock_of,
    deaths,
    declare,
    headers_of,
    host,
    message,
    put,
    subscribe,
    taken,
    waiting,
)


def rules_of(queue: Queue) -> Rules:
    assert queue.rules is not None
    return queue.rules


def now_is(clock: HandClock, seconds: float) -> None:
    """Time has passed, and no timer has rung yet: the loop was busy."""
    clock.seconds += seconds


# Who has rules


@pytest.mark.parametrize(
    "said",
    [
        {"message_ttl_ms": 0},
        {"expires_ms": 1},
        {"max_length": 0},
        {"max_length_bytes": 0},
        {"dead_letter_exchange": ""},
        {"deduplicates": True},
    ],
)
def test_whatever_goes_beyond_order_takes_rules(said: dict[str, Any]) -> None:
    assert Rules.needed_for(QueueSettings(**said))


def test_a_plain_queue_has_no_rules() -> None:
    assert not Rules.needed_for(QueueSettings(overflow="reject-publish", max_priority=5, dead_letter_routing_key="x"))
    assert declare(host()).rules is None


# Deadlines


def test_a_message_expires_when_its_time_has_come_and_not_before() -> None:
    vhost = host()
    declare(vhost, x_message_ttl=1_000)
    put(vhost, 1, 2)
    clock_of(vhost).advance(0.999)
    assert waiting(vhost) == "1 2"
    clock_of(vhost).advance(0.001)
    assert waiting(vhost) == ""


@pytest.mark.parametrize(("ttl_ms", "expiration"), [(2_000, 1_000), (1_000, 2_000)])
def test_of_two_times_to_live_the_shorter_counts(ttl_ms: int, expiration: int) -> None:
    vhost = host()
    queue = declare(vhost, x_message_ttl=ttl_ms)
    put(vhost, 1, expiration=expiration)
    _, message = taken(queue)
    assert message[3] >> DEADLINE_SHIFT == vhost.clock.unix_ms() + 1_000


def test_an_expiration_needs_nothing_of_the_queue() -> None:
    vhost = host()
    declare(vhost)
    put(vhost, 1, expiration=1_000)
    put(vhost, 2)
    clock_of(vhost).advance(1)
    assert waiting(vhost) == "2"


def test_a_run_of_one_kind_has_one_deadline() -> None:
    vhost = host()
    queue = declare(vhost, x_message_ttl=1_000)
    queue.extend(UniformRun(b"\x00\x05tasks", b"header", [b"1", b"2"], PERSISTENT))
    due_ms = vhost.clock.unix_ms() + 1_000
    assert [one[3] for _, one, _ in queue.messages()] == [due_ms << DEADLINE_SHIFT | PERSISTENT] * 2
    clock_of(vhost).advance(1)
    assert queue.message_count == 0


def test_only_the_head_expires() -> None:
    vhost = host()
    queue = declare(vhost)
    put(vhost, 1, expiration=3_000)
    put(vhost, 2, 3, expiration=1_000)
    put(vhost, 4)
    clock_of(vhost).advance(2)
    assert (waiting(vhost), queue.message_count) == ("1 2 3 4", 4)
    taken(queue)
    assert waiting(vhost) == "4"


def test_what_lives_for_no_time_is_for_who_is_ready_to_take_it() -> None:
    vhost = host()
    queue = declare(vhost, x_message_ttl=0)
    put(vhost, 1)
    outlet, _ = subscribe(queue, prefetch=1)
    put(vhost, 2, 3)
    assert outlet.bodies == ["2"]
    assert waiting(vhost) == ""


def test_nobody_is_given_what_has_expired_though_no_timer_has_rung() -> None:
    vhost = host()
    queue = declare(vhost)
    put(vhost, 1, expiration=1_000)
    put(vhost, 2)
    put(vhost, 3, expiration=1_000)
    put(vhost, 4)
    now_is(clock_of(vhost), 1)
    outlet, _ = subscribe(queue)
    assert outlet.bodies == ["2", "4"]
    assert queue.held_bytes == 0


def test_nobody_gets_what_has_expired_though_no_timer_has_rung() -> None:
    vhost = host()
    queue = declare(vhost)
    put(vhost, 1, expiration=1_000)
    put(vhost, 2)
    now_is(clock_of(vhost), 1)
    assert taken(queue)[1][2] == b"2"
    assert queue.take() is None


def test_with_a_client_a_message_does_not_expire_and_late_it_does_not_go_out_again() -> None:
    vhost = host()
    declare(vhost, "dead")
    queue = declare(vhost, x_message_ttl=1_000, **TO_DEAD)
    put(vhost, 1)
    held = taken(queue)
    clock_of(vhost).advance(2)
    assert waiting(vhost, "dead") == ""
    outlet, _ = subscribe(queue)
    queue.requeue([held])
    queue.drain()
    assert (outlet.bodies, waiting(vhost, "dead")) == ([], "1")


def test_a_requeue_gives_no_new_time() -> None:
    vhost = host()
    queue = declare(vhost, x_message_ttl=1_000)
    put(vhost, 1)
    held = taken(queue)
    clock_of(vhost).advance(0.5)
    queue.requeue([held])
    clock_of(vhost).advance(0.5)
    assert waiting(vhost) == ""


def test_a_changed_time_to_live_is_for_what_comes_then() -> None:
    vhost = host()
    queue = declare(vhost, x_message_ttl=1_000)
    put(vhost, 1)
    rules_of(queue).change(QueueSettings())
    put(vhost, 2)
    clock_of(vhost).advance(1)
    assert waiting(vhost) == "2"


@pytest.mark.parametrize("count", [4_096, 4_097, 10_000])
def test_however_many_expire_at_once_all_of_them_go(count: int) -> None:
    vhost = host()
    queue = declare(vhost, x_message_ttl=1_000)
    queue.extend(UniformRun(b"\x00\x05tasks", b"header", [b"body"] * count, 0))
    clock_of(vhost).advance(1)
    assert (queue.message_count, queue.held_bytes, clock_of(vhost).waiting) == (0, 0, 0)


def five_thousand_late_and_one_that_lives() -> Queue:
    vhost = host()
    queue = declare(vhost, x_message_ttl=1_000)
    queue.extend(UniformRun(b"\x00\x05tasks", b"header", [b"late"] * 5_000, 0))
    now_is(clock_of(vhost), 0.5)
    put(vhost, "lives")
    now_is(clock_of(vhost), 0.6)
    return queue


def test_a_consumer_comes_to_what_stands_behind_more_than_is_given_up_in_one_go() -> None:
    queue = five_thousand_late_and_one_that_lives()
    outlet, _ = subscribe(queue)
    clock_of(rules_of(queue)._vhost).advance(0.1)
    assert outlet.bodies == ["lives"]


def test_so_does_a_get() -> None:
    assert taken(five_thousand_late_and_one_that_lives())[1][2] == b"lives"


# Timers


def test_there_is_one_timer_for_all_that_wait_and_none_when_nothing_does() -> None:
    vhost = host()
    queue = declare(vhost, x_message_ttl=1_000)
    assert clock_of(vhost).waiting == 0
    put(vhost, *range(10))
    assert clock_of(vhost).waiting == 1
    queue.purge()
    clock_of(vhost).advance(1)
    assert clock_of(vhost).waiting == 0


def test_an_earlier_head_moves_the_timer() -> None:
    vhost = host()
    queue = declare(vhost)
    put(vhost, 1, expiration=1_000)
    early = taken(queue)
    put(vhost, 2, expiration=5_000)
    queue.requeue([early])
    clock_of(vhost).advance(1)
    assert (waiting(vhost), clock_of(vhost).waiting) == ("2", 1)


def test_a_deleted_queue_leaves_no_timer() -> None:
    vhost = host()
    queue = declare(vhost, x_message_ttl=1_000, x_expires=60_000)
    put(vhost, 1)
    assert clock_of(vhost).waiting == 2
    vhost.delete_queue(queue)
    assert clock_of(vhost).waiting == 0


# Limits


def test_what_is_too_much_goes_off_the_head() -> None:
    vhost = host()
    declare(vhost, x_max_length=2)
    put(vhost, 1, 2, 3)
    assert waiting(vhost) == "2 3"


def test_octets_of_bodies_are_a_limit_too_and_both_hold() -> None:
    vhost = host()
    declare(vhost, x_max_length=3, x_max_length_bytes=10)
    put(vhost, "aaaa", "bbbb", "cc")
    assert waiting(vhost) == "aaaa bbbb cc"
    put(vhost, "d")
    assert waiting(vhost) == "bbbb cc d"
    put(vhost, "e" * 10)
    assert waiting(vhost) == "e" * 10


def test_a_message_that_is_too_large_takes_all_others_with_it() -> None:
    vhost = host()
    queue = declare(vhost, x_max_length_bytes=3)
    put(vhost, 1, 2, "four")
    assert (waiting(vhost), queue.message_count, queue.held_bytes) == ("", 0, 0)


def test_what_clients_have_does_not_count() -> None:
    vhost = host()
    queue = declare(vhost, x_max_length=1, x_max_length_bytes=1)
    put(vhost, 1)
    taken(queue)
    put(vhost, 2)
    assert waiting(vhost) == "2"


def test_through_a_queue_without_room_messages_go_to_who_takes_them() -> None:
    vhost = host()
    queue = declare(vhost, x_max_length=0)
    put(vhost, 1)
    outlet, _ = subscribe(queue, prefetch=1)
    put(vhost, 2, 3)
    assert (outlet.bodies, waiting(vhost)) == (["2"], "")


def test_what_comes_back_into_a_full_queue_is_what_goes() -> None:
    vhost = host()
    queue = declare(vhost, x_max_length=2)
    put(vhost, 1, 2)
    held = taken(queue)
    put(vhost, 3)
    queue.requeue([held])
    assert waiting(vhost) == "2 3"


@pytest.mark.parametrize("overflow", ["reject-publish", "reject-publish-dlx"])
def test_a_queue_that_refuses_drops_nothing_and_takes_back_what_it_had(overflow: str) -> None:
    vhost = host()
    queue = declare(vhost, x_max_length=1, x_overflow=overflow)
    put(vhost, 1)
    held = taken(queue)
    put(vhost, 2)
    queue.requeue([held])
    put(vhost, 3)
    assert waiting(vhost) == "1 2"


@pytest.mark.parametrize(("body_bytes", "is_refused"), [(7, False), (8, True)])
def test_a_message_is_refused_when_it_would_be_too_much(body_bytes: int, is_refused: bool) -> None:
    vhost = host()
    queue = declare(vhost, x_max_length=2, x_max_length_bytes=10, x_overflow="reject-publish")
    put(vhost, "abc")
    assert rules_of(queue).refuses(body_bytes) == is_refused
    put(vhost, "")
    assert rules_of(queue).refuses(0)


def test_a_smaller_limit_holds_at_once_unless_the_queue_refused_before() -> None:
    vhost = host()
    queue = declare(vhost, x_max_length=9, x_overflow="reject-publish")
    put(vhost, *range(6))
    rules_of(queue).change(QueueSettings(max_length=4, overflow="reject-publish"))
    assert queue.message_count == 6
    rules_of(queue).change(QueueSettings(max_length=4))
    assert waiting(vhost) == "2 3 4 5"
    rules_of(queue).change(QueueSettings(max_length=2, overflow="reject-publish"))
    assert waiting(vhost) == "4 5"


def test_more_than_is_given_up_in_one_go_goes_all_the_same() -> None:
    vhost = host()
    queue = declare(vhost, x_max_length=9_999)
    queue.extend(UniformRun(b"\x00\x05tasks", b"header", [b"body"] * 9_999, 0))
    rules_of(queue).change(QueueSettings(max_length=1))
    assert queue.message_count == 1


@pytest.mark.parametrize(("overflow", "died"), [("reject-publish", ""), ("reject-publish-dlx", "2")])
def test_only_with_its_own_word_what_is_refused_is_a_dead_letter(overflow: str, died: str) -> None:
    vhost = host()
    declare(vhost, "dead")
    declare(vhost, x_max_length=1, x_overflow=overflow, **TO_DEAD)
    put(vhost, 1, 2)
    assert (waiting(vhost), waiting(vhost, "dead")) == ("1", died)


def test_messages_that_live_for_no_time_go_one_after_the_other_whatever_the_limit() -> None:
    vhost = host()
    dead = declare(vhost, "dead")
    queue = declare(vhost, x_message_ttl=0, x_max_length=1, **TO_DEAD)
    queue.extend([message(number) for number in (1, 2, 3)])
    assert waiting(vhost, "dead") == "1 2 3"
    assert {deaths(one)[0][1] for _, one, _ in dead.messages()} == {"expired"}


# The queue's own end


def test_a_queue_that_nobody_uses_goes() -> None:
    vhost = host()
    declare(vhost, x_expires=1_000)
    clock_of(vhost).advance(0.999)
    assert "tasks" in vhost.queues
    clock_of(vhost).advance(0.001)
    assert (vhost.queues, clock_of(vhost).waiting) == ({}, 0)


def test_use_begins_its_time_anew_and_publishing_is_none() -> None:
    vhost = host()
    queue = declare(vhost, x_expires=1_000)
    clock_of(vhost).advance(0.5)
    rules_of(queue).used()
    clock_of(vhost).advance(0.9)
    put(vhost, 1)
    assert "tasks" in vhost.queues
    clock_of(vhost).advance(0.1)
    assert "tasks" not in vhost.queues


def test_with_a_consumer_it_stays_and_the_time_begins_when_the_last_has_gone() -> None:
    vhost = host()
    queue = declare(vhost, x_expires=1_000)
    _, consumer = subscribe(queue)
    clock_of(vhost).advance(10.5)
    queue.remove_consumer(consumer)
    clock_of(vhost).advance(0.9)
    assert "tasks" in vhost.queues
    clock_of(vhost).advance(0.1)
    assert "tasks" not in vhost.queues


def test_what_is_in_it_then_is_no_dead_letter() -> None:
    vhost = host()
    declare(vhost, "dead")
    declare(vhost, x_expires=1_000, x_message_ttl=1_500, **TO_DEAD)
    put(vhost, 1)
    clock_of(vhost).advance(2)
    assert ("tasks" in vhost.queues, waiting(vhost, "dead")) == (False, "")


def test_a_policy_that_ends_it_gives_it_all_the_time_from_then_on() -> None:
    vhost = host()
    queue = declare(vhost, x_message_ttl=1_000)
    clock_of(vhost).advance(3_600)
    rules_of(queue).change(QueueSettings(message_ttl_ms=1_000, expires_ms=1_000))
    clock_of(vhost).advance(0.9)
    assert "tasks" in vhost.queues
    clock_of(vhost).advance(0.1)
    assert "tasks" not in vhost.queues


def test_without_the_policy_it_stays() -> None:
    vhost = host()
    queue = declare(vhost, x_expires=1_000)
    rules_of(queue).change(QueueSettings())
    clock_of(vhost).advance(10)
    assert ("tasks" in vhost.queues, clock_of(vhost).waiting) == (True, 0)


# After a restart


def durable(**arguments: Any) -> tuple[DurableServer, Queue]:
    server = DurableServer()
    declare(server.vhost, "dead", durable=True)
    return server, declare(server.vhost, durable=True, **arguments)


def test_what_has_expired_while_there_was_no_broker_is_a_dead_letter_when_there_is_one() -> None:
    server, _ = durable(x_message_ttl=1_000, **TO_DEAD)
    put(server.vhost, 1, 2, mode=2)
    server.commit()
    server.clock.advance(0.5)
    put(server.vhost, 3, mode=2)
    server.commit()
    again = server.after_a_power_cut(down_s=0.5)
    assert (waiting(again.vhost), waiting(again.vhost, "dead")) == ("3", "1 2")
    again.clock.advance(0.5)
    assert (waiting(again.vhost), waiting(again.vhost, "dead")) == ("", "1 2 3")


def test_an_expiration_is_kept_where_nothing_else_asks_for_rules() -> None:
    server, _ = durable()
    put(server.vhost, 1, mode=2, expiration=1_000)
    put(server.vhost, 2, mode=2)
    server.commit()
    again = server.after_a_kill()
    _, message = taken(again.vhost.queues["tasks"])
    assert message[3] == again.clock.unix_ms() + 1_000 << DEADLINE_SHIFT | PERSISTENT | EXPIRES
    again.vhost.queues["tasks"].requeue([(1, message)])
    again.clock.advance(1)
    assert waiting(again.vhost) == "2"


def test_what_was_given_up_does_not_come_back() -> None:
    server, queue = durable(x_max_length=2)
    put(server.vhost, 1, 2, 3, 4, mode=2)
    put(server.vhost, 5, mode=2, expiration=1_000)
    taken(queue)
    server.clock.advance(1)
    server.commit()
    assert waiting(server.after_a_kill().vhost) == "4"


def test_the_time_of_an_unused_queue_begins_anew() -> None:
    server, _ = durable(x_expires=1_000)
    server.commit()
    server.clock.advance(0.9)
    again = server.after_a_kill(down_s=5)
    again.clock.advance(0.9)
    assert "tasks" in again.vhost.queues
    again.clock.advance(0.1)
    assert "tasks" not in again.vhost.queues


def test_a_limit_that_a_restart_finds_overrun_holds() -> None:
    server, _ = durable(x_max_length=2, x_overflow="reject-publish")
    held = []
    for number in range(4):
        put(server.vhost, number, mode=2)
        held.append(taken(server.vhost.queues["tasks"]))
    server.commit()
    again = server.after_a_kill()
    assert waiting(again.vhost) == "0 1 2 3"
    rules = rules_of(again.vhost.queues["tasks"])
    assert rules.refuses(0)


# Beside a list


# Binary fractions of a second, so that times are exact.
TICK_S = 0.125
TICK_MS = 125


class DeadlinesBesideAList(RuleBasedStateMachine):
    """A durable queue whose messages expire and die, of which the disk is written now and then.

    What waits is [number, deadline], 0 for none; what has died is in the order in which it did.
    """

    @initialize(seed=st.integers(0, 1 << 16), ttl=st.sampled_from([None, 2, 6]), limit=st.sampled_from([None, 4]))
    def begin(self, seed: int, ttl: int | None, limit: int | None) -> None:
        self.server = DurableServer(random=Random(seed), segment_bytes=8_192, space_floor_bytes=65_536)
        declare(self.server.vhost, "dead", durable=True)
        said: dict[str, Any] = {} if ttl is None else {"x_message_ttl": ttl * TICK_MS}
        said |= {} if limit is None else {"x_max_length": limit}
        declare(self.server.vhost, durable=True, **TO_DEAD, **said)
        self.ttl_ms = None if ttl is None else ttl * TICK_MS
        self.limit = limit
        self.waiting: list[tuple[int, int]] = []
        self.died: list[tuple[int, str, int]] = []
        self.out: list[tuple[int, Message]] = []
        self.next = 1
        self.server.commit()

    @property
    def queue(self) -> Queue:
        return self.server.vhost.queues["tasks"]

    @property
    def now_ms(self) -> int:
        return self.server.clock.unix_ms()

    def look(self, at_ms: int | None = None) -> None:
        """What a queue does whenever it has changed."""
        now_ms = self.now_ms if at_ms is None else at_ms
        while self.limit is not None and len(self.waiting) > self.limit:
            self.died.append((self.waiting.pop(0)[0], "maxlen", now_ms // 1_000))
        self.expire(now_ms)

    def expire(self, now_ms: int) -> None:
        while self.waiting and 0 < self.waiting[0][1] <= now_ms:
            self.died.append((self.waiting.pop(0)[0], "expired", now_ms // 1_000))

    @rule(count=st.sampled_from([1, 1, 3]), expiration=st.sampled_from([None, None, 0, 1, 3, 10]))
    def publish(self, count: int, expiration: int | None) -> None:
        own_ms = None if expiration is None else expiration * TICK_MS
        times = [one for one in (own_ms, self.ttl_ms) if one is not None]
        deadline_ms = self.now_ms + min(times) if times else 0
        for number in range(self.next, self.next + count):
            put(self.server.vhost, number, mode=2, expiration=own_ms)
            self.waiting.append((number, deadline_ms))
            self.look()
        self.next += count

    @rule(ticks=st.sampled_from([1, 2, 4, 9]))
    def time_passes(self, ticks: int) -> None:
        for _ in range(ticks):
            self.server.clock.advance(TICK_S)
            self.expire(self.now_ms)
        self.server.finish_turn()

    @rule()
    def take(self) -> None:
        found = self.queue.take()
        assert (found is None) == (not self.waiting)
        if found is not None:
            assert int(found[1][2]) == self.waiting.pop(0)[0]
            self.out.append(found[:2])
            self.expire(self.now_ms)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), how=st.sampled_from(["ack", "requeue", "reject"]))
    def settle(self, data: st.DataObject, how: str) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.out), min_size=1, unique=True))
        self.out = [one for one in self.out if one not in chosen]
        if how == "requeue":
            self.queue.requeue(chosen)
            self.waiting = sorted(self.waiting + [(int(one[2]), one[3] >> DEADLINE_SHIFT) for _, one in chosen])
            self.look()
        elif how == "reject":
            self.queue.discard([(position, message, 1) for position, message in chosen])
            self.died += [(int(message[2]), "rejected", self.now_ms // 1_000) for _, message in chosen]
        else:
            self.queue.forget([(position, message, 1) for position, message in chosen])

    @rule(most=st.integers(1, 3))
    def drop(self, most: int) -> None:
        assert [int(one[2]) for one in self.queue.drop(most)] == [number for number, _ in self.waiting[:most]]
        del self.waiting[:most]
        rules_of(self.queue).enforce()
        self.look()

    @rule()
    def purge(self) -> None:
        assert self.queue.purge() == len(self.waiting)
        self.waiting.clear()

    @rule()
    def commit(self) -> None:
        self.server.commit()

    @rule(stop=st.booleans(), ticks=st.sampled_from([0, 3]))
    def restart(self, stop: bool, ticks: int) -> None:
        """All is on disk; what clients had is back."""
        back = [(int(one[2]), one[3] >> DEADLINE_SHIFT) for _, one in self.out]
        self.out.clear()
        self.server.commit()
        down_s = ticks * TICK_S
        self.server = self.server.after_a_stop(down_s) if stop else self.server.after_a_power_cut(down_s)
        self.waiting = sorted(self.waiting + back)
        self.look()

    @invariant()
    def the_same_waits(self) -> None:
        found = [(int(one[2]), one[3] >> DEADLINE_SHIFT) for _, one, _ in self.queue.messages()]
        assert found == self.waiting
        assert self.queue.message_count == len(found)

    @invariant()
    def the_same_has_died_in_the_same_order_and_at_the_same_time(self) -> None:
        dead = [one for _, one, _ in self.server.vhost.queues["dead"].messages()]
        told = [headers_of(one)["x-death"].value[0].value for one in dead]
        found = [
            (int(one[2]), entry["reason"].value.decode(), entry["time"].value)
            for one, entry in zip(dead, told, strict=True)
        ]
        assert found == self.died

    @invariant()
    def there_is_one_timer_and_it_is_not_late(self) -> None:
        due_ms = self.waiting[0][1] if self.waiting else 0
        assert (1 if due_ms else 0) <= self.server.clock.waiting <= 1

    def teardown(self) -> None:
        if hasattr(self, "server"):
            self.server.vhost.delete_queue(self.queue)
            assert self.server.clock.waiting == 0
            assert self.server.damage == []


class TestDeadlinesBesideAList(DeadlinesBesideAList.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(max_examples=80, stateful_step_count=40, deadline=None)

    def setUp(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(paged, "HEAD_MAX_BYTES", 4 * (2 + MESSAGE_OVERHEAD_BYTES))
        self.addCleanup(self.patch.undo)
