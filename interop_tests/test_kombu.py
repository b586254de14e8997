"""kombu: producers, consumers, simple queues, broadcasting, retries."""

import socket
from collections.abc import Iterator

import kombu
import pytest
from kombu.mixins import ConsumerMixin

from interop_tests.conftest import Names

STEP_TIMEOUT_S = 10


@pytest.fixture
def connection(amqp_url: str, name: Names) -> Iterator[kombu.Connection]:
    """An open connection."""
    with kombu.Connection(amqp_url, connect_timeout=5) as opened:
        yield opened


@pytest.fixture
def queue(name: Names) -> kombu.Queue:
    """An exclusive queue bound to a topic exchange of its own."""
    return kombu.Queue(name.prefix, kombu.Exchange(name.exchange(), "topic"), "news.#", exclusive=True)


def test_produce_and_consume(connection: kombu.Connection, queue: kombu.Queue) -> None:
    came: list[object] = []

    def on_message(body: object, message: kombu.Message) -> None:
        came.append((body, message.headers["k"], message.properties["priority"]))
        message.ack()

    with connection.Consumer(queue, callbacks=[on_message], prefetch_count=5):
        producer = connection.Producer(serializer="json")
        producer.publish({"n": 1}, exchange=queue.exchange, routing_key="news.a", headers={"k": "v"}, priority=7)
        connection.drain_events(timeout=STEP_TIMEOUT_S)
    assert came == [({"n": 1}, "v", 7)]


def test_a_confirmed_publish(amqp_url: str, queue: kombu.Queue) -> None:
    with kombu.Connection(amqp_url, transport_options={"confirm_publish": True}) as connection:
        bound = queue(connection.default_channel)
        bound.declare()
        connection.Producer().publish("x", exchange=queue.exchange, routing_key="news.a", declare=[queue])
        message = bound.get(no_ack=False)
        assert message.payload == "x"
        message.ack()
        assert bound.get() is None


def test_requeue_and_reject(connection: kombu.Connection, queue: kombu.Queue) -> None:
    seen: list[bool] = []

    def on_message(_body: object, message: kombu.Message) -> None:
        seen.append(message.delivery_info["redelivered"])
        if len(seen) == 1:
            message.requeue()
        else:
            message.reject()

    with connection.Consumer(queue, callbacks=[on_message]):
        connection.Producer().publish("x", exchange=queue.exchange, routing_key="news.a")
        while len(seen) < 2:
            connection.drain_events(timeout=STEP_TIMEOUT_S)
    assert seen == [False, True]


def test_simple_queue(connection: kombu.Connection, name: Names) -> None:
    simple = connection.SimpleQueue(name.queue())
    name.exchange(simple.queue.name.removeprefix(f"{name.prefix}."))
    simple.put({"hello": "world"}, compression="zlib")
    message = simple.get(block=True, timeout=STEP_TIMEOUT_S)
    assert message.payload == {"hello": "world"}
    message.ack()
    with pytest.raises(simple.Empty):
        simple.get(block=False)
    simple.close()


def test_broadcast_reaches_every_consumer(connection: kombu.Connection, name: Names) -> None:
    came: list[str] = []
    exchange = kombu.Exchange(name.exchange(), "fanout")
    queues = [kombu.common.Broadcast(queue=f"{name.prefix}.{word}", exchange=exchange) for word in "ab"]
    consumers = [
        connection.Consumer(queue, callbacks=[lambda body, _message: came.append(body)], no_ack=True)
        for queue in queues
    ]
    with consumers[0], consumers[1]:
        connection.Producer(exchange=exchange).publish("all")
        while len(came) < 2:
            connection.drain_events(timeout=STEP_TIMEOUT_S)
    assert came == ["all", "all"]


def test_a_consumer_mixin(connection: kombu.Connection, queue: kombu.Queue) -> None:
    class Collector(ConsumerMixin):
        """Stops at the third message."""

        def __init__(self) -> None:
            self.connection = connection
            self.bodies: list[int] = []

        def get_consumers(self, Consumer: type, channel: object) -> list[kombu.Consumer]:
            return [Consumer([queue], callbacks=[self.on_message], accept=["json"])]

        def on_consume_ready(self, _connection: object, channel: object, _consumers: object, **_: object) -> None:
            producer = kombu.Producer(channel, exchange=queue.exchange, routing_key="news.a", serializer="json")
            for number in range(3):
                producer.publish(number)

        def on_message(self, body: int, message: kombu.Message) -> None:
            self.bodies.append(body)
            message.ack()
            self.should_stop = len(self.bodies) == 3

    collector = Collector()
    collector.run(timeout=STEP_TIMEOUT_S)
    assert collector.bodies == [0, 1, 2]


def test_draining_an_empty_queue_times_out(connection: kombu.Connection, queue: kombu.Queue) -> None:
    with connection.Consumer(queue), pytest.raises(socket.timeout):
        connection.drain_events(timeout=0.05)


def test_an_error_of_the_broker_is_a_channel_error(connection: kombu.Connection, name: Names) -> None:
    with pytest.raises(connection.channel_errors):
        kombu.Queue(name.prefix, channel=connection).queue_declare(passive=True)
    assert connection.connected
