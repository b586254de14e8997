"""Consumer timeout: what happens to a client that does not acknowledge."""

import pytest

from amqpbroker.wire.methods import Basic, Channel, Method, Queue, Tx
from amqpbroker.wire.tables import Field, Table, long_string
from tests.helpers.sessions import bodies, consume, deliveries, opened, publish_numbers, waiting
from tests.helpers.wire_client import WireClient

MINUTE_S = 60.0
HALF_HOUR_S = 1_800.0
# RabbitMQ looks once a minute; so do we, and what was out is known from one look to the next.
LATE_S = 2 * MINUTE_S


def milliseconds(count: int) -> Field:
    return Field("l", count)


def client_of(
    count: int = 0, *, kind: str = "classic", profile: str = "4.2", arguments: Table | None = None
) -> WireClient:
    """A client with a durable queue, 'tasks', and so many messages in it."""
    client = opened(profile=profile)
    table = {"x-queue-type": long_string(kind)} | (arguments or {})
    client.send(1, Queue.Declare(queue="tasks", durable=True, arguments=table))
    publish_numbers(client, count)
    client.take()
    return client


def closed(client: WireClient) -> list[Method]:
    return [method for method in client.methods() if isinstance(method, Channel.Close)]


def timed_out(timeout_ms: int, channel: int = 1) -> Method:
    return Channel.Close(
        reply_code=406,
        reply_text=f"PRECONDITION_FAILED - delivery acknowledgement on channel {channel} timed out. Timeout value "
        f"used: {timeout_ms} ms. This timeout value can be configured, see consumers doc guide to learn more",
        class_id=0,
        method_id=0,
    )


# Until 4.2


@pytest.mark.parametrize("profile", ["3.13", "4.2"])
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_after_half_an_hour_the_channel_is_closed(kind: str, profile: str) -> None:
    client = client_of(2, kind=kind, profile=profile)
    consume(client, "slow")
    client.advance(HALF_HOUR_S - 1)
    assert closed(client) == []
    client.advance(1 + LATE_S)
    assert closed(client) == [timed_out(1_800_000)]
    assert waiting(client) == [(b"1", True), (b"2", True)]


def test_the_oldest_delivery_counts_and_not_the_last() -> None:
    client = client_of(1)
    consume(client, "slow")
    for minute in range(1, 30):
        client.advance(MINUTE_S)
        publish_numbers(client, 1)
        client.send(1, Basic.Ack(delivery_tag=minute + 1))
    assert closed(client) == []
    client.advance(MINUTE_S + LATE_S)
    assert closed(client) == [timed_out(1_800_000)]


def test_who_acknowledges_in_time_is_left_alone() -> None:
    client = client_of()
    consume(client, "steady")
    for number in range(20):
        publish_numbers(client, 2, first=2 * number)
        client.advance(HALF_HOUR_S / 2)
        client.send(1, Basic.Ack(delivery_tag=2 * number + 1))
        client.advance(HALF_HOUR_S / 2 - LATE_S)
        client.send(1, Basic.Ack(delivery_tag=2 * number + 2))
    assert closed(client) == []


def test_a_consumer_without_acknowledgement_never_times_out() -> None:
    client = client_of(3)
    consume(client, "fast", no_ack=True)
    client.advance(10 * HALF_HOUR_S)
    assert closed(client) == []
    assert client.clock.waiting == 0


def test_what_was_got_times_out_too() -> None:
    client = client_of(2)
    client.send(1, Basic.Get(queue="tasks", no_ack=True))
    client.send(1, Basic.Get(queue="tasks"))
    client.advance(HALF_HOUR_S + LATE_S)
    assert closed(client) == [timed_out(1_800_000)]


def test_other_channels_go_on() -> None:
    client = client_of(2).open_channel(2)
    client.send(1, Basic.Qos(prefetch_count=1))
    consume(client, "slow")
    client.advance(HALF_HOUR_S / 2)
    client.send(2, Basic.Get(queue="tasks"))
    client.advance(HALF_HOUR_S / 2 + LATE_S)
    assert closed(client) == [timed_out(1_800_000)]
    client.send(2, Basic.Ack(delivery_tag=1))
    assert closed(client) == []


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_a_queue_has_a_timeout_of_its_own(kind: str) -> None:
    client = client_of(1, kind=kind, profile="3.13", arguments={"x-consumer-timeout": milliseconds(5_000)})
    consume(client, "slow")
    client.advance(4.9)
    assert closed(client) == []
    client.advance(3)
    assert closed(client) == [timed_out(5_000)]


def test_a_short_timeout_is_not_kept_waiting_by_a_long_one() -> None:
    client = client_of(1)
    consume(client, "slow")
    client.send(1, Basic.Ack(delivery_tag=1))
    client.send(1, Queue.Declare(queue="hasty", durable=True, arguments={"x-consumer-timeout": milliseconds(1_000)}))
    consume(client, "hasty", name="hasty")
    publish_numbers(client, 1, name="hasty")
    client.advance(2)
    assert closed(client) == [timed_out(1_000)]


def test_the_broker_s_timeout_is_taken_where_a_queue_has_none() -> None:
    client = client_of(1)
    client.broker.consumer_timeout_ms = 10_000
    consume(client, "slow")
    client.advance(16)
    assert closed(client) == [timed_out(10_000)]


