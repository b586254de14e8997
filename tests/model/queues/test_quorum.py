"""Quorum queues: counts, where what comes back goes, priorities, retries that wait, and what a restart leaves of it."""

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from amqpbroker.errors import AMQPError
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.consumer import ChannelBudget, Consumer
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.message import COUNTED, PERSISTENT, Message, address_of, flags_of
from amqpbroker.model.queue import Return
from amqpbroker.model.queues.quorum import (
    RETRY_S,
    Counts,
    Order,
    QuorumQueue,
    check_delete,
    counts_of,
    with_counts,
    without_counts,
)
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.profiles import PROFILES
from amqpbroker.wire import properties
from amqpbroker.wire.tables import Table, from_python
from tests.helpers.durable import DurableServer
from tests.helpers.outlet import Outlet

TTL: dict[str, Any] = {"x-message-ttl": 10_000}
RETRY: dict[str, Any] = {"x-delayed-retry-type": "all", "x-delayed-retry-min": 1_000}
AT_LEAST_ONCE: dict[str, Any] = {
    "x-dead-letter-exchange": "dead-letters",
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}


def message(
    body: object, priority: int | None = None, headers: Table | None = None, *, mode: int | None = 2
) -> Message:
    octets = str(body).encode()
    values = properties.Properties(delivery_mode=mode, priority=priority, headers=headers)
    return address_of("", "tasks"), properties.encode(values, len(octets)), octets, flags_of(mode, priority)


def host(profile: str = "4.3") -> VirtualHost:
    return VirtualHost("/", PROFILES[profile], Random(0).randbytes, HandClock())


def declare(vhost: VirtualHost, name: str = "tasks", /, **arguments: Any) -> QuorumQueue:
    """Arguments with underscores: x_delivery_limit=2."""
    given = {key.replace("_", "-"): value for key, value in arguments.items()}
    table = from_python({"x-queue-type": "quorum", **given}).value
    queue = vhost.new_queue(name, durable=True, auto_delete=False, owner=None, arguments=table)
    assert isinstance(queue, QuorumQueue)
    return queue


def quorum(profile: str = "4.3", /, **arguments: Any) -> QuorumQueue:
    return declare(host(profile), **arguments)


def clock_of(vhost: VirtualHost) -> HandClock:
    assert isinstance(vhost.clock, HandClock)
    return vhost.clock


def put(vhost: VirtualHost, *bodies: object, name: str = "tasks") -> None:
    vhost.put([vhost.queues[name]], [message(body) for body in bodies])


def taken(queue: QuorumQueue) -> tuple[int, Message]:
    found = queue.take()
    assert found is not None
    return found[:2]


def fail(queue: QuorumQueue, how: Return = Return.FAILED) -> None:
    queue.requeue([taken(queue)], how)


def waiting(queue: QuorumQueue) -> str:
    return b" ".join(body for _, (_, _, body, _), _ in queue.messages()).decode()


def parked_count(queue: QuorumQueue) -> int:
    """How many messages wait for their retry."""
    return 0 if queue.parked is None else len(queue.parked)


def bodies(found: Iterable[Message]) -> str:
    return b" ".join(body for _, _, body, _ in found).decode()


def shown(one: Message) -> dict[str, int]:
    """The counts in its headers."""
    headers = properties.headers(one[1]) or {}
    return {name: field.value for name, field in headers.items() if name.endswith("-count")}


# Counts


