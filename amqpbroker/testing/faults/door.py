"""The sockets that clients come to, closed for a while: connecting is refused, and the ports stay the broker's."""

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Final

from amqpbroker.server.listening import addresses_of

if TYPE_CHECKING:
    from amqpbroker.server.listening import Endpoint
    from amqpbroker.testing.crashes.server import CrashableServer

# An acceptor of TLS closes its socket when the loop has let go of it.
_TURNS_TO_CLOSE: Final = 3


class PortHold:
    """Ports that nobody listens on, and nobody else can have."""

    def __init__(self, endpoints: "list[Endpoint]") -> None:
        """Raises OSError: somebody has one of them."""
        self._held: list[socket.socket] = []
        for endpoint in endpoints:
            if endpoint.host is not None:
                self._hold(endpoint.host, endpoint.port)

    def _hold(self, host: str, port: int) -> None:
        family = addresses_of([host])[0].family
        held = socket.socket(family, socket.SOCK_STREAM)
        self._held.append(held)
        if os.name == "posix":
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, port))

    def let_go(self) -> None:
        """They can be listened on."""
        for held in self._held:
            held.close()


class Door:
    """closed_by: how many want it closed."""

    def __init__(self, server: "CrashableServer") -> None:
        self._server = server
        self._closed_by = 0
        self._hold: PortHold | None = None
        self._one_at_a_time = asyncio.Lock()

    async def close(self) -> None:
        """Nobody gets in any more."""
        async with self._one_at_a_time:
            self._closed_by += 1
            if self._closed_by == 1:
                self._server.stop_accepting()
                for _ in range(_TURNS_TO_CLOSE):
                    await asyncio.sleep(0)
                self._hold = PortHold(self._server.endpoints)

    async def open(self) -> None:
        """Who comes gets in, if nobody else wants it closed."""
        async with self._one_at_a_time:
            self._closed_by -= 1
            if self._closed_by == 0:
                self.let_go()
                await self._server.accept_again()

    def let_go(self) -> None:
        """The ports are anybody's."""
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.let_go()
