"""A broker with its API, asked without a socket: the very application that uvicorn serves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
from starlette.requests import Request

from amqpbroker.management.app import build_app
from amqpbroker.management.direct import DirectChannel
from amqpbroker.management.requests import ApiRequest
from amqpbroker.model.access import User
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


def direct(server: Server, vhost: str = "/") -> DirectChannel:
    """A channel of guest's, as handlers have it."""
    scope = {"type": "http", "method": "PUT", "headers": [], "query_string": b"", "path_params": {"vhost": vhost}}
    return DirectChannel(ApiRequest(Request(scope), server, User("guest", "guest")))


async def declare(client: httpx.AsyncClient, queue: str, **properties: Any) -> None:
    """A durable queue of the virtual host /, if nothing else is said."""
    answer = await client.put(f"/api/queues/%2F/{queue}", json={"durable": True, **properties})
    assert answer.status_code in (201, 204), answer.text


async def publish(client: httpx.AsyncClient, routing_key: str, *payloads: str, **properties: Any) -> None:
    """Publishes texts to the default exchange."""
    for payload in payloads:
        body = {"routing_key": routing_key, "properties": properties, "payload": payload, "payload_encoding": "string"}
        answer = await client.post("/api/exchanges/%2F/amq.default/publish", json=body)
        assert answer.status_code == 200, answer.text


async def get(
    client: httpx.AsyncClient, queue: str, count: int = 100, mode: str = "ack_requeue_true", **more: Any
) -> Any:
    """Gets messages off a queue of the virtual host /."""
    body = {"count": count, "ackmode": mode, "encoding": "auto", **more}
    return (await client.post(f"/api/queues/%2F/{queue}/get", json=body)).json()


async def make_user(
    client: httpx.AsyncClient, name: str, tags: str = "management", vhost: str = "%2F", **permissions: str
) -> tuple[str, str]:
    """A user who may do nothing else in a virtual host; what to log in with."""
    await client.put(f"/api/users/{name}", json={"password": "secret", "tags": tags})
    body = {"configure": "", "write": "", "read": "", **permissions}
    await client.put(f"/api/permissions/{vhost}/{name}", json=body)
    return name, "secret"