@given(
    st.integers(1, 1 << 40), st.integers(0, 1 << 40), st.sampled_from([None, {}, {"other": 1, "x-delivery-count": 9}])
)
def test_counts_are_read_as_they_were_written(returned: int, failed: int, before: dict[str, int] | None) -> None:
    plain = message("m", headers=None if before is None else from_python(before).value)
    assert counts_of(plain) == Counts()
    counted = with_counts(plain, Counts(returned, failed), (4, 3))
    assert counts_of(counted) == Counts(returned, failed)
    left = properties.headers(without_counts(counted)[1]) or {}
    assert set(left) == set(before or ()) - {"x-delivery-count"}
    assert not without_counts(counted)[3] & COUNTED


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("3.13", {"x-delivery-count": 2}),
        ("4.2", {"x-delivery-count": 2}),
        ("4.3", {"x-acquired-count": 2, "x-delivery-count": 1}),
    ],
)
def test_what_a_message_says_of_its_returns(profile: str, expected: dict[str, int]) -> None:
    vhost = host(profile)
    queue = declare(vhost, x_delivery_limit=5)
    put(vhost, "m")
    fail(queue)
    fail(queue, Return.REQUEUED)
    assert shown(taken(queue)[1]) == expected


# The delivery limit


def deliveries_until_dropped(queue: QuorumQueue, how: Return, most: int = 30) -> int:
    for count in range(most):
        if not queue.message_count:
            return count
        fail(queue, how)
    return most


@pytest.mark.parametrize(
    ("profile", "limit", "how", "expected"),
    [
        ("3.13", 2, Return.REQUEUED, 3),
        ("3.13", -1, Return.REQUEUED, 1),
        ("3.13", "many", Return.FAILED, 30),
        ("4.2", 2, Return.REQUEUED, 3),
        ("4.2", -1, Return.FAILED, 30),
        ("4.2", "many", Return.FAILED, 21),
        ("4.3", 2, Return.FAILED, 3),
        ("4.3", 2, Return.LOST, 3),
        ("4.3", 0, Return.FAILED, 1),
        ("4.3", 0, Return.REQUEUED, 30),
    ],
)
def test_how_often_a_message_is_delivered(profile: str, limit: object, how: Return, expected: int) -> None:
    vhost = host(profile)
    queue = declare(vhost, x_delivery_limit=limit)
    put(vhost, "m")
    assert deliveries_until_dropped(queue, how) == expected


@pytest.mark.parametrize(("profile", "expected"), [("3.13", 30), ("4.2", 21), ("4.3", 21)])
def test_the_default_limit(profile: str, expected: int) -> None:
    vhost = host(profile)
    queue = declare(vhost)
    put(vhost, "m")
    assert deliveries_until_dropped(queue, Return.FAILED) == expected


def test_poison_is_dead_lettered_without_its_counts() -> None:
    vhost = host()
    queue = declare(vhost, x_delivery_limit=0, x_dead_letter_exchange="", x_dead_letter_routing_key="dead")
    dead = declare(vhost, "dead")
    put(vhost, "m")
    fail(queue)
    _, letter = taken(dead)
    headers = properties.headers(letter[1]) or {}
    assert headers["x-first-death-reason"].value == b"delivery_limit"
    assert shown(letter) == {}
    assert counts_of(letter) == Counts()


# Where what comes back goes


@pytest.mark.parametrize("how", list(Return))
def test_with_a_limit_it_goes_to_the_front_in_the_order_of_coming_back(how: Return) -> None:
    vhost = host("4.2")
    queue = declare(vhost)
    put(vhost, 1, 2, 3)
    first, second = taken(queue), taken(queue)
    queue.requeue([second], how)
    queue.requeue([first], how)
    assert waiting(queue) == "2 1 3"


@pytest.mark.parametrize(
    ("profile", "how", "expected"),
    [
        ("3.13", Return.REQUEUED, "2 3 1"),
        ("3.13", Return.FAILED, "2 3 1"),
        ("3.13", Return.LOST, "1 2 3"),
        ("4.2", Return.FAILED, "2 3 1"),
        ("4.3", Return.REQUEUED, "2 3 1"),
        ("4.3", Return.FAILED, "1 2 3"),
        ("4.3", Return.LOST, "1 2 3"),
    ],
)
def test_without_a_limit_it_begins_again_at_the_end(profile: str, how: Return, expected: str) -> None:
    vhost = host(profile)
    queue = declare(vhost, **({} if profile == "3.13" else {"x_delivery_limit": -1}))
    put(vhost, 1, 2, 3)
    fail(queue, how)
    assert waiting(queue) == expected


