"""/api/inbox: pages of what was, one in full, and what comes as it comes, over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from amqpbroker.management.management import Management
from amqpbroker.server.server import Server
from amqpbroker.wire.methods import Basic, Exchange, Queue
from amqpbroker.wire.tables import Field, from_python, long_string
from tests.helpers.management import GUEST, IN_MEMORY, api
from tests.helpers.socket_client import SocketClient
from tests.helpers.wire_client import publish_octets


async def publisher(server: Server, *queues: str) -> SocketClient:
    """A client with a channel, after it has declared these."""
    client = await SocketClient.opened(server.endpoints[0])
    for queue in queues:
        await client.call(1, Queue.Declare(queue=queue))
    return client


async def publish(client: SocketClient, body: bytes, key: str = "tasks", exchange: str = "", **how: Any) -> None:
    """Publishes, and waits for what is answered after it."""
    mandatory = how.pop("mandatory", False)
    method = Basic.Publish(exchange=exchange, routing_key=key, mandatory=mandatory)
    client.writer.write(publish_octets(1, method, body, **how))
    await client.call(1, Basic.Qos())


def fields(found: dict[str, Any], *names: str) -> list[Any]:
    return [found[name] for name in names]


async def test_a_message_is_told_with_all_that_is_known_of_it() -> None:
    async with api() as (server, asking):
        client = await publisher(server, "tasks")
        headers = {"number": from_python(1), "nested": from_python({"octets": b"\xff"})}
        await publish(client, b'{"a":1}', content_type="application/json", delivery_mode=2, headers=headers)
        (found,) = (await asking.get("/api/inbox/messages")).json()["items"]
        expected = ["/", "", "tasks", "routed", ["tasks"], 1, {"tasks": "ready"}, 7, '{"a":1}', "string", False]
        names = ["vhost", "exchange", "routing_key", "outcome", "queues", "queue_count", "states", "size_bytes"]
        assert fields(found, *names, "body", "body_encoding", "body_truncated") == expected
        assert found["properties"] == {"content_type": "application/json", "delivery_mode": 2}
        assert found["headers"] == {"number": 1, "nested": {"octets": "Not UTF-8, base64 is: /w=="}}
        (step,) = found["why"]
        assert fields(step, "how", "destination") == ["default-exchange", "tasks"]
        assert found["user"] == "guest" and found["why_is_complete"]
        await client.leave()


async def test_pages_go_back_from_the_newest() -> None:
    async with api() as (server, asking):
        client = await publisher(server, "tasks")
        for number in range(5):
            await publish(client, str(number).encode())
        first = (await asking.get("/api/inbox/messages?limit=3")).json()
        assert [item["body"] for item in first["items"]] == ["4", "3", "2"]
        second = (await asking.get(f"/api/inbox/messages?limit=3&before={first['before']}")).json()
        assert ([item["body"] for item in second["items"]], second["before"]) == (["1", "0"], None)
        await client.leave()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("search=PAID", ["paid", "1"]),
        ("search=b%C3%B6se", ["1"]),
        ("queue=other", ["1"]),
        ("exchange=", ["paid", "1"]),
        ("exchange=amq.direct", []),
        ("routing_key=tasks", ["paid"]),
        ("vhost=nowhere", []),
    ],
)
async def test_what_is_asked_for_is_what_is_found(query: str, expected: list[str]) -> None:
    async with api() as (server, asking):
        client = await publisher(server, "tasks", "other")
        await publish(client, b"paid")
        await publish(client, b"1", "other", headers={"state": long_string("Paid"), "böse": from_python(1)})
        found = (await asking.get(f"/api/inbox/messages?{query}")).json()["items"]
        assert [item["body"] for item in reversed(found)] == expected
        await client.leave()


async def test_a_long_body_is_cut_in_lists_and_told_in_full_by_itself() -> None:
    async with api() as (server, asking):
        client = await publisher(server, "tasks")
        await publish(client, "ä".encode() * 5_000)
        (found,) = (await asking.get("/api/inbox/messages?body_max_bytes=5")).json()["items"]
        assert fields(found, "body", "body_encoding", "body_truncated", "size_bytes") == ["ää", "string", True, 10_000]
        whole = (await asking.get(f"/api/inbox/messages/{found['id']}")).json()
        assert fields(whole, "body", "body_truncated") == ["ä" * 5_000, False]
        await client.leave()


async def test_octets_that_are_no_text_are_told_in_base64() -> None:
    async with api() as (server, asking):
        client = await publisher(server, "tasks")
        await publish(client, b"\xff\x00")
        (found,) = (await asking.get("/api/inbox/messages")).json()["items"]
        assert fields(found, "body", "body_encoding") == ["/wA=", "base64"]
        await client.leave()


async def test_what_found_no_queue_says_what_became_of_it() -> None:
    async with api() as (server, asking):
        client = await publisher(server)
        delayed = {"x-delayed-type": long_string("fanout")}
        declare = Exchange.Declare(exchange="later", exchange_type="x-delayed-message", arguments=delayed)
        await client.call(1, declare)
        await publish(client, b"1", "nobody")
        await publish(client, b"2", "", "later", headers={"x-delay": Field("I", 60_000)})
        await publish(client, b"3", "nobody", mandatory=True)
        found = (await asking.get("/api/inbox/messages")).json()["items"]
        assert [item["outcome"] for item in found] == ["returned", "delayed", "unroutable"]
        await client.leave()


async def test_a_message_that_is_not_there_is_not_found() -> None:
    async with api() as (_, asking):
        assert (await asking.get("/api/inbox/messages/1")).status_code == 404
        assert (await asking.get("/api/inbox/messages/one")).status_code == 400
        assert (await asking.get("/api/inbox/messages?limit=-1")).status_code == 400


async def test_nobody_sees_what_they_may_not_read() -> None:
    async with api(auth=("reader", "secret")) as (server, asking):
        users, permissions = server.broker.users, server.broker.permissions
        users.set("reader", password="secret", tags=("management",))
        client = await publisher(server, "tasks", "secret")
        await publish(client, b"1")
        await publish(client, b"2", "secret")
        await publish(client, b"3", "nobody")
        assert (await asking.get("/api/inbox/messages")).json()["items"] == []
        permissions.set("reader", "/", configure="", write="", read="^tasks$")
        (found,) = (await asking.get("/api/inbox/messages")).json()["items"]
        assert found["body"] == "1"
        assert (await asking.get("/api/inbox/messages/2")).status_code == 404
        await client.leave()


# As they come


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Server, Management, httpx.AsyncClient]]:
    """A server whose API listens."""
    server = Server(replace(IN_MEMORY, http_port=0))
    await server.start()
    management = Management(server)
    management.open()
    management.serve()
    url = f"http://127.0.0.1:{management.web[0].port}"
    async with httpx.AsyncClient(auth=GUEST, base_url=url, timeout=10.0) as client:
        yield server, management, client
    await management.close()
    await server.stop()


class Events:
    """What a stream tells, event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self) -> tuple[str, Any]:
        """The name of the next event, and what it says."""
        kind = "message"
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            if name == "data":
                return kind, json.loads(value)
        return "end", None

    async def began(self) -> None:
        """From now on nothing is missed."""
        await anext(self._lines)


