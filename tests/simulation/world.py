"""The broker without sockets: connections in memory, a clock turned by hand, octets in and frames out."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from unittest.mock import patch

from amqpbroker.model.broker import Broker
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.profiles import PROFILES
from amqpbroker.protocol.connection import Connection as WireConnection
from amqpbroker.protocol.connection import Settings
from amqpbroker.session.batch import Batch
from amqpbroker.session.connection import Connection, Transport
from amqpbroker.wire.frames import FRAME_HEADER
from amqpbroker.wire.methods import Connection as ConnectionMethods
from amqpbroker.wire.methods import Method, decode, encode_frame
from amqpbroker.wire.tables import Field
from tests.helpers.users import allow_all, users_with

HEARTBEAT_S = 10
HEARTBEAT_FRAME = b"\x08\x00\x00\x00\x00\x00\x00\xce"
FRAME_MAX_BYTES = 8_192
CONTENT = {(60, 50), (60, 60), (60, 71)}


@dataclass(slots=True)
class Event:
    """A method that a client received, with its content. number: counts all that the client received."""

    number: int
    channel: int
    method: Method
    header: bytes = b""
    body: bytes = b""
    missing: int = -1


@dataclass
class Client:
    """events: what came, by channel, and has not been looked at."""

    wire: WireConnection
    session: Connection
    events: dict[int, deque[Event]] = field(default_factory=dict)
    count: int = 0
    rest: bytes = b""
    open_content: dict[int, Event] = field(default_factory=dict)
    paused: bool = False
    lost: bool = False

    def received(self, data: bytes) -> None:
        data = self.rest + data
        position = 0
        while len(data) - position >= 7:
            kind, channel, size = FRAME_HEADER.unpack_from(data, position)
            if len(data) - position < size + 8:
                break
            assert data[position + 7 + size] == 0xCE, "a frame without its end"
            self._frame(kind, channel, data[position + 7 : position + 7 + size])
            position += size + 8
        self.rest = data[position:]

    def _frame(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == 8:
            return
        if kind == 1:
            assert channel not in self.open_content, "a method within a content"
            self.count += 1
            event = Event(self.count, channel, decode(payload))
            if event.method.id in CONTENT:
                self.open_content[channel] = event
            else:
                self._whole(event)
            return
        event = self.open_content[channel]
        if kind == 2:
            assert event.missing == -1, "two headers"
            event.header = payload
            event.missing = int.from_bytes(payload[4:12], "big")
        else:
            assert 0 < len(payload) <= min(event.missing, FRAME_MAX_BYTES - 8), "a body frame of a wrong size"
            event.body += payload
            event.missing -= len(payload)
        if event.missing == 0:
            del self.open_content[channel]
            self._whole(event)

    def _whole(self, event: Event) -> None:
        self.events.setdefault(event.channel, deque()).append(event)


class MillisecondClock(HandClock):
    """Its time of day is never a millisecond off by the way that numbers are rounded."""

    def unix_ms(self) -> int:
        return round(self.seconds * 1000) + 1_700_000_000_000


class World:
    """small: limits of a turn so low that they are reached, for runs that are about them."""

    def __init__(self, profile: str, small: bool) -> None:
        rules = PROFILES[profile]
        randomness = random.Random(1)
        self.clock = MillisecondClock()
        self.broker = Broker(rules, users_with("guest"), randomness.randbytes, self.clock)
        self.vhost = self.broker.add_vhost("/")
        allow_all(self.broker)
        self.clients: dict[int, Client] = {}
        self.batch = Batch()
        self.settings = Settings(rules, {}, frame_max_bytes=FRAME_MAX_BYTES, heartbeat_s=HEARTBEAT_S)
        self._soon: list[Callable[[], None]] = []
        self._patches = []
        if small:
            self._patches = [
                patch("amqpbroker.session.channel.OUTBOX_MAX_BYTES", 300),
                patch("amqpbroker.protocol.connection.OUTBOX_MAX_BYTES", 300),
                patch("amqpbroker.protocol.connection.TURN_MAX_FRAMES", 2),
                patch("amqpbroker.model.queue.OUTBOX_MAX_BYTES", 200),
                patch("amqpbroker.model.queue.DRAIN_MAX_MESSAGES", 3),
            ]

    def __enter__(self) -> "World":
        for one in self._patches:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._patches:
            one.stop()

    def connect(self, number: int, cancel_notify: bool) -> None:
        wire = WireConnection(self.settings, self.clock.seconds)

        def write(data: bytes) -> None:
            client.received(data)
            if session.full and not client.paused:
                self._soon.append(session.go_on)

        transport = Transport(write, lambda: None, lambda: None, True, lambda reason: None)
        session = wire.handler = Connection(self.broker, self.batch, wire, transport, 1 << 20)
        client = self.clients[number] = self.new_client(number, wire, session)
        capabilities = Field("F", {"consumer_cancel_notify": Field("t", cancel_notify)})
        start_ok = ConnectionMethods.StartOk(
            client_properties={"capabilities": capabilities}, mechanism="PLAIN", response=b"\0guest\0guest"
        )
        tune_ok = ConnectionMethods.TuneOk(channel_max=2047, frame_max=FRAME_MAX_BYTES, heartbeat=HEARTBEAT_S)
        opening = ConnectionMethods.Open(virtual_host="/")
        hello = b"".join(encode_frame(0, method) for method in (start_ok, tune_ok, opening))
        self.feed(number, [b"AMQP\0\0\x09\x01" + hello])
        names = [event.method.name for event in client.events.pop(0)]
        assert names == ["Connection.Start", "Connection.Tune", "Connection.OpenOk"], names

    def new_client(self, number: int, wire: WireConnection, session: Connection) -> Client:
        """What receives."""
        return Client(wire, session)

    def feed(self, number: int, pieces: list[bytes]) -> None:
        """What a client sends, a read at a time."""
        wire = self.clients[number].wire
        for piece in pieces:
            wire.feed(piece, self.clock.seconds)
            self.finish()
            while wire.more:
                wire.feed(b"", self.clock.seconds)
                self.finish()

    def lose(self, number: int) -> None:
        client = self.clients[number]
        client.lost = True
        client.wire.lost()
        self.finish()

    def pause(self, number: int) -> None:
        client = self.clients[number]
        client.paused = True
        client.session.pause_writing()
        self.finish()

    def resume(self, number: int) -> None:
        client = self.clients[number]
        client.paused = False
        client.session.resume_writing()
        self.finish()

    def wait(self, ms: int) -> None:
        self.clock.advance(ms / 1000)
        self.finish()

    def wait_for_silent(self, silent: int) -> None:
        """Turns the clock until the server has given up a client that is silent; the others beat."""
        client = self.clients[silent]
        for _ in range(8):
            self.clock.advance(HEARTBEAT_S / 2)
            for number, other in self.clients.items():
                if not other.lost:
                    if number != silent:
                        other.wire.feed(HEARTBEAT_FRAME, self.clock.seconds)
                    other.wire.look(self.clock.seconds)
                    assert number == silent or other.wire.drop_at_s is None, "a client that beats was given up"
            self.finish()
            if client.wire.drop_at_s is not None:
                return
        raise AssertionError("a silent client is kept")

    def finish(self) -> None:
        """The end of a turn: all is written, and who was full goes on."""
        self.batch.finish()
        while self._soon:
            soon, self._soon = self._soon, []
            for call in soon:
                call()
            self.batch.finish()
