"""A broker at which something goes on, and its API: queues of every type, bindings, messages, consumers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx

from amqpbroker.server.listening import Endpoint
from amqpbroker.server.server import Server
from amqpbroker.wire.methods import Basic, Confirm, Exchange, Queue
from amqpbroker.wire.tables import Field, from_python
from tests.helpers.management import api
from tests.helpers.socket_client import SocketClient
from tests.helpers.wire_client import publish_octets

QUEUES: dict[str, dict[str, Any]] = {
    "classic": {},
    "priorities": {"x-max-priority": 9, "x-message-ttl": 600_000},
    "quorum": {"x-queue-type": "quorum", "x-delivery-limit": 5},
    "stream": {"x-queue-type": "stream", "x-max-length-bytes": 10_000_000},
}


class Busy(NamedTuple):
    """http: a client of the API. amqp: a client with one channel, and two messages of `classic` unacknowledged."""

    server: Server
    http: httpx.AsyncClient
    amqp: SocketClient

    @property
    def connection(self) -> str:
        """What the broker calls the client's connection."""
        return next(iter(self.server.connections)).name

    async def get(self, path: str) -> Any:
        """What the API answers with 200."""
        answer = await self.http.get(f"/api/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def busy_broker(**settings: Any) -> AsyncIterator[Busy]:
    """`classic` holds five messages of four octets, two of them with its consumer; `events` leads to it by {a: 1}."""
    async with api(**settings) as (server, http):
        server.web_endpoints["http"] = [Endpoint("127.0.0.1", 15_672)]
        amqp = await SocketClient.opened(server.endpoints[0])
        await amqp.call(1, Confirm.Select())
        for name, arguments in QUEUES.items():
            await amqp.call(1, Queue.Declare(queue=name, durable=True, arguments=from_python(arguments).value))
        await amqp.call(1, Exchange.Declare(exchange="events", exchange_type="topic", durable=True))
        await amqp.call(1, Exchange.Declare(exchange="all", exchange_type="fanout", durable=True))
        bind = Queue.Bind(queue="classic", exchange="events", routing_key="rk", arguments={"a": Field("l", 1)})
        await amqp.call(1, bind)
        await amqp.call(1, Exchange.Bind(destination="all", source="events", routing_key="order.eu.#"))
        for _ in range(5):
            amqp.writer.write(publish_octets(1, Basic.Publish(routing_key="classic"), b"body", delivery_mode=2))
            await amqp.until(Basic.Ack)
        await amqp.call(1, Basic.Qos(prefetch_count=2))
        await amqp.call(1, Basic.Consume(queue="classic", consumer_tag="ctag"))
        await amqp.until(Basic.Deliver)
        await amqp.until(Basic.Deliver)
        for name in ("priorities", "quorum"):
            await amqp.call(1, Basic.Consume(queue=name, consumer_tag=f"ctag-{name}"))
        yield Busy(server, http, amqp)
        await amqp.leave()