async def test_what_comes_is_told_as_it_comes_and_what_becomes_of_it() -> None:
    async with served() as (server, _, asking), asking.stream("GET", "/api/inbox/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in response.headers
        events = Events(response)
        await events.began()
        client = await publisher(server, "tasks")
        await publish(client, b"hello")
        kind, told = await events.next()
        assert (kind, told["body"], told["states"]) == ("message", "hello", {"tasks": "ready"})
        await client.call(1, Basic.Get(queue="tasks"))
        assert await events.next() == ("states", [{"id": told["id"], "states": {"tasks": "unacked"}, "reasons": {}}])
        await client.leave()


async def test_it_goes_on_where_a_browser_was() -> None:
    async with served() as (server, _, asking):
        client = await publisher(server, "tasks")
        for body in (b"first", b"second", b"third"):
            await publish(client, body)
        async with asking.stream("GET", "/api/inbox/events", headers={"last-event-id": "1"}) as response:
            events = Events(response)
            assert [(await events.next())[1]["body"] for _ in range(2)] == ["second", "third"]
        async with asking.stream("GET", "/api/inbox/events?after=0&search=IR") as response:
            events = Events(response)
            assert [(await events.next())[1]["body"] for _ in range(2)] == ["first", "third"]
        await client.leave()


async def test_how_many_more_there_were_is_told() -> None:
    async with served() as (server, _, asking), asking.stream("GET", "/api/inbox/events") as response:
        events = Events(response)
        await events.began()
        client = await publisher(server, "tasks")
        client.writer.write(publish_octets(1, Basic.Publish(routing_key="tasks"), b"flood") * 3_000)
        told = skipped = 0
        while told + skipped < 3_000:
            kind, what = await events.next()
            told += kind == "message"
            skipped += what["count"] if kind == "skipped" else 0
        assert 0 < told < 3_000
        await client.leave()


async def test_a_stream_ends_with_the_server() -> None:
    async with served() as (_, management, asking), asking.stream("GET", "/api/inbox/events") as response:
        events = Events(response)
        await events.began()
        await management.close()
        assert await events.next() == ("end", None)


async def test_who_has_gone_is_not_told_anything_any_more() -> None:
    async with served() as (_, management, asking):
        async with asking.stream("GET", "/api/inbox/events") as response:
            await Events(response).began()
            inbox = management._web._app.close.__self__
            assert len(inbox._watchers) == 1
        async with asyncio.timeout(10):
            while inbox._watchers:
                await asyncio.sleep(0.01)
