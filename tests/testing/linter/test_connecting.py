"""Connections and channels: each rule with code that breaks it, and nearly the same that does not."""

import socket

import pika
import pytest

from amqpbroker.testing import Broker
from amqpbroker.testing.linter.connecting import ONE_MESSAGE_MAX
from amqpbroker.wire.constants import PROTOCOL_HEADER
from amqpbroker.wire.methods import Connection as ConnectionMethods
from amqpbroker.wire.methods import encode_frame
from tests.helpers.wire_client import start_ok


def publish_once(connection) -> None:
    channel = connection.channel()
    channel.basic_publish("amq.fanout", "", b"")
    channel.close()


def connected(broker, **parameters):
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", broker.port, **parameters))


@pytest.mark.parametrize(("frame_max", "found"), [(4096, ["frame-max"]), (8192, [])])
def test_frames_that_are_too_small_since_4_1(frame_max, found):
    with Broker(profile="3.13") as broker, connected(broker, frame_max=frame_max):
        assert [finding.name for finding in broker.warnings] == found


def test_a_client_that_is_refused_without_a_word_for_it(broker, rules):
    with socket.create_connection(("127.0.0.1", broker.port)) as client:
        methods = [start_ok(), ConnectionMethods.TuneOk(channel_max=2047, frame_max=4096, heartbeat=0)]
        client.sendall(PROTOCOL_HEADER + b"".join(encode_frame(0, method) for method in methods))
        assert rules() == ["frame-max"]


def test_a_channel_for_each_message(broker, rules):
    with connected(broker) as connection:
        for _ in range(ONE_MESSAGE_MAX - 1):
            publish_once(connection)
        assert rules() == []
        for _ in range(ONE_MESSAGE_MAX):
            publish_once(connection)
    assert rules() == ["channel-churn"]


def test_channels_side_by_side_are_a_pool(broker, rules):
    with connected(broker) as connection:
        for channel in [connection.channel() for _ in range(ONE_MESSAGE_MAX)]:
            channel.basic_publish("amq.fanout", "", b"")
    assert rules() == []


def test_channels_for_two_messages_each(broker, rules):
    with connected(broker) as connection:
        for _ in range(ONE_MESSAGE_MAX):
            channel = connection.channel()
            channel.basic_publish("amq.fanout", "", b"")
            channel.basic_publish("amq.fanout", "", b"")
            channel.close()
    assert rules() == []


def test_a_connection_for_each_message(broker, rules):
    for _ in range(ONE_MESSAGE_MAX):
        with connected(broker, client_properties={"connection_name": "shop"}) as connection:
            publish_once(connection)
    (finding,) = broker.take_warnings()
    assert (finding.name, finding.place.connection_name) == ("connection-churn", "shop")


def test_connections_side_by_side_are_many_clients(broker, rules):
    connections = [connected(broker) for _ in range(ONE_MESSAGE_MAX)]
    for connection in connections:
        publish_once(connection)
    for connection in connections:
        connection.close()
    assert rules() == []


def test_a_connection_of_each_test_is_none_for_each_message(broker, rules):
    for _ in range(ONE_MESSAGE_MAX + 1):
        with connected(broker) as connection:
            publish_once(connection)
        assert rules() == []