def test_what_begins_again_at_the_end_is_redelivered_and_what_stands_beside_it_is_not() -> None:
    vhost = host("3.13")
    queue = declare(vhost)
    put(vhost, 1, 2, 3)
    fail(queue, Return.REQUEUED)
    outlet = Outlet()
    queue.add_consumer(Consumer("c", queue, outlet, ChannelBudget(), number=1, prefetch=10))
    queue.drain()
    assert [(body, redelivered) for _, _, body, redelivered in outlet.deliveries] == [
        (b"2", False),
        (b"3", False),
        (b"1", True),
    ]


def test_its_priority_counts_no_more_at_the_end() -> None:
    vhost = host()
    queue = declare(vhost, x_delivery_limit=-1)
    vhost.put([queue], [message("high", 9), message("usual", 4)])
    fail(queue, Return.REQUEUED)
    vhost.put([queue], [message("low", 3)])
    assert waiting(queue) == "usual high low"


def test_what_came_back_keeps_its_deadline() -> None:
    vhost = host()
    queue = declare(vhost, **TTL)
    put(vhost, "m")
    clock_of(vhost).advance(9)
    fail(queue)
    clock_of(vhost).advance(0.9)
    assert queue.message_count == 1
    clock_of(vhost).advance(0.2)
    assert queue.message_count == 0


# Priority: two levels, of which two of three turns are high ones


def test_two_of_three_are_high_ones() -> None:
    vhost = host("4.2")
    queue = declare(vhost)
    vhost.put(
        [queue], [message(f"n{place}", 4) for place in (1, 2, 3)] + [message(f"h{place}", 5) for place in (1, 2, 3)]
    )
    assert bodies(taken(queue)[1] for _ in range(6)) == "h1 h2 n1 h3 n2 n3"


def test_an_older_high_one_has_the_turn_of_the_others() -> None:
    vhost = host("4.2")
    queue = declare(vhost)
    vhost.put([queue], [message(f"h{place}", 9) for place in (1, 2, 3)] + [message("n1")] + [message("h4", 9)])
    assert bodies(taken(queue)[1] for _ in range(5)) == "h1 h2 h3 h4 n1"


def test_a_consumer_gets_them_in_the_same_order_as_basic_get() -> None:
    vhost = host("4.2")
    queue = declare(vhost)
    vhost.put(
        [queue], [message(f"n{place}", 4) for place in (1, 2, 3)] + [message(f"h{place}", 5) for place in (1, 2, 3)]
    )
    outlet = Outlet()
    queue.add_consumer(Consumer("c", queue, outlet, ChannelBudget(), number=1, prefetch=10))
    queue.drain()
    assert outlet.bodies == ["h1", "h2", "n1", "h3", "n2", "n3"]


# Delayed retry


def test_retries_come_in_the_order_of_their_times() -> None:
    vhost = host()
    queue = declare(vhost, **RETRY, x_delayed_retry_max=5_000)
    put(vhost, "often", "once")
    often, once = taken(queue), taken(queue)
    queue.requeue([often], Return.FAILED)
    clock_of(vhost).advance(1)
    queue.requeue([taken(queue)], Return.FAILED)  # two seconds, this time
    queue.requeue([once], Return.FAILED)
    assert waiting(queue) == ""
    clock_of(vhost).advance(1)
    assert waiting(queue) == "once"
    clock_of(vhost).advance(1)
    assert waiting(queue) == "once often"


