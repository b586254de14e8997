"""AMQPStorm: a connection with its own reading thread."""

from collections.abc import Iterator

import amqpstorm
import pytest
from amqpstorm.exception import AMQPChannelError, AMQPMessageError

from interop_tests.conftest import Names


@pytest.fixture
def connection(amqp_url: str, name: Names) -> Iterator[amqpstorm.Connection]:
    """An open connection."""
    with amqpstorm.UriConnection(amqp_url + "%2F?heartbeat=30&timeout=5") as opened:
        yield opened


@pytest.fixture
def channel(connection: amqpstorm.Connection) -> amqpstorm.Channel:
    """An open channel."""
    return connection.channel(rpc_timeout=10)


def test_publish_and_consume(channel: amqpstorm.Channel, name: Names) -> None:
    channel.queue.declare(name.prefix, exclusive=True)
    channel.basic.qos(10)
    properties = {"content_type": "text/plain", "headers": {"key": "value"}, "priority": 1}
    for number in range(3):
        amqpstorm.Message.create(channel, str(number), properties).publish(name.prefix)
    bodies: list[str] = []

    def on_message(message: amqpstorm.Message) -> None:
        bodies.append(message.body)
        message.ack()
        assert message.properties["headers"] == {"key": "value"}
        if len(bodies) == 3:
            channel.stop_consuming()

    channel.basic.consume(on_message, name.prefix)
    channel.start_consuming()
    assert bodies == ["0", "1", "2"]


def test_confirms(channel: amqpstorm.Channel, name: Names) -> None:
    channel.queue.declare(name.prefix, exclusive=True)
    channel.confirm_deliveries()
    assert channel.basic.publish("x", name.prefix, mandatory=True) is True
    with pytest.raises(AMQPMessageError) as returned:
        channel.basic.publish("x", "interop-nobody", "amq.direct", mandatory=True)
    assert returned.value.error_code == 312


def test_get_and_reject(channel: amqpstorm.Channel, name: Names) -> None:
    channel.queue.declare(name.prefix, exclusive=True)
    channel.confirm_deliveries()
    channel.basic.publish("x", name.prefix)
    channel.basic.get(name.prefix).reject(requeue=True)
    while (again := channel.basic.get(name.prefix)) is None:
        pass
    assert again.redelivered
    again.nack(requeue=False)
    assert channel.basic.get(name.prefix) is None


def test_transaction(channel: amqpstorm.Channel, name: Names) -> None:
    channel.queue.declare(name.prefix, exclusive=True)
    with channel.tx:
        channel.basic.publish("kept", name.prefix)
    channel.tx.select()
    channel.basic.publish("dropped", name.prefix)
    channel.tx.rollback()
    assert channel.queue.purge(name.prefix)["message_count"] == 1


def test_exchanges(channel: amqpstorm.Channel, name: Names) -> None:
    one, two = name.exchange("one"), name.exchange("two")
    channel.exchange.declare(one, "topic")
    channel.exchange.declare(two, "fanout")
    channel.exchange.bind(two, one, "a.#")
    channel.queue.declare(name.prefix, exclusive=True)
    channel.queue.bind(name.prefix, two)
    channel.confirm_deliveries()
    channel.basic.publish("x", "a.b", one)
    assert channel.queue.purge(name.prefix)["message_count"] == 1
    channel.queue.unbind(name.prefix, two)
    channel.exchange.unbind(two, one, "a.#")
    channel.exchange.delete(one)


def test_a_large_body(channel: amqpstorm.Channel, name: Names) -> None:
    channel.queue.declare(name.prefix, exclusive=True)
    channel.confirm_deliveries()
    channel.basic.publish("x" * 500_000, name.prefix)
    assert channel.basic.get(name.prefix, no_ack=True).body == "x" * 500_000


def test_an_error_closes_the_channel_only(connection: amqpstorm.Connection, channel: amqpstorm.Channel) -> None:
    with pytest.raises(AMQPChannelError) as refused:
        channel.queue.declare("interop-no-such-queue", passive=True)
    assert refused.value.error_code == 404
    assert connection.channel().is_open
