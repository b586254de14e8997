"""Exchanges declared and deleted over HTTP."""

import pytest

from tests.helpers.management import api

ORDERS = "/api/exchanges/%2F/orders"


async def test_a_new_exchange_is_created_and_the_same_again_is_nothing_new() -> None:
    async with api() as (server, client):
        body = {"auto_delete": "false", "durable": "true", "internal": "false", "type": "topic", "arguments": {}}
        assert [(await client.put(ORDERS, json=body)).status_code for _ in "12"] == [201, 204]
        exchange = server.broker.vhosts["/"].exchanges["orders"]
        assert (exchange.type, exchange.durable, exchange.internal) == ("topic", True, False)


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("orders", {"type": "nope"}, 400, "unknown exchange type 'nope'"),
        ("orders", {"type": 5}, 400, "type: 5 is not a string"),
        ("orders", {"internal": []}, 400, "internal: [] is neither true nor false"),
        ("amq.x", {}, 401, "Access refused."),
        ("amq.default", {}, 401, "Access refused."),
        (
            "amq.topic",
            {"type": "direct", "durable": True},
            400,
            "inequivalent arg 'type' for exchange 'amq.topic' in vhost '/': received 'direct' but current is 'topic'",
        ),
        (
            "orders",
            {"arguments": {"alternate-exchange": 5}},
            400,
            "invalid type 'long' for arg 'alternate-exchange' in exchange 'orders' in vhost '/'",
        ),
    ],
)
async def test_what_cannot_be_declared_says_why(path: str, body: object, status: int, reason: str) -> None:
    async with api() as (server, client):
        answer = await client.put(f"/api/exchanges/%2F/{path}", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        assert "orders" not in server.broker.vhosts["/"].exchanges


async def test_an_exchange_is_deleted() -> None:
    async with api() as (server, client):
        await client.put(ORDERS, json={})
        assert (await client.delete(ORDERS)).status_code == 204
        assert (await client.delete(ORDERS)).status_code == 404
        assert "orders" not in server.broker.vhosts["/"].exchanges


async def test_an_exchange_in_use_may_be_kept() -> None:
    async with api() as (_, client):
        await client.put(ORDERS, json={})
        await client.post("/api/bindings/%2F/e/orders/e/amq.topic", json={})
        answer = await client.delete(f"{ORDERS}?if-unused=true")
        assert (answer.status_code, answer.json()["reason"]) == (400, "exchange 'orders' in vhost '/' in use")


@pytest.mark.parametrize("name", ["amq.topic", "amq.default"])
async def test_the_brokers_own_stay(name: str) -> None:
    async with api() as (_, client):
        assert (await client.delete(f"/api/exchanges/%2F/{name}")).status_code == 401