@pytest.mark.parametrize(("failures", "delay_s"), [(1, 1), (2, 2), (3, 2.5), (4, 2.5)])
def test_the_delay_grows_up_to_its_most(failures: int, delay_s: float) -> None:
    vhost = host()
    queue = declare(vhost, **RETRY, x_delayed_retry_max=2_500)
    put(vhost, "m")
    for _ in range(failures - 1):
        fail(queue)
        clock_of(vhost).advance(10)
    fail(queue)
    clock_of(vhost).advance(delay_s - 0.01)
    assert not queue.message_count
    clock_of(vhost).advance(0.02)
    assert queue.message_count == 1


def test_a_retry_that_is_due_goes_to_a_consumer_that_waits() -> None:
    vhost = host()
    queue = declare(vhost, **RETRY)
    put(vhost, "m")
    fail(queue)
    outlet = Outlet()
    queue.add_consumer(Consumer("c", queue, outlet, ChannelBudget(), number=1, prefetch=1))
    clock_of(vhost).advance(1)
    assert [(body, redelivered) for _, _, body, redelivered in outlet.deliveries] == [(b"m", True)]


def test_a_message_that_waits_for_its_retry_expires_when_it_is_due() -> None:
    vhost = host()
    queue = declare(vhost, **RETRY, x_message_ttl=500)
    put(vhost, "m")
    fail(queue)
    clock_of(vhost).advance(0.9)
    assert parked_count(queue) == 1
    clock_of(vhost).advance(0.2)
    assert (parked_count(queue), queue.message_count) == (0, 0)


def test_a_deleted_queue_leaves_no_timer() -> None:
    vhost = host()
    queue = declare(vhost, **RETRY, **TTL, **AT_LEAST_ONCE)
    put(vhost, 1, 2)
    fail(queue)
    position, one = taken(queue)
    queue.discard([(position, one, 1)])
    vhost.delete_queue(queue)
    assert clock_of(vhost).waiting == 0


# Limits


def test_a_full_queue_opens_again_at_eight_tenths() -> None:
    vhost = host()
    queue = declare(vhost, x_max_length=5, x_overflow="reject-publish")
    rules = queue.rule()
    put(vhost, *range(5))
    assert not rules.refuses(1)
    put(vhost, 5)
    assert rules.refuses(1)
    taken(queue)
    assert rules.refuses(1)
    taken(queue)
    assert not rules.refuses(1)


def test_what_is_not_ready_counts_for_the_limits() -> None:
    vhost = host()
    queue = declare(vhost, **RETRY, x_max_length=2)
    put(vhost, "waits")
    fail(queue)
    put(vhost, 1, 2)
    assert waiting(queue) == "2"


def test_each_priority_expires_at_its_head_since_4_3() -> None:
    vhost = host()
    queue = declare(vhost)
    vhost.put([queue], [message("stays", 9)])
    vhost.put([queue], [_expiring("goes", 1)])
    clock_of(vhost).advance(2)
    assert waiting(queue) == "stays"


def _expiring(body: str, priority: int) -> Message:
    values = properties.Properties(delivery_mode=2, priority=priority, expiration="1000")
    return address_of("", "tasks"), properties.encode(values, len(body)), body.encode(), flags_of(2, priority, True)


# At least once


def add_dead_letters(vhost: VirtualHost) -> QuorumQueue:
    """The exchange for dead letters, and a queue behind it."""
    dead = declare(vhost, "dead")
    vhost.add_exchange(EXCHANGE_TYPES["fanout"]("dead-letters", True, False, False, {}))
    vhost.bind(Binding("dead-letters", Destination("queue", "dead"), "", {}))
    return dead


def discard(queue: QuorumQueue) -> None:
    position, one = taken(queue)
    queue.discard([(position, one, 1)])


