"""The members of quorum queues: each has one."""

from typing import Any

import pytest

from tests.helpers.management import api, declare, publish

ROOT = "/api/queues/quorum"
OTHER = "rabbit@elsewhere"


async def test_a_quorum_queue_has_one_member_which_leads() -> None:
    async with api() as (server, client):
        await declare(client, "q", arguments={"x-queue-type": "quorum"})
        await publish(client, "q", "1", "2")
        (member,) = (await client.get(f"{ROOT}/%2F/q/status")).json()
        assert (member["Node Name"], member["Raft State"]) == (server.broker.node_name, "leader")
        assert member["Last Log Index"] == member["Commit Index"] == 2


async def test_other_queues_have_none() -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        body = {"node": server.broker.node_name}
        answers = [
            await client.get(f"{ROOT}/%2F/tasks/status"),
            await client.post(f"{ROOT}/%2F/tasks/replicas/add", json=body),
            await client.request("DELETE", f"{ROOT}/%2F/tasks/replicas/delete", json=body),
        ]
        reasons = [(answer.status_code, answer.json()["reason"]) for answer in answers]
        assert reasons == [(503, "classic_queue_not_supported")] * 3


@pytest.mark.parametrize(
    ("method", "path", "here", "elsewhere"),
    [("POST", "add", (204, None), (503, "node_not_running")), ("DELETE", "delete", (503, "last_node"), (202, None))],
)
async def test_no_member_comes_or_goes(method: str, path: str, here: Any, elsewhere: Any) -> None:
    async with api() as (server, client):
        await declare(client, "q", arguments={"x-queue-type": "quorum"})
        for node, (status, reason) in ((server.broker.node_name, here), (OTHER, elsewhere)):
            answer = await client.request(method, f"{ROOT}/%2F/q/replicas/{path}", json={"node": node})
            assert answer.status_code == status
            assert reason is None or answer.json()["reason"] == reason


async def test_of_all_of_them_neither() -> None:
    async with api() as (server, client):
        body = {"vhost_pattern": ".*", "queue_pattern": ".*", "strategy": "all"}
        for node, grown, shrunk in ((server.broker.node_name, 204, 202), (OTHER, 404, 404)):
            assert (await client.post(f"{ROOT}/replicas/on/{node}/grow", json=body)).status_code == grown
            assert (await client.delete(f"{ROOT}/replicas/on/{node}/shrink")).status_code == shrunk
