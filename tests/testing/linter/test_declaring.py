"""What clients declare and bind: each rule with code that breaks it, and nearly the same that does not."""

import pika
import pytest
from pika.exceptions import ConnectionClosedByBroker

from amqpbroker.testing import Broker


def test_a_queue_that_is_neither_durable_nor_exclusive(channel, rules):
    channel.queue_declare("tasks")
    assert rules() == ["transient-queue"]
    channel.queue_declare("tasks-durable", durable=True)
    channel.queue_declare("tasks-own", exclusive=True)
    channel.queue_declare("tasks", passive=True)
    assert rules() == []


def test_4_3_refuses_it_and_the_linter_says_why():
    with Broker(profile="4.3") as broker, pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        with pytest.raises(ConnectionClosedByBroker) as closed:
            connection.channel().queue_declare("tasks")
        assert closed.value.reply_code == 541
        assert "541 INTERNAL_ERROR" in str(broker.warnings[0])


@pytest.mark.parametrize(
    ("removed", "kept"),
    [
        ({"x-queue-version": 1}, {"x-queue-version": 2}),
        ({"x-queue-mode": "lazy"}, {"x-max-length": 10}),
        ({"x-queue-master-locator": "client-local"}, {"x-queue-leader-locator": "client-local"}),
    ],
)
def test_arguments_that_later_versions_refuse(channel, rules, removed, kept):
    channel.queue_declare("old", durable=True, arguments=removed)
    assert rules() == ["removed-argument"]
    channel.queue_declare("new", durable=True, arguments=kept)
    assert rules() == []


def test_a_topic_binding_key_of_three_hashes(channel, rules):
    channel.queue_declare("news", durable=True)
    channel.queue_bind("news", "amq.topic", "#.a.#.b.#")
    channel.exchange_bind("amq.fanout", "amq.topic", "#.#.#")
    assert rules() == ["topic-hashes"]
    channel.queue_bind("news", "amq.topic", "#.a.#.b")
    channel.queue_bind("news", "amq.direct", "#.a.#.b.#")
    assert rules() == []
