"""How long messages live and how long queues do: x-message-ttl, expiration and x-expires."""

import time

import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import UnroutableError

from interop_tests.conftest import Connect, Names
from interop_tests.steps import (
    SETTLE_TIMEOUT_S,
    Delivery,
    consume,
    declare,
    get,
    get_all,
    let_pass,
    publish,
    settle,
    wait_for,
)

HOUR_MS = 3_600_000


def is_there(channel: BlockingChannel, queue: str) -> bool:
    """Ask by publishing, which does not count as use of the queue."""
    with channel.connection.channel() as asking:
        asking.confirm_delivery()
        try:
            asking.basic_publish("", queue, b"there?", mandatory=True)
        except UnroutableError:
            return False
        return True


def wait_until_gone(channel: BlockingChannel, queue: str) -> None:
    deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
    while is_there(channel, queue):
        assert time.monotonic() < deadline_s, f"{queue} is still there"


def test_messages_go_when_they_are_as_old_as_x_message_ttl(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_message_ttl=100)
    publish(channel, queue, *range(100))
    settle(channel, queue, 0)
    assert get_all(channel, queue) == []


def test_a_message_goes_at_its_own_expiration(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix)
    publish(channel, queue, "short", expiration="50")
    publish(channel, queue, "stays")
    settle(channel, queue, 1)
    assert get_all(channel, queue) == [("stays", False)]


@pytest.mark.parametrize(("ttl_ms", "expiration"), [(50, str(HOUR_MS)), (HOUR_MS, "50")])
def test_the_shorter_of_x_message_ttl_and_expiration_counts(
    channel: BlockingChannel, name: Names, ttl_ms: int, expiration: str
) -> None:
    queue = declare(channel, name.prefix, x_message_ttl=ttl_ms)
    publish(channel, queue, "short", expiration=expiration)
    settle(channel, queue, 0)


def test_a_message_does_not_go_before_its_time(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_message_ttl=300)
    start_s = time.monotonic()
    publish(channel, queue, "x")
    settle(channel, queue, 0)
    assert time.monotonic() - start_s >= 0.299


def test_each_queue_has_a_deadline_of_its_own(channel: BlockingChannel, name: Names) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "fanout")
    short, long = declare(channel, f"{name.prefix}.short", x_message_ttl=50), declare(channel, f"{name.prefix}.long")
    for queue in (short, long):
        channel.queue_bind(queue, exchange)
    channel.basic_publish(exchange, "", b"x")
    settle(channel, long, 1)
    settle(channel, short, 0)
    assert get_all(channel, long) == [("x", False)]


@pytest.mark.parametrize(("arguments", "properties"), [({"x_message_ttl": 0}, {}), ({}, {"expiration": "0"})])
def test_with_a_ttl_of_0_a_message_is_handed_over_at_once_or_gone(
    channel: BlockingChannel, name: Names, arguments: dict[str, int], properties: dict[str, str]
) -> None:
    queue = declare(channel, name.prefix, **arguments)
    publish(channel, queue, "gone", **properties)
    settle(channel, queue, 0)
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries)
    publish(channel, queue, "handed over", **properties)
    wait_for(channel, deliveries, 1)
    assert [delivery.body for delivery in deliveries] == ["handed over"]


def test_with_a_ttl_of_0_a_consumer_without_credit_does_not_hold_a_message(
    channel: BlockingChannel, name: Names
) -> None:
    queue = declare(channel, name.prefix)
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=1)
    consume(channel, queue, deliveries)
    publish(channel, queue, "first", "second", expiration="0")
    wait_for(channel, deliveries, 1)
    settle(channel, queue, 0)
    channel.basic_ack(deliveries[0].tag)
    publish(channel, queue, "third")
    wait_for(channel, deliveries, 2)
    assert [delivery.body for delivery in deliveries] == ["first", "third"]


def test_messages_expire_at_the_head_alone(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix)
    publish(channel, queue, "long", expiration=str(HOUR_MS))
    publish(channel, queue, "short", expiration="50")
    let_pass(channel, 100)
    assert channel.queue_declare(queue, passive=True).method.message_count == 2
    get(channel, queue, auto_ack=True)
    settle(channel, queue, 0)
    assert get_all(channel, queue) == []


def test_all_that_is_expired_goes_when_it_comes_to_the_head(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix)
    publish(channel, queue, "long")
    publish(channel, queue, *range(20), expiration="1")
    publish(channel, queue, "last")
    let_pass(channel, 50)
    settle(channel, queue, 22)
    assert [body for body, _ in get_all(channel, queue, auto_ack=True)] == ["long", "last"]


