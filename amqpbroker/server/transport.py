"""A socket of asyncio with a connection behind it: feed, flush, and the times at which something is due."""

import asyncio
import ipaddress
import logging
from typing import TYPE_CHECKING, cast

from amqpbroker.errors import INTERNAL_ERROR, AMQPError
from amqpbroker.limits import BACKLOG_REST_S
from amqpbroker.protocol.connection import Connection as WireConnection
from amqpbroker.server.ticker import Deadline
from amqpbroker.session.connection import Connection, Transport

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

logger = logging.getLogger("amqpbroker.connection")

# A read of less waits for the end of the loop's turn, so that many small ones share their writes.
_FLUSH_AT_ONCE_BYTES = 4_096
# Who sends this much at a time is a flood: others come first. One turn of the loop is asyncio's own pace, which uvloop
# does not keep.
_FLOOD_BYTES = 65_536


class ConnectionTransport(asyncio.Protocol):
    """What asyncio calls."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._loop = server.loop
        self._socket: asyncio.Transport
        self._wire = WireConnection(server.settings, server.ticker.now_s())
        self._session: Connection
        self._deadline: Deadline | None = None
        self._drop_at_s: float | None = None
        self._reading_held = False
        self._writing_paused = False
        self._rest: asyncio.TimerHandle | None = None
        self.name = ""

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        here = transport.get_extra_info("sockname")
        self.name = f"{_address(peer)} -> {_address(here)}"
        wire = self._wire
        self._session = wire.handler = Connection(
            self._server.broker,
            self._server.batch,
            wire,
            Transport(self._write, self._hold_reading, self._release_reading, _is_loopback(peer)),
            self._server.config.message_size_max_bytes,
        )
        wire.on_fault = self._log_fault
        self._server.connections.add(self)
        self._arm()
        logger.info("accepting AMQP connection %s", self.name)

    def data_received(self, data: bytes) -> None:
        wire = self._wire
        try:
            wire.feed(data, self._loop.time())
        except Exception:
            # A fault of ours must not take the other clients with it.
            logger.exception("connection %s: internal error", self.name)
            wire.close(INTERNAL_ERROR, "", self._loop.time())
        if wire.drop_at_s is not self._drop_at_s:
            self._arm()
        if len(data) >= _FLUSH_AT_ONCE_BYTES:
            self._server.batch.finish()
            if len(data) >= _FLOOD_BYTES and not self._reading_held:
                self._socket.pause_reading()
                lagging, self._session.lagging = self._session.lagging, None
                if lagging is None:
                    self._loop.call_soon(self._go_on_reading)
                else:
                    lagging.resting.append(self._wake)
                    self._rest = self._loop.call_later(BACKLOG_REST_S, self._wake)
        else:
            self._server.flush_soon()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._server.connections.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
        self._wire.lost()
        self._server.flush_soon()
        self._server.connection_gone()
        logger.info("closed AMQP connection %s", self.name)

    def pause_writing(self) -> None:
        self._writing_paused = True
        self._session.pause_writing()

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._session.resume_writing()
        self._server.flush_soon()

    # The session's side

    def _write(self, data: bytes) -> None:
        if self._socket.is_closing():
            return
        self._socket.write(data)
        if self._session.full and not self._writing_paused:
            self._loop.call_soon(self._go_on_delivering)

    def _go_on_delivering(self) -> None:
        self._session.go_on()
        self._server.batch.finish()

    def _hold_reading(self) -> None:
        self._reading_held = True
        self._socket.pause_reading()

    def _release_reading(self) -> None:
        self._reading_held = False
        self._go_on_reading()
        self._server.flush_soon()

    def _wake(self) -> None:
        """The consumers have caught up, or the rest was long enough."""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
            self._go_on_reading()

    def _go_on_reading(self) -> None:
        if not self._reading_held and not self._socket.is_closing():
            self._socket.resume_reading()

    # Times

    def _arm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._drop_at_s = self._wire.drop_at_s
        due_s = self._wire.due_s
        self._deadline = self._server.ticker.at(due_s, self._due) if due_s is not None else None

    def _due(self) -> None:
        self._deadline = None
        now_s = self._server.ticker.now_s()
        wire = self._wire
        wire.look(now_s)
        self._server.batch.finish()
        if wire.drop_at_s is not None and wire.drop_at_s <= now_s:
            self._socket.close()
            # What cannot be written by now is not waited for.
            self._loop.call_later(1.0, self._socket.abort)
        else:
            self._arm()

    # The server's side

    def force_close(self, reason: str) -> None:
        """Tells the client that the connection is closed from here: 320."""
        self._wire.force_close(reason, self._server.ticker.now_s())
        if self._wire.drop_at_s is not self._drop_at_s:
            self._arm()

    def abort(self) -> None:
        """Ends the socket without waiting for anything."""
        self._socket.abort()

    def _log_fault(self, fault: AMQPError) -> None:
        logger.error("connection %s: %s", self.name, fault)


def _address(name: object) -> str:
    """host:port as RabbitMQ names connections; unix sockets have neither."""
    if isinstance(name, tuple) and len(name) >= 2:
        return f"{name[0]}:{name[1]}"
    return "unix"


def _is_loopback(peer: object) -> bool:
    """Whether the peer is on this machine: a unix socket's always is."""
    if not isinstance(peer, tuple):
        return True
    address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
