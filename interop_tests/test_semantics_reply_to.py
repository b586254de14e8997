"""Direct reply-to: requests and replies without a queue."""

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker
from pika.spec import Basic, BasicProperties

from interop_tests.conftest import Connect, Names
from interop_tests.steps import settle

REPLY_TO = "amq.rabbitmq.reply-to"


@pytest.fixture
def replies(channel: BlockingChannel) -> list[tuple[str, str, bytes]]:
    """The channel consumes replies; each is (exchange, routing key, body)."""
    came: list[tuple[str, str, bytes]] = []

    def append(_channel: BlockingChannel, deliver: Basic.Deliver, _properties: BasicProperties, body: bytes) -> None:
        came.append((deliver.exchange, deliver.routing_key, body))

    channel.basic_consume(REPLY_TO, append, auto_ack=True)
    return came


def request(channel: BlockingChannel, queue: str, body: bytes) -> None:
    """Send a request that asks for a direct reply."""
    channel.basic_publish("", queue, body, pika.BasicProperties(reply_to=REPLY_TO, correlation_id="1"))


def test_a_reply_comes_back_over_another_connection(
    connect: Connect, channel: BlockingChannel, replies: list[tuple[str, str, bytes]], name: Names
) -> None:
    server = connect().channel()
    queue = server.queue_declare(name.queue(), durable=True).method.queue
    request(channel, queue, b"ping")
    settle(server, queue, 1)
    _, properties, body = server.basic_get(queue, auto_ack=True)
    assert properties.reply_to.startswith(REPLY_TO + ".")
    assert properties.correlation_id == "1"
    server.basic_publish("", properties.reply_to, b"pong to " + body)
    while not replies:
        channel.connection.process_data_events(1)
    assert replies == [("", properties.reply_to, b"pong to ping")]


def test_a_reply_to_address_answers_passive_declare(
    connect: Connect, channel: BlockingChannel, replies: list[tuple[str, str, bytes]], name: Names
) -> None:
    server = connect().channel()
    queue = server.queue_declare(name.queue(), durable=True).method.queue
    request(channel, queue, b"ping")
    settle(server, queue, 1)
    address = server.basic_get(queue, auto_ack=True)[1].reply_to
    declared = server.queue_declare(address, passive=True).method
    assert (declared.queue, declared.message_count, declared.consumer_count) == (address, 0, 1)
    assert channel.queue_declare(REPLY_TO, passive=True).method.consumer_count == 1


def test_a_reply_to_a_closed_channel_is_unroutable(
    connect: Connect, channel: BlockingChannel, replies: list[tuple[str, str, bytes]], name: Names
) -> None:
    server = connect().channel()
    queue = server.queue_declare(name.queue(), durable=True).method.queue
    request(channel, queue, b"ping")
    settle(server, queue, 1)
    address = server.basic_get(queue, auto_ack=True)[1].reply_to
    channel.close()
    with pytest.raises(ChannelClosedByBroker) as closed:
        server.queue_declare(address, passive=True)
    assert closed.value.reply_code == 404


def test_replies_are_consumed_with_auto_ack_only(channel: BlockingChannel) -> None:
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.basic_consume(REPLY_TO, print)
    assert closed.value.reply_text == "PRECONDITION_FAILED - reply consumer cannot acknowledge"


def test_a_channel_has_one_reply_consumer(channel: BlockingChannel, replies: list[tuple[str, str, bytes]]) -> None:
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.basic_consume(REPLY_TO, print, auto_ack=True)
    assert closed.value.reply_text == "PRECONDITION_FAILED - reply consumer already set"


def test_a_request_without_a_reply_consumer_is_refused(channel: BlockingChannel) -> None:
    request(channel, "nowhere", b"ping")
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.basic_qos(prefetch_count=1)
    assert closed.value.reply_text == "PRECONDITION_FAILED - fast reply consumer does not exist"


def test_a_cancelled_reply_consumer_can_be_started_again(channel: BlockingChannel) -> None:
    tag = channel.basic_consume(REPLY_TO, print, auto_ack=True)
    channel.basic_cancel(tag)
    channel.basic_consume(REPLY_TO, print, auto_ack=True)
