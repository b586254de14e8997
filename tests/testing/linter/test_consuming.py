"""How clients consume and acknowledge: each rule with code that breaks it, and nearly the same that does not."""

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

from amqpbroker.testing.linter.consuming import EMPTY_GETS_MAX, REQUEUES_MAX


def ignored(*_):
    """What is done with a message."""


@pytest.fixture
def tasks(channel):
    channel.queue_declare("tasks", durable=True)
    for _ in range(3):
        channel.basic_publish("", "tasks", b"")


def test_a_consumer_without_a_prefetch(channel, rules, tasks):
    channel.basic_consume("tasks", ignored)
    assert rules() == ["prefetch-0"]
    channel.basic_consume("tasks", ignored, auto_ack=True)
    channel.basic_qos(prefetch_count=10)
    channel.basic_consume("tasks", ignored)
    assert rules() == []


@pytest.mark.parametrize(
    "properties", [{"exclusive": True}, {"durable": True, "arguments": {"x-queue-type": "quorum"}}]
)
def test_queues_that_need_no_prefetch(channel, rules, properties):
    channel.queue_declare("own", **properties)
    channel.basic_consume("own", ignored)
    assert rules() == []


def test_a_prefetch_for_the_whole_channel(channel, rules, tasks):
    channel.basic_qos(prefetch_count=10, global_qos=True)
    channel.basic_consume("tasks", ignored)
    assert rules() == ["global-qos"]
    channel.basic_qos(prefetch_count=0, global_qos=True)
    channel.basic_qos(prefetch_count=10)
    assert rules() == []


def requeue(channel, times: int) -> None:
    for _ in range(times):
        channel.basic_nack(channel.basic_get("tasks")[0].delivery_tag)


def test_a_message_that_is_requeued_again_and_again(channel, rules, tasks):
    requeue(channel, REQUEUES_MAX - 1)
    channel.basic_ack(channel.basic_get("tasks")[0].delivery_tag)
    requeue(channel, REQUEUES_MAX - 1)
    assert rules() == []
    requeue(channel, REQUEUES_MAX)
    assert rules() == ["requeue-loop"]


def test_a_message_that_is_requeued_now_and_then(broker, channel, rules, tasks):
    for _ in range(REQUEUES_MAX + 1):
        requeue(channel, 1)
        broker.clock.advance("10s")
    assert rules() == []


def test_a_closed_channel_is_no_loop(broker, channel, rules, tasks):
    for number in range(2, REQUEUES_MAX + 3):
        another = channel.connection.channel(number)
        another.basic_get("tasks")
        another.close()
    assert rules() == []


def test_an_ack_on_another_channel_than_the_message_came_by(channel, rules, tasks):
    another = channel.connection.channel()
    for _ in range(2):
        tag = channel.basic_get("tasks")[0].delivery_tag
    another.basic_ack(tag)
    with pytest.raises(ChannelClosedByBroker, match="unknown delivery tag"):
        another.basic_get("tasks")
    assert rules() == ["ack-wrong-channel"]
    channel.basic_ack(tag)
    assert rules() == []


@pytest.mark.parametrize("settle", ["basic_ack", "basic_nack", "basic_reject"])
def test_a_message_that_is_acknowledged_twice(channel, rules, tasks, settle):
    tag = channel.basic_get("tasks")[0].delivery_tag
    channel.basic_ack(tag)
    assert rules() == []
    getattr(channel, settle)(tag)
    with pytest.raises(ChannelClosedByBroker, match="unknown delivery tag"):
        channel.basic_get("tasks")
    assert rules() == ["ack-twice"]


def test_a_tag_that_nobody_was_given_is_no_ones(channel, rules, tasks):
    channel.basic_ack(99)
    with pytest.raises(ChannelClosedByBroker, match="unknown delivery tag 99"):
        channel.basic_get("tasks")
    assert rules() == []


def test_who_asks_an_empty_queue_in_a_loop(channel, rules, tasks):
    channel.queue_purge("tasks")
    for _ in range(EMPTY_GETS_MAX - 1):
        channel.basic_get("tasks")
    channel.basic_publish("", "tasks", b"")
    channel.basic_get("tasks", auto_ack=True)
    channel.basic_get("tasks")
    assert rules() == []
    for _ in range(EMPTY_GETS_MAX):
        channel.basic_get("tasks")
    assert rules() == ["polling-get"]


@pytest.mark.parametrize(("durable", "end"), [(True, "close"), (False, "close"), (True, "cut off")])
def test_a_durable_queue_that_deletes_itself_with_what_waits_in_it(broker, rules, durable, end):
    connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    channel = connection.channel()
    channel.queue_declare("tasks", durable=durable, auto_delete=True)
    for _ in range(3):
        channel.basic_publish("", "tasks", b"")
    rules()
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume("tasks", ignored)
    if end == "cut off":
        broker.ask(broker.server.broker.close_connections, "it is cut off")
        with pytest.raises(ConnectionClosedByBroker):
            channel.basic_get("tasks")
    else:
        connection.close()
    assert rules() == (["auto-delete-lost"] if durable and end == "close" else [])


def test_an_empty_one_may_delete_itself(channel, rules):
    channel.queue_declare("tasks", durable=True, auto_delete=True)
    channel.basic_cancel(channel.basic_consume("tasks", ignored, auto_ack=True))
    assert rules() == []
