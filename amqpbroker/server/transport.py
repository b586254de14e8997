"""A socket of asyncio with a connection behind it: feed, flush, and the times at which something is due."""

import asyncio
import logging
import socket
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from amqpbroker.errors import INTERNAL_ERROR, AMQPError
from amqpbroker.limits import BACKLOG_REST_S, PENDING_MAX_BYTES, UNREAD_MAX_BYTES
from amqpbroker.model.deadlines import Deadline
from amqpbroker.model.ports import Journal
from amqpbroker.model.queue import Queue
from amqpbroker.protocol.connection import Connection as WireConnection
from amqpbroker.server.listening import ip_address
from amqpbroker.server.logins import logins, mechanisms
from amqpbroker.server.packets import packets_of
from amqpbroker.server.steps import Steps
from amqpbroker.session.connection import Connection, Transport

if TYPE_CHECKING:
    import ssl

    from amqpbroker.model.observing.tls_facts import TlsFacts
    from amqpbroker.server.proxy_protocol import Ends
    from amqpbroker.server.server import Server

logger = logging.getLogger("amqpbroker.connection")

# Who does not read is not waited for: what is not written so long after the close is lost.
_LINGER_S: Final = 1.0
# A read of less waits for the end of the loop's turn, so that many small ones share their writes.
_FLUSH_AT_ONCE_BYTES = 4_096
# Who sends this much at a time is a flood: others come first. One turn of the loop is asyncio's own pace, which uvloop
# does not keep.
_FLOOD_BYTES = 65_536


