"""A publisher that is held back is read a little at a time, for the sake of its acknowledgements.

RabbitMQ does not read it at all: a client that publishes what it makes of what it consumes, on one connection, then
cannot acknowledge what would make room. What it publishes is taken too, so it is not read for ever without any.
"""

import asyncio
from typing import TYPE_CHECKING

from amqpbroker.limits import HELD_BACK_STEP_BYTES, HELD_BACK_STEP_S, HELD_BACK_STEPS_MAX
from amqpbroker.model.deadlines import Deadline
from amqpbroker.server.ticker import Ticker
from amqpbroker.session.connection import Connection

if TYPE_CHECKING:
    from amqpbroker.server.transport import ConnectionTransport


class Steps(asyncio.BufferedProtocol):
    """The steps in which one connection is read while it is held back, from the first publish to the end of the alarm.

    A connection that has nothing to acknowledge is not read. While a step waits for octets this is the socket's
    protocol: asyncio lets no other one say how much is read at a time.
    """

    def __init__(
        self, connection: "ConnectionTransport", session: Connection, socket_: asyncio.Transport, ticker: Ticker
    ) -> None:
        self._connection = connection
        self._session = session
        self._socket = socket_
        self._ticker = ticker
        self._buffer = bytearray()
        self._steps_left = HELD_BACK_STEPS_MAX
        self._settled_count = session.settled_count
        self._is_waiting = False
        self._deadline: Deadline
        self._plan()

    def _plan(self) -> None:
        self._deadline = self._ticker.at(self._ticker.now_s() + HELD_BACK_STEP_S, self._take)

    def _take(self) -> None:
        if self._session.settled_count != self._settled_count:
            self._settled_count = self._session.settled_count
            self._steps_left = HELD_BACK_STEPS_MAX
        if self._session.unacked_count and self._steps_left and not self._socket.is_closing():
            self._steps_left -= 1
            if not self._connection.go_on_held_back():
                self._is_waiting = True
                self._socket.set_protocol(self)
                self._socket.resume_reading()
                return
        self._plan()

    def end(self) -> None:
        """Nobody is held back any more, or the socket is gone; the reading is the connection's again."""
        self._deadline.cancel()
        self._wait_no_more()

    def _wait_no_more(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._socket.pause_reading()
            self._socket.set_protocol(self._connection)

    # asyncio

    def get_buffer(self, _sizehint: int) -> memoryview:
        self._buffer = bytearray(HELD_BACK_STEP_BYTES)
        # Over TLS asyncio fills it a slice at a time: those of a bytearray would be copies.
        return memoryview(self._buffer)

    def buffer_updated(self, nbytes: int) -> None:
        self._wait_no_more()
        data, self._buffer = bytes(self._buffer[:nbytes]), bytearray()
        self._plan()
        self._connection.data_received(data)

    def eof_received(self) -> bool:
        return self._connection.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._connection.connection_lost(error)

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()
