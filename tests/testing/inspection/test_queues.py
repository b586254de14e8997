"""Queues as a test sees them, filled by a real client."""

import pika
import pytest

from amqpbroker.testing import Broker, UnknownQueueError


def publish(channel, queue: str, *bodies: bytes, **properties) -> None:
    for body in bodies:
        channel.basic_publish("", queue, body, pika.BasicProperties(**properties))


def bodies(messages) -> list[bytes]:
    return [message.body for message in messages]


def test_counts_and_what_it_was_declared_with(broker, channel):
    channel.queue_declare("tasks", durable=True, auto_delete=True, arguments={"x-max-length": 9})
    publish(channel, "tasks", b"1", b"2", b"3")
    channel.basic_get("tasks")
    state = broker.queues["tasks"]
    assert (state.ready, state.unacked, state.consumers, state.is_drained) == (2, 1, 0, False)
    assert (state.kind, state.durable, state.auto_delete, state.exclusive) == ("classic", True, True, False)
    assert state.arguments["x-max-length"] == 9


def test_looking_consumes_nothing(broker, channel):
    channel.queue_declare("tasks")
    publish(channel, "tasks", b"1", b"2", b"3")
    for _ in range(2):
        assert bodies(broker.queues["tasks"].messages()) == [b"1", b"2", b"3"]
    assert bodies(broker.messages("tasks", skip=1, most=1)) == [b"2"]
    assert channel.basic_get("tasks")[0].redelivered is False


def test_what_came_back_is_first_and_redelivered(broker, channel):
    channel.queue_declare("tasks")
    publish(channel, "tasks", b"1", b"2")
    channel.basic_nack(channel.basic_get("tasks")[0].delivery_tag)
    assert [(one.body, one.redelivered) for one in broker.messages("tasks")] == [(b"1", True), (b"2", False)]


def test_what_clients_have_in_the_order_of_the_queue(broker, channel):
    channel.queue_declare("tasks")
    publish(channel, "tasks", b"1", b"2", b"3")
    tags = [channel.basic_get("tasks")[0].delivery_tag for _ in range(3)]
    channel.basic_ack(tags[1])
    assert bodies(broker.unacked("tasks")) == [b"1", b"3"]


def test_what_a_transaction_has_settled_is_unacknowledged_until_its_commit(broker, channel):
    channel.queue_declare("tasks")
    publish(channel, "tasks", b"1")
    channel.tx_select()
    channel.basic_ack(channel.basic_get("tasks")[0].delivery_tag)
    assert bodies(broker.unacked("tasks")) == [b"1"]
    channel.tx_commit()
    assert broker.queues["tasks"].is_drained


def test_priorities_are_seen_in_the_order_in_which_they_go_out(broker, channel):
    channel.queue_declare("tasks", arguments={"x-max-priority": 5})
    publish(channel, "tasks", b"low", priority=1)
    publish(channel, "tasks", b"high", priority=5)
    assert bodies(broker.messages("tasks")) == [b"high", b"low"]


@pytest.mark.parametrize("kind", ["quorum", "stream"])
def test_other_kinds_of_queues(broker, channel, kind):
    channel.queue_declare("tasks", durable=True, arguments={"x-queue-type": kind})
    publish(channel, "tasks", b"1", b"2")
    assert bodies(broker.messages("tasks")) == [b"1", b"2"]
    assert broker.queues["tasks"].kind == kind


def test_what_is_on_disk_is_seen_as_well(tmp_path):
    with Broker(data_dir=tmp_path) as broker:
        connection = pika.BlockingConnection(pika.URLParameters(broker.url))
        channel = connection.channel()
        channel.queue_declare("tasks", durable=True)
        channel.confirm_delivery()
        publish(channel, "tasks", *(bytes([number]) * 2_000_000 for number in range(40)), delivery_mode=2)
        assert broker.ask(lambda: bool(broker.server.broker.vhosts["/"].queues["tasks"].on_disk))
        assert [message.body[0] for message in broker.messages("tasks", skip=35)] == [35, 36, 37, 38, 39]
        connection.close()


def test_an_unknown_queue_names_those_that_are_there_the_nearest_first(broker, channel):
    for name in ("orders", "invoices"):
        channel.queue_declare(name)
    publish(channel, "invoices", b"1")
    with pytest.raises(UnknownQueueError) as raised:
        broker.queues["invoice"]
    lines = str(raised.value).splitlines()
    assert "no queue 'invoice' in virtual host '/'" in lines[0]
    assert lines[1].split() == ["invoices", "ready", "1", "unacked", "0", "consumers", "0"]
    assert lines[2].split()[0] == "orders"


def test_queues_are_a_mapping(broker, channel):
    channel.queue_declare("tasks")
    queues = broker.queues
    assert (list(queues), len(queues), "tasks" in queues, queues.get("other")) == (["tasks"], 1, True, None)