def test_there_may_be_no_timeout_at_all() -> None:
    client = client_of(1)
    client.broker.consumer_timeout_ms = None
    consume(client, "slow")
    client.advance(100 * HALF_HOUR_S)
    assert closed(client) == []
    assert client.clock.waiting == 0


def test_what_waits_for_its_commit_has_been_acknowledged() -> None:
    client = client_of(1)
    client.send(1, Tx.Select())
    consume(client, "slow")
    client.send(1, Basic.Ack(delivery_tag=1))
    client.advance(2 * HALF_HOUR_S)
    assert closed(client) == []


def test_a_closed_channel_has_no_timer() -> None:
    client = client_of(1)
    consume(client, "slow")
    assert client.clock.waiting == 1
    client.send(1, Channel.Close(reply_code=200, reply_text="", class_id=0, method_id=0))
    assert client.clock.waiting == 0


def test_the_timer_ends_when_nothing_can_time_out_any_more() -> None:
    client = client_of(1)
    consume(client, "slow")
    client.send(1, Basic.Cancel(consumer_tag="slow", nowait=True))
    client.advance(2 * MINUTE_S)
    assert client.clock.waiting == 1
    client.send(1, Basic.Ack(delivery_tag=1))
    client.advance(MINUTE_S)
    assert client.clock.waiting == 0


# Since 4.3


def test_since_4_3_a_classic_queue_has_no_timeout() -> None:
    client = client_of(1, profile="4.3")
    consume(client, "slow")
    client.advance(10 * HALF_HOUR_S)
    assert closed(client) == []
    assert client.clock.waiting == 0


def test_since_4_3_a_quorum_queue_takes_its_messages_back_and_tells_the_consumer() -> None:
    client = client_of(2, kind="quorum", profile="4.3")
    consume(client, "slow")
    assert bodies(client) == "1 2"
    client.advance(HALF_HOUR_S + LATE_S)
    assert client.methods() == [Basic.Cancel(consumer_tag="slow", nowait=True)]
    assert waiting(client) == [(b"1", True), (b"2", True)]


def test_since_4_3_others_get_what_came_back() -> None:
    client = client_of(1, kind="quorum", profile="4.3").open_channel(2)
    consume(client, "slow")
    consume(client, "other", channel=2)
    client.take()
    client.advance(HALF_HOUR_S + LATE_S)
    assert [(tag, body, redelivered) for tag, _, body, redelivered in deliveries(client)] == [("other", b"1", True)]


def test_since_4_3_a_consumer_goes_on_when_it_has_settled_what_timed_out() -> None:
    client = client_of(2, kind="quorum", profile="4.3")
    consume(client, "slow")
    client.advance(HALF_HOUR_S + LATE_S)
    client.take()
    client.send(1, Basic.Ack(delivery_tag=1))
    assert bodies(client) == ""
    client.send(1, Basic.Nack(delivery_tag=2, requeue=True))
    assert bodies(client) == "1 2"
    assert client.vhost.queues["tasks"].unacked == 2


def test_since_4_3_only_what_is_too_old_comes_back() -> None:
    client = client_of(1, kind="quorum", profile="4.3")
    consume(client, "slow")
    client.advance(HALF_HOUR_S / 2)
    publish_numbers(client, 1, first=2)
    client.advance(HALF_HOUR_S / 2 + LATE_S)
    assert waiting(client) == [(b"1", True)]
    client.send(1, Basic.Ack(delivery_tag=2))
    assert client.vhost.queues["tasks"].unacked == 0


def test_since_4_3_a_consumer_may_bring_its_own_timeout() -> None:
    client = client_of(1, kind="quorum", profile="4.3", arguments={"x-consumer-timeout": milliseconds(600_000)})
    consume(client, "slow", arguments={"x-consumer-timeout": milliseconds(1_000)})
    client.take()
    client.advance(2)
    assert client.methods() == [Basic.Cancel(consumer_tag="slow", nowait=True)]


def test_since_4_3_a_client_that_cannot_be_told_has_its_channel_closed() -> None:
    client = WireClient(profile=opened(profile="4.3").vhost.profile).connect(client_properties={}).open_channel(1)
    client.send(1, Queue.Declare(queue="tasks", durable=True, arguments={"x-queue-type": long_string("quorum")}))
    publish_numbers(client, 1)
    consume(client, "slow")
    client.take()
    client.advance(HALF_HOUR_S + LATE_S)
    assert closed(client) == [timed_out(-1)]
    assert waiting(client) == [(b"1", True)]


def test_since_4_3_what_was_got_ends_the_channel() -> None:
    client = client_of(1, kind="quorum", profile="4.3")
    client.send(1, Basic.Get(queue="tasks"))
    client.advance(HALF_HOUR_S + LATE_S)
    assert closed(client) == [timed_out(-1)]


def test_a_channel_that_ends_with_timed_out_messages_leaves_nothing_behind() -> None:
    client = client_of(2, kind="quorum", profile="4.3")
    consume(client, "slow")
    client.advance(HALF_HOUR_S + LATE_S)
    client.send(1, Channel.Close(reply_code=200, reply_text="", class_id=0, method_id=0))
    queue = client.vhost.queues["tasks"]
    assert (queue.message_count, queue.unacked, queue.consumers) == (2, 0, {})
