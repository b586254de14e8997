"""pika's SelectConnection: everything by callbacks on its own loop."""

from collections.abc import Callable

import pika
import pytest
from pika.channel import Channel

from interop_tests.conftest import Names

LOOP_TIMEOUT_S = 15


def run(amqp_url: str, script: Callable[[Channel, Callable[[], None]], None]) -> BaseException:
    """Open a connection and a channel, run `script` on it until it calls its second argument; returns why it closed."""
    reasons: list[BaseException] = []

    def on_closed(connection: pika.SelectConnection, reason: BaseException) -> None:
        reasons.append(reason)
        connection.ioloop.stop()

    connection = pika.SelectConnection(
        pika.URLParameters(amqp_url),
        on_open_callback=lambda opened: opened.channel(on_open_callback=lambda channel: script(channel, opened.close)),
        on_open_error_callback=on_closed,
        on_close_callback=on_closed,
    )
    connection.ioloop.call_later(LOOP_TIMEOUT_S, connection.ioloop.stop)
    connection.ioloop.start()
    assert reasons, f"not closed within {LOOP_TIMEOUT_S} s"
    return reasons[0]


def test_publish_confirm_consume_ack_cancel(amqp_url: str, name: Names) -> None:
    events: list[object] = []

    def script(channel: Channel, finish: Callable[[], None]) -> None:
        def on_declared(_frame: object) -> None:
            channel.confirm_delivery(lambda frame: events.append(frame.method.NAME), callback=on_confirming)

        def on_confirming(_frame: object) -> None:
            channel.basic_publish("", name.prefix, b"hello")
            channel.basic_consume(name.prefix, on_message, consumer_tag="c")

        def on_message(_channel: Channel, deliver: pika.spec.Basic.Deliver, _: object, body: bytes) -> None:
            channel.basic_ack(deliver.delivery_tag)
            events.append(body)
            channel.basic_cancel("c", on_cancelled)

        def on_cancelled(frame: pika.frame.Method) -> None:
            events.append(frame.method.NAME)
            finish()

        channel.queue_declare(name.prefix, exclusive=True, callback=on_declared)

    reason = run(amqp_url, script)
    assert isinstance(reason, pika.exceptions.ConnectionClosedByClient)
    assert sorted(events, key=str) == ["Basic.Ack", "Basic.CancelOk", b"hello"]


def test_a_return_comes_before_its_confirm(amqp_url: str) -> None:
    events: list[str] = []

    def script(channel: Channel, finish: Callable[[], None]) -> None:
        def on_confirm(frame: pika.frame.Method) -> None:
            events.append(frame.method.NAME)
            finish()

        channel.add_on_return_callback(lambda _channel, method, _properties, _body: events.append(method.NAME))
        channel.confirm_delivery(
            on_confirm, callback=lambda _: channel.basic_publish("amq.direct", "interop-nobody", b"x", mandatory=True)
        )

    run(amqp_url, script)
    assert events == ["Basic.Return", "Basic.Ack"]


def test_get_and_get_empty(amqp_url: str, name: Names) -> None:
    came: list[object] = []

    def script(channel: Channel, finish: Callable[[], None]) -> None:
        def on_empty(_frame: object) -> None:
            came.append("empty")
            channel.basic_publish("", name.prefix, b"one")
            channel.queue_declare(name.prefix, passive=True, callback=try_again)

        def on_got(_channel: Channel, _get_ok: object, _properties: object, body: bytes) -> None:
            came.append(body)
            finish()

        def try_again(frame: pika.frame.Method) -> None:
            if frame.method.message_count:
                channel.basic_get(name.prefix, on_got, auto_ack=True)
            else:
                channel.queue_declare(name.prefix, passive=True, callback=try_again)

        channel.add_callback(on_empty, [pika.spec.Basic.GetEmpty], one_shot=True)
        channel.queue_declare(
            name.prefix, exclusive=True, callback=lambda _: channel.basic_get(name.prefix, on_got, auto_ack=True)
        )

    run(amqp_url, script)
    assert came == ["empty", b"one"]


def test_a_channel_error_leaves_the_connection_to_open_another(amqp_url: str, name: Names) -> None:
    reasons: list[pika.exceptions.ChannelClosedByBroker] = []

    def script(channel: Channel, finish: Callable[[], None]) -> None:
        def on_closed(_channel: Channel, reason: pika.exceptions.ChannelClosedByBroker) -> None:
            reasons.append(reason)
            channel.connection.channel(on_open_callback=lambda _: finish())

        channel.add_on_close_callback(on_closed)
        channel.queue_declare(name.prefix, passive=True)

    reason = run(amqp_url, script)
    assert reasons[0].reply_code == 404
    assert isinstance(reason, pika.exceptions.ConnectionClosedByClient)


@pytest.mark.parametrize("count", [1000])
def test_many_messages_in_order(amqp_url: str, name: Names, count: int) -> None:
    bodies: list[int] = []

    def script(channel: Channel, finish: Callable[[], None]) -> None:
        def on_declared(_frame: object) -> None:
            channel.basic_qos(prefetch_count=50)
            channel.basic_consume(name.prefix, on_message)
            for number in range(count):
                channel.basic_publish("", name.prefix, str(number).encode())

        def on_message(_channel: Channel, deliver: pika.spec.Basic.Deliver, _: object, body: bytes) -> None:
            bodies.append(int(body))
            channel.basic_ack(deliver.delivery_tag)
            if len(bodies) == count:
                finish()

        channel.queue_declare(name.prefix, exclusive=True, callback=on_declared)

    run(amqp_url, script)
    assert bodies == list(range(count))
