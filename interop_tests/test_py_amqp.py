"""py-amqp: the library below kombu and Celery, used directly."""

from collections.abc import Iterator

import amqp
import pytest

from interop_tests.conftest import Names

STEP_TIMEOUT_S = 10


@pytest.fixture
def connection(amqp_url: str, name: Names) -> Iterator[amqp.Connection]:
    """An open connection."""
    host = amqp_url.split("@")[1].rstrip("/")
    with amqp.Connection(host, connect_timeout=5, read_timeout=STEP_TIMEOUT_S, heartbeat=30) as opened:
        yield opened


@pytest.fixture
def channel(connection: amqp.Connection) -> amqp.Channel:
    """An open channel."""
    return connection.channel()


def test_publish_and_consume(connection: amqp.Connection, channel: amqp.Channel, name: Names) -> None:
    came: list[amqp.Message] = []
    queue = channel.queue_declare(name.prefix, exclusive=True).queue
    channel.basic_qos(0, 1, False)
    tag = channel.basic_consume(queue, callback=came.append)
    channel.basic_publish(amqp.Message("hello", application_headers={"n": [1, {"two": 2.5}]}), "", queue)
    while not came:
        connection.drain_events(timeout=STEP_TIMEOUT_S)
    channel.basic_ack(came[0].delivery_tag)
    channel.basic_cancel(tag)
    assert (came[0].body, came[0].headers) == ("hello", {"n": [1, {"two": 2.5}]})


def test_a_confirmed_publish(channel: amqp.Channel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).queue
    channel.basic_publish_confirm(amqp.Message("x"), "", queue)
    message = channel.basic_get(queue, no_ack=True)
    assert (message.body, message.delivery_info["message_count"]) == ("x", 0)
    assert channel.basic_get(queue) is None


def test_a_return_comes_to_its_handler(connection: amqp.Connection, channel: amqp.Channel) -> None:
    returned: list[tuple[int, str]] = []
    channel.events["basic_return"].add(lambda error, _exchange, key, _message: returned.append((error.reply_code, key)))
    channel.basic_publish(amqp.Message("x"), "amq.direct", "interop-nobody", mandatory=True)
    while not returned:
        connection.drain_events(timeout=STEP_TIMEOUT_S)
    assert returned == [(312, "interop-nobody")]


def test_no_wait_declarations(channel: amqp.Channel, name: Names) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "fanout", nowait=True)
    channel.queue_declare(name.prefix, exclusive=True, nowait=True)
    channel.queue_bind(name.prefix, exchange, nowait=True)
    channel.basic_publish_confirm(amqp.Message("x"), exchange)
    assert channel.queue_purge(name.prefix) == 1


def test_a_transaction(channel: amqp.Channel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).queue
    channel.tx_select()
    channel.basic_publish(amqp.Message("dropped"), "", queue)
    channel.tx_rollback()
    channel.basic_publish(amqp.Message("kept"), "", queue)
    channel.tx_commit()
    assert channel.queue_purge(queue) == 1


def test_recover_and_reject(channel: amqp.Channel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).queue
    channel.basic_publish_confirm(amqp.Message("x"), "", queue)
    channel.basic_get(queue)
    channel.basic_recover(requeue=True)
    again = channel.basic_get(queue)
    assert again.delivery_info["redelivered"]
    channel.basic_reject(again.delivery_tag, requeue=False)
    assert channel.basic_get(queue) is None


def test_exchanges_bound_to_each_other(channel: amqp.Channel, name: Names) -> None:
    one, two = name.exchange("one"), name.exchange("two")
    for exchange in (one, two):
        channel.exchange_declare(exchange, "direct", auto_delete=False)
    channel.exchange_bind(two, one, "key")
    queue = channel.queue_declare(exclusive=True).queue
    channel.queue_bind(queue, two, "key")
    channel.basic_publish_confirm(amqp.Message("x"), one, "key")
    assert channel.queue_purge(queue) == 1
    channel.exchange_unbind(two, one, "key")
    channel.exchange_delete(one, if_unused=True)


def test_flow_and_closing_channels(connection: amqp.Connection, channel: amqp.Channel) -> None:
    channel.flow(True)
    number = channel.channel_id
    channel.close()
    assert connection.channel(number).is_open


def test_errors(connection: amqp.Connection, name: Names) -> None:
    with pytest.raises(amqp.NotFound):
        connection.channel().queue_declare(name.prefix, passive=True)
    with pytest.raises(amqp.AccessRefused):
        connection.channel().exchange_declare("amq.interop", "direct")
    connection.channel().queue_declare(name.queue(), durable=True, auto_delete=False)
    with pytest.raises(amqp.PreconditionFailed):
        connection.channel().queue_declare(name.queue(), durable=True, auto_delete=True)
    assert connection.connected


def test_amqplain_logs_in(amqp_url: str) -> None:
    host = amqp_url.split("@")[1].rstrip("/")
    with amqp.Connection(host, login_method="AMQPLAIN", connect_timeout=5) as connection:
        assert connection.channel().is_open


def test_heartbeat_ticks_keep_the_connection(connection: amqp.Connection) -> None:
    connection.send_heartbeat()
    connection.heartbeat_tick()
    assert connection.channel().is_open
