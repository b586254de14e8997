"""Who publishes and who consumes in a simulation: each a connection of its own, one read or write a message."""

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Final

from amqpbroker.capacity.simulation.broker import CHANNEL, SimulatedBroker, SimulatedClient, deliveries
from amqpbroker.capacity.simulation.waits import Waits
from amqpbroker.wire import properties
from amqpbroker.wire.constants import BODY, FRAME_END_OCTET, METHOD
from amqpbroker.wire.frames import FRAME_HEADER, content_frames
from amqpbroker.wire.methods import Basic, encode_frame
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import from_python

# The number of the message, and when it was published.
_BODY: Final = Struct(">Qd")
# Type, channel and size; class and method; delivery tag, not multiple, the end.
_ACK: Final = Struct(">BHIHHQBB")


class Publisher:
    """Publishes so many messages to a queue, with a time between two of them; the first after such a time."""

    def __init__(self, server: SimulatedBroker, queue: str, between_s: Callable[[], float], count: int) -> None:
        self._client = SimulatedClient(server)
        self._client.received = _refuse
        self._clock = server.clock
        self._between_s = between_s
        self._left = count
        self._number = 0
        header = properties.encode(Properties(), _BODY.size)
        self._head = (
            encode_frame(CHANNEL, Basic.Publish(exchange="", routing_key=queue))
            + content_frames(CHANNEL, header, b"", 0)
            + FRAME_HEADER.pack(BODY, CHANNEL, _BODY.size)
        )
        self._wait()

    def _wait(self) -> None:
        if self._left:
            self._left -= 1
            self._clock.at(self._clock.seconds + self._between_s(), self._publish)

    def _publish(self) -> None:
        body = _BODY.pack(self._number, self._clock.seconds)
        self._number += 1
        # First, so that of two things at one time the arrival that was asked for earlier comes earlier.
        self._wait()
        self._client.feed(self._head + body + FRAME_END_OCTET)


class Consumer:
    """Works on one message at a time and acknowledges it then; the others that its prefetch allows wait with it.

    count: messages it has had. busy_s: how long it has worked. ended_s: when it was last done with one.
    """

    def __init__(
        self,
        server: SimulatedBroker,
        queue: str,
        service_s: Callable[[], float],
        waits: Waits,
        *,
        prefetch: int = 1,
        weight: int = 1,
    ) -> None:
        self.count = 0
        self.busy_s = 0.0
        self.ended_s = 0.0
        self._clock = server.clock
        self._service_s = service_s
        self._waits = waits
        self._at_hand: deque[tuple[int, int, float]] = deque()
        self._works_on = 0
        self._client = client = SimulatedClient(server)
        client.call(Basic.Qos(prefetch_count=prefetch))
        client.call(Basic.Consume(queue=queue, arguments=from_python({"x-weight": weight}).value))
        client.received = self._came

    @property
    def is_busy(self) -> bool:
        """Whether it works on a message."""
        return self._works_on != 0

    def _came(self, octets: bytes) -> None:
        now_s = self._clock.seconds
        for tag, body in deliveries(octets):
            number, published_s = _BODY.unpack(body)
            self.count += 1
            self._waits.delivered(number, now_s - published_s)
            if self._works_on:
                self._at_hand.append((tag, number, published_s))
            else:
                self._begin(tag, number, published_s)

    def _begin(self, tag: int, number: int, published_s: float) -> None:
        now_s = self._clock.seconds
        self._waits.begun(number, now_s - published_s)
        self._works_on = tag
        service_s = self._service_s()
        self.busy_s += service_s
        self._clock.at(now_s + service_s, self._end)

    def _end(self) -> None:
        tag, self._works_on = self._works_on, 0
        self.ended_s = self._clock.seconds
        if self._at_hand:
            self._begin(*self._at_hand.popleft())
        self._client.feed(_ACK.pack(METHOD, CHANNEL, 13, 60, 80, tag, 0, 0xCE))


def _refuse(octets: bytes) -> None:
    """Nothing is returned or confirmed to who publishes."""
    for _ in deliveries(octets):
        raise AssertionError("a delivery to who does not consume")
