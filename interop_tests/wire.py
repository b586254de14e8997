"""A client with nothing hidden: every frame that comes from the broker, in the order it comes."""

import socket
import struct
import time
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from pamqp import commands, frame

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
SETTLE_TIMEOUT_S = 5.0
ALL_CAPABILITIES = {
    "publisher_confirms": True,
    "exchange_exchange_bindings": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "authentication_failure_close": True,
}


class Frame(NamedTuple):
    """A frame as it came: kind is METHOD, HEADER, BODY or HEARTBEAT."""

    kind: int
    channel: int
    payload: bytes


class Message(NamedTuple):
    """A message of basic.deliver, basic.get-ok or basic.return: its method, properties as octets, body, body frames."""

    method: Any
    properties: bytes
    body: bytes
    body_frame_sizes: list[int]


class Wire:
    """One connection with channel 1 open; methods are pamqp's.

    capabilities: of the client, all by default. Every wait is bounded by timeout_s (TimeoutError); the broker's closing
    of the socket is ConnectionError.
    """

    def __init__(
        self,
        url: str,
        *,
        capabilities: dict[str, bool] | None = None,
        frame_max_bytes: int = 131_072,
        heartbeat_s: int = 0,
        channel_max: int = 2_047,
        login: tuple[str, str] = ("guest", "guest"),
        mechanism: str = "PLAIN",
        vhost: str = "/",
        timeout_s: float = 10.0,
    ) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((unquote(parts.hostname or ""), parts.port or 5672), timeout_s)
        self._unread = b""
        self.socket.sendall(b"AMQP\x00\x00\x09\x01")
        self.start: commands.Connection.Start = self.method(0, commands.Connection.Start)
        user, password = login
        response = f"\0{user}\0{password}" if mechanism == "PLAIN" else _amqplain(user, password)
        properties = {"capabilities": ALL_CAPABILITIES if capabilities is None else capabilities}
        self.send(0, commands.Connection.StartOk(properties, mechanism, response, "en_US"))  # type: ignore[arg-type]
        self.tune: commands.Connection.Tune = self.method(0, commands.Connection.Tune)
        self.send(0, commands.Connection.TuneOk(channel_max, frame_max_bytes, heartbeat_s))
        self.frame_max_bytes = frame_max_bytes
        self.call(0, commands.Connection.Open(vhost), commands.Connection.OpenOk)
        self.call(1, commands.Channel.Open(), commands.Channel.OpenOk)

    def send(self, channel: int, method: Any) -> None:
        """Send a method."""
        self.socket.sendall(frame.marshal(method, channel))

    def call(self, channel: int, method: Any, answer: Any) -> Any:
        """Send a method and return the next method on that channel, which must be of type `answer`."""
        self.send(channel, method)
        return self.method(channel, answer)

    def publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        *,
        properties: bytes = b"\0\0",
        mandatory: bool = False,
        immediate: bool = False,
        channel: int = 1,
    ) -> None:
        """Publish; properties are the octets of the content header after the body size: flags, then values."""
        method = frame.marshal(commands.Basic.Publish(0, exchange, routing_key, mandatory, immediate), channel)
        header = _frame(HEADER, channel, struct.pack(">HHQ", 60, 0, len(body)) + properties)
        room = self.frame_max_bytes - 8
        bodies = [_frame(BODY, channel, body[start : start + room]) for start in range(0, len(body), room)]
        self.socket.sendall(b"".join([method, header, *bodies]))

    def frame(self) -> Frame:
        """The next frame of any kind."""
        kind, channel, size = struct.unpack(">BHL", self._read(7))
        payload, end = self._read(size), self._read(1)
        assert end == b"\xce"
        return Frame(kind, channel, payload)

    def method(self, channel: int, expected: Any = None) -> Any:
        """The next frame, heartbeats skipped: a method on `channel`, of type `expected` if that is given."""
        while (received := self.frame()).kind == HEARTBEAT:
            pass
        assert received.kind == METHOD
        method = frame.unmarshal(_frame(*received))[2]
        assert received.channel == channel, f"{method} on channel {received.channel}"
        assert expected is None or isinstance(method, expected), f"{method} instead of {expected.__name__}"
        return method

    def message(self, channel: int, expected: Any) -> Message:
        """The next method, of type `expected`, with its content."""
        method = self.method(channel, expected)
        header = self.frame()
        assert header.kind == HEADER
        (body_size,) = struct.unpack(">Q", header.payload[4:12])
        body, sizes = bytearray(), []
        while len(body) < body_size:
            part = self.frame()
            assert part.kind == BODY
            body += part.payload
            sizes.append(len(part.payload))
        return Message(method, header.payload[12:], bytes(body), sizes)

    def queue(self, queue: str = "", **settings: Any) -> str:
        """Declare an exclusive queue and return its name."""
        declare = commands.Queue.Declare(0, queue, **{"exclusive": True, **settings})
        name: str = self.call(1, declare, commands.Queue.DeclareOk).queue
        return name

    def settle(self, queue: str, ready: int) -> None:
        """Ask until `ready` messages are ready in the queue; no deliveries are expected meanwhile."""
        deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
        declare = commands.Queue.Declare(0, queue, passive=True)
        while (count := self.call(1, declare, commands.Queue.DeclareOk).message_count) != ready:
            assert time.monotonic() < deadline_s, f"{count} messages are ready instead of {ready}"

    def close(self) -> None:
        """Close the socket without a farewell."""
        self.socket.close()

    def _read(self, size: int) -> bytes:
        """Exactly `size` octets."""
        while len(self._unread) < size:
            octets = self.socket.recv(1 << 20)
            if not octets:
                raise ConnectionError("the broker closed the socket")
            self._unread += octets
        octets, self._unread = self._unread[:size], self._unread[size:]
        return octets


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    """A frame's octets."""
    return struct.pack(">BHL", kind, channel, len(payload)) + payload + b"\xce"


def _amqplain(user: str, password: str) -> str:
    """The response of AMQPLAIN: a table without its length, each value a long string."""
    entries = ((b"LOGIN", user.encode()), (b"PASSWORD", password.encode()))
    octets = b"".join(bytes([len(key)]) + key + b"S" + struct.pack(">L", len(value)) + value for key, value in entries)
    return octets.decode("latin-1")
