"""Bindings made and taken away over HTTP."""

from typing import Any

import pytest

from tests.helpers.management import api, declare

BETWEEN = "/api/bindings/%2F/e/amq.topic/q/tasks"


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, "tasks/~"),
        ({"routing_key": "rk", "arguments": {"a": 1}}, "tasks/rk~Ajat_Q"),
        ({"routing_key": "a.#/b~"}, "tasks/a.%2523%252Fb%257E"),
    ],
)
async def test_the_location_of_a_binding_is_where_it_can_be_taken_away(body: Any, location: str) -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        answer = await client.post(BETWEEN, json=body)
        assert (answer.status_code, answer.headers["location"]) == (201, location)
        assert len(server.broker.vhosts["/"].exchanges["amq.topic"].bindings) == 1
        assert (await client.delete(f"{BETWEEN}/{location.partition('/')[2]}")).status_code == 204
        assert not server.broker.vhosts["/"].exchanges["amq.topic"].bindings


async def test_exchanges_are_bound_to_exchanges() -> None:
    async with api() as (_, client):
        answer = await client.post("/api/bindings/%2F/e/amq.topic/e/amq.fanout", json={"routing_key": "a.#"})
        assert (answer.status_code, answer.headers["location"]) == (201, "amq.fanout/a.%2523")
        path = "/api/bindings/%2F/e/amq.topic/e/amq.fanout/a.%2523"
        assert [(await client.delete(path)).status_code for _ in "12"] == [204, 404]


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("%2F/e/nope/q/tasks", {}, 404, "no exchange 'nope' in vhost '/'"),
        ("%2F/e/amq.topic/q/nope", {}, 404, "no queue 'nope' in vhost '/'"),
        ("%2F/e/amq.topic/e/nope", {}, 404, "no exchange 'nope' in vhost '/'"),
        ("%2F/e/amq.default/q/tasks", {}, 401, "Access refused."),
        ("%2F/e/amq.topic/x/tasks", {}, 404, "Not Found"),
        ("nope/e/amq.topic/q/tasks", {}, 404, "vhost_not_found"),
        ("%2F/e/amq.topic/q/tasks", {"routing_key": 5}, 400, "routing_key: 5 is not a string"),
        ("%2F/e/amq.topic/q/tasks", {"arguments": "x"}, 400, "arguments: 'x' is not an object"),
    ],
)
async def test_what_cannot_be_bound_says_why(path: str, body: object, status: int, reason: str) -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        answer = await client.post(f"/api/bindings/{path}", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)


@pytest.mark.parametrize("name", ["nope", "~", "rk~zzz", "a~b~c"])
async def test_a_binding_that_is_not_there_is_not_found(name: str) -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        await client.post(BETWEEN, json={"routing_key": "rk", "arguments": {"a": 1}})
        assert (await client.delete(f"{BETWEEN}/{name}")).status_code == 404