def test_a_dead_letter_that_finds_no_queue_is_kept_and_tried_again() -> None:
    vhost = host()
    queue = declare(vhost, **AT_LEAST_ONCE)
    put(vhost, 1, 2)
    discard(queue)
    discard(queue)
    clock_of(vhost).advance(RETRY_S)
    dead = add_dead_letters(vhost)
    assert (waiting(queue), waiting(dead)) == ("", "")
    clock_of(vhost).advance(RETRY_S)
    assert waiting(dead) == "1 2"
    assert not any(part.message_count for part in queue.dead())


def test_a_dead_letter_that_is_kept_tells_why_it_died() -> None:
    vhost = host()
    queue = declare(vhost, **AT_LEAST_ONCE, x_message_ttl=100, x_delivery_limit=0)
    put(vhost, "poison", "late")
    fail(queue)
    clock_of(vhost).advance(1)
    dead = add_dead_letters(vhost)
    clock_of(vhost).advance(RETRY_S)
    reasons = [(properties.headers(one[1]) or {})["x-first-death-reason"].value for _, one, _ in dead.messages()]
    assert sorted(reasons) == [b"delivery_limit", b"expired"]


def test_what_is_kept_makes_a_queue_full() -> None:
    vhost = host()
    queue = declare(vhost, **AT_LEAST_ONCE, x_max_length=2)
    put(vhost, 1, 2)
    discard(queue)
    discard(queue)
    put(vhost, 3)
    assert queue.rule().refuses(1)


def test_at_most_once_drops_what_finds_no_queue() -> None:
    vhost = host()
    queue = declare(vhost, x_dead_letter_exchange="dead-letters")
    put(vhost, 1)
    discard(queue)
    dead = add_dead_letters(vhost)
    clock_of(vhost).advance(2 * RETRY_S)
    assert waiting(dead) == ""


# Purge and delete


@pytest.mark.parametrize(("profile", "expected"), [("4.2", 1), ("4.3", 2)])
def test_a_purge_takes_what_is_kept_since_4_3(profile: str, expected: int) -> None:
    vhost = host(profile)
    queue = declare(vhost, **AT_LEAST_ONCE)
    put(vhost, 1, 2)
    discard(queue)
    assert queue.purge() == expected


@pytest.mark.parametrize(
    ("unused", "empty", "word"), [(True, False, "unused"), (False, True, "empty"), (True, True, "unused")]
)
def test_a_delete_has_no_conditions(unused: bool, empty: bool, word: str) -> None:
    with pytest.raises(AMQPError) as refused:
        check_delete(quorum(), "queue 'tasks' in vhost '/'", if_unused=unused, if_empty=empty)
    assert refused.value.code == 540
    assert refused.value.explanation == (
        f"cannot delete queue 'tasks' in vhost '/'. queue.delete operations with if-{word} flag set are not supported "
        "by quorum queues"
    )


# After a restart


def durable(profile: str = "4.3", /, **arguments: Any) -> tuple[DurableServer, QuorumQueue]:
    server = DurableServer(profile=PROFILES[profile])
    return server, declare(server.vhost, **arguments)


def restarted(server: DurableServer) -> tuple[DurableServer, QuorumQueue]:
    """The power is cut behind all that was done; the next process finds this on disk."""
    server.commit()
    after = server.after_a_power_cut()
    queue = after.vhost.queues["tasks"]
    assert isinstance(queue, QuorumQueue)
    return after, queue


def test_counts_and_order_survive_a_crash() -> None:
    server, queue = durable()
    put(server.vhost, 1, 2, 3)
    first, second = taken(queue), taken(queue)
    queue.requeue([second], Return.FAILED)
    queue.requeue([first], Return.REQUEUED)
    _, again = restarted(server)
    assert [(one[2], shown(one), was_out) for _, one, was_out in again.messages()] == [
        (b"2", {"x-acquired-count": 1, "x-delivery-count": 1}, True),
        (b"1", {"x-acquired-count": 1}, True),
        (b"3", {}, False),
    ]


