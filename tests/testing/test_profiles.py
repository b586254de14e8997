"""The same code with several versions of RabbitMQ: what an upgrade changes for a real client."""

from collections.abc import Callable

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker, ConnectionClosedByBroker

from amqpbroker.testing import Broker

PROFILES = ("3.13", "4.2", "4.3")


def outcomes(code: Callable[[BlockingChannel], object]) -> list[object]:
    """What the code gives with each of the versions, or which error it ends with."""
    found = []
    for profile in PROFILES:
        with Broker(profile=profile) as broker:
            connection = pika.BlockingConnection(pika.URLParameters(broker.url))
            try:
                found.append(code(connection.channel()))
            except AMQPError as error:
                found.append((type(error), error.reply_code))
            if connection.is_open:
                connection.close()
    return found


def test_a_transient_queue():
    def declare(channel):
        return channel.queue_declare("tasks").method.queue

    assert outcomes(declare) == ["tasks", "tasks", (ConnectionClosedByBroker, 541)]


def test_a_prefetch_for_the_whole_channel():
    def delivered(channel):
        channel.queue_declare("tasks", durable=True)
        for _ in range(5):
            channel.basic_publish("", "tasks", b"")
        channel.basic_qos(prefetch_count=2, global_qos=True)
        tags = []
        for _ in range(2):
            channel.basic_consume("tasks", lambda *delivery: tags.append(delivery[1].delivery_tag))
        channel.queue_declare("tasks", passive=True)
        channel.connection.process_data_events()
        return len(tags)

    assert outcomes(delivered) == [2, 2, 4]


def test_an_unknown_type_of_exchange():
    found = outcomes(lambda channel: channel.exchange_declare("news", "unheard-of"))
    assert found == [(ConnectionClosedByBroker, 503), (ChannelClosedByBroker, 406), (ChannelClosedByBroker, 406)]


def test_a_count_of_deaths_that_was_published_again():
    def second_count(channel):
        arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
        channel.queue_declare("dead", durable=True)
        channel.queue_declare("tasks", durable=True, arguments=arguments)
        channel.basic_publish("", "tasks", b"")
        for _ in range(2):
            channel.basic_reject(channel.basic_get("tasks")[0].delivery_tag, requeue=False)
            _, properties, body = channel.basic_get("dead", auto_ack=True)
            channel.basic_publish("", "tasks", body, properties)
        return properties.headers["x-death"][0]["count"]

    assert outcomes(second_count) == [2, 1, 1]


@pytest.mark.parametrize(("size_bytes", "taken"), [(16_777_216, [True] * 3), (16_777_217, [True, False, False])])
def test_the_largest_message(size_bytes, taken):
    def publish(channel):
        channel.confirm_delivery()
        channel.basic_publish("amq.fanout", "", bytes(size_bytes))
        return True

    assert [outcome is True for outcome in outcomes(publish)] == taken
