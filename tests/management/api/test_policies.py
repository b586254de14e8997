"""Policies and operator policies over HTTP."""

from typing import Any

import pytest

from tests.helpers.management import api, declare

TTL = {
    "pattern": "^tasks$",
    "definition": {"message-ttl": 3600000, "max-length": 10},
    "priority": 1,
    "apply-to": "queues",
}
KINDS = pytest.mark.parametrize("kind", ["policies", "operator-policies"])


@KINDS
async def test_a_policy_is_set_and_cleared(kind: str) -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        path = f"/api/{kind}/%2F/ttl"
        assert [(await client.put(path, json=TTL)).status_code for _ in "12"] == [201, 204]
        assert server.broker.vhosts["/"].queues["tasks"].settings.max_length == 10
        told = {"vhost": "/", "name": "ttl", **TTL}
        assert (await client.get(path)).json() == told
        for lists in (f"/api/{kind}", f"/api/{kind}/%2F"):
            assert (await client.get(lists)).json() == [told]
        assert [(await client.delete(path)).status_code for _ in "12"] == [204, 404]
        assert server.broker.vhosts["/"].queues["tasks"].settings.max_length is None


@KINDS
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"definition": {}}, "Validation failed\n\nno policy provided\n"),
        ({"definition": 5}, "definition: 5 is not an object"),
        ({"definition": {"nope": 1}}, 'Validation failed\n\n[{<<"nope">>,1}] are not recognised policy settings\n'),
        ({"pattern": 5}, "Validation failed\n\npattern should be a binary but was 5\n"),
        ({"priority": "3"}, 'Validation failed\n\npriority should be a number, actually was <<"3">>\n'),
        ({"priority": None}, "Validation failed\n\npriority should be a number, actually was null\n"),
    ],
)
async def test_what_cannot_be_a_policy_says_why(kind: str, changes: dict[str, Any], reason: str) -> None:
    async with api() as (_, client):
        answer = await client.put(f"/api/{kind}/%2F/ttl", json=TTL | changes)
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)
        assert (await client.get(f"/api/{kind}")).json() == []


@KINDS
async def test_what_is_missing_is_told(kind: str) -> None:
    async with api() as (_, client):
        answer = await client.put(f"/api/{kind}/%2F/ttl", json={})
        assert answer.json()["reason"] == "[{key_missing,pattern},{key_missing,definition}]"
        answer = await client.put(f"/api/{kind}/nope/ttl", json=TTL)
        assert (answer.status_code, answer.json()["reason"]) == (404, "vhost_not_found")


async def test_policymakers_set_policies_where_they_may_enter() -> None:
    async with api() as (_, client):
        await client.put("/api/vhosts/team", json={})
        await client.put("/api/users/ann", json={"password": "x", "tags": "policymaker"})
        await client.put("/api/permissions/team/ann", json={"configure": "", "write": "", "read": ""})
        ann = ("ann", "x")
        assert (await client.put("/api/policies/team/ttl", json=TTL, auth=ann)).status_code == 201
        answer = await client.put("/api/policies/%2F/ttl", json=TTL, auth=ann)
        assert (answer.status_code, answer.json()["reason"]) == (401, "User not authorised to access object")
        answer = await client.put("/api/operator-policies/team/ttl", json=TTL, auth=ann)
        assert (answer.status_code, answer.json()["reason"]) == (401, "Not administrator user")
        assert len((await client.get("/api/policies", auth=ann)).json()) == 1
