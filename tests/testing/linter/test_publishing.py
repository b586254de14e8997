"""What clients publish: each rule with code that breaks it, and nearly the same that does not."""

import pika
import pytest
from pika.exceptions import UnroutableError

from amqpbroker.testing import Broker
from amqpbroker.testing.linter.publishing import READY_MAX

PERSISTENT = pika.BasicProperties(delivery_mode=2)


@pytest.fixture
def tasks(channel, rules):
    channel.queue_declare("tasks", durable=True)


def test_a_persistent_message_without_confirms(channel, rules, tasks):
    channel.basic_publish("", "tasks", b"", PERSISTENT)
    assert rules() == ["no-confirms"]
    channel.basic_publish("", "tasks", b"")
    channel.confirm_delivery()
    channel.basic_publish("", "tasks", b"", PERSISTENT)
    assert rules() == []


def test_a_transaction_confirms_too(channel, rules, tasks):
    channel.tx_select()
    channel.basic_publish("", "tasks", b"", PERSISTENT)
    channel.tx_commit()
    assert rules() == []


def test_a_persistent_message_to_a_transient_queue_is_no_promise(channel, rules):
    channel.queue_declare("own", exclusive=True)
    channel.basic_publish("", "own", b"", PERSISTENT)
    assert rules() == []


def test_a_queue_that_grows_without_a_limit(channel, rules, tasks):
    for _ in range(READY_MAX):
        channel.basic_publish("", "tasks", b"")
    assert rules() == []
    channel.basic_publish("", "tasks", b"")
    assert rules() == ["unbounded-queue"]


def test_a_queue_with_a_limit_may_grow(channel, rules):
    for limit in ("x-max-length", "x-max-length-bytes", "x-message-ttl"):
        channel.queue_declare(limit, durable=True, arguments={limit: 10_000_000})
        channel.queue_bind(limit, "amq.fanout")
    for _ in range(READY_MAX + 1):
        channel.basic_publish("amq.fanout", "", b"")
    assert rules() == []


def test_a_message_to_a_queue_that_never_was(channel, rules, tasks):
    channel.basic_publish("", "task", b"")
    assert rules() == ["unroutable"]
    channel.basic_publish("", "tasks", b"")
    channel.basic_publish("amq.fanout", "task", b"")
    channel.confirm_delivery()
    with pytest.raises(UnroutableError):
        channel.basic_publish("", "task", b"", mandatory=True)
    assert rules() == []


def test_an_answer_to_somebody_who_is_gone(channel, rules):
    channel.queue_declare("answers", exclusive=True)
    generated = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_delete("answers")
    channel.queue_delete(generated)
    channel.basic_publish("", "answers", b"")
    channel.basic_publish("", generated, b"")
    assert rules() == []


def test_a_message_that_4_0_refuses():
    with Broker(profile="3.13") as broker, pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        channel.basic_publish("amq.fanout", "", bytes(16_777_216))
        assert broker.take_warnings() == []
        channel.basic_publish("amq.fanout", "", bytes(16_777_217))
        assert [finding.name for finding in broker.warnings] == ["large-message"]


@pytest.mark.parametrize(
    ("profile", "mandatory", "found"), [("3.13", True, ["mandatory-reply"]), ("3.13", False, []), ("4.2", True, [])]
)
def test_a_mandatory_answer(profile, mandatory, found):
    with Broker(profile=profile) as broker, pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        channel.queue_declare("questions", durable=True)
        channel.basic_consume("amq.rabbitmq.reply-to", lambda *_: None, auto_ack=True)
        channel.basic_publish("", "questions", b"", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
        _, properties, _ = channel.basic_get("questions", auto_ack=True)
        channel.basic_publish("", properties.reply_to, b"", mandatory=mandatory)
        assert [finding.name for finding in broker.warnings] == found
