"""Quorum queues on one node: what is counted, where what comes back goes, what is refused."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from pamqp import commands
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker, NackError
from pika.spec import BasicProperties

from interop_tests.conftest import Connect, Names
from interop_tests.fields import properties
from interop_tests.restarting import RestartingBroker
from interop_tests.steps import (
    SETTLE_TIMEOUT_S,
    Delivery,
    consume,
    get,
    get_all,
    is_accepted,
    let_pass,
    publish,
    settle,
    wait_for,
)
from interop_tests.wire import Wire

Series: TypeAlias = tuple[int, int]
DEFAULT_LIMIT = 20
DEFAULT_PREFETCH = 2_000


@pytest.fixture
def since_4_0(series: Series) -> None:
    if series < (4, 0):
        pytest.skip("RabbitMQ has it since 4.0")


@pytest.fixture
def since_4_3(series: Series) -> None:
    if series < (4, 3):
        pytest.skip("RabbitMQ has it since 4.3")


def quorum(channel: BlockingChannel, name: str, **arguments: Any) -> str:
    """Declare a quorum queue; arguments with underscores: x_delivery_limit=2."""
    wanted = {argument.replace("_", "-"): value for argument, value in arguments.items()}
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum", **wanted})
    return name


def dead_letters(channel: BlockingChannel, name: Names) -> tuple[str, dict[str, str]]:
    """A queue for dead letters, and the arguments of a queue that sends its dead letters there."""
    queue = name.queue("dead")
    channel.queue_declare(queue, durable=True)
    return queue, {"x_dead_letter_exchange": "", "x_dead_letter_routing_key": queue}


def headers(gotten: Any) -> dict[str, Any]:
    """The headers; a count of 0, which 3.10 shows with basic.get, is left out as by the others."""
    found: dict[str, Any] = gotten.properties.headers or {}
    return {key: value for key, value in found.items() if (key, value) != ("x-delivery-count", 0)}


def take(channel: BlockingChannel, queue: str, count: int) -> list[int]:
    """Get messages without acknowledging them; their delivery tags."""
    return [get(channel, queue).method.delivery_tag for _ in range(count)]


def bodies(channel: BlockingChannel, queue: str, count: int) -> list[str]:
    """The next messages, in order; they are acknowledged."""
    return [get(channel, queue, auto_ack=True).body.decode() for _ in range(count)]


def fail(channel: BlockingChannel, queue: str) -> None:
    """Get a message and put it back as one whose delivery failed."""
    channel.basic_reject(get(channel, queue).method.delivery_tag, requeue=True)


# The delivery limit


def test_a_message_is_delivered_once_more_often_than_the_delivery_limit(channel: BlockingChannel, name: Names) -> None:
    dead, arguments = dead_letters(channel, name)
    queue = quorum(channel, name.queue(), x_delivery_limit=2, **arguments)
    publish(channel, queue, "poison")
    for _ in range(3):
        fail(channel, queue)
    settle(channel, dead, 1)
    assert get_all(channel, queue) == []


def test_what_is_over_the_delivery_limit_is_dead_lettered_with_that_reason(
    channel: BlockingChannel, name: Names
) -> None:
    dead, arguments = dead_letters(channel, name)
    queue = quorum(channel, name.queue(), x_delivery_limit=0, **arguments)
    publish(channel, queue, "poison")
    fail(channel, queue)
    letter = get(channel, dead)
    assert letter.properties.headers["x-first-death-reason"] == "delivery_limit"
    assert letter.properties.headers["x-death"][0]["queue"] == queue
    assert "x-delivery-count" not in letter.properties.headers


def test_what_is_over_the_delivery_limit_is_dropped_without_a_dead_letter_exchange(
    channel: BlockingChannel, name: Names
) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=0)
    publish(channel, queue, "poison", "next")
    fail(channel, queue)
    assert bodies(channel, queue, 1) == ["next"]
    assert get_all(channel, queue) == []


def test_the_default_delivery_limit_is_20_since_4_0(channel: BlockingChannel, name: Names, series: Series) -> None:
    queue = quorum(channel, name.queue())
    publish(channel, queue, "poison")
    for _ in range(DEFAULT_LIMIT + 1):
        fail(channel, queue)
    settle(channel, queue, 0 if series >= (4, 0) else 1)


def test_a_negative_delivery_limit_is_none_since_4_0(channel: BlockingChannel, name: Names, series: Series) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=-1)
    publish(channel, queue, "poison")
    fail(channel, queue)
    settle(channel, queue, 1 if series >= (4, 0) else 0)


def test_a_delivery_limit_that_is_no_number_is_taken(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit="many")
    publish(channel, queue, "message")
    fail(channel, queue)
    assert get_all(channel, queue) == [("message", True)]


def test_the_end_of_a_channel_counts_as_a_failed_delivery(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=1)
    publish(channel, queue, "poison")
    for _ in range(2):
        with channel.connection.channel() as failing:
            get(failing, queue)
    settle(channel, queue, 0)


def test_the_end_of_a_connection_counts_as_a_failed_delivery(
    connect: Connect, channel: BlockingChannel, name: Names
) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=0)
    publish(channel, queue, "poison")
    failing = connect()
    get(failing.channel(), queue)
    failing.close()
    settle(channel, queue, 0)


def test_a_nack_is_no_failure_since_4_3(channel: BlockingChannel, name: Names, series: Series) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=1)
    publish(channel, queue, "message")
    for _ in range(2):
        channel.basic_nack(get(channel, queue).method.delivery_tag)
    settle(channel, queue, 1 if series >= (4, 3) else 0)


def test_a_recover_is_no_failure_since_4_3(channel: BlockingChannel, name: Names, series: Series) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=1)
    publish(channel, queue, "message")
    for _ in range(2):
        get(channel, queue)
        channel.basic_recover(requeue=True)
    settle(channel, queue, 1 if series >= (4, 3) else 0)


def test_a_consumer_that_is_cancelled_returns_nothing(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=0)
    publish(channel, queue, "message")
    deliveries: list[Delivery] = []
    tag = consume(channel, queue, deliveries)
    wait_for(channel, deliveries, 1)
    channel.basic_cancel(tag)
    settle(channel, queue, 0)
    channel.basic_ack(deliveries[0].tag)


def test_a_delivery_limit_with_multiple_dead_letters_in_the_order_of_delivery(
    channel: BlockingChannel, name: Names
) -> None:
    dead, arguments = dead_letters(channel, name)
    queue = quorum(channel, name.queue(), x_delivery_limit=0, **arguments)
    publish(channel, queue, *range(10))
    deliveries: list[Delivery] = []
    with channel.connection.channel() as failing:
        consume(failing, queue, deliveries)
        wait_for(channel, deliveries, 10)
    settle(channel, dead, 10)
    assert bodies(channel, dead, 10) == [str(number) for number in range(10)]


# Headers


def test_what_failed_says_so_in_x_delivery_count(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=5)
    publish(channel, queue, "message")
    first = get(channel, queue)
    assert (headers(first), first.method.redelivered) == ({}, False)
    channel.basic_reject(first.method.delivery_tag)
    second = get(channel, queue)
    assert (headers(second)["x-delivery-count"], second.method.redelivered) == (1, True)
    channel.basic_reject(second.method.delivery_tag)
    assert headers(get(channel, queue))["x-delivery-count"] == 2


def test_x_delivery_count_is_a_64_bit_number(channel: BlockingChannel, wire: Wire, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=5)
    publish(channel, queue, "message", headers={"zebra": "z", "ape": "a"})
    fail(channel, queue)
    settle(channel, queue, 1)
    wire.send(1, commands.Basic.Get(0, queue))
    came = properties(wire.message(1, commands.Basic.GetOk).properties)["headers"]
    assert ("x-delivery-count", "l", 1) in came
    assert [key for key, _, _ in came] == sorted(key for key, _, _ in came)


def test_a_count_of_the_publisher_is_none(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=2)
    publish(channel, queue, "message", headers={"x-delivery-count": 7, "other": "stays"})
    fail(channel, queue)
    settle(channel, queue, 1)
    found = headers(get(channel, queue))
    assert (found["x-delivery-count"], found["other"]) == (1, "stays")


def test_since_4_3_x_acquired_count_counts_what_was_returned(
    channel: BlockingChannel, name: Names, series: Series
) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=5)
    publish(channel, queue, "message")
    channel.basic_nack(get(channel, queue).method.delivery_tag)
    settle(channel, queue, 1)
    expected = {"x-acquired-count": 1} if series >= (4, 3) else {"x-delivery-count": 1}
    returned = get(channel, queue)
    assert (headers(returned), returned.method.redelivered) == (expected, True)


# Where what comes back goes


def test_what_comes_back_goes_out_first_in_the_order_of_coming_back(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=20)
    publish(channel, queue, *range(1, 7))
    tags = take(channel, queue, 5)
    channel.basic_reject(tags[3])
    channel.basic_reject(tags[1])
    settle(channel, queue, 3)
    assert bodies(channel, queue, 3) == ["4", "2", "6"]


def test_without_a_limit_what_is_nacked_goes_to_the_end(channel: BlockingChannel, name: Names, series: Series) -> None:
    queue = quorum(channel, name.queue(), **({"x_delivery_limit": -1} if series >= (4, 0) else {}))
    publish(channel, queue, *range(1, 7))
    tags = take(channel, queue, 5)
    channel.basic_nack(tags[3])
    channel.basic_nack(tags[1])
    settle(channel, queue, 3)
    assert bodies(channel, queue, 3) == ["6", "4", "2"]


def test_without_a_limit_what_a_channel_had_goes_to_the_front(
    channel: BlockingChannel, name: Names, series: Series
) -> None:
    queue = quorum(channel, name.queue(), **({"x_delivery_limit": -1} if series >= (4, 0) else {}))
    publish(channel, queue, *range(1, 5))
    with channel.connection.channel() as ending:
        take(ending, queue, 2)
    settle(channel, queue, 4)
    assert bodies(channel, queue, 4) == ["1", "2", "3", "4"]


def test_a_nack_of_many_puts_them_back_in_the_order_of_delivery(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=20)
    publish(channel, queue, *range(1, 7))
    take(channel, queue, 5)
    channel.basic_nack(0, multiple=True)
    settle(channel, queue, 6)
    assert bodies(channel, queue, 6) == ["1", "2", "3", "4", "5", "6"]


def test_what_comes_back_is_the_first_that_a_full_queue_drops(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delivery_limit=20, x_max_length=2)
    publish(channel, queue, 3, 4)
    take(channel, queue, 2)
    publish(channel, queue, 5, 6)
    channel.basic_nack(0, multiple=True)
    settle(channel, queue, 2)
    assert get_all(channel, queue) == [("5", False), ("6", False)]


# Priority


def test_priority_has_no_effect_before_4_0(channel: BlockingChannel, name: Names, series: Series) -> None:
    if series >= (4, 0):
        pytest.skip("quorum queues know priorities since 4.0")
    queue = quorum(channel, name.queue())
    for priority in (1, 9, 4):
        publish(channel, queue, priority, priority=priority)
    assert bodies(channel, queue, 3) == ["1", "9", "4"]


def test_until_4_2_two_of_three_are_of_high_priority(channel: BlockingChannel, name: Names, series: Series) -> None:
    if not (4, 0) <= series < (4, 3):
        pytest.skip("4.0 to 4.2 have two levels of priority")
    queue = quorum(channel, name.queue())
    for body in ("n1", "n2", "n3", "h1", "h2", "h3", "h4"):
        publish(channel, queue, body, priority=5 if body[0] == "h" else 4)
    assert bodies(channel, queue, 7) == ["h1", "h2", "n1", "h3", "h4", "n2", "n3"]


@pytest.mark.usefixtures("since_4_3")
def test_since_4_3_the_higher_priority_goes_first(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue())
    publish(channel, queue, "none")
    for priority in (0, 4, 5, 31, 3, 255):
        publish(channel, queue, priority, priority=priority)
    assert bodies(channel, queue, 7) == ["31", "255", "5", "none", "4", "3", "0"]


@pytest.mark.usefixtures("since_4_3")
def test_what_came_back_goes_before_a_higher_priority(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue())
    publish(channel, queue, "low", priority=0)
    tag = get(channel, queue).method.delivery_tag
    publish(channel, queue, "high", priority=31)
    channel.basic_reject(tag)
    settle(channel, queue, 2)
    assert bodies(channel, queue, 2) == ["low", "high"]


# Delayed retry


@pytest.mark.usefixtures("since_4_3")
def test_a_retry_is_delayed_and_not_counted_as_ready(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delayed_retry_type="all", x_delayed_retry_min=300)
    publish(channel, queue, "message", "next")
    fail(channel, queue)
    assert bodies(channel, queue, 1) == ["next"]
    assert get_all(channel, queue) == []
    settle(channel, queue, 1)
    assert get_all(channel, queue) == [("message", True)]


@pytest.mark.usefixtures("since_4_3")
@pytest.mark.parametrize(("kind", "failed_waits", "nacked_waits"), [("failed", 1, 0), ("returned", 0, 1)])
def test_a_retry_type_says_which_returns_are_delayed(
    channel: BlockingChannel, name: Names, kind: str, failed_waits: int, nacked_waits: int
) -> None:
    queue = quorum(channel, name.queue(), x_delayed_retry_type=kind, x_delayed_retry_min=3_600_000)
    publish(channel, queue, "failed", "nacked")
    failed, nacked = take(channel, queue, 2)
    channel.basic_reject(failed)
    channel.basic_nack(nacked)
    let_pass(channel, 50)
    ready = ["failed"] * (not failed_waits) + ["nacked"] * (not nacked_waits)
    assert [body for body, _ in get_all(channel, queue)] == ready


@pytest.mark.usefixtures("since_4_3")
def test_the_delay_grows_with_the_failures_up_to_its_maximum(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(
        channel, name.queue(), x_delayed_retry_type="failed", x_delayed_retry_min=150, x_delayed_retry_max=300
    )
    publish(channel, queue, "message")
    fail(channel, queue)
    settle(channel, queue, 1)
    for _ in range(2):
        fail(channel, queue)
        let_pass(channel, 200)
        assert get_all(channel, queue) == []
        settle(channel, queue, 1)


@pytest.mark.usefixtures("since_4_3")
@pytest.mark.parametrize("arguments", [{"type": "sometimes", "min": 10}, {"type": "all"}, {"type": "all", "min": -1}])
def test_a_retry_that_makes_no_sense_is_not_delayed(
    channel: BlockingChannel, name: Names, arguments: dict[str, Any]
) -> None:
    delayed = {f"x_delayed_retry_{key}": value for key, value in arguments.items()}
    queue = quorum(channel, name.queue(), **delayed)
    publish(channel, queue, "message")
    fail(channel, queue)
    assert bodies(channel, queue, 1) == ["message"]


@pytest.mark.usefixtures("since_4_3")
def test_a_purge_takes_what_waits_for_its_retry(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delayed_retry_type="all", x_delayed_retry_min=3_600_000)
    publish(channel, queue, "message", "next")
    fail(channel, queue)
    assert channel.queue_purge(queue).method.message_count == 2


@pytest.mark.usefixtures("since_4_3")
def test_what_waits_for_its_retry_counts_for_x_max_length(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_delayed_retry_type="all", x_delayed_retry_min=3_600_000, x_max_length=2)
    publish(channel, queue, "waits")
    fail(channel, queue)
    publish(channel, queue, 1, 2)
    settle(channel, queue, 1)
    assert get_all(channel, queue) == [("2", False)]


# Lengths and times


def test_reject_publish_takes_one_more_and_opens_again_at_80_percent(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_max_length=5, x_overflow="reject-publish")
    publisher = channel.connection.channel()
    publisher.confirm_delivery()
    taken = [is_taken(publisher, queue)]
    while taken[-1]:  # the channel may hear of the limit a little later
        taken.append(is_taken(publisher, queue))
    ready = len(taken) - 1
    assert ready > 5
    bodies(channel, queue, ready - 5)
    settle(channel, queue, 5)
    assert not is_taken(publisher, queue)
    bodies(channel, queue, 1)
    settle(channel, queue, 4)
    wait_until_taken(publisher, queue)


def is_taken(publisher: BlockingChannel, queue: str) -> bool:
    try:
        publisher.basic_publish("", queue, b"message")
    except NackError:
        return False
    return True


def wait_until_taken(publisher: BlockingChannel, queue: str) -> None:
    deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
    while not is_taken(publisher, queue):
        assert time.monotonic() < deadline_s, "the queue stays closed"


def test_a_channel_that_comes_to_a_full_queue_is_refused(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_max_length=1, x_overflow="reject-publish")
    assert [is_accepted(channel, queue, number) for number in range(4)] == [True, True, False, False]


def test_reject_publish_dlx_is_taken_and_drops_the_head(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_max_length=1, x_overflow="reject-publish-dlx")
    publish(channel, queue, 1, 2, 3)
    settle(channel, queue, 1)
    assert get_all(channel, queue) == [("3", False)]


def test_a_deadline_is_kept_over_a_return(channel: BlockingChannel, name: Names) -> None:
    dead, arguments = dead_letters(channel, name)
    queue = quorum(channel, name.queue(), x_message_ttl=300, x_delivery_limit=5, **arguments)
    publish(channel, queue, "message")
    taken = take(channel, queue, 1)
    let_pass(channel, 200)
    channel.basic_reject(taken[0])
    settle(channel, dead, 1)
    assert get(channel, dead).properties.headers["x-first-death-reason"] == "expired"


def test_messages_expire_at_the_head_only(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue())
    publish(channel, queue, "long", expiration="3600000")
    publish(channel, queue, "short", expiration="20")
    let_pass(channel, 50)
    settle(channel, queue, 2)
    assert bodies(channel, queue, 1) == ["long"]
    settle(channel, queue, 0)


def test_limits_in_memory_have_no_effect(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_max_in_memory_length=0, x_max_in_memory_bytes=1)
    publish(channel, queue, 1, 2)
    assert bodies(channel, queue, 2) == ["1", "2"]


# Dead-lettering at least once


def at_least_once(channel: BlockingChannel, name: Names, **arguments: Any) -> tuple[str, str, str]:
    """A queue that dead-letters at least once, the exchange (which is not there), and the queue for dead letters."""
    exchange, dead = name.exchange("dead-letters"), name.queue("dead")
    channel.queue_declare(dead, durable=True)
    queue = quorum(
        channel,
        name.queue(),
        x_dead_letter_exchange=exchange,
        x_dead_letter_strategy="at-least-once",
        **{"x_overflow": "reject-publish"} | arguments,
    )
    return queue, exchange, dead


def reject_one(channel: BlockingChannel, queue: str) -> None:
    channel.basic_reject(get(channel, queue).method.delivery_tag, requeue=False)


def test_at_least_once_dead_letters_what_is_rejected(channel: BlockingChannel, name: Names) -> None:
    queue, exchange, dead = at_least_once(channel, name)
    channel.exchange_declare(exchange, "fanout")
    channel.queue_bind(dead, exchange)
    publish(channel, queue, "message")
    reject_one(channel, queue)
    letter = get(channel, dead)
    assert (letter.body, letter.properties.headers["x-first-death-reason"]) == (b"message", "rejected")


def test_at_least_once_keeps_what_finds_no_exchange(channel: BlockingChannel, name: Names) -> None:
    queue, _, _ = at_least_once(channel, name, x_max_length=2)
    publish(channel, queue, 1, 2)
    reject_one(channel, queue)
    reject_one(channel, queue)
    settle(channel, queue, 0)
    assert [is_accepted(channel, queue, number) for number in (3, 4)] == [True, False]


def test_at_least_once_with_drop_head_is_at_most_once(channel: BlockingChannel, name: Names) -> None:
    queue, _, _ = at_least_once(channel, name, x_overflow="drop-head", x_max_length=2)
    publish(channel, queue, 1, 2)
    reject_one(channel, queue)
    reject_one(channel, queue)
    publish(channel, queue, 3, 4)
    settle(channel, queue, 2)
    assert bodies(channel, queue, 2) == ["3", "4"]


# Consumers


def test_no_prefetch_is_one_of_2000(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue())
    publish(channel, queue, *range(DEFAULT_PREFETCH + 10))
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries)
    wait_for(channel, deliveries, DEFAULT_PREFETCH)
    settle(channel, queue, 10)
    assert len(deliveries) == DEFAULT_PREFETCH


def test_without_acknowledgements_there_is_no_prefetch(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue())
    publish(channel, queue, *range(DEFAULT_PREFETCH + 10))
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, auto_ack=True)
    wait_for(channel, deliveries, DEFAULT_PREFETCH + 10)


def test_an_exclusive_consumer_has_no_quorum_queue_to_itself(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue())
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, "one", exclusive=True)
    consume(channel, queue, deliveries, "two", exclusive=True)
    publish(channel, queue, 1, 2)
    wait_for(channel, deliveries, 2)
    assert {delivery.consumer for delivery in deliveries} == {"one", "two"}


def test_an_active_consumer_that_is_cancelled_gives_way_at_once(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_single_active_consumer=True)
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, "first")
    consume(channel, queue, deliveries, "second")
    publish(channel, queue, 1, 2)
    wait_for(channel, deliveries, 2)
    channel.basic_cancel("first")
    publish(channel, queue, 3)
    wait_for(channel, deliveries, 3)
    assert [delivery.consumer for delivery in deliveries] == ["first", "first", "second"]


def test_of_those_that_wait_the_highest_priority_is_active_next_since_4_0(
    channel: BlockingChannel, name: Names, series: Series
) -> None:
    queue = quorum(channel, name.queue(), x_single_active_consumer=True)
    deliveries: list[Delivery] = []
    for consumer, priority in (("active", 9), ("first", 0), ("higher", 5)):
        consume(channel, queue, deliveries, consumer, arguments={"x-priority": priority})
    channel.basic_cancel("active")
    publish(channel, queue, 1)
    wait_for(channel, deliveries, 1)
    assert deliveries[0].consumer == ("higher" if series >= (4, 0) else "first")


@pytest.mark.usefixtures("since_4_0")
def test_a_higher_priority_takes_over_when_all_is_settled(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue(), x_single_active_consumer=True)
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, "low")
    publish(channel, queue, 1)
    wait_for(channel, deliveries, 1)
    consume(channel, queue, deliveries, "high", arguments={"x-priority": 1})
    publish(channel, queue, 2)
    settle(channel, queue, 1)
    channel.basic_ack(deliveries[0].tag)
    wait_for(channel, deliveries, 2)
    assert deliveries[1].consumer == "high"


# What is refused


def test_a_get_from_a_queue_with_a_single_active_consumer_is_refused(
    channel: BlockingChannel, name: Names, series: Series
) -> None:
    queue = quorum(channel, name.queue(), x_single_active_consumer=True)
    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.basic_get(queue)
    kind = '<<"quorum">>' if series >= (4, 2) else "quorum"
    assert refused.value.reply_code == 405
    assert refused.value.reply_text == (
        f"RESOURCE_LOCKED - cannot obtain access to locked queue '{queue}' in vhost '/'. "
        f"basic.get operations are not supported by {kind} queues with single active consumer"
    )


@pytest.mark.until_4_3
def test_a_consumer_under_a_global_prefetch_is_refused(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue())
    channel.basic_qos(prefetch_count=1, global_qos=True)
    with pytest.raises(ConnectionClosedByBroker) as refused:
        consume(channel, queue, [])
    text = f"NOT_IMPLEMENTED - queue '{queue}' in vhost '/' does not support global qos"
    assert (refused.value.reply_code, refused.value.reply_text) == (540, text)


@pytest.mark.parametrize("flag", ["if-unused", "if-empty"])
def test_a_conditional_delete_is_refused(channel: BlockingChannel, name: Names, flag: str) -> None:
    queue = quorum(channel, name.queue())
    with pytest.raises(ConnectionClosedByBroker) as refused:
        channel.queue_delete(queue, if_unused=flag == "if-unused", if_empty=flag == "if-empty")
    assert (refused.value.reply_code, refused.value.reply_text) == (
        540,
        f"NOT_IMPLEMENTED - cannot delete queue '{queue}' in vhost '/'. queue.delete operations with {flag} flag set "
        "are not supported by quorum queues",
    )


@pytest.mark.parametrize("argument", ["x-max-priority", "x-queue-mode"])
def test_arguments_of_classic_queues_are_refused(channel: BlockingChannel, name: Names, argument: str) -> None:
    queue = name.queue()
    with pytest.raises(ChannelClosedByBroker) as refused:
        quorum(channel, queue, **{argument: 5})
    assert refused.value.reply_text == (
        f"PRECONDITION_FAILED - invalid arg '{argument}' for queue '{queue}' in vhost '/' of queue type "
        "rabbit_quorum_queue"
    )


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"durable": True, "exclusive": True}, "exclusive-owner"),
        ({"durable": True, "auto_delete": True}, "auto-delete"),
    ],
)
def test_a_quorum_queue_that_is_not_for_all_and_for_ever_is_refused(
    channel: BlockingChannel, name: Names, settings: dict[str, bool], word: str
) -> None:
    queue = name.prefix
    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.queue_declare(queue, arguments={"x-queue-type": "quorum"}, **settings)
    text = f"PRECONDITION_FAILED - invalid property '{word}' for queue '{queue}' in vhost '/'"
    assert refused.value.reply_text == text


# Counts


def test_counts_are_of_what_is_ready(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue())
    publish(channel, queue, 1, 2, 3)
    assert get(channel, queue).method.message_count == 2
    settle(channel, queue, 2)
    assert channel.queue_purge(queue).method.message_count == 2


def test_a_transient_message_stays_one(channel: BlockingChannel, name: Names) -> None:
    queue = quorum(channel, name.queue())
    publish(channel, queue, "message", delivery_mode=1)
    found: BasicProperties = get(channel, queue).properties
    assert found.delivery_mode == 1


# After a crash


@pytest.fixture
def restarting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RestartingBroker]:
    """A broker of the test's own, with a data directory, started."""
    if request.config.getoption("--amqpbroker-url", default=None):
        pytest.skip("a broker that was started by somebody else is not ours to restart")
    profile = request.config.getoption("--profile", default=None)
    broker = RestartingBroker(tmp_path, *(["--profile", profile] if profile else []))
    broker.start()
    yield broker
    broker.kill()


def test_counts_and_transient_messages_survive_a_kill(restarting: RestartingBroker) -> None:
    with restarting.channel() as channel:
        queue = quorum(channel, "tasks", x_delivery_limit=5)
        publish(channel, queue, "failed", "never delivered", delivery_mode=1)
        fail(channel, queue)
        # What has come behind is on disk, and so is what was before it.
        publish(channel, queue, "last")
    restarting.kill()
    restarting.start()
    with restarting.channel() as channel:
        first = get(channel, queue)
        assert (first.body, headers(first)["x-delivery-count"]) == (b"failed", 1)
        assert bodies(channel, queue, 2) == ["never delivered", "last"]


@pytest.mark.usefixtures("since_4_3")
def test_a_retry_is_due_after_a_kill(restarting: RestartingBroker) -> None:
    with restarting.channel() as channel:
        queue = quorum(channel, "tasks", x_delayed_retry_type="all", x_delayed_retry_min=1_000)
        publish(channel, queue, "message")
        fail(channel, queue)
        publish(channel, queue, "last")
    restarting.kill()
    restarting.start()
    with restarting.channel() as channel:
        assert set(bodies(channel, queue, 2)) == {"message", "last"}
