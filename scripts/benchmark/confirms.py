"""A publisher that keeps so many messages unconfirmed and no more: how the durable rows fill a queue."""

import struct
import time
from collections.abc import Sequence
from typing import Final

from benchmark.wire import BASIC_ACK, CHANNEL, FRAME_END, FRAME_METHOD, RECEIVE_SIZE, BenchmarkError, Connection

IN_FLIGHT: Final = 1000
# kind, channel, size of the payload, class and method, delivery tag, multiple, end of the frame
_CONFIRM: Final = struct.Struct(">BHIHHQBB")
_SIZE_OF_PAYLOAD: Final = _CONFIRM.size - 8


class Confirms:
    """Which of a channel's publishes are confirmed, whatever the order in which a broker says so."""

    def __init__(self) -> None:
        self._all_to = 0
        self._beyond: set[int] = set()

    @property
    def count(self) -> int:
        return self._all_to + len(self._beyond)

    def add(self, tag: int, multiple: bool) -> None:
        """Raises BenchmarkError for a tag that was confirmed before."""
        if tag <= self._all_to or tag in self._beyond:
            raise BenchmarkError(f"publish {tag} is confirmed a second time")
        if multiple:
            self._all_to = tag
            self._beyond = {each for each in self._beyond if each > tag}
        else:
            self._beyond.add(tag)
        while self._beyond and self._all_to + 1 in self._beyond:
            self._all_to += 1
            self._beyond.remove(self._all_to)


class ConfirmedPublisher:
    """Publishes on a connection of its own, in confirm mode, the encoded `publishes` over and over.

    They are all of one length. in_flight: so many are unconfirmed at most.
    """

    def __init__(self, connection: Connection, publishes: Sequence[bytes], in_flight: int = IN_FLIGHT) -> None:
        self._connection = connection
        self._size = len(publishes[0])
        self._octets = memoryview(b"".join(publishes))
        self._pool = len(publishes)
        self._in_flight = in_flight
        self._received = b""
        self._confirms = Confirms()
        self.sent = 0
        connection.select_confirms()

    @property
    def confirmed(self) -> int:
        return self._confirms.count

    def publish(self, count: int) -> None:
        """Publishes so many more and returns when all are confirmed."""
        until = self.sent + count
        while self.confirmed < until:
            self._publish_what_fits(until - self.sent)
            self._read_confirms()

    def publish_for(self, seconds: float) -> None:
        """Publishes as long as that, as fast as confirms come, and returns when all are confirmed."""
        end_s = time.perf_counter() + seconds
        while time.perf_counter() < end_s:
            self._publish_what_fits(self._in_flight)
            self._read_confirms()
        self.publish(0)

    def _publish_what_fits(self, most: int) -> None:
        room = min(most, self._in_flight - (self.sent - self.confirmed))
        while room:
            first = self.sent % self._pool
            count = min(room, self._pool - first)
            self._connection.send(self._octets[first * self._size : (first + count) * self._size])
            self.sent += count
            room -= count

    def _read_confirms(self) -> None:
        try:
            chunk = self._connection.socket.recv(RECEIVE_SIZE)
        except TimeoutError:
            raise BenchmarkError(f"{self.sent - self.confirmed} publishes are not confirmed") from None
        if not chunk:
            raise BenchmarkError("the broker closed the publisher's socket")
        received = self._received + chunk
        whole = len(received) - len(received) % _CONFIRM.size
        self._received = received[whole:]
        for kind, channel, size, class_id, method_id, tag, multiple, end in _CONFIRM.iter_unpack(received[:whole]):
            head = (kind, channel, size, (class_id, method_id), end)
            if head != (FRAME_METHOD, CHANNEL, _SIZE_OF_PAYLOAD, BASIC_ACK, FRAME_END[0]):
                raise BenchmarkError(f"expected confirms, got {received[:80]!r}")
            self._confirms.add(tag, bool(multiple))
