"""Connections and channels: login, tuning, heartbeats, vhosts, closing, flow, update-secret."""

import socket
from urllib.parse import urlsplit

import pika
import pytest
from pamqp import commands
from pika.exceptions import ProbableAccessDeniedError, ProbableAuthenticationError

from interop_tests.conftest import Connect, Names, OpenWire
from interop_tests.wire import HEARTBEAT, Wire

CAPABILITIES = {
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
}


def test_what_the_broker_says_first(wire: Wire) -> None:
    assert (wire.start.version_major, wire.start.version_minor) == (0, 9)
    assert {"PLAIN", "AMQPLAIN"} <= set(wire.start.mechanisms.split())
    assert wire.start.locales == "en_US"
    assert (wire.tune.channel_max, wire.tune.frame_max, wire.tune.heartbeat) == (2047, 131_072, 60)


def test_it_announces_rabbitmq_and_its_capabilities(wire: Wire) -> None:
    properties = wire.start.server_properties
    assert properties["product"] == "RabbitMQ"
    assert {"version", "platform", "information", "copyright", "cluster_name"} <= set(properties)
    assert set(properties["capabilities"]) >= CAPABILITIES
    assert all(properties["capabilities"].values())


@pytest.mark.parametrize("header", [b"GET / HTTP/1.1\r\n\r\n", b"AMQP\x00\x00\x08\x00", b"AMQP\x01\x01\x00\x0a"])
def test_another_protocol_is_answered_with_the_brokers(amqp_url: str, wire: Wire, header: bytes) -> None:
    before_4_0 = int(wire.start.server_properties["version"].split(".")[0]) < 4
    parts = urlsplit(amqp_url)
    with socket.create_connection((parts.hostname, parts.port), 10) as client:
        client.sendall(header)
        # Since 4.0 it is AMQP 1.0 with SASL that is offered.
        assert client.recv(64) == (b"AMQP\x00\x00\x09\x01" if before_4_0 else b"AMQP\x03\x01\x00\x00")
        try:
            assert client.recv(64) == b""
        except ConnectionResetError:
            pass  # RabbitMQ closes with a reset


@pytest.mark.parametrize("mechanism", ["PLAIN", "AMQPLAIN"])
def test_both_mechanisms_log_in(open_wire: OpenWire, mechanism: str) -> None:
    open_wire(mechanism=mechanism).queue()


def test_a_wrong_password_is_refused(connect: Connect) -> None:
    with pytest.raises(ProbableAuthenticationError) as refused:
        connect(credentials=pika.PlainCredentials("guest", "wrong"), connection_attempts=1)
    assert "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN" in str(refused.value)


def test_an_unknown_vhost_is_refused(connect: Connect) -> None:
    with pytest.raises(ProbableAccessDeniedError) as refused:
        connect(virtual_host="interop-nowhere")
    assert "(530) 'NOT_ALLOWED - vhost interop-nowhere not found'" in str(refused.value)


def test_bodies_are_cut_to_the_negotiated_frame_max(open_wire: OpenWire) -> None:
    wire = open_wire(frame_max_bytes=8192)
    queue = wire.queue()
    wire.publish("", queue, b"x" * 20_000)
    wire.call(1, commands.Basic.Consume(0, queue), commands.Basic.ConsumeOk)
    assert wire.message(1, commands.Basic.Deliver).body_frame_sizes == [8184, 8184, 3632]


def test_a_frame_beyond_the_negotiated_size_closes_the_connection(open_wire: OpenWire) -> None:
    wire = open_wire(frame_max_bytes=8192)
    wire.frame_max_bytes = 16_384
    wire.publish("", "nowhere", b"x" * 10_000)
    assert wire.method(0, commands.Connection.Close).reply_code == 501


def test_the_broker_sends_the_heartbeats_asked_for(open_wire: OpenWire) -> None:
    wire = open_wire(heartbeat_s=2)
    assert wire.frame() == (HEARTBEAT, 0, b"")


def test_a_silent_client_is_dropped(open_wire: OpenWire) -> None:
    wire = open_wire(heartbeat_s=1)
    with pytest.raises(ConnectionError):
        while True:
            assert wire.frame().kind == HEARTBEAT


def test_no_more_channels_than_negotiated(open_wire: OpenWire) -> None:
    wire = open_wire(channel_max=3)
    for number in (2, 3):
        wire.call(number, commands.Channel.Open(), commands.Channel.OpenOk)
    wire.send(4, commands.Channel.Open())
    close = wire.method(0, commands.Connection.Close)
    assert close.reply_text == "NOT_ALLOWED - number of channels opened (3) has reached the negotiated channel_max (3)"
    assert close.reply_code == 530


def test_closing_a_connection_is_answered(wire: Wire) -> None:
    queue = wire.queue()
    wire.publish("", queue, b"in time")
    wire.call(0, commands.Connection.Close(200, "bye", 0, 0), commands.Connection.CloseOk)


def test_a_closed_channels_number_is_free_again(wire: Wire) -> None:
    for _ in range(3):
        wire.call(1, commands.Channel.Close(200, "bye", 0, 0), commands.Channel.CloseOk)
        wire.call(1, commands.Channel.Open(), commands.Channel.OpenOk)


def test_after_a_channel_error_the_rest_is_discarded_until_close_ok(wire: Wire) -> None:
    queue = wire.queue()
    wire.call(2, commands.Channel.Open(), commands.Channel.OpenOk)
    wire.send(2, commands.Queue.Purge(0, "interop-no-such-queue"))
    wire.method(2, commands.Channel.Close)
    wire.publish("", queue, b"discarded", channel=2)
    wire.send(2, commands.Channel.CloseOk())
    wire.call(2, commands.Channel.Open(), commands.Channel.OpenOk)
    wire.settle(queue, 0)


def test_opening_a_channel_twice_closes_the_connection(wire: Wire) -> None:
    wire.send(1, commands.Channel.Open())
    close = wire.method(0, commands.Connection.Close)
    assert (close.reply_code, close.class_id, close.method_id) == (504, 20, 10)


def test_a_method_on_a_channel_never_opened_closes_the_connection(wire: Wire) -> None:
    wire.send(7, commands.Basic.Qos(0, 1))
    assert wire.method(0, commands.Connection.Close).reply_code == 504


def test_flow_active_is_answered(wire: Wire) -> None:
    assert wire.call(1, commands.Channel.Flow(active=True), commands.Channel.FlowOk).active is True


def test_flow_inactive_is_not_implemented(wire: Wire) -> None:
    wire.send(1, commands.Channel.Flow(active=False))
    assert wire.method(0, commands.Connection.Close).reply_code == 540


def test_update_secret_is_answered(connect: Connect) -> None:
    connection = connect()
    connection.update_secret("guest", "test")
    assert connection.channel().is_open


def test_many_channels_of_one_connection(connect: Connect, name: Names) -> None:
    connection = connect()
    channels = [connection.channel() for _ in range(100)]
    queue = channels[0].queue_declare(name.prefix, exclusive=True).method.queue
    for channel in channels:
        channel.basic_publish("", queue, b"x")
        channel.close()
    asking = connection.channel()
    while asking.queue_declare(queue, passive=True).method.message_count < 100:
        pass
    assert asking.basic_get(queue)[0].message_count == 99
