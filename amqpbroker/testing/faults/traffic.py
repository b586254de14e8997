"""The octets of one connection, frame by frame, while some fault looks at frames or holds octets back."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from amqpbroker.limits import FRAME_OVERHEAD_BYTES
from amqpbroker.model.ports import Deadline
from amqpbroker.protocol.states import ConnectionState
from amqpbroker.testing.faults.frame import Frame
from amqpbroker.wire.constants import BODY, HEADER, PROTOCOL_HEADER
from amqpbroker.wire.frames import FRAME_HEADER

if TYPE_CHECKING:
    from amqpbroker.model.ports import Clock
    from amqpbroker.testing.faults.rules import Rules
    from amqpbroker.testing.faults.transport import FaultyTransport

_HEADER_BYTES = len(PROTOCOL_HEADER)


class Traffic:
    """Both directions; what was read and is no whole frame yet is here from the beginning on."""

    def __init__(self, socket: "FaultyTransport", rules: "Rules") -> None:
        self._socket = socket
        self._rules = rules
        self._partial = socket.take_unread()
        self._header_is_due = socket.wire.machine.state is ConnectionState.HEADER
        # Channels whose last method was taken away: so is its content.
        self._without_content: set[int] = set()
        self._in = Line(rules.clock, socket.feed)
        self._out = Line(rules.clock, socket.send)

    @property
    def is_in_content(self) -> bool:
        """Whether a client may be amidst a content whose method was taken away."""
        return bool(self._without_content)

    def read(self, data: bytes) -> None:
        """The client has sent octets; none: the broker goes on with those that it has."""
        if not data:
            self._in.put(b"", 0.0)
        data, self._partial = self._partial + data, b""
        position = 0
        while size_bytes := self._whole_bytes(data, position):
            # Still unread if a fault says so: a network that is cut may be whole again.
            self._partial = data[position:]
            octets = data[position : position + size_bytes]
            position += size_bytes
            if self._socket.is_deaf:
                return
            if self._header_is_due:
                self._header_is_due = False
                self._in.put(octets, 0.0)
            elif not self._one(Frame(self._socket, octets, from_client=True), self._in):
                return
        self._partial = data[position:]

    def _whole_bytes(self, data: bytes, position: int) -> int:
        """How long the frame there is, or at the very beginning the header of the protocol; 0: it is not whole."""
        left_bytes = len(data) - position
        if left_bytes < _HEADER_BYTES:
            return 0
        size_bytes = _HEADER_BYTES
        if not self._header_is_due:
            size_bytes = FRAME_HEADER.unpack_from(data, position)[2] + FRAME_OVERHEAD_BYTES
        return int(size_bytes) if left_bytes >= size_bytes else 0

    def write(self, data: bytes) -> None:
        """The broker has written whole frames, or the header of its protocol to one who speaks another."""
        position = 0
        while len(data) - position >= _HEADER_BYTES and not data.startswith(PROTOCOL_HEADER[:4], position):
            end = position + FRAME_HEADER.unpack_from(data, position)[2] + FRAME_OVERHEAD_BYTES
            self._one(Frame(self._socket, data[position:end], from_client=False), self._out)
            position = end
        if position < len(data):
            self._out.put(data[position:], 0.0)

    def _one(self, frame: Frame, line: "Line") -> bool:
        """Whether it is done with, and the connection goes on."""
        if frame.from_client and frame.channel in self._without_content:
            if frame.kind in (HEADER, BODY):
                return True
            self._without_content.remove(frame.channel)
            self._rules.look_soon(self._socket)
        self._rules.strike_frame(frame)
        if frame.from_client and self._socket.is_deaf:
            return False
        if not frame.octets and frame.from_client and frame.what == "basic.publish":
            self._without_content.add(frame.channel)
        line.put(frame.octets, frame.delay_s)
        return True

    def let_go(self) -> None:
        """What is held back goes on at once."""
        self._in.let_go()
        self._out.let_go()

    def end(self) -> None:
        """From now on octets go their way without this."""
        self.let_go()
        if self._partial and not self._socket.is_deaf:
            partial_, self._partial = self._partial, b""
            self._socket.feed(partial_)

    def stop(self) -> None:
        """The connection is gone: nothing goes on."""
        self._in.stop()
        self._out.stop()


class Line:
    """One direction: octets wait for their time, and none overtake others. sink: where they go."""

    def __init__(self, clock: "Clock", sink: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._sink = sink
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._deadline: Deadline | None = None

    def put(self, octets: bytes, delay_s: float) -> None:
        """Octets follow those before them."""
        if not delay_s and not self._waiting:
            self._sink(octets)
            return
        due_s = self._clock.now_s() + delay_s
        if self._waiting:
            due_s = max(due_s, self._waiting[-1][0])
        self._waiting.append((due_s, octets))
        if self._deadline is None:
            self._arm()

    def _arm(self) -> None:
        self._deadline = self._clock.at(self._waiting[0][0], self._due) if self._waiting else None

    def _due(self) -> None:
        now_s = self._clock.now_s()
        while self._waiting and self._waiting[0][0] <= now_s:
            self._sink(self._waiting.popleft()[1])
        self._arm()

    def let_go(self) -> None:
        """All that waits goes on at once."""
        waiting = list(self._waiting)
        self.stop()
        for _, octets in waiting:
            self._sink(octets)

    def stop(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
