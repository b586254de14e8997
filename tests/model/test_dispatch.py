"""Dispatch strategies: shares, smoothness, and that nobody is given more than it may have."""

from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.consumer import ChannelBudget, Consumer
from amqpbroker.model.dispatch import (
    LEAST_UNACKED,
    RANDOM,
    ROUND_ROBIN,
    STRATEGY_NAMES,
    WEIGHTED,
    LeastUnacked,
    Weighted,
    new_strategy,
    plan,
)
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.paged import NO_STORE
from amqpbroker.model.queues.priority import PriorityQueue, classic_levels
from amqpbroker.wire.methods import Queue as MethodsOfQueue
from amqpbroker.wire.tables import Field, long_string
from tests.helpers.outlet import Outlet, message, messages
from tests.helpers.sessions import consume, deliveries, opened, publish_numbers
from tests.helpers.wire_client import WireClient

MESSAGES = 10_000
# What the chi-square statistic of three degrees of freedom stays below in 999 of 1,000 cases.
CHI_SQUARE_999 = 16.27


def queue_with(strategy: str, seed: int = 1) -> Queue:
    queue = Queue("tasks")
    queue.dispatch_by(new_strategy(strategy, Random(seed).randbytes))
    return queue


def subscribe(
    queue: Queue,
    tag: str,
    outlet: Outlet,
    *,
    prefetch: int = 0,
    priority: int = 0,
    weight: int = 1,
    no_ack: bool = False,
    budget: ChannelBudget | None = None,
) -> Consumer:
    consumer = Consumer(
        tag,
        queue,
        outlet,
        budget or ChannelBudget(),
        number=1,
        no_ack=no_ack,
        prefetch=prefetch,
        priority=priority,
        weight=weight,
    )
    outlet.budgets.append(consumer.budget)
    queue.add_consumer(consumer)
    queue.drain()
    return consumer


def on_one_connection(
    queue: Queue, weights: dict[str, int], *, no_ack: bool = False
) -> tuple[Outlet, dict[str, Consumer]]:
    outlet = Outlet()
    return outlet, {tag: subscribe(queue, tag, outlet, weight=weight, no_ack=no_ack) for tag, weight in weights.items()}


def order(outlet: Outlet) -> str:
    return "".join(tag for tag, _, _, _ in outlet.deliveries)


def acknowledge(queue: Queue, consumer: Consumer, count: int) -> None:
    queue.settle(consumer, count)
    queue.drain()


def shares(outlets: Iterable[Outlet]) -> Counter[str]:
    return Counter(tag for outlet in outlets for tag, _, _, _ in outlet.deliveries)


def is_fair(found: Counter[str], weights: dict[str, int]) -> bool:
    """Whether every share is within 2 % of what its weight says."""
    whole = sum(weights.values())
    return all(
        abs(found[tag] - MESSAGES * weight / whole) <= 0.02 * MESSAGES * weight / whole
        for tag, weight in weights.items()
    )


# Shares


@pytest.mark.parametrize("batch", [1, 7, 100])
@pytest.mark.parametrize("weights", [{"a": 3, "b": 1}, {"a": 5, "b": 3, "c": 1, "d": 1}, {"a": 997, "b": 500}])
def test_weights_are_shares(weights: dict[str, int], batch: int) -> None:
    queue = queue_with(WEIGHTED)
    outlet, _ = on_one_connection(queue, weights)
    for first in range(0, MESSAGES, batch):
        queue.extend(messages(min(batch, MESSAGES - first)))
    assert is_fair(shares([outlet]), weights)


