"""A connection for clients that are cut off in the middle: durable things, persistent messages, all that settles."""

import struct
from typing import Final, NamedTuple

from benchmark.wire import (
    BASIC_ACK,
    BASIC_DELIVER,
    BASIC_PUBLISH,
    CHANNEL,
    CHANNEL_CLOSE,
    CONNECTION_CLOSE,
    CONNECTION_CLOSE_OK,
    EXCHANGE_DECLARE,
    EXCHANGE_DECLARE_OK,
    FRAME_BODY,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    FRAME_OVERHEAD,
    NO_ARGUMENTS,
    QUEUE_DECLARE,
    QUEUE_DECLARE_OK,
    BenchmarkError,
    Connection,
    frame,
    method,
    short_string,
)

BASIC_RETURN, BASIC_GET, BASIC_GET_OK, BASIC_GET_EMPTY = (60, 50), (60, 70), (60, 71), (60, 72)
BASIC_REJECT, BASIC_NACK = (60, 90), (60, 120)
TX_SELECT, TX_SELECT_OK, TX_COMMIT, TX_COMMIT_OK = (90, 10), (90, 11), (90, 20), (90, 21)
TX_ROLLBACK, TX_ROLLBACK_OK = (90, 30), (90, 31)
_DURABLE: Final = b"\x02"
_PERSISTENT: Final = struct.pack(">HB", 0x1000, 2)
_TRANSIENT: Final = struct.pack(">H", 0)
_WITH_CONTENT: Final = {BASIC_DELIVER, BASIC_GET_OK, BASIC_RETURN}


class Event(NamedTuple):
    """What the broker has sent: for basic.deliver and get-ok with tag, redelivered, body; for ack and nack with tag and
    multiple; else only its name."""

    name: tuple[int, int]
    tag: int = 0
    flag: bool = False
    body: bytes = b""


class Client(Connection):
    """Raises BenchmarkError and OSError as its base does, and so it ends when the broker is killed."""

    _last_tag = 0

    # Things

    def declare_durable(self, queue: str) -> None:
        names = b"\0\0" + short_string(queue)
        self.call(QUEUE_DECLARE, names + _DURABLE + NO_ARGUMENTS, QUEUE_DECLARE_OK)

    def declare_durable_exchange(self, exchange: str, kind: str, *, passive: bool = False) -> None:
        names = b"\0\0" + short_string(exchange) + short_string(kind)
        self.call(EXCHANGE_DECLARE, names + (b"\x01" if passive else _DURABLE) + NO_ARGUMENTS, EXCHANGE_DECLARE_OK)

    # Publishing

    def encode(
        self, exchange: str, routing_key: str, body: bytes, *, persistent: bool, mandatory: bool = False
    ) -> bytes:
        """basic.publish with its content."""
        address = short_string(exchange) + short_string(routing_key)
        properties = _PERSISTENT if persistent else _TRANSIENT
        step = self.frame_max - FRAME_OVERHEAD
        parts = [body[start : start + step] for start in range(0, len(body), step)]
        return b"".join(
            [
                method(CHANNEL, BASIC_PUBLISH, b"\0\0" + address + bytes([mandatory])),
                frame(FRAME_HEADER, CHANNEL, struct.pack(">HHQ", 60, 0, len(body)) + properties),
                *(frame(FRAME_BODY, CHANNEL, part) for part in parts),
            ]
        )

    # Consuming

    def get(self, queue: str, *, no_ack: bool = False) -> Event:
        self.send(method(CHANNEL, BASIC_GET, b"\0\0" + short_string(queue) + bytes([no_ack])))
        return self.event()

    def ack(self, tag: int, *, multiple: bool = False) -> None:
        self.send(method(CHANNEL, BASIC_ACK, struct.pack(">QB", tag, multiple)))

    def nack(self, tag: int, *, multiple: bool, requeue: bool) -> None:
        self.send(method(CHANNEL, BASIC_NACK, struct.pack(">QB", tag, multiple | requeue << 1)))

    def reject(self, tag: int, *, requeue: bool) -> None:
        self.send(method(CHANNEL, BASIC_REJECT, struct.pack(">QB", tag, requeue)))

    def event(self) -> Event:
        """The next thing the broker says."""
        kind, _, payload = self.read_frame()
        while kind == FRAME_HEARTBEAT:
            kind, _, payload = self.read_frame()
        if kind != FRAME_METHOD:
            raise BenchmarkError(f"a frame of kind {kind} where a method was due")
        name: tuple[int, int] = struct.unpack_from(">HH", payload)
        if name in (CONNECTION_CLOSE, CHANNEL_CLOSE):
            code, length = struct.unpack_from(">HB", payload, 4)
            raise BenchmarkError(f"the broker closed with {code} {payload[7 : 7 + length].decode()}")
        if name in (BASIC_ACK, BASIC_NACK):
            tag, bits = struct.unpack_from(">QB", payload, 4)
            return Event(name, tag, bool(bits & 1))
        if name not in _WITH_CONTENT:
            return Event(name)
        body = self._body()
        if name == BASIC_RETURN:
            return Event(name, body=body)
        tag, redelivered = struct.unpack_from(">QB", payload, 5 + payload[4] if name == BASIC_DELIVER else 4)
        if tag != self._last_tag + 1:
            raise BenchmarkError(f"delivery tag {tag} follows {self._last_tag}")
        self._last_tag = tag
        return Event(name, tag, bool(redelivered), body)

    def _body(self) -> bytes:
        """The content's header and body."""
        _, _, header = self.read_frame()
        (left_bytes,) = struct.unpack_from(">Q", header, 4)
        parts = []
        while left_bytes:
            parts.append(self.read_frame()[2])
            left_bytes -= len(parts[-1])
        return b"".join(parts)

    def hang_up(self) -> None:
        """connection.close, and nothing heard but its answer: what was sent before is received."""
        self.send(method(0, CONNECTION_CLOSE, struct.pack(">HBHH", 200, 0, 0, 0)))
        while True:
            kind, channel, payload = self.read_frame()
            if kind == FRAME_METHOD and channel == 0 and struct.unpack_from(">HH", payload) == CONNECTION_CLOSE_OK:
                break
        self.socket.close()
