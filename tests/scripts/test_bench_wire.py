"""The benchmark's messages and queues, against an encoder that is not ours."""

import pytest
from pamqp import commands, frame, header

from benchmark.wire import CHANNEL, Connection, Message, Topology, method


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


def test_exclusive_queue_is_not_durable() -> None:
    connection = NotedCalls()
    connection.declare_queue("queue", exclusive=True)
    (declared,) = connection.called
    assert (declared.exclusive, declared.durable) == (True, False)
