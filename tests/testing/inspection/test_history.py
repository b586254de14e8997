"""What has happened to messages, in order, bounded."""

import pika
import pytest

from amqpbroker.testing.inspection import history as module


def bodies(events) -> list[bytes]:
    return [event.body for event in events]


def test_the_life_of_messages_in_order(broker, channel):
    channel.queue_declare("tasks")
    for body in (b"1", b"2", b"3"):
        channel.basic_publish("", "tasks", body)
    acked, requeued, rejected = (channel.basic_get("tasks")[0].delivery_tag for _ in range(3))
    channel.basic_ack(acked)
    channel.basic_nack(requeued)
    channel.basic_reject(rejected, requeue=False)
    history = broker.history
    assert bodies(history.published) == bodies(history.delivered) == [b"1", b"2", b"3"]
    assert [bodies(found) for found in (history.acked, history.requeued, history.rejected)] == [[b"1"], [b"2"], [b"3"]]
    assert [event.kind for event in history.events][-4:] == ["acked", "requeued", "rejected", "given_up"]


def test_who_published_and_who_got_it(broker, channel):
    channel.queue_declare("tasks")
    channel.basic_consume("tasks", lambda *_: None, auto_ack=True, consumer_tag="worker")
    channel.basic_publish("", "tasks", b"1")
    history = broker.history
    (published,), (delivered,) = history.published, history.delivered
    assert (published.queues, published.user, published.channel, published.vhost) == (("tasks",), "guest", 1, "/")
    assert (delivered.consumer_tag, delivered.connection) == ("worker", broker.connections[0].name)
    assert broker.clock.now().date() == delivered.time.date()


def test_what_was_mandatory_and_found_no_queue_was_returned(broker, channel):
    channel.basic_publish("", "nowhere", b"1", mandatory=True)
    assert bodies(broker.history.returned) == [b"1"]
    assert broker.history.published[0].queues == ()


def test_a_stream_is_delivered_again_and_again(broker, channel):
    channel.queue_declare("log", durable=True, arguments={"x-queue-type": "stream"})
    for body in (b"1", b"2"):
        channel.basic_publish("", "log", body)
    channel.basic_qos(prefetch_count=10)
    for _ in range(2):
        channel.basic_consume("log", lambda *_: None, arguments={"x-stream-offset": "first"})
    assert bodies(broker.history.delivered) == [b"1", b"2", b"1", b"2"]
    assert [event.headers["x-stream-offset"] for event in broker.history.delivered] == [0, 1, 0, 1]


def test_a_redelivery_says_so(broker, channel):
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b"1")
    channel.basic_nack(channel.basic_get("tasks")[0].delivery_tag)
    channel.basic_get("tasks")
    assert [event.redelivered for event in broker.history.delivered] == [False, True]


def test_expired(broker, channel):
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b"1", pika.BasicProperties(expiration="1000"))
    broker.clock.advance("1s")
    assert bodies(broker.history.expired) == [b"1"]


def test_events_of_the_broker_itself_are_no_messages_of_a_test(broker, channel):
    channel.queue_declare("events")
    channel.queue_bind("events", "amq.rabbitmq.event", "queue.created")
    channel.queue_declare("tasks")
    assert broker.wait_for("events").routing_key == "queue.created"
    assert broker.history.forwarded == []


def test_a_flood_drops_the_oldest_and_is_counted(broker, channel, monkeypatch):
    monkeypatch.setattr(module, "MESSAGES_MAX", 10)
    channel.queue_declare("tasks")
    for number in range(25):
        channel.basic_publish("", "tasks", bytes([number]))
        _ = broker.queues
    history = broker.history
    assert (history.dropped, len(history)) == (15, 10)
    assert history.published[0].body == bytes([15])
    assert repr(history).startswith("history: 10 events, 15 older ones dropped")


def test_large_bodies_drop_more(broker, channel, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 10_000)
    channel.queue_declare("tasks")
    for number in range(4):
        channel.basic_publish("", "tasks", bytes([number]) * 4_000)
        _ = broker.queues
    assert [event.body[0] for event in broker.history.published] == [2, 3]


@pytest.mark.parametrize("most", [1, 2, 3, 9])
def test_the_last_ones(broker, channel, most):
    channel.queue_declare("tasks")
    for number in range(3):
        channel.basic_publish("", "tasks", bytes([number]))
    assert bodies(broker.history.last(most)) == [b"\x00", b"\x01", b"\x02"][-most:]


def test_each_virtual_host_has_its_own_also_one_that_comes_later(broker, channel):
    other = broker.create_vhost("other")
    connection = pika.BlockingConnection(pika.URLParameters(other.url))
    connection.channel().basic_publish("", "nowhere", b"there")
    channel.basic_publish("", "nowhere", b"here")
    assert (bodies(other.history.published), bodies(broker.history.published)) == ([b"there"], [b"here"])
    connection.close()
