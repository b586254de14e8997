"""The benchmark's rejects, against an encoder that is not ours, and when they are sent."""

import pytest
from pamqp import commands, frame

from benchmark.dead_letters import RejectingConsumer, rejects
from benchmark.wire import CHANNEL, Connection


def marshalled(*methods: frame.FrameTypes) -> bytes:
    return b"".join(frame.marshal(one, CHANNEL) for one in methods)


def test_each_tag_is_rejected() -> None:
    expected = [commands.Basic.Reject(tag, requeue=False) for tag in (255, 256, 257)]
    assert rejects(255, 257, multiple=False) == marshalled(*expected)


def test_one_nack_is_for_all() -> None:
    expected = commands.Basic.Nack(257, multiple=True, requeue=False)
    assert rejects(255, 257, multiple=True) == marshalled(expected)


class NotedOctets(Connection):
    """A connection that only notes what it would send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, octets: bytes | memoryview) -> None:
        self.sent.append(bytes(octets))


@pytest.mark.parametrize(("octets", "sent"), [([10, 9], []), ([10, 10], [(1, 2)]), ([25, 25], [(1, 2), (3, 5)])])
def test_rejects_are_sent_after_so_many_deliveries_and_at_the_end(
    octets: list[int], sent: list[tuple[int, int]]
) -> None:
    connection = NotedOctets()
    consumer = RejectingConsumer(connection, delivery_size=10, ack_every=2, total=5)
    for count in octets:
        consumer.take(count)
    assert connection.sent == [rejects(first, last, multiple=False) for first, last in sent]
