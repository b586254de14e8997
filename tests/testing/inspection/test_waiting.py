"""Waiting for what comes from elsewhere: never by a sleep, and with what was there when it did not come."""

import threading
from collections.abc import Callable

import pika
import pytest

from amqpbroker.testing import AsyncBroker, Broker, UnknownQueueError, WaitTimeoutError


@pytest.fixture
def elsewhere(broker):
    """Does something with a channel of its own once the broker is waited at."""
    threads = []

    def run(work: Callable) -> None:
        def worker() -> None:
            connection = pika.BlockingConnection(pika.URLParameters(broker.url))
            channel = connection.channel()
            broker.wait_until(lambda view: len(view.server.watchers) > 1)
            work(channel)
            connection.close()

        threads.append(threading.Thread(target=worker))
        threads[-1].start()

    yield run
    for thread in threads:
        thread.join()


def test_what_is_there_already_is_given_at_once(broker, channel):
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b'{"id": 1}')
    assert broker.wait_for("tasks", timeout=1).json == {"id": 1}
    assert broker.queues["tasks"].ready == 1


def test_a_message_that_comes_later_to_a_queue_that_is_declared_later(broker, elsewhere):
    def work(channel):
        channel.queue_declare("tasks")
        channel.basic_publish("", "tasks", b"1")

    elsewhere(work)
    assert broker.wait_for("tasks").body == b"1"


def test_several_of_those_that_match(broker, channel):
    channel.queue_declare("tasks")
    for number in range(4):
        channel.basic_publish("", "tasks", b"%d" % number)
    assert [one.body for one in broker.wait_for("tasks", match=lambda one: int(one.text) % 2, count=2)] == [b"1", b"3"]
    assert broker.wait_for("tasks", body="2").text == "2"


def test_what_a_consumer_has_and_has_not_settled_is_in_the_queue(broker, channel):
    channel.queue_declare("tasks")
    channel.basic_consume("tasks", lambda *_: None)
    channel.basic_publish("", "tasks", b"1")
    assert broker.wait_for("tasks").body == b"1"


def test_in_vain_it_tells_what_was_there_instead(broker, channel):
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b'{"id": 1}')
    with pytest.raises(WaitTimeoutError) as raised:
        broker.wait_for("tasks", timeout=0.01, json={"id": 2})
    text = str(raised.value)
    assert text.startswith("""no message like json={"id": 2} came to 'tasks' within 0.01 s""")
    assert "json.id: 1, expected 2" in text
    assert "tasks  ready 1  unacked 0  consumers 0" in text
    assert "published (tasks) exchange='' routing_key='tasks'" in text
    assert "127.0.0.1" in text.split("connections:")[1]


def test_a_queue_that_never_came_is_told_too(broker):
    with pytest.raises(AssertionError, match=r"fewer than 2 messages came to 'tasks' within 10ms\nno queue 'tasks'"):
        broker.wait_for("tasks", timeout="10ms", count=2)


def test_join_waits_until_all_is_acknowledged(broker, channel, elsewhere):
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b"1")

    def work(other):
        other.basic_ack(other.basic_get("tasks")[0].delivery_tag)

    elsewhere(work)
    broker.join("tasks")
    assert [event.body for event in broker.history.acked] == [b"1"]


def test_join_in_vain(broker, channel):
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b"1")
    with pytest.raises(
        WaitTimeoutError, match=r"'tasks' was not drained within 0.01 s: ready 1, unacked 0, consumers 0"
    ):
        broker.join("tasks", timeout=0.01)
    with pytest.raises(UnknownQueueError):
        broker.join("task", timeout=0.01)


def test_join_ends_with_its_queue(broker, channel, elsewhere):
    channel.queue_declare("tasks", auto_delete=True)
    channel.basic_publish("", "tasks", b"1")
    elsewhere(lambda other: other.queue_delete("tasks"))
    broker.join("tasks")


def test_a_message_is_looked_at_once_however_often_its_queue_changes(broker, channel, elsewhere):
    channel.queue_declare("tasks")
    looked_at = []

    def work(other):
        for number in range(50):
            other.basic_publish("", "tasks", b"%d" % number)
            broker.idle()

    elsewhere(work)
    broker.wait_for("tasks", match=lambda message: looked_at.append(message.text) or message.text == "49")
    assert looked_at == [str(number) for number in range(50)]


def test_idle_means_that_nothing_is_with_clients_nor_could_be(broker, channel):
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b"1")
    broker.idle()
    tag = channel.basic_get("tasks")[0].delivery_tag
    with pytest.raises(WaitTimeoutError, match="1 messages of 'tasks' are unacknowledged"):
        broker.idle(timeout=0.01)
    channel.basic_ack(tag)
    broker.idle()


def test_idle_waits_for_confirms_of_the_disk(tmp_path):
    with Broker(data_dir=tmp_path) as broker:
        connection = pika.BlockingConnection(pika.URLParameters(broker.url))
        channel = connection.channel()
        channel.queue_declare("tasks", durable=True)
        channel.confirm_delivery()
        channel._impl.basic_publish("", "tasks", b"1", pika.BasicProperties(delivery_mode=2))
        connection._flush_output()
        broker.idle()
        assert broker.ask(lambda: [one.unconfirmed for one in broker._view.connections[0].channels]) == [0]
        connection.close()


def test_a_predicate_sees_the_broker_at_each_change(broker, elsewhere):
    elsewhere(lambda channel: channel.queue_declare("tasks"))
    assert broker.wait_until(lambda view: view.queues.get("tasks")).name == "tasks"


def test_a_predicate_that_fails_fails_its_caller_alone(broker):
    def predicate(view):
        return view.queues["tasks"].ready

    with pytest.raises(UnknownQueueError):
        broker.wait_until(predicate)
    with pytest.raises(WaitTimeoutError, match=r"never was not true within 0.01 s"):
        broker.wait_until(never, timeout=0.01)
    assert broker.ask(lambda: broker.server.watchers) == []


def never(view):
    return False


def test_consumers(broker, channel, elsewhere):
    def work(other):
        other.queue_declare("tasks")
        other.basic_consume("tasks", lambda *_: None)

    elsewhere(work)
    broker.wait_for_consumers("tasks")
    with pytest.raises(WaitTimeoutError, match=r"'tasks' had no 9 consumers within 0.01 s: it "):
        broker.wait_for_consumers("tasks", 9, timeout=0.01)


async def test_on_the_loop_of_the_caller():
    import aio_pika

    async with AsyncBroker() as broker, await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("tasks")
        await channel.default_exchange.publish(aio_pika.Message(b"1"), "tasks")
        assert (await broker.wait_for("tasks", timeout=1)).body == b"1"
        assert (await broker.queue("tasks")).ready == 1
        assert [one.body for one in await (await broker.queues())["tasks"].messages()] == [b"1"]
        await (await queue.get()).ack()
        await broker.join("tasks")
        await broker.idle()
        await broker.assert_published(routing_key="tasks", count=1)
        await broker.assert_empty()