def test_the_delivery_limit_counts_on_after_a_crash() -> None:
    server, queue = durable(x_delivery_limit=1)
    put(server.vhost, "poison")
    fail(queue)
    server, queue = restarted(server)
    fail(queue)
    assert queue.message_count == 0
    assert restarted(server)[1].message_count == 0


def test_transient_messages_survive_too() -> None:
    server, queue = durable()
    server.vhost.put([queue], [message("transient", mode=1)])
    assert waiting(restarted(server)[1]) == "transient"


def test_a_retry_waits_on_after_a_crash() -> None:
    server, queue = durable(**RETRY)
    put(server.vhost, "m")
    fail(queue)
    server, queue = restarted(server)
    assert (queue.message_count, parked_count(queue)) == (0, 1)
    server.clock.advance(1.1)
    _, one = taken(queue)
    assert (one[2], shown(one)) == (b"m", {"x-acquired-count": 1, "x-delivery-count": 1})


def test_a_deadline_survives_a_crash_while_a_retry_waits() -> None:
    server, queue = durable(**RETRY, **TTL)
    put(server.vhost, "m")
    deadline = taken_and_back(queue)[3] >> 16
    server, queue = restarted(server)
    server.clock.advance(1.1)
    assert taken(queue)[1][3] >> 16 == deadline


def taken_and_back(queue: QuorumQueue) -> Message:
    position, one = taken(queue)
    queue.requeue([(position, one)], Return.FAILED)
    return one


def test_what_was_retried_is_there_once_after_a_crash() -> None:
    server, queue = durable(**RETRY)
    put(server.vhost, "m")
    fail(queue)
    server.commit()
    server.clock.advance(1)
    assert queue.message_count == 1
    _, queue = restarted(server)
    assert (queue.message_count, parked_count(queue)) == (1, 0)


def test_what_is_kept_for_being_dead_lettered_survives_a_crash() -> None:
    server, queue = durable(**AT_LEAST_ONCE)
    put(server.vhost, "m")
    discard(queue)
    server, queue = restarted(server)
    assert queue.message_count == 0
    dead = add_dead_letters(server.vhost)
    server.clock.advance(RETRY_S)
    assert waiting(dead) == "m"


def test_priorities_survive_a_crash() -> None:
    server, queue = durable("4.2")
    server.vhost.put([queue], [message("low", 1), message("high", 9), message("none")])
    _, again = restarted(server)
    assert waiting(again) == "high low none"


def test_a_queue_keeps_its_order_under_a_later_profile() -> None:
    server, queue = durable("3.13")
    server.vhost.put([queue], [message("first", 1), message("second", 9)])
    server.commit()
    server.broker.profile = PROFILES["4.3"]
    after = server.after_a_power_cut()
    again = after.vhost.queues["tasks"]
    assert isinstance(again, QuorumQueue)
    assert (again.order, waiting(again)) == (Order.ONE, "first second")
    assert again.durable


# Beside a list: what RabbitMQ's machine does with the same calls


