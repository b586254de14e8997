"""/api/topology and …/route: the picture of bindings, and where one message would go."""

from typing import Any

import httpx
import pytest

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.server.server import Server
from tests.helpers.management import api, declare


async def bound(server: Server, client: httpx.AsyncClient, *keys: str) -> None:
    """The queue `orders`, bound to amq.topic by each of the keys."""
    await declare(client, "orders")
    for key in keys:
        server.broker.vhosts["/"].bind(Binding("amq.topic", Destination("queue", "orders"), key, {}))


async def route(client: httpx.AsyncClient, exchange: str, **body: Any) -> Any:
    return (await client.post(f"/api/exchanges/%2F/{exchange}/route", json=body)).json()


async def test_a_key_is_tried_and_nothing_is_published() -> None:
    async with api() as (server, client):
        await bound(server, client, "order.*", "invoice.*")
        told = await route(client, "amq.topic", routing_key="order.paid")
        assert (told["queues"], [step["routing_key"] for step in told["steps"]]) == (["orders"], ["order.*"])
        assert (await route(client, "amq.topic", routing_key="other")) == {
            "queues": [],
            "steps": [],
            "is_complete": True,
        }
        assert server.broker.vhosts["/"].queues["orders"].message_count == 0


async def test_so_is_the_default_exchange_and_a_copy() -> None:
    async with api() as (server, client):
        await bound(server, client)
        assert (await route(client, "amq.default", routing_key="orders"))["queues"] == ["orders"]
        assert (await route(client, "amq.default", headers={"CC": ["orders"]}))["queues"] == ["orders"]


async def test_what_cannot_be_tried_is_refused() -> None:
    async with api() as (_, client):
        assert (await client.post("/api/exchanges/%2F/nothing/route", json={})).status_code == 404
        assert (await client.post("/api/exchanges/%2F/amq.topic/route", json={"routing_key": 1})).status_code == 400
        assert (await client.post("/api/exchanges/%2F/amq.topic/route", json={"headers": 1})).status_code == 400


async def test_the_picture_has_the_bindings_and_what_leads_on() -> None:
    async with api() as (server, client):
        await bound(server, client, "a", "b")
        arguments = {"alternate-exchange": "amq.topic"}
        await client.put("/api/exchanges/%2F/first", json={"type": "fanout", "arguments": arguments})
        server.broker.vhosts["/"].bind(Binding("amq.fanout", Destination("exchange", "amq.topic"), "", {}))
        told = (await client.get("/api/topology/%2F")).json()
        assert [(one["source"], one["destination"]) for one in told["bindings"]] == [
            ("amq.fanout", "amq.topic"),
            ("amq.topic", "orders"),
            ("amq.topic", "orders"),
        ]
        assert told["alternates"] == [{"source": "first", "destination": "amq.topic"}]
        told = (await client.get("/api/topology/%2F?exchange=first")).json()
        assert [one["routing_key"] for one in told["bindings"]] == ["a", "b"]


@pytest.mark.parametrize(("limit", "told_count", "left_out"), [(1, 1, 2), (3, 3, 0), (0, 0, 3)])
async def test_no_more_than_was_asked_for_is_told(limit: int, told_count: int, left_out: int) -> None:
    async with api() as (server, client):
        await bound(server, client, "a", "b", "c")
        told = (await client.get(f"/api/topology/%2F?limit={limit}")).json()
        assert (len(told["bindings"]), told["left_out"]) == (told_count, left_out)
