"""A socket that faults can come between, and its client; without one it is the broker's own."""

import asyncio
from typing import TYPE_CHECKING, cast

from amqpbroker.protocol.connection import Connection as WireConnection
from amqpbroker.server.transport import ConnectionTransport
from amqpbroker.testing.faults.connection import FaultyConnection
from amqpbroker.testing.faults.stand_ins import BlackHole, Forsaken, Gone, reset
from amqpbroker.wire.tables import text

if TYPE_CHECKING:
    from amqpbroker.testing.crashes.server import CrashableServer
    from amqpbroker.testing.faults.rule import Rule
    from amqpbroker.testing.faults.rules import Rules
    from amqpbroker.testing.faults.sockets import How
    from amqpbroker.testing.faults.traffic import Traffic


class FaultyTransport(ConnectionTransport):
    """traffic: looks at its octets while a fault does; None: nobody does."""

    session_type = FaultyConnection
    traffic: "Traffic | None" = None

    @property
    def session(self) -> FaultyConnection:
        """What is behind it."""
        return cast(FaultyConnection, self._session)

    @property
    def wire(self) -> WireConnection:
        """What reads and writes its frames."""
        return self._wire

    @property
    def rules(self) -> "Rules":
        """The broker's faults."""
        return cast("CrashableServer", self._server).rules

    @property
    def names(self) -> list[str]:
        """What the broker calls it, and what its client does, if it has said so."""
        own = self._wire.client_properties.get("connection_name")
        return [self.name, text(own)] if own is not None and own.kind == "S" else [self.name]

    @property
    def vhost_name(self) -> str:
        """Where the client is; "" before that."""
        vhost = getattr(self._session, "vhost", None)
        return vhost.name if vhost is not None else ""

    # Where faults come in

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        server = cast("CrashableServer", self._server)
        self.session.rules, self.session.socket = server.rules, self
        self.session.ledger = server.ledger if server.storage is not None else None
        self.rules.connected(self)

    def data_received(self, data: bytes) -> None:
        if self.traffic is None:
            super().data_received(data)
        else:
            self.traffic.read(data)

    def _write(self, data: bytes) -> None:
        if self.traffic is None:
            super()._write(data)
        else:
            self.traffic.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.traffic is not None:
            self.traffic.stop()
        super().connection_lost(error)

    # What faults do

    @property
    def is_closing(self) -> bool:
        """Whether it is on its way out."""
        return self._socket.is_closing()

    @property
    def is_deaf(self) -> bool:
        """Whether nothing that its client sends is read any more."""
        return isinstance(self._socket, BlackHole) or self._socket.is_closing()

    def take_unread(self) -> bytes:
        """What was read and not done yet: from now on it is the caller's."""
        unread, self._wire._rest = self._wire._rest, b""
        return unread

    def feed(self, data: bytes) -> None:
        """The broker reads octets."""
        if not self._socket.is_closing():
            super().data_received(data)

    def send(self, data: bytes) -> None:
        """The client is sent octets."""
        super()._write(data)

    def drop(self, how: "How", rule: "Rule") -> None:
        """Comes between client and broker, see `How`; nothing if somebody has before."""
        if self.is_deaf:
            return
        real = self._socket
        if how == "rst":
            reset(real)
            return
        if self._steps is not None:
            self._steps.end()
            self._steps = None
        if how == "black_hole":
            self._socket = BlackHole(real, self, self._loop)
            self.rules.cut(self, rule)
            return
        real.set_protocol(Forsaken(real, resets=how == "half_open"))
        real.resume_reading()
        if how == "eof":
            if real.can_write_eof():
                real.write_eof()
            else:  # over TLS there is no end of one direction alone
                real.close()
        self.rules.forsake(real)
        self._socket = Gone(real)
        self._loop.call_soon(self.connection_lost, None)

    def cut_off(self) -> None:
        """The broker is dead: the client gets RST, whatever has come between them."""
        reset(self._socket.real if isinstance(self._socket, BlackHole) else self._socket)

    def heal(self) -> None:
        """The network that was cut is whole again."""
        hole = self._socket
        if not isinstance(hole, BlackHole):
            return
        if hole.heal():
            self._socket = hole.real
            self._go_on_reading()
            self._loop.call_soon(self.data_received, b"")
            self._server.flush_soon()

    def close_with(self, code: int, explanation: str) -> None:
        """connection.close by the broker."""
        self._wire.close(code, explanation, self._server.ticker.now_s())
        if self._wire.drop_at_s is not self._drop_at_s:
            self._arm()
