"""Octets that pass a rule which looks at frames: all of them, in order, wherever they are cut."""

from socket import create_connection

import pytest

from amqpbroker.wire.frames import content_frames, method_frame
from amqpbroker.wire.methods import Basic, encode

HEADER = b"\x00\x3c\x00\x00" + (4).to_bytes(8, "big") + b"\x00\x00"
MESSAGE = method_frame(1, encode(Basic.Publish(exchange="", routing_key="tasks"))) + content_frames(
    1, HEADER, b"body", 131_072
)


def frame_rule(broker):
    """Looks at every frame, and strikes none."""
    return broker.faults.delay("1h", on="queue.purge")


def bodies(broker) -> list[bytes]:
    return [message.body for message in broker.messages("tasks")]


@pytest.mark.parametrize("cut", [*range(0, len(MESSAGE) + 1, 3)])
def test_a_rule_may_begin_and_end_within_a_frame(broker, channel, cut):
    channel.queue_declare("tasks")
    socket = channel.connection._impl._transport._sock
    socket.sendall(MESSAGE[:cut])
    assert len(bodies(broker)) == (cut == len(MESSAGE))
    with frame_rule(broker):
        socket.sendall(MESSAGE[cut:] + MESSAGE + MESSAGE[:cut])
        assert len(bodies(broker)) == 2 + (cut == len(MESSAGE))
    socket.sendall(MESSAGE[cut:] + MESSAGE)
    assert bodies(broker) == [b"body"] * 4
    assert channel.queue_declare("tasks", passive=True)


def test_a_client_may_come_and_log_in_while_frames_are_looked_at(broker, opened):
    with frame_rule(broker):
        channel = opened()
        channel.confirm_delivery()
        channel.queue_declare("tasks")
        channel.basic_publish("", "tasks", b"x" * 300_000)
        assert [len(body) for body in bodies(broker)] == [300_000]
        got = next(channel.consume("tasks", auto_ack=True))
    assert len(got[2]) == 300_000


def test_who_speaks_another_protocol_is_told_which_is_spoken(broker):
    with frame_rule(broker), create_connection(("127.0.0.1", broker.port)) as client:
        client.sendall(b"AMQP\x05\x05\x05\x05")
        assert client.recv(100) == b"AMQP\x03\x01\x00\x00"


def test_the_content_of_a_publish_that_was_taken_away_is_not_taken_for_something_else(broker, channel):
    channel.queue_declare("tasks")
    socket = channel.connection._impl._transport._sock
    with broker.faults.close_channels(on="basic.publish", times=1):
        socket.sendall(MESSAGE[:-3])
        assert bodies(broker) == []
    socket.sendall(MESSAGE[-3:])
    assert broker.connections[0].channels == ()
    assert channel.connection.channel(7).queue_declare("tasks", passive=True)
