"""Parameters and global parameters over HTTP."""

from typing import Any

import pytest

from tests.helpers.management import api

LIMITS = "/api/parameters/vhost-limits/%2F/limits"
OWN = "/api/global-parameters/mqtt"


async def test_a_parameter_is_set_and_cleared() -> None:
    async with api() as (server, client):
        body = {"value": {"max-queues": 5}}
        assert [(await client.put(LIMITS, json=body)).status_code for _ in "12"] == [201, 204]
        assert server.broker.vhosts["/"].parameters.limit("max-queues") == 5
        told = {"value": {"max-queues": 5}, "vhost": "/", "component": "vhost-limits", "name": "limits"}
        assert (await client.get(LIMITS)).json() == told
        for path in ("parameters", "parameters/vhost-limits", "parameters/vhost-limits/%2F"):
            assert (await client.get(f"/api/{path}")).json() == [told]
        assert (await client.get("/api/parameters/nope")).json() == []
        assert [(await client.delete(LIMITS)).status_code for _ in "12"] == [204, 404]


async def test_operator_policies_are_parameters_too() -> None:
    async with api() as (_, client):
        path = "/api/parameters/operator_policy/%2F/ttl"
        value = {"pattern": "a", "definition": {"max-length": 1}, "priority": 0, "apply-to": "all"}
        assert (await client.put(path, json={"value": value})).status_code == 201
        assert (await client.get(path)).json()["value"] == value
        assert (await client.get("/api/operator-policies/%2F/ttl")).status_code == 200
        assert (await client.delete(path)).status_code == 204


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (LIMITS, {"max-queues": "x"}, 'Validation failed\n\nmax-queues should be a number, actually was <<"x">>\n'),
        (LIMITS, 5, "Validation failed\n\nlimits not a list 5\n"),
        (LIMITS, {"nope": 1}, 'Validation failed\n\nUnrecognised terms [{<<"nope">>,1}] in limits\n'),
        ("/api/parameters/nope/%2F/x", 1, "Validation failed\n\ncomponent nope not found\n"),
        ("/api/parameters/policy/%2F/x", {}, "policies may not be set using this method"),
    ],
)
async def test_what_cannot_be_set_says_why(path: str, value: Any, reason: str) -> None:
    async with api() as (_, client):
        answer = await client.put(path, json={"value": value})
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)
        assert (await client.get("/api/parameters")).json() == []


@pytest.mark.parametrize("value", [1, None, "s", {"a": [1, "x", None, True]}])
async def test_a_global_parameter_is_anything(value: Any) -> None:
    async with api() as (_, client):
        assert [(await client.put(OWN, json={"value": value})).status_code for _ in "12"] == [201, 204]
        assert (await client.get(OWN)).json() == {"name": "mqtt", "value": value}
        assert (await client.get("/api/global-parameters")).json() == [{"name": "mqtt", "value": value}]
        assert [(await client.delete(OWN)).status_code for _ in "12"] == [204, 404]


async def test_a_value_has_to_be_said() -> None:
    async with api() as (_, client):
        for path in (LIMITS, OWN):
            answer = await client.put(path, json={})
            assert (answer.status_code, answer.json()["reason"]) == (400, "[{key_missing,value}]")
