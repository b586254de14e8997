"""Virtual hosts over HTTP."""

from typing import Any

import pytest

from tests.helpers.management import api, declare, publish

TEAM = "/api/vhosts/team"


async def test_who_makes_one_may_do_everything_there() -> None:
    async with api() as (_, client):
        body = {"description": "ours", "tags": "dev, x", "default_queue_type": "quorum", "tracing": True}
        assert (await client.put(TEAM, json=body)).status_code == 201
        assert (await client.put("/api/queues/team/tasks", json={"durable": True})).status_code == 201
        told = (await client.get(TEAM)).json()
        assert {key: told[key] for key in body} == body | {"tags": ["dev", "x"]}
        assert told["metadata"] == {"description": "ours", "tags": ["dev", "x"], "default_queue_type": "quorum"}


async def test_what_is_said_again_replaces_all_but_the_tracing() -> None:
    async with api() as (_, client):
        await client.put(TEAM, json={"description": "ours", "tags": ["a"], "tracing": "true"})
        assert (await client.put(TEAM)).status_code == 204
        told = (await client.get(TEAM)).json()
        assert (told["description"], told["tags"], told["tracing"]) == ("", [], True)
        assert told["default_queue_type"] == "classic"


async def test_messages_are_counted() -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "1", "2")
        told = (await client.get("/api/vhosts")).json()
        assert [(one["name"], one["messages"], one["messages_ready"]) for one in told] == [("/", 2, 2)]
        assert told[0]["cluster_state"] == {server.broker.node_name: "running"}


async def test_one_is_deleted_with_all_that_is_in_it() -> None:
    async with api() as (server, client):
        await client.put(TEAM, json={})
        await client.put("/api/queues/team/tasks", json={"durable": True})
        assert [(await client.delete(TEAM)).status_code for _ in "12"] == [204, 404]
        assert "team" not in server.broker.vhosts


async def test_one_that_is_protected_stays() -> None:
    async with api() as (_, client):
        await client.put(TEAM, json={})
        protection = f"{TEAM}/deletion/protection"
        assert (await client.post(protection)).status_code == 204
        answer = await client.delete(TEAM)
        reason = "Refusing to delete virtual host 'team' because it is protected from deletion"
        assert (answer.status_code, answer.json()) == (412, {"error": "precondition_failed", "reason": reason})
        assert (await client.get(TEAM)).json()["protected_from_deletion"] is True
        assert (await client.delete(protection)).status_code == 204
        assert (await client.delete(TEAM)).status_code == 204


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"tags": 5}, "tags: 5 is neither a list of strings nor a string"),
        ({"description": 5}, "description: 5 is not a string"),
        ({"tracing": "x"}, "tracing: 'x' is neither true nor false"),
        ({"default_queue_type": "nope"}, "nope is not a valid queue type"),
        ({"default_queue_type": 5}, "default_queue_type: 5 is not a string"),
        ({"protected_from_deletion": "x"}, "protected_from_deletion: 'x' is neither true nor false"),
    ],
)
async def test_what_is_wrong_with_one_is_told(body: Any, reason: str) -> None:
    async with api() as (server, client):
        answer = await client.put(TEAM, json=body)
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)
        assert "team" not in server.broker.vhosts


async def test_all_of_them_run_on_this_node() -> None:
    async with api() as (server, client):
        node = server.broker.node_name
        paths = (f"%2F/start/{node}", "%2F/start/other@host", f"nope/start/{node}")
        assert [(await client.post(f"/api/vhosts/{path}")).status_code for path in paths] == [204, 400, 404]


async def test_others_see_those_that_they_may_use() -> None:
    async with api() as (_, client):
        await client.put(TEAM, json={})
        await client.put("/api/users/ann", json={"password": "x", "tags": "management"})
        await client.put("/api/permissions/team/ann", json={"configure": "", "write": "", "read": ""})
        seen = (await client.get("/api/vhosts", auth=("ann", "x"))).json()
        assert [one["name"] for one in seen] == ["team"]
        assert (await client.get(TEAM, auth=("ann", "x"))).status_code == 401