@pytest.mark.parametrize("strategy", [ROUND_ROBIN, LEAST_UNACKED])
def test_without_weights_all_have_the_same(strategy: str) -> None:
    queue = queue_with(strategy)
    outlets = [Outlet() for _ in "abcd"]
    for tag, outlet in zip("abcd", outlets, strict=True):
        subscribe(queue, tag, outlet)
    for _ in range(MESSAGES // 50):
        queue.extend(messages(50))
    assert is_fair(shares(outlets), dict.fromkeys("abcd", 1))


@pytest.mark.parametrize("strategy", [ROUND_ROBIN, WEIGHTED])
def test_shares_hold_with_prefetches_and_acks_in_between(strategy: str) -> None:
    weights = {"a": 4, "b": 3, "c": 2, "d": 1} if strategy == WEIGHTED else dict.fromkeys("abcd", 1)
    queue = queue_with(strategy)
    outlet = Outlet()
    consumers = [
        subscribe(queue, tag, outlet, weight=weight, prefetch=prefetch)
        for (tag, weight), prefetch in zip(weights.items(), (40, 55, 30, 0), strict=True)
    ]
    random = Random(5)
    published = 0
    while published < MESSAGES:
        count = min(random.randrange(1, 20), MESSAGES - published)
        queue.extend(messages(count))
        published += count
        for consumer in random.sample(consumers, 4):
            # Each has something unacknowledged most of the time, and never all that it may.
            acknowledge(queue, consumer, max(consumer.outstanding - random.randrange(10), 0))
    assert is_fair(shares([outlet]), weights)


@pytest.mark.parametrize("seed", range(5))
def test_chance_gives_everybody_the_same(seed: int) -> None:
    queue = queue_with(RANDOM, seed)
    outlet, _ = on_one_connection(queue, dict.fromkeys("abcd", 1))
    for _ in range(MESSAGES // 10):
        queue.extend(messages(10))
    expected = MESSAGES / 4
    chi_square = sum((count - expected) ** 2 / expected for count in shares([outlet]).values())
    assert 0 < chi_square < CHI_SQUARE_999


def test_chance_knows_no_turns() -> None:
    queue = queue_with(RANDOM)
    outlet, _ = on_one_connection(queue, dict.fromkeys("abcd", 1))
    queue.extend(messages(MESSAGES))
    pairs = Counter(zip(order(outlet), order(outlet)[1:], strict=False))
    expected = (MESSAGES - 1) / 16
    assert len(pairs) == 16
    assert all(abs(count - expected) < 0.2 * expected for count in pairs.values())


def test_chance_repeats_itself_with_its_seed() -> None:
    orders = []
    for seed in (3, 3, 4):
        queue = queue_with(RANDOM, seed)
        outlet, _ = on_one_connection(queue, dict.fromkeys("abcd", 1))
        queue.extend(messages(100))
        orders.append(order(outlet))
    assert orders[0] == orders[1] != orders[2]


# Smoothness


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"a": 3, "b": 1}, "aabaaaba"),
        ({"a": 5, "b": 1, "c": 1}, "aabacaa"),
        ({"a": 1, "b": 1}, "abab"),
        ({"a": 6, "b": 2}, "aabaaaba"),
        ({"a": 1, "b": 3}, "babbbabb"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_shares_are_spread_evenly(weights: dict[str, int], expected: str, at_once: bool) -> None:
    queue = queue_with(WEIGHTED)
    outlet, _ = on_one_connection(queue, weights)
    for _ in range(1 if at_once else len(expected)):
        queue.extend(messages(len(expected) if at_once else 1))
    assert order(outlet) == expected


@given(st.lists(st.integers(1, 40), min_size=2, max_size=5), st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_a_run_is_shared_as_its_messages_would_be_one_by_one(weights: list[int], runs: list[int]) -> None:
    orders = []
    for sizes in (runs, [1] * sum(runs)):
        queue = queue_with(WEIGHTED)
        outlet, _ = on_one_connection(queue, {str(place): weight for place, weight in enumerate(weights)})
        for size in sizes:
            queue.extend(messages(size))
        orders.append(order(outlet))
    assert orders[0] == orders[1]


def test_what_comes_back_is_shared_by_weight_too() -> None:
    queue = queue_with(WEIGHTED)
    queue.extend(messages(8))
    taken = [found[:2] for _ in range(8) if (found := queue.take())]
    outlet, _ = on_one_connection(queue, {"a": 3, "b": 1})
    queue.requeue(taken)
    queue.drain()
    assert order(outlet) == "aabaaaba"
    assert outlet.bodies == [str(number) for number in range(1, 9)]


# Those that come, go, or have enough


def test_who_is_full_is_passed_over_and_gets_nothing_extra_later() -> None:
    queue = queue_with(WEIGHTED)
    outlet = Outlet()
    full = subscribe(queue, "a", outlet, weight=3, prefetch=3)
    subscribe(queue, "b", outlet, weight=1)
    queue.extend(messages(40))
    assert order(outlet) == "aaba" + "b" * 36
    acknowledge(queue, full, 3)
    queue.extend(messages(4))
    assert order(outlet)[40:] == "aaba"


def test_who_leaves_does_not_hold_up_the_others() -> None:
    queue = queue_with(WEIGHTED)
    outlet, consumers = on_one_connection(queue, {"a": 1, "b": 2, "c": 1})
    queue.extend(messages(3))
    queue.remove_consumer(consumers["b"])
    queue.extend(messages(4))
    assert sorted(order(outlet)[3:]) == ["a", "a", "c", "c"]


def test_a_connection_that_is_full_by_its_own_messages_takes_no_more() -> None:
    queue = queue_with(RANDOM)
    first, second = Outlet(full_after=2), Outlet()
    for tag, outlet in (("a", first), ("b", first), ("c", second)):
        subscribe(queue, tag, outlet)
    queue.extend(messages(60))
    assert len(first.deliveries) + len(second.deliveries) == 60
    # What was one run of one consumer when the connection became full.
    assert len(first.deliveries) < 10


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_priorities_keep_their_meaning(strategy: str) -> None:
    queue = queue_with(strategy)
    outlet = Outlet()
    for tag, priority in (("l", -1), ("d", 0), ("h", 5), ("i", 5)):
        subscribe(queue, tag, outlet, prefetch=2, priority=priority, weight=7)
    queue.extend(messages(9))
    assert sorted(order(outlet)[:4]) == ["h", "h", "i", "i"]
    assert order(outlet)[4:] == "ddll"
    assert queue.message_count == 1


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_the_parts_of_a_priority_queue_share_their_strategy(strategy: str) -> None:
    queue = PriorityQueue("tasks", NO_STORE, classic_levels(9))
    queue.part(0)
    queue.dispatch_by(new_strategy(strategy, Random(1).randbytes))
    assert all(queue.part(level).strategy is queue.strategy for level in (0, 5))


# The fewest unacknowledged


def test_the_one_with_the_fewest_unacknowledged_is_next() -> None:
    queue = queue_with(LEAST_UNACKED)
    outlet, consumers = on_one_connection(queue, dict.fromkeys("abc", 1))
    queue.extend(messages(6))
    acknowledge(queue, consumers["b"], 2)
    acknowledge(queue, consumers["c"], 1)
    for _ in range(3):
        queue.extend(messages(1))
    assert order(outlet) == "abcabc" + "bcb"


def test_a_slow_consumer_gets_what_it_can_do() -> None:
    queue = queue_with(LEAST_UNACKED)
    outlet, consumers = on_one_connection(queue, dict.fromkeys("ab", 1))
    for turn in range(1_000):
        queue.extend(messages(2))
        acknowledge(queue, consumers["a"], consumers["a"].outstanding)
        if turn % 10 == 9 and consumers["b"].outstanding:
            acknowledge(queue, consumers["b"], 1)
    found = shares([outlet])
    assert found["b"] < 200
    assert found["a"] == 2_000 - found["b"]


def test_equals_take_turns_over_many_runs() -> None:
    queue = queue_with(LEAST_UNACKED)
    outlet, consumers = on_one_connection(queue, dict.fromkeys("abc", 1))
    for _ in range(7):
        queue.extend(messages(1))
        for consumer in consumers.values():
            acknowledge(queue, consumer, consumer.outstanding)
    assert order(outlet) == "abcabca"


def test_consumers_without_acknowledgement_take_turns() -> None:
    queue = queue_with(LEAST_UNACKED)
    outlet, _ = on_one_connection(queue, dict.fromkeys("abc", 1), no_ack=True)
    queue.extend(messages(4))
    queue.extend(messages(3))
    assert order(outlet) == "abcabca"


# Never more than there is room for

CONSUMERS = st.lists(
    st.tuples(
        st.integers(0, 6),  # prefetch
        st.integers(0, 2),  # channel
        st.integers(0, 1),  # priority
        st.integers(1, 9),  # weight
        st.booleans(),  # no_ack
    ),
    min_size=1,
    max_size=6,
)


@given(
    st.sampled_from(STRATEGY_NAMES),
    CONSUMERS,
    st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(0, 8)),
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)),
    st.lists(st.integers(1, 12), max_size=6),
)
def test_everything_is_given_while_anybody_has_room_and_nobody_gets_more(
    strategy: str,
    consumers: list[tuple[int, int, int, int, bool]],
    channel_prefetches: tuple[int, int, int],
    connection_of: tuple[int, int, int],
    runs: list[int],
) -> None:
    queue = queue_with(strategy)
    outlets = [Outlet() for _ in range(3)]
    budgets = [ChannelBudget() for _ in channel_prefetches]
    for budget, prefetch in zip(budgets, channel_prefetches, strict=True):
        budget.credit = prefetch or budget.credit
    real = [
        subscribe(
            queue,
            str(place),
            outlets[connection_of[channel]],
            budget=budgets[channel],
            prefetch=prefetch,
            priority=priority,
            weight=weight,
            no_ack=no_ack,
        )
        for place, (prefetch, channel, priority, weight, no_ack) in enumerate(consumers)
    ]
    for count in runs:
        queue.extend([message("x")] * count)
        for consumer in real:
            acknowledge(queue, consumer, consumer.outstanding // 2)
    for consumer in real:
        assert not consumer.prefetch or consumer.outstanding <= consumer.prefetch
    for budget, prefetch in zip(budgets, channel_prefetches, strict=True):
        held = sum(consumer.outstanding for consumer in real if consumer.budget is budget)
        assert not prefetch or held <= prefetch
    if queue.message_count:
        assert all(consumer.capacity <= 0 for consumer in real)
    given_positions = [position for outlet in outlets for _, position, _, _ in outlet.deliveries]
    assert sorted(given_positions) == list(range(1, sum(runs) - queue.message_count + 1))
    for outlet in outlets:
        assert outlet.deliveries == sorted(outlet.deliveries, key=lambda delivery: delivery[1])


def test_a_plan_counts_what_it_has_planned() -> None:
    queue = Queue("tasks")
    budget = ChannelBudget()
    budget.credit = 3
    consumers = [subscribe(queue, tag, Outlet(), budget=budget, prefetch=2) for tag in "ab"]
    assert Counter(plan(Weighted(), consumers, 10)) == {consumers[0]: 2, consumers[1]: 1}
    assert Counter(plan(LeastUnacked(), consumers, 10)) == {consumers[0]: 2, consumers[1]: 1}


def test_a_name_that_is_none_is_round_robin() -> None:
    assert new_strategy(ROUND_ROBIN, Random(1).randbytes) is None
    assert new_strategy(None, Random(1).randbytes) is None


# From a program


def consumers_of(client: WireClient) -> str:
    return "".join(tag for tag, _, _, _ in deliveries(client))


def declare(client: WireClient, **arguments: Field) -> None:
    table = {name.replace("_", "-"): value for name, value in arguments.items()}
    client.send(1, MethodsOfQueue.Declare(queue="tasks", durable=True, arguments=table))
    for tag, weight in (("a", 3), ("b", 1)):
        consume(client, tag, arguments={"x-weight": Field("I", weight)})
    client.take()


@pytest.mark.parametrize(
    "kind",
    [
        {"x_queue_type": long_string("classic")},
        {"x_queue_type": long_string("classic"), "x_max_priority": Field("I", 5)},
        {"x_queue_type": long_string("quorum")},
    ],
)
@pytest.mark.parametrize("profile", ["3.13", "4.2", "4.3"])
def test_a_queue_is_declared_with_its_strategy(profile: str, kind: dict[str, Field]) -> None:
    client = opened(profile=profile)
    declare(client, x_dispatch_strategy=long_string("weighted"), **kind)
    publish_numbers(client, 8)
    assert consumers_of(client) == "aabaaaba"


def test_a_policy_changes_the_strategy_while_the_queue_is_in_use() -> None:
    client = opened()
    declare(client)
    found = ""
    for strategy in ("round-robin", "weighted", "round-robin"):
        client.vhost.parameters.set_policy("share", {"pattern": "", "definition": {"dispatch-strategy": strategy}})
        publish_numbers(client, 4)
        found += consumers_of(client) + " "
    assert found == "abab aaba abab "
