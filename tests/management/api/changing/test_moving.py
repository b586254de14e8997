"""Messages moved over HTTP."""

from typing import Any

import pytest

from tests.helpers.management import api, declare, get, publish

MOVE = "/api/queues/%2F/dead/move"


def payloads(messages: list[dict[str, Any]]) -> list[str]:
    return [one["payload"] for one in messages]


async def test_messages_go_to_another_queue() -> None:
    async with api() as (_, client):
        await declare(client, "dead")
        await declare(client, "tasks")
        await publish(client, "dead", "1", "2", "3")
        answer = await client.post(MOVE, json={"destination": {"queue": "tasks"}, "count": 2})
        assert (answer.status_code, answer.json()) == (200, {"moved": 2})
        assert (payloads(await get(client, "dead")), payloads(await get(client, "tasks"))) == (["3"], ["1", "2"])


async def test_all_of_them_go_by_an_exchange() -> None:
    async with api() as (_, client):
        await declare(client, "dead")
        await declare(client, "tasks")
        await client.post("/api/bindings/%2F/e/amq.topic/q/tasks", json={"routing_key": "a.#"})
        await publish(client, "dead", *map(str, range(600)))
        body = {"destination": {"exchange": "amq.topic", "routing_key": "a.b"}}
        assert (await client.post(MOVE, json=body)).json() == {"moved": 600}
        found = await get(client, "tasks", 1)
        assert (found[0]["exchange"], found[0]["routing_key"], found[0]["message_count"]) == ("amq.topic", "a.b", 599)


async def test_what_comes_back_to_the_source_is_moved_once() -> None:
    async with api() as (_, client):
        await declare(client, "dead")
        await publish(client, "dead", "1", "2")
        body = {"destination": {"exchange": "amq.default", "routing_key": "dead"}}
        assert (await client.post(MOVE, json=body)).json() == {"moved": 2}
        assert payloads(await get(client, "dead")) == ["1", "2"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({}, 400, "[{key_missing,destination}]"),
        ({"destination": 5}, 400, "destination: 5 is not an object"),
        ({"destination": {}}, 400, "destination: it has either a queue or an exchange"),
        ({"destination": {"queue": "nope"}}, 404, "no queue 'nope' in vhost '/'"),
        ({"destination": {"exchange": "nope"}}, 404, "no exchange 'nope' in vhost '/'"),
        ({"destination": {"queue": "dead"}}, 400, "destination: the messages are in that queue already"),
        ({"destination": {"queue": 5}}, 400, "destination.queue: 5 is not a string"),
        ({"destination": {"exchange": "", "routing_key": 5}}, 400, "destination.routing_key: 5 is not a string"),
        ({"destination": {"exchange": "amq.topic"}, "count": -1}, 400, "count: -1 is below 0"),
    ],
)
async def test_what_cannot_be_moved_says_why(body: object, status: int, reason: str) -> None:
    async with api() as (_, client):
        await declare(client, "dead")
        await publish(client, "dead", "1")
        answer = await client.post(MOVE, json=body)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        assert payloads(await get(client, "dead")) == ["1"]
