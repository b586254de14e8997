"""The benchmark's messages and queues, against an encoder that is not ours."""

import struct

import pytest
from pamqp import commands, frame, header

from benchmark.wire import CHANNEL, Connection, Message, Topology, method, table


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("identity", ["", "0123456789abcdef"])
def test_header_says_what_the_message_is(identity: str, persistent: bool) -> None:
    properties = commands.Basic.Properties(
        delivery_mode=2 if persistent else None, message_id=identity or None, correlation_id=identity or None
    )
    expected = frame.marshal(header.ContentHeader(0, 4, properties), CHANNEL)[7:-1]
    assert Message("", "key", b"body", identity, persistent).header() == expected


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("vary", [False, True])
def test_messages_of_a_durable_topology_are_persistent(vary: bool, durable: bool) -> None:
    messages = Topology("bench", vary=vary, durable=durable).messages(100, count=3)
    assert {message.persistent for message in messages} == {durable}


@pytest.mark.parametrize("persistent", [False, True])
def test_header_says_priority_and_headers(persistent: bool) -> None:
    values = {"x-delay": 5, "colour": "red"}
    properties = commands.Basic.Properties(headers=values, priority=3, delivery_mode=2 if persistent else None)
    message = Message("", "key", b"body", persistent=persistent, priority=3, headers=table(values))
    assert dict(properties_of(message)) == dict(properties)


def test_a_priority_of_zero_is_said() -> None:
    assert properties_of(Message("", "key", b"body", priority=0)).priority == 0


def properties_of(message: Message) -> commands.Basic.Properties:
    octets = message.header()
    decoded = frame.unmarshal(struct.pack(">BHI", 2, CHANNEL, len(octets)) + octets + b"\xce")[2]
    assert isinstance(decoded, header.ContentHeader)
    return decoded.properties


@pytest.mark.parametrize("vary", [False, True])
def test_messages_have_priorities_in_turn_and_one_length(vary: bool) -> None:
    messages = Topology("bench", vary=vary, priorities=3).messages(100, count=6)
    assert [message.priority for message in messages[:3]] == [0, 1, 2]
    assert len({len(message.publish(131072)) for message in messages}) == 1


class NotedCalls(Connection):
    """A connection that only notes the methods it would call."""

    def __init__(self) -> None:
        self.frame_max = 131072
        self.called: list[frame.FrameTypes] = []

    def call(self, name: tuple[int, int], arguments: bytes, reply: tuple[int, int], channel: int = CHANNEL) -> bytes:
        self.called.append(frame.unmarshal(method(channel, name, arguments))[2])
        return b""


@pytest.mark.parametrize("durable", [False, True])
def test_queues_and_exchange_of_a_durable_topology_are(durable: bool) -> None:
    connection = NotedCalls()
    Topology("bench", vary=True, durable=durable).create(connection)
    declared = [
        each for each in connection.called if isinstance(each, commands.Queue.Declare | commands.Exchange.Declare)
    ]
    assert [each.durable for each in declared] == [durable, durable]


def test_queues_of_a_topology_have_its_arguments() -> None:
    connection = NotedCalls()
    Topology("bench", arguments=table({"x-max-length": 5, "x-overflow": "drop-head"})).create(connection)
    (declared,) = connection.called
    assert declared.arguments == {"x-max-length": 5, "x-overflow": "drop-head"}


def test_exclusive_queue_is_not_durable() -> None:
    connection = NotedCalls()
    connection.declare_queue("queue", exclusive=True)
    (declared,) = connection.called
    assert (declared.exclusive, declared.durable) == (True, False)
