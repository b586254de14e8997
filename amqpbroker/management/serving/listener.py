"""Listens for HTTP beside a running server, on its loop.

The sockets are open before anything is imported, so that nobody is refused: who comes early waits for the moment that
starlette and uvicorn take to load, which is when AMQP has long been ready.
"""

import asyncio
import contextlib
import importlib.util
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.server.listening import Endpoint, addresses_of, open_socket

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

_NEEDED: Final = ("starlette", "uvicorn", "prometheus_client", "regex")


def missing() -> list[str]:
    """Which of the libraries that it needs are not installed. Looks, and loads nothing."""
    return [name for name in _NEEDED if importlib.util.find_spec(name) is None]


class Listener:
    """One port on some addresses. load_app: imports what builds what is served there, and gives it.

    hosts: the addresses; those for AMQP if there are none. endpoints: after `open`, where it really listens.
    """

    def __init__(
        self,
        server: "Server",
        port: int,
        load_app: Callable[[], Callable[["Server"], Any]],
        hosts: Sequence[str] = (),
    ) -> None:
        self.endpoints: list[Endpoint] = []
        self._server = server
        self._hosts = hosts or server.config.hosts
        self._port = port
        self._load_app = load_app
        self._sockets: list[socket.socket] = []
        self._app: Any = None
        self._uvicorn: Any = None
        self._serving: asyncio.Task[None] | None = None

    def open(self) -> None:
        """From now on clients can connect; they are answered after `serve`. Raises ListenError, and listens nowhere."""
        port = self._port
        try:
            for address in addresses_of(self._hosts):
                listening = open_socket(address._replace(port=port))
                self._sockets.append(listening)
                # Any free port was asked for: the other addresses get the same one.
                port = port or listening.getsockname()[1]
                self.endpoints.append(Endpoint(address.host, port, tls=self._server.config.http_tls))
        except OSError:
            self._close_sockets()
            raise

    async def serve(self) -> None:
        """Loads what it takes, in a thread, and answers from then on."""
        loop = asyncio.get_running_loop()
        build, make_server = await loop.run_in_executor(None, self._load)
        if not self._sockets:  # it was closed meanwhile
            return
        self._app = build(self._server)
        tls = self._server.tls if self._server.config.http_tls else None
        self._uvicorn = make_server(self._app, tls.http if tls is not None else None)
        self._serving = loop.create_task(self._uvicorn.serve(self._sockets))

    def _load(self) -> tuple[Callable[["Server"], Any], Callable[[Any, Any], Any]]:
        from amqpbroker.management.serving.uvicorn_server import make_server

        return self._load_app(), make_server

    async def close(self) -> None:
        """Ends what is under way, and listens no more."""
        if self._serving is not None:
            close = getattr(self._app, "close", None)
            if close is not None:  # it has answers that would go on for ever
                close()
            self._uvicorn.should_exit = self._uvicorn.force_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving
        self._close_sockets()

    def _close_sockets(self) -> None:
        for one in self._sockets:
            one.close()
        self._sockets.clear()
        self.endpoints.clear()
