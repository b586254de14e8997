"""A broker with its API, asked without a socket: the very application that uvicorn serves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from amqpbroker.management.app import build_app
from amqpbroker.server.config import Config
from amqpbroker.server.server import Server

GUEST = ("guest", "guest")
IN_MEMORY = Config(hosts=("127.0.0.1",), port=0, memory=True, http_port=-1, metrics_port=-1)


@asynccontextmanager
async def api(
    peer: str = "127.0.0.1", auth: tuple[str, str] | None = GUEST, **settings: Any
) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    """A server that listens for AMQP on a free port, and a client of its API. peer: where the client seems to be."""
    server = Server(replace(IN_MEMORY, **settings))
    await server.start()
    transport = httpx.ASGITransport(build_app(server), client=(peer, 50_000))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:15672", auth=auth) as client:
            yield server, client
    finally:
        await server.stop()