class ConnectionTransport(asyncio.Protocol):
    """What asyncio calls. session_type: of what is behind it; a test suite has one of its own."""

    session_type: type[Connection] = Connection

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._loop = server.loop
        self._socket: asyncio.Transport
        self._wire = WireConnection(server.settings, server.ticker.now_s())
        self._session: Connection
        self._deadline: Deadline | None = None
        self._drop_at_s: float | None = None
        self._reading_held = False
        self._steps: Steps | None = None
        self._writing_paused = False
        self._turn_over = False
        self._waits_for_disk = False
        self._rest: Deadline | None = None
        self.name = ""
        # What a proxy in front says of the two ends.
        self.ends: Ends | None = None
        self._address = ""

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.Transport, transport)
        peer = self.ends.peer if self.ends is not None else transport.get_extra_info("peername")
        family = transport.get_extra_info("socket").family
        here = self.ends.here if self.ends is not None else transport.get_extra_info("sockname")
        self.name = connection_name(peer, here)
        tls = transport.get_extra_info("ssl_object")
        wire = self._wire
        self._session = wire.handler = self.session_type(
            self._server.broker,
            self._server.batch,
            wire,
            Transport(
                self._write,
                self._hold_reading,
                self._release_reading,
                _is_loopback(peer, family),
                self.force_close,
                self.name,
                _end(here),
                _end(peer),
                _tls_facts(tls) if tls is not None else None,
                logins(self._server.config, tls),
                partial(packets_of, transport.get_extra_info("socket")),
            ),
            self._server.config.message_size_max_bytes,
        )
        wire.mechanisms = mechanisms(self._server.config, over_tls=tls is not None)
        wire.on_fault = self._log_fault
        self._server.connections.add(self)
        self._address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._server.handshakes.begin(self, self._address, self._server.ticker.now_s())
        self._arm()
        logger.info("accepting AMQP connection %s", self.name)

    def data_received(self, data: bytes) -> None:
        wire = self._wire
        try:
            wire.feed(data, self._server.ticker.now_s())
        except Exception:
            # A fault of ours must not take the other clients with it.
            logger.exception("connection %s: internal error", self.name)
            wire.close(INTERNAL_ERROR, "", self._server.ticker.now_s())
        alarms = self._server.alarms
        alarms.octets_read += len(data)
        if alarms.octets_read >= alarms.look_at_octets:
            alarms.have_read()
        if wire.drop_at_s is not self._drop_at_s:
            self._arm()
        if len(data) >= _FLUSH_AT_ONCE_BYTES:
            self._server.batch.finish()
            journal = self._server.broker.journal
            if journal is not None and journal.pending_bytes > PENDING_MAX_BYTES:
                self._rest_until_written(journal)
            if len(data) >= _FLOOD_BYTES and not self._reading_held and not wire.more:
                self._socket.pause_reading()
                lagging, self._session.lagging = self._session.lagging, None
                if lagging is None:
                    self._loop.call_soon(self._go_on_reading)
                else:
                    lagging.resting.append(self._wake)
                    until_s = self._server.ticker.now_s() + BACKLOG_REST_S
                    self._rest = self._server.ticker.at(until_s, partial(self._wake_anyway, lagging))
        else:
            self._server.flush_soon()
        if wire.more or self._leaves_answers_unread():
            self._end_turn()

    def eof_received(self) -> bool:
        # asyncio closes the socket now; the answers to what was read before may still be on their way.
        self._server.batch.finish()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._server.connections.discard(self)
        self._server.handshakes.end(self, self._address)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._steps is not None:
            self._steps.end()
        self._server.connection_gone()
        self._server.flush_soon()
        logger.info("closed AMQP connection %s", self.name)
        self._wire.lost()

    def pause_writing(self) -> None:
        self._writing_paused = True
        self._session.pause_writing()

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._session.resume_writing()
        self._server.flush_soon()
        if self._turn_over:
            self._loop.call_soon(self._next_turn)

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
        self._steps = Steps(self, self._session, self._socket, self._server.ticker)

    def _release_reading(self) -> None:
        self._reading_held = False
        if self._steps is not None:
            self._steps.end()
            self._steps = None
        if self._turn_over:
            self._loop.call_soon(self._next_turn)
        self._go_on_reading()
        self._server.flush_soon()

    def _end_turn(self) -> None:
        """Others come first; and who does not read its answers gets no more of them."""
        self._turn_over = True
        self._socket.pause_reading()
        self._server.batch.finish()
        if not self._leaves_answers_unread():
            self._loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        """Goes on with what was read already, then with reading."""
        if not self._turn_over or self._reading_held or self._socket.is_closing():
            return
        self._turn_over = False
        self.data_received(b"")
        self._go_on_reading()

    def go_on_held_back(self) -> bool:
        """Takes another turn of what was read already though reading is held; whether there was anything."""
        if not self._turn_over:
            return False
        if not self._leaves_answers_unread():
            self._turn_over = False
            self.data_received(b"")
        return True

    def _leaves_answers_unread(self) -> bool:
        # Deliveries alone never come to so much: they stop at OUTBOX_MAX_BYTES and one message.
        limit_bytes = UNREAD_MAX_BYTES + self._server.config.message_size_max_bytes
        return self._writing_paused and self._socket.get_write_buffer_size() > limit_bytes

    def _rest_until_written(self, journal: Journal) -> None:
        """Who publishes what goes to disk is read no faster than the disk takes it."""
        writes, self._session.publishes_logged = self._session.publishes_logged, False
        if (writes or journal.is_paging) and not self._waits_for_disk:
            self._waits_for_disk = True
            self._socket.pause_reading()
            journal.when_committed(self._written)

    def _written(self) -> None:
        self._waits_for_disk = False
        self._go_on_reading()

    def _wake(self) -> None:
        """The consumers have caught up."""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
            self._go_on_reading()

    def _wake_anyway(self, lagging: Queue) -> None:
        """The rest was long enough: the queue, whose consumers may never catch up, forgets who waits."""
        lagging.resting.remove(self._wake)
        self._wake()

    def _go_on_reading(self) -> None:
        waits = self._reading_held or self._turn_over or self._waits_for_disk
        if not waits and not self._socket.is_closing():
            self._socket.resume_reading()

    # Times

    def _arm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._drop_at_s = self._wire.drop_at_s
        if self._drop_at_s is None:
            self._server.handshakes.end(self, self._address)
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
            self._deadline = self._server.ticker.at(now_s + _LINGER_S, self._socket.abort)
        else:
            self._arm()

    # The server's side

    def held_bytes(self) -> int:
        """About how many octets of messages are kept for this client."""
        return self._session.held_bytes() + self._socket.get_write_buffer_size()

    def stop_delivering(self) -> None:
        """Its consumers get nothing more."""
        self._session.pause_writing()

    def force_close(self, reason: str) -> None:
        """Tells the client that the connection is closed from here: 320."""
        try:
            self._wire.force_close(reason, self._server.ticker.now_s())
        except Exception:
            # The others are to be told too.
            logger.exception("connection %s: internal error", self.name)
            self._socket.abort()
        if self._wire.drop_at_s is not self._drop_at_s:
            self._arm()

    def disk_has_failed(self) -> None:
        """Takes back what waits for the disk, and closes the connection with 541."""
        self._session.nack_waiting()
        self._wire.close(INTERNAL_ERROR, "the disk of the broker has failed", self._server.ticker.now_s())

    def abort(self) -> None:
        """Ends the socket without waiting for anything."""
        self._socket.abort()

    def _log_fault(self, fault: AMQPError | str) -> None:
        logger.error("connection %s: %s", self.name, fault)


def _tls_facts(tls: "ssl.SSLObject") -> "TlsFacts":
    from amqpbroker.server.tls_peer import facts_of  # most have no TLS

    return facts_of(tls)


def connection_name(peer: object, here: object) -> str:
    """What RabbitMQ calls a connection, by where its ends are."""
    return f"{_address(peer)} -> {_address(here)}"


def _address(name: object) -> str:
    """host:port as RabbitMQ names connections; unix sockets have neither."""
    if not isinstance(name, tuple):
        return "unix"
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _end(name: object) -> tuple[str, int] | None:
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None


def _is_loopback(peer: object, family: int) -> bool:
    """Whether the peer is on this machine: a unix socket's always is, one that left before it could be asked is not."""
    if not isinstance(peer, tuple):
        return family not in (socket.AF_INET, socket.AF_INET6)
    return ip_address(str(peer[0])).is_loopback
