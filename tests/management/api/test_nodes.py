"""/api/nodes."""

import pytest

from tests.helpers.management import api


async def test_there_is_one_node() -> None:
    async with api(node_name="rabbit@here") as (server, client):
        (node,) = (await client.get("/api/nodes")).json()
        told = ("name", "type", "running", "being_drained", "mem_limit")
        assert [node[name] for name in told] == ["rabbit@here", "disc", True, False, server.alarms.watermark_bytes]
        assert set(node) == set((await client.get("/api/nodes/rabbit@here")).json())


async def test_what_the_process_takes_is_told() -> None:
    async with api() as (_, client):
        (node,) = (await client.get("/api/nodes")).json()
        assert node["mem_used"] > 0
        assert 0 < node["fd_used"] < node["fd_total"]


@pytest.mark.parametrize(("resource", "field"), [("memory", "mem_alarm"), ("disk", "disk_free_alarm")])
async def test_alarms_are_told(resource: str, field: str) -> None:
    async with api() as (server, client):
        assert (await client.get("/api/nodes")).json()[0][field] is False
        server.broker.raise_alarm(resource)
        assert (await client.get("/api/nodes")).json()[0][field] is True


async def test_memory_is_told_in_octets_and_in_hundredths() -> None:
    async with api(node_name="rabbit@here") as (_, client):
        memory = (await client.get("/api/nodes/rabbit@here/memory")).json()["memory"]
        assert memory["total"]["rss"] == memory["other_system"] + memory["queue_procs"] + memory["connection_other"]
        relative = (await client.get("/api/nodes/rabbit@here/memory/relative")).json()["memory"]
        assert (relative["total"], relative["other_system"], relative["mnesia"]) == (100, 100, 0)
        assert "memory" in (await client.get("/api/nodes/rabbit@here?memory=true")).json()


@pytest.mark.parametrize("path", ["ets", "ets/relative", "ets/rabbit", "ets/rabbit/relative"])
async def test_there_are_no_tables_of_erlangs(path: str) -> None:
    async with api(node_name="rabbit@here") as (_, client):
        answer = await client.get(f"/api/nodes/rabbit@here/memory/{path}")
        assert answer.json() == {"ets_tables_memory": "no_tables"}


@pytest.mark.parametrize("path", ["nope", "nope/memory", "nope/memory/relative", "nope/memory/ets"])
async def test_another_node_is_not_found(path: str) -> None:
    async with api() as (_, client):
        assert (await client.get(f"/api/nodes/{path}")).status_code == 404


async def test_only_who_watches_sees_nodes() -> None:
    async with api() as (server, client):
        server.broker.users.set("eve", password="secret", tags=("management",))
        answer = await client.get("/api/nodes", auth=("eve", "secret"))
        assert (answer.status_code, answer.json()["reason"]) == (401, "Not monitor user")