def test_a_message_with_a_client_does_not_expire(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_message_ttl=300)
    publish(channel, queue, "held", "left")
    tag = get(channel, queue).method.delivery_tag
    settle(channel, queue, 0)
    channel.basic_ack(tag)
    channel.basic_qos(prefetch_count=0)  # answered: the acknowledgement was in order


def test_the_deadline_is_kept_over_a_requeue(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_message_ttl=1_200)
    publish(channel, queue, "x")
    let_pass(channel, 800)
    start_s = time.monotonic()
    channel.basic_nack(get(channel, queue).method.delivery_tag)
    settle(channel, queue, 0)
    assert time.monotonic() - start_s < 1.0


def test_a_message_requeued_after_its_deadline_is_not_delivered_again(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix)
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=1)
    consume(channel, queue, deliveries)
    publish(channel, queue, "late", expiration="50")
    publish(channel, queue, "next")
    wait_for(channel, deliveries, 1)
    let_pass(channel, 100)
    channel.basic_nack(deliveries[0].tag)
    wait_for(channel, deliveries, 2)
    assert [(delivery.body, delivery.redelivered) for delivery in deliveries] == [("late", False), ("next", False)]


def test_a_closed_channel_gives_back_what_expires_at_once(connect: Connect, name: Names) -> None:
    connection = connect()
    holder, other = connection.channel(), connection.channel()
    queue = declare(other, name.prefix)
    publish(other, queue, "held", expiration="200")
    get(holder, queue)
    let_pass(other, 300)
    holder.close()
    publish(other, queue, "after")
    assert get_all(other, queue) == [("after", False)]


def test_a_delivered_message_still_has_its_expiration(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_message_ttl=1_000)
    publish(channel, queue, "x", expiration="60000")
    assert get(channel, queue).properties.expiration == "60000"


def test_the_time_to_live_begins_with_the_commit(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_message_ttl=500)
    publishing = channel.connection.channel()
    publishing.tx_select()
    publishing.basic_publish("", queue, b"x")
    let_pass(channel, 600)
    publishing.tx_commit()
    assert get(channel, queue).body == b"x"


def test_an_unused_queue_goes_after_x_expires_with_its_messages(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_expires=100)
    publish(channel, queue, "x")
    wait_until_gone(channel, queue)
    assert declare(channel, queue) == queue
    assert get_all(channel, queue) == []


def test_bindings_go_with_an_expired_queue(channel: BlockingChannel, name: Names) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "fanout", auto_delete=True)
    queue = declare(channel, name.prefix, x_expires=100)
    channel.queue_bind(queue, exchange)
    wait_until_gone(channel, queue)
    channel.exchange_declare(exchange, "topic")


def test_a_queue_with_a_consumer_does_not_expire(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, f"{name.prefix}.used", x_expires=300)
    tag = consume(channel, queue, [])
    unused = declare(channel, f"{name.prefix}.unused", x_expires=300)
    wait_until_gone(channel, unused)
    assert is_there(channel, queue)
    channel.basic_cancel(tag)
    wait_until_gone(channel, queue)


def test_getting_is_use_of_a_queue(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, f"{name.prefix}.used", x_expires=1_000)
    unused = declare(channel, f"{name.prefix}.unused", x_expires=1_000)
    while is_there(channel, unused):
        channel.basic_get(queue, auto_ack=True)
    assert is_there(channel, queue)
    wait_until_gone(channel, queue)


@pytest.mark.parametrize("passive", [False, True])
def test_declaring_again_is_use_of_a_queue(channel: BlockingChannel, name: Names, passive: bool) -> None:
    arguments = {"x-expires": 1_000}
    queue = declare(channel, f"{name.prefix}.used", x_expires=1_000)
    unused = declare(channel, f"{name.prefix}.unused", x_expires=1_000)
    while is_there(channel, unused):
        channel.queue_declare(queue, passive=passive, exclusive=True, arguments=arguments)
    assert is_there(channel, queue)
    wait_until_gone(channel, queue)


def test_messages_with_a_client_do_not_keep_a_queue(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_expires=200)
    publish(channel, queue, "x")
    tag = get(channel, queue).method.delivery_tag
    wait_until_gone(channel, queue)
    channel.basic_ack(tag)
    channel.basic_qos(prefetch_count=0)  # answered: the acknowledgement was in order


def test_a_durable_queue_expires_too(channel: BlockingChannel, name: Names) -> None:
    queue = name.queue()
    channel.queue_declare(queue, durable=True, arguments={"x-expires": 100})
    wait_until_gone(channel, queue)
