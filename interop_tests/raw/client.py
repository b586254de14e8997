"""A blocking socket to a broker that sends any octets and tells in words what came back.

`Client.outcome` turns every answer into a list of events, each a line of text as it stands in interop_tests/data, so
that what RabbitMQ answered and what another broker answers are compared as they are.
"""

import socket
import struct
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from interop_tests.raw import codec
from interop_tests.raw.codec import Frame

TIMEOUT_S = 20.0
TUNE_FRAME_MAX_BYTES = 131_072
PROTOCOL_HEADER_TYPE = ord("A")  # no frame has this type, so a protocol header passes for a frame

# A socket is closed at once, or 3 s after a fault before connection.open, or 10 s after a handshake that goes nowhere.
DROPPED = "socket closed"
DROPPED_LATE = ((8.0, "socket closed after 10 s"), (2.0, "socket closed after 3 s"))


class UnexpectedAnswerError(Exception):
    """The broker answered something else than the test needs to go on."""


class Client:
    """One connection to a broker.

    url: amqp://user:password@host:port/vhost. cut: how octets are cut into writes; one write by default.
    """

    def __init__(self, url: str, cut: Callable[[bytes], Iterable[bytes]] = lambda octets: [octets]) -> None:
        parts = urlsplit(url)
        self._url = url
        self._companions: list[Client] = []
        self.user = unquote(parts.username or "guest")
        self.password = unquote(parts.password or "guest")
        self.virtual_host = unquote(parts.path[1:]) or "/"
        self._cut = cut
        self._input = bytearray()
        self._sent_s = 0.0
        self.ended = False  # the broker closed the socket
        self.close_ok_owed = False  # the broker sent connection.close, which `prepare` left unanswered
        self._socket = socket.create_connection((parts.hostname, parts.port or 5672), TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for companion in self._companions:
            companion._socket.close()
        self._socket.close()

    def companion(self) -> "Client":
        """Another connection to the same broker, closed together with this one."""
        self._companions.append(Client(self._url))
        return self._companions[-1]

    # -- octets out ------------------------------------------------------------------------------------------------

    def send(self, octets: bytes) -> None:
        """Sends octets as they are; a peer that closed already is found out by the next read."""
        try:
            for piece in self._cut(octets):
                self._socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self._sent_s = time.monotonic()

    def send_method(self, channel: int, name: str, /, **arguments: Any) -> None:
        """Sends one method; an argument left out is zero, empty or false."""
        self.send(codec.method(channel, name, **arguments))

    # -- octets in -------------------------------------------------------------------------------------------------

    def read_octets(self, size: int) -> bytes:
        """The next octets of the socket; fewer at its end. Raises TimeoutError."""
        while len(self._input) < size:
            try:
                piece = self._socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                break
            self._input += piece
        octets = bytes(self._input[:size])
        del self._input[:size]
        return octets

    def read_frame(self, timeout_s: float = TIMEOUT_S) -> Frame | None:
        """The next frame, or a protocol header as one; None at the end of the socket. Raises TimeoutError.

        Heartbeats are left out.
        """
        self._socket.settimeout(timeout_s)
        while True:
            start = self.read_octets(7)
            if len(start) < 7:
                return None
            if start.startswith(b"AMQP"):
                return Frame(PROTOCOL_HEADER_TYPE, 0, start[4:] + self.read_octets(1))
            type_, channel, size = struct.unpack(">BHI", start)
            payload = self.read_octets(size + 1)
            if type_ != codec.HEARTBEAT:
                return Frame(type_, channel, payload[:-1])

    def expect(self, name: str) -> dict[str, Any]:
        """The arguments of the next method, which must be the one named."""
        answer = self.read_frame()
        if answer is None or answer.type != codec.METHOD:
            raise UnexpectedAnswerError(f"expected {name}, got {answer}")
        got, arguments = codec.decode_method(answer.payload)
        if got != name:
            raise UnexpectedAnswerError(f"expected {name}, got {got} {arguments}")
        return arguments

    def expect_content(self, name: str) -> bytes:
        """The body that follows the method named, as long as it fits in one frame."""
        self.expect(name)
        header = self.read_frame()
        assert header is not None and header.type == codec.HEADER
        if not int.from_bytes(header.payload[4:12]):
            return b""
        content = self.read_frame()
        assert content is not None and content.type == codec.BODY
        return content.payload

    def call(self, channel: int, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Sends a method and returns the arguments of its -ok."""
        self.send_method(channel, name, **arguments)
        return self.expect(f"{name}-ok")

    # -- the handshake, step by step -------------------------------------------------------------------------------

    def start(self) -> None:
        """Sends the protocol header and reads connection.start."""
        self.send(codec.PROTOCOL_HEADER)
        self.expect("connection.start")

    def start_ok(self) -> None:
        """Logs in with PLAIN and reads connection.tune."""
        self.send(self.start_ok_octets())
        self.expect("connection.tune")

    def start_ok_octets(self, mechanism: str = "PLAIN", response: str | bytes | None = None) -> bytes:
        """connection.start-ok with the capabilities a modern client announces."""
        capabilities: dict[str | bytes, tuple[str, Any]] = {
            name: ("t", True)
            for name in ("authentication_failure_close", "basic.nack", "connection.blocked", "consumer_cancel_notify")
        }
        return codec.method(
            0,
            "connection.start-ok",
            client_properties={"capabilities": ("F", capabilities)},
            mechanism=mechanism,
            response=f"\0{self.user}\0{self.password}" if response is None else response,
            locale="en_US",
        )

    def tune_ok(self, channel_max: int = 2047, frame_max: int = TUNE_FRAME_MAX_BYTES, heartbeat: int = 0) -> None:
        """Sends connection.tune-ok, which has no answer."""
        self.send_method(0, "connection.tune-ok", channel_max=channel_max, frame_max=frame_max, heartbeat=heartbeat)

    def open(self, channel_max: int = 2047, frame_max: int = TUNE_FRAME_MAX_BYTES) -> Self:
        """The whole handshake up to connection.open-ok."""
        self.start()
        self.start_ok()
        self.tune_ok(channel_max, frame_max)
        self.call(0, "connection.open", virtual_host=self.virtual_host)
        return self

    def open_channel(self, channel: int = 1) -> Self:
        """Opens a channel of an open connection."""
        self.call(channel, "channel.open")
        return self

    # -- what came back, in words ----------------------------------------------------------------------------------

    def outcome(self, until: Callable[[list[str]], bool], timeout_s: float = TIMEOUT_S) -> list[str]:
        """Reads events until there are enough, or the connection ends, or nothing came for timeout_s.

        A connection.close is answered with close-ok and its socket must then be closed by the broker at once.
        """
        events: list[str] = []
        while not until(events):
            try:
                answer = self.read_frame(timeout_s)
            except TimeoutError:
                break
            if answer is None:
                self.ended = True
                after_s = time.monotonic() - self._sent_s
                events.append(next((event for least_s, event in DROPPED_LATE if after_s > least_s), DROPPED))
                break
            events.append(describe(answer))
            if events[-1].startswith("connection.close "):
                self._leave(events)
                break
        return events

    def _leave(self, events: list[str]) -> None:
        self.send_method(0, "connection.close-ok")
        self.ended = True
        while (answer := self.read_frame()) is not None:
            events.append(f"{describe(answer)} after connection.close")


def describe(answer: Frame) -> str:
    """One line for a frame: its name, and for closes their code, ids and text."""
    if answer.type == PROTOCOL_HEADER_TYPE:
        return f"protocol header {'-'.join(map(str, answer.payload))}"
    where = f" on channel {answer.channel}" if answer.channel > 1 else ""
    if answer.type != codec.METHOD:
        return {codec.HEADER: "content header", codec.BODY: "content body"}[answer.type] + where
    name, arguments = codec.decode_method(answer.payload)
    if name not in ("connection.close", "channel.close"):
        return name + where
    ids = f"{arguments['class_id']},{arguments['method_id']}"
    return f"{name} {arguments['reply_code']} ({ids}){where} {arguments['reply_text']}"
