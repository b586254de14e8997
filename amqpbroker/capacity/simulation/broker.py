"""A broker without sockets, and clients that speak octets to it, on a clock turned by hand."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from amqpbroker.errors import AMQPError
from amqpbroker.model.access import User, Users
from amqpbroker.model.access.passwords import SALT_BYTES, hash_password
from amqpbroker.model.access.permissions import Permission
from amqpbroker.model.broker import Broker
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.profiles import DEFAULT_PROFILE
from amqpbroker.protocol.connection import Connection as WireConnection
from amqpbroker.protocol.connection import Settings
from amqpbroker.session.batch import Batch
from amqpbroker.session.connection import Connection, Transport
from amqpbroker.wire.constants import BODY, DELIVER, METHOD, PROTOCOL_HEADER
from amqpbroker.wire.frames import FRAME_HEADER, TAG
from amqpbroker.wire.methods import Channel, Method, decode, encode_frame
from amqpbroker.wire.methods import Connection as ConnectionMethods

CHANNEL: Final = 1
_VHOST: Final = "/"
_USER: Final = "guest"
_FRAME_MAX_BYTES: Final = 131_072


class SimulationError(Exception):
    """The broker answered what nobody asked for."""


class SimulatedBroker:
    """random: where it takes names and chances from."""

    def __init__(self, random: Random) -> None:
        self.clock = HandClock(0.0)
        self.batch = Batch()
        self.settings = Settings(DEFAULT_PROFILE, {}, heartbeat_s=0)
        users = Users([User(_USER, hash_password(_USER.encode(), bytes(SALT_BYTES)))])
        self.broker = Broker(DEFAULT_PROFILE, users, random.randbytes, self.clock)
        # A consumer may take as long as its distribution says.
        self.broker.consumer_timeout_ms = None
        self.vhost = self.broker.add_vhost(_VHOST)
        self.broker.permissions.add(Permission(_USER, _VHOST, ".*", ".*", ".*"))


class SimulatedClient:
    """A client with channel 1 open. received: called with the octets that the broker writes to it, once it is set."""

    def __init__(self, server: SimulatedBroker) -> None:
        self._server = server
        self._answers = b""
        self.received: Callable[[bytes], None] = self._keep
        self._wire = WireConnection(server.settings, server.clock.seconds)
        self._wire.on_fault = _fail
        transport = Transport(self._write, _nothing, _nothing, True, self._closed)
        self._wire.handler = Connection(
            server.broker, server.batch, self._wire, transport, DEFAULT_PROFILE.message_size_max_bytes
        )
        start_ok = ConnectionMethods.StartOk(
            client_properties={}, mechanism="PLAIN", response=f"\0{_USER}\0{_USER}".encode(), locale="en_US"
        )
        tune_ok = ConnectionMethods.TuneOk(channel_max=CHANNEL, frame_max=_FRAME_MAX_BYTES, heartbeat=0)
        opening = ConnectionMethods.Open(virtual_host=_VHOST)
        self.feed(PROTOCOL_HEADER + b"".join(encode_frame(0, method) for method in (start_ok, tune_ok, opening)))
        self.call(Channel.Open())

    def feed(self, octets: bytes) -> None:
        """Sends octets as one read of the broker; what it writes by that is written to everybody."""
        server = self._server
        self._wire.feed(octets, server.clock.seconds)
        server.batch.finish()

    def call(self, method: Method) -> None:
        """Sends a method that is answered at once. Raises SimulationError: it was refused."""
        self._answers = b""
        self.feed(encode_frame(CHANNEL, method))
        answer = decode(next(_frames(self._answers))[1])
        if answer.name != f"{method.name}Ok":
            raise SimulationError(f"{method.name} was answered with {answer}")

    def _write(self, octets: bytes) -> None:
        self.received(octets)

    def _keep(self, octets: bytes) -> None:
        self._answers += octets

    def _closed(self, reason: str) -> None:
        raise SimulationError(f"the broker has closed the connection: {reason}")


def deliveries(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """(delivery tag, body) of what the broker has written. Raises SimulationError: it is not deliveries alone."""
    tag = 0
    for kind, payload in _frames(octets):
        if kind == METHOD:
            if not payload.startswith(DELIVER):
                raise SimulationError(f"the broker says {decode(payload)}")
            [tag] = TAG.unpack_from(payload, 5 + payload[4])
        elif kind == BODY:
            yield tag, payload


def _frames(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, payload) of whole frames."""
    position, end = 0, len(octets)
    while position < end:
        kind, _, size = FRAME_HEADER.unpack_from(octets, position)
        yield kind, octets[position + 7 : position + 7 + size]
        position += size + 8


def _fail(fault: AMQPError | str) -> None:
    raise SimulationError(f"the broker finds fault: {fault}")


def _nothing() -> None:
    """No socket is read that could be left alone for a while."""