class _AgainstAModel(RuleBasedStateMachine):
    """A quorum queue with the profile's order beside plain lists of it."""

    profile = "4.3"

    @initialize(limit=st.sampled_from([-1, 1, 3]))
    def begin(self, limit: int) -> None:
        self.vhost = host(self.profile)
        self.queue = declare(self.vhost, x_delivery_limit=limit)
        self.limit = limit
        self.number = 0
        self.back: list[str] = []
        self.levels: dict[int, list[str]] = {}
        self.out: list[tuple[int, Message]] = []
        self.failures: dict[str, int] = {}

    @rule(priority=st.sampled_from([None, 0, 3, 4, 5, 31, 200]), count=st.integers(1, 3))
    def publish(self, priority: int | None, count: int) -> None:
        for _ in range(count):
            self.number += 1
            self.vhost.put([self.queue], [message(self.number, priority)])
            self.levels.setdefault(4 if priority is None else min(priority, 31), []).append(str(self.number))

    def expected(self) -> list[str]:
        return self.back + [body for level in sorted(self.levels, reverse=True) for body in self.levels[level]]

    @precondition(lambda self: self.expected())
    @rule()
    def take(self) -> None:
        wanted = self.expected()[0]
        position, one = taken(self.queue)
        assert one[2].decode() == wanted
        self.out.append((position, one))
        for part in (self.back, *self.levels.values()):
            if wanted in part:
                part.remove(wanted)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), how=st.sampled_from(list(Return)))
    def give_back(self, data: st.DataObject, how: Return) -> None:
        entry = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.queue.requeue([entry], how)
        body = entry[1][2].decode()
        self.failures[body] = self.failures.get(body, 0) + (how is not Return.REQUEUED)
        if 0 <= self.limit < self.failures[body]:
            return
        if self.limit < 0 and how is Return.REQUEUED:
            self.levels.setdefault(4, []).append(body)
        else:
            self.back.append(body)

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        position, one = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.queue.forget([(position, one, 1)])

    @invariant()
    def the_same_waits_in_the_same_order(self) -> None:
        if hasattr(self, "queue"):
            assert waiting(self.queue).split() == self.expected()
            assert self.queue.message_count == len(self.expected())


TestAgainstAModel = _AgainstAModel.TestCase
TestAgainstAModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class _TwoOfThree(RuleBasedStateMachine):
    """A queue of 4.2 beside `rabbit_fifo_q`: what came back, two levels of (when it came, body), and a counter."""

    @initialize()
    def begin(self) -> None:
        self.vhost = host("4.2")
        self.queue = declare(self.vhost, x_delivery_limit=100)
        self.number = 0
        self.back: list[str] = []
        self.high: list[tuple[int, str]] = []
        self.normal: list[tuple[int, str]] = []
        self.counter = 0
        self.out: list[tuple[int, Message]] = []

    @rule(priorities=st.lists(st.sampled_from([None, 4, 5, 9]), min_size=1, max_size=4))
    def publish(self, priorities: list[int | None]) -> None:
        first = self.number + 1
        self.number += len(priorities)
        self.vhost.put([self.queue], [message(number, one) for number, one in enumerate(priorities, first)])
        for number, one in enumerate(priorities, first):
            (self.high if one is not None and one > 4 else self.normal).append((number, str(number)))

    def next_body(self) -> str:
        if self.back:
            return self.back.pop(0)
        first = self.high or self.normal
        if self.high and self.normal and self.counter == 2 and self.normal[0] < self.high[0]:
            first = self.normal
        self.counter = 0 if self.counter == 2 else self.counter + 1
        return first.pop(0)[1]

    @precondition(lambda self: self.back or self.high or self.normal)
    @rule()
    def take(self) -> None:
        entry = taken(self.queue)
        assert entry[1][2].decode() == self.next_body()
        self.out.append(entry)

    @precondition(lambda self: self.back or self.high or self.normal)
    @rule(count=st.integers(1, 5))
    def deliver(self, count: int) -> None:
        outlet = Outlet()
        consumer = Consumer("c", self.queue, outlet, ChannelBudget(), number=1, prefetch=count)
        count = min(count, self.queue.message_count)
        self.queue.add_consumer(consumer)
        self.queue.drain()
        self.queue.remove_consumer(consumer)
        assert outlet.bodies == [self.next_body() for _ in range(count)]

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        entry = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.queue.requeue([entry], Return.FAILED)
        self.back.append(entry[1][2].decode())


TestTwoOfThree = _TwoOfThree.TestCase
TestTwoOfThree.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_transient_message_is_not_said_to_be_persistent() -> None:
    server, queue = durable()
    server.vhost.put([queue], [message("transient", mode=1)])
    fail(queue)
    _, again = restarted(server)
    _, one = taken(again)
    assert properties.delivery_mode(one[1]) == 1
    assert not one[3] & PERSISTENT
