"""A client in memory: it speaks octets to a connection of the broker; no socket, and a clock that is turned by hand.

    client = WireClient()                       a broker of its own
    other = WireClient(client.server)           the same broker
    client.connect()
    client.open_channel(1)
    client.send(1, Queue.Declare(queue="tasks"))
    client.publish(1, "", "tasks", b"hello")
    assert client.take() == [Received(1, Queue.DeclareOk(queue="tasks"))]

What the broker answers is in `received`, methods with their contents; `take` gives it and empties it. `octets` is all
that ever came, as it came.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from amqpbroker.errors import AMQPError
from amqpbroker.model.broker import Broker
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.observing.tls_facts import TlsFacts
from amqpbroker.profiles import DEFAULT_PROFILE, Profile
from amqpbroker.protocol.connection import Connection as WireConnection
from amqpbroker.protocol.connection import Settings
from amqpbroker.protocol.handshake import PROTOCOL_HEADER
from amqpbroker.protocol.sasl import WITH_PASSWORD
from amqpbroker.session.batch import Batch
from amqpbroker.session.connection import Connection, Transport
from amqpbroker.wire import properties
from amqpbroker.wire.frames import FRAME_HEADER, content_frames
from amqpbroker.wire.methods import Basic, Channel, Method, decode, encode_frame
from amqpbroker.wire.methods import Connection as ConnectionMethods
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table, from_python
from tests.helpers.users import allow_all, users_with

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
CONTENT_METHODS = {Basic.Return.id, Basic.Deliver.id, Basic.GetOk.id}
ALL_CAPABILITIES: Table = from_python(
    {
        "capabilities": {
            "authentication_failure_close": True,
            "basic.nack": True,
            "connection.blocked": True,
            "consumer_cancel_notify": True,
            "publisher_confirms": True,
        }
    }
).value


class MemoryServer:
    """A broker and what its connections share, with a hand-turned clock. All generate the same names."""

    def __init__(
        self,
        profile: Profile = DEFAULT_PROFILE,
        *,
        message_size_max_bytes: int = 0,
        clock: HandClock | None = None,
        **settings: Any,
    ) -> None:
        """settings: of `protocol.connection.Settings`."""
        self.clock = clock or HandClock()
        self.batch = Batch()
        self.next_turn: list[Callable[[], None]] = []
        self.broker = Broker(profile, users_with("guest", "anna"), random.Random(0).randbytes, self.clock)
        self.vhost = self.broker.add_vhost("/")
        allow_all(self.broker)
        self.settings = Settings(profile, **{"server_properties": {}, **settings})
        self.message_size_max_bytes = message_size_max_bytes or profile.message_size_max_bytes

    def finish_turn(self) -> None:
        """The end of a turn of the loop, and those after it while something is left to do."""
        self.batch.finish()
        while self.next_turn:
            self.next_turn.pop(0)()
            self.batch.finish()


@dataclass
class Received:
    """A method that came, with its content. header: the payload of its header frame, None without content."""

    channel: int
    method: Method
    header: bytes | None = None
    body: bytes = b""

    @property
    def properties(self) -> Properties:
        """Of its message."""
        assert self.header is not None
        return properties.decode(self.header)


@dataclass
class Heartbeat:
    """A heartbeat that came."""


@dataclass
class ProtocolHeader:
    """The eight octets by which the broker says what it speaks instead."""

    octets: bytes


Event = Received | Heartbeat | ProtocolHeader


@dataclass
class FrameReader:
    """Octets from the broker to events; a frame that is cut short, or breaks a rule of contents, fails the test."""

    frame_max_bytes: int = 0
    _pending: dict[int, tuple[Received, int]] = field(default_factory=dict)

    def read(self, octets: bytes) -> Iterable[Event]:
        position = 0
        while position < len(octets):
            if octets.startswith(b"AMQP", position):
                yield ProtocolHeader(octets[position : position + 8])
                position += 8
                continue
            kind, channel, size = FRAME_HEADER.unpack_from(octets, position)
            end = position + 7 + size
            assert octets[end] == 0xCE
            assert not self.frame_max_bytes or size + 8 <= self.frame_max_bytes
            yield from self._frame(kind, channel, octets[position + 7 : end])
            position = end + 1

    def _frame(self, kind: int, channel: int, payload: bytes) -> Iterable[Event]:
        if kind == HEARTBEAT:
            assert (channel, payload) == (0, b"")
            yield Heartbeat()
            return
        if kind == METHOD:
            assert channel not in self._pending, "a method inside of a content"
            event, missing = Received(channel, decode(payload)), 0
            if event.method.id in CONTENT_METHODS:
                self._pending[channel] = (event, -1)
                return
        else:
            event, missing = self._pending[channel]
            if kind == HEADER:
                assert event.header is None
                event.header = payload
                missing = int.from_bytes(payload[4:12], "big")
            else:
                assert kind == BODY
                event.body += payload
                missing -= len(payload)
            self._pending[channel] = (event, missing)
            assert missing >= 0
        if missing == 0:
            self._pending.pop(channel, None)
            yield event


class WireClient:
    """connection: the broker's side. received: what came and was not taken. octets: all that came.

    dropped: whether the time has come at which the broker drops the socket. reading_paused: whether the broker takes
    nothing more from the socket; what is sent meanwhile waits. faults: what the broker would log of it.
    """

    def __init__(
        self,
        server: MemoryServer | None = None,
        *,
        profile: Profile = DEFAULT_PROFILE,
        from_loopback: bool = True,
        logins: dict[str, tuple[str, str]] | None = None,
        tls: TlsFacts | None = None,
        **settings: Any,
    ) -> None:
        """settings: of `MemoryServer`, for a client that has one of its own. logins, tls: of its `Transport`."""
        self.server = server or MemoryServer(profile, **settings)
        self.clock = self.server.clock
        self.broker = self.server.broker
        self.vhost = self.server.vhost
        self.received: list[Event] = []
        self.octets = b""
        self.faults: list[AMQPError | str] = []
        self.reading_paused = False
        self.frame_max_bytes = 4_096
        self._waiting = b""
        self._reader = FrameReader()
        self.connection = WireConnection(self.server.settings, self.clock.seconds)
        self.connection.on_fault = self.faults.append
        self.connection.mechanisms = (*WITH_PASSWORD, *(logins or {}))
        transport = Transport(
            self._came,
            self._pause_reading,
            self._resume_reading,
            from_loopback,
            self.force_close,
            tls=tls,
            logins=logins or {},
        )
        self.session = self.connection.handler = Connection(
            self.broker, self.server.batch, self.connection, transport, self.server.message_size_max_bytes
        )

    # Octets

    def feed(self, octets: bytes) -> None:
        """Sends octets as one read of the broker."""
        if self.reading_paused:
            self._waiting += octets
            return
        self.connection.feed(octets, self.clock.seconds)
        self.server.finish_turn()
        while self.connection.more and not self.reading_paused:
            self.connection.feed(b"", self.clock.seconds)
            self.server.finish_turn()
        while self.connection.more and not self.reading_paused:
            self.connection.feed(b"", self.clock.seconds)
            self.server.finish_turn()

    def take(self) -> list[Event]:
        """What came since the last call."""
        taken, self.received = self.received, []
        return taken

    def methods(self) -> list[Method]:
        """The methods among what came since the last call, without their channels and contents."""
        return [event.method for event in self.take() if isinstance(event, Received)]

    def _came(self, octets: bytes) -> None:
        self.octets += octets
        if self.session.full:
            self.server.next_turn.append(self.session.go_on)
        self.received += self._reader.read(octets)

    def _pause_reading(self) -> None:
        self.reading_paused = True

    def _resume_reading(self) -> None:
        self.reading_paused = False
        waiting, self._waiting = self._waiting, b""
        self.feed(waiting)  # though it may be nothing: the last read may be half done

    # Methods

    def send(self, channel: int, *methods: Method) -> None:
        """Sends methods on a channel."""
        self.feed(b"".join(encode_frame(channel, method) for method in methods))

    def publish(
        self,
        channel: int,
        exchange: str,
        routing_key: str,
        body: bytes = b"",
        *,
        mandatory: bool = False,
        immediate: bool = False,
        **values: Any,
    ) -> None:
        """Publishes; values: properties."""
        method = Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory, immediate=immediate)
        self.feed(publish_octets(channel, method, body, self.frame_max_bytes, **values))

    def call(self, channel: int, method: Method) -> Method:
        """Sends a method and gives the one method that it is answered with."""
        self.received.clear()
        self.send(channel, method)
        (answer,) = self.methods()
        return answer

    # A connection's life

    def connect(
        self,
        *,
        user: str = "guest",
        password: str = "guest",
        vhost: str = "/",
        client_properties: Table | None = None,
        channel_max: int = 2_047,
        frame_max_bytes: int = 131_072,
        heartbeat_s: int = 0,
    ) -> "WireClient":
        """The whole handshake, which has to succeed."""
        self.frame_max_bytes = self._reader.frame_max_bytes = frame_max_bytes
        self.feed(PROTOCOL_HEADER)
        self.send(0, start_ok(user, password, client_properties))
        self.send(
            0, ConnectionMethods.TuneOk(channel_max=channel_max, frame_max=frame_max_bytes, heartbeat=heartbeat_s)
        )
        self.send(0, ConnectionMethods.Open(virtual_host=vhost))
        start, tune, open_ok = self.methods()
        assert open_ok == ConnectionMethods.OpenOk(), (start, tune, open_ok)
        return self

    def open_channel(self, *numbers: int) -> "WireClient":
        """Opens channels."""
        for number in numbers:
            self.send(number, Channel.Open())
            assert self.methods() == [Channel.OpenOk()]
        return self

    def force_close(self, reason: str) -> None:
        """The broker closes the connection."""
        self.connection.force_close(reason, self.clock.seconds)

    def vanish(self) -> None:
        """The socket is gone."""
        self.connection.lost()
        self.server.finish_turn()

    # Time

    def advance(self, seconds: float) -> None:
        """Lets time pass for this client's connection, which is called at each time it asks for."""
        end_s = self.clock.seconds + seconds
        while not self.dropped and (due_s := self.connection.due_s) is not None and due_s <= end_s:
            self.clock.advance(max(0.0, due_s - self.clock.seconds))
            self.connection.look(self.clock.seconds)
            self.server.finish_turn()
        self.clock.advance(end_s - self.clock.seconds)
        self.server.finish_turn()

    @property
    def dropped(self) -> bool:
        """Whether the broker drops the socket now."""
        drop_at_s = self.connection.drop_at_s
        return drop_at_s is not None and drop_at_s <= self.clock.seconds


def start_ok(user: str = "guest", password: str = "guest", client_properties: Table | None = None) -> Method:
    """PLAIN, with every capability unless other properties are given."""
    return ConnectionMethods.StartOk(
        client_properties=ALL_CAPABILITIES if client_properties is None else client_properties,
        mechanism="PLAIN",
        response=f"\0{user}\0{password}".encode(),
        locale="en_US",
    )


def publish_octets(
    channel: int, method: Method, body: bytes = b"", frame_max_bytes: int = 131_072, **values: Any
) -> bytes:
    """The frames of a message; values: properties."""
    header = properties.encode(Properties(**values), len(body))
    return encode_frame(channel, method) + content_frames(channel, header, body, frame_max_bytes)
