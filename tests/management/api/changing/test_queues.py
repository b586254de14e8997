"""Queues declared, deleted, purged and paused over HTTP."""

import pytest

from tests.helpers.management import api, declare, get, publish

TASKS = "/api/queues/%2F/tasks"


async def test_a_new_queue_is_created_and_the_same_again_is_nothing_new() -> None:
    async with api() as (server, client):
        body = {"auto_delete": "false", "durable": "true", "arguments": {"x-max-length": 10}, "node": "rabbit@x"}
        assert [(await client.put(TASKS, json=body)).status_code for _ in "12"] == [201, 204]
        queue = server.broker.vhosts["/"].queues["tasks"]
        assert (queue.durable, queue.settings.max_length) == (True, 10)


async def test_another_queue_of_that_name_is_refused_in_the_words_of_amqp() -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        answer = await client.put(TASKS, json={"durable": False})
        reason = "inequivalent arg 'durable' for queue 'tasks' in vhost '/': received 'false' but current is 'true'"
        assert (answer.status_code, answer.json()) == (400, {"error": "bad_request", "reason": reason})


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("%2F/amq.x", {}, 401, "Access refused."),
        ("nope/tasks", {}, 404, "vhost_not_found"),
        ("%2F/tasks", {"passive": True}, 404, "no queue 'tasks' in vhost '/'"),
        ("%2F/tasks", {"durable": "perhaps"}, 400, "durable: 'perhaps' is neither true nor false"),
        ("%2F/tasks", {"arguments": 5}, 400, "arguments: 5 is not an object"),
        ("%2F/tasks", {"arguments": {"a": None}}, 400, "null_not_allowed"),
        (f"%2F/{'x' * 256}", {}, 400, "queue should be less than 255 bytes, actually was 256"),
        (
            "%2F/tasks",
            {"durable": True, "arguments": {"x-max-length": -1}},
            400,
            "invalid arg 'x-max-length' for queue 'tasks' in vhost '/': {value_negative,-1}",
        ),
    ],
)
async def test_what_cannot_be_declared_says_why(path: str, body: object, status: int, reason: str) -> None:
    async with api() as (server, client):
        answer = await client.put(f"/api/queues/{path}", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        assert not server.broker.vhosts["/"].queues


async def test_a_name_may_be_anything() -> None:
    async with api() as (server, client):
        assert (await client.put("/api/queues/%2F/a%2Fb%20%C3%A4%FF%22%3C", json={})).status_code == 201
        assert set(server.broker.vhosts["/"].queues) == {'a/b ä\udcff"<'}


async def test_one_that_would_belong_to_the_request_belongs_to_nobody() -> None:
    async with api() as (server, client):
        await declare(client, "tasks", exclusive=True)
        queue = server.broker.vhosts["/"].queues["tasks"]
        assert (queue.owner, queue.durable) == (None, False)


async def test_a_queue_is_deleted_with_a_body_that_says_so_again() -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        answer = await client.request("DELETE", TASKS, json={"mode": "delete", "name": "tasks", "vhost": "/"})
        assert answer.status_code == 204 and not server.broker.vhosts["/"].queues
        assert (await client.delete(TASKS)).status_code == 404


async def test_a_queue_that_is_not_empty_may_be_kept() -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "1")
        answer = await client.delete(f"{TASKS}?if-empty=true")
        assert (answer.status_code, answer.json()["reason"]) == (400, "queue 'tasks' in vhost '/' not empty")
        assert (await client.delete(f"{TASKS}?if-empty=false&if-unused=true")).status_code == 204


async def test_a_purge_drops_what_waits() -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "1", "2")
        assert (await client.delete(f"{TASKS}/contents")).status_code == 204
        assert await get(client, "tasks") == []


async def test_a_stream_cannot_be_purged() -> None:
    async with api() as (_, client):
        await declare(client, "log", arguments={"x-queue-type": "stream"})
        answer = await client.delete("/api/queues/%2F/log/contents")
        reason = "queue.purge not supported by stream queues queue 'log' in vhost '/'"
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)


async def test_a_queue_is_paused_and_resumed() -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        for action, paused in (("pause", True), ("resume", False)):
            assert (await client.post(f"{TASKS}/actions", json={"action": action})).status_code == 204
            assert server.broker.vhosts["/"].queues["tasks"].paused is paused


@pytest.mark.parametrize(("body", "status"), [({"action": "sync"}, 204), ({"action": "nope"}, 400), ({}, 400)])
async def test_mirrors_are_synchronised_by_doing_nothing(body: object, status: int) -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        assert (await client.post(f"{TASKS}/actions", json=body)).status_code == status
