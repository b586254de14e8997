"""uvicorn, as a guest on a loop that is not its own: it takes no signal, logs no request and ends when it is told."""

import contextlib
import ssl
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

# Requests under way at a time; more get 503 at once.
_REQUESTS_MAX: Final = 1_000
_KEEP_ALIVE_S: Final = 75


class _Config(uvicorn.Config):
    def configure_logging(self) -> None:
        """Loggers are the process's own: `amqpbroker serve` sets their levels, and a test suite has its own."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the broker's."""
        yield


def make_server(app: ASGIApp, tls: ssl.SSLContext | None = None) -> uvicorn.Server:
    """Serves on sockets that are open already. h11: it bounds what a peer may send before it has said who it is."""
    config = _Config(
        app,
        loop="none",
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_REQUESTS_MAX,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    config.load()
    # It would make one of its own from paths.
    config.ssl = tls
    return _Server(config)
