"""Messages looked at over HTTP: taken and given back, taken for good, left where they are."""

from typing import Any

import pytest

from amqpbroker.management import direct
from amqpbroker.management.api.changing import messages
from tests.helpers.management import api, declare, get, publish

PEEK = "/api/queues/%2F/tasks/peek"


def told(messages: list[dict[str, Any]]) -> list[tuple[str, bool, int]]:
    return [(one["payload"], one["redelivered"], one["message_count"]) for one in messages]


async def test_what_is_given_back_keeps_its_place_and_counts_as_redelivered() -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "1", "2", "3")
        assert told(await get(client, "tasks", 2)) == [("1", False, 2), ("2", False, 1)]
        assert told(await get(client, "tasks")) == [("1", True, 2), ("2", True, 1), ("3", False, 0)]


@pytest.mark.parametrize(
    ("mode", "left"),
    [("ack_requeue_true", 2), ("reject_requeue_true", 2), ("ack_requeue_false", 1), ("reject_requeue_false", 1)],
)
async def test_the_mode_says_what_becomes_of_it(mode: str, left: int) -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "1", "2")
        await get(client, "tasks", 1, mode)
        queue = server.broker.vhosts["/"].queues["tasks"]
        assert (queue.message_count, queue.unacked) == (left, 0)


async def test_what_is_rejected_is_dead_lettered() -> None:
    async with api() as (_, client):
        await declare(client, "dead")
        arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
        await declare(client, "tasks", arguments=arguments)
        await publish(client, "tasks", "1")
        await get(client, "tasks", 1, "reject_requeue_false")
        assert told(await get(client, "dead")) == [("1", False, 0)]


async def test_a_payload_is_cut_off_where_it_is_asked_for() -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "häuser")
        found = (await get(client, "tasks", truncate="2"))[0]
        assert (found["payload"], found["payload_encoding"], found["payload_bytes"]) == ("aMM=", "base64", 7)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"count": 1}, "[{key_missing,ackmode},{key_missing,encoding}]"),
        ({"count": "x", "ackmode": "ack_requeue_true", "encoding": "auto"}, "count: 'x' is not a whole number"),
        ({"count": -1, "ackmode": "ack_requeue_true", "encoding": "auto"}, "count: -1 is not from 0 to 10000"),
        (
            {"count": 1, "ackmode": "nope", "encoding": "auto"},
            "Invalid ackmode value: 'nope'. Valid values are: ack_requeue_true, ack_requeue_false, reject_requeue_true,"
            " reject_requeue_false",
        ),
        (
            {"count": 1, "ackmode": "ack_requeue_true", "encoding": "x"},
            "Unsupported encoding. Please use auto or base64.",
        ),
        (
            {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto", "truncate": -1},
            "truncate: -1 is below 0",
        ),
    ],
)
async def test_what_is_wrong_with_a_get_is_told(body: object, reason: str) -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        answer = await client.post("/api/queues/%2F/tasks/get", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)


async def test_no_message_is_got_of_a_queue_that_is_not_there() -> None:
    async with api() as (_, client):
        answer = await get(client, "nope")
        assert answer == {"error": "not_found", "reason": "NOT_FOUND - no queue 'nope' in vhost '/'"}


async def test_no_message_is_got_of_a_stream() -> None:
    async with api() as (_, client):
        await declare(client, "log", arguments={"x-queue-type": "stream"})
        reason = "540 basic.get not supported by stream queues queue 'log' in vhost '/'"
        assert await get(client, "log") == {"error": "bad_request", "reason": reason}


async def test_a_look_changes_nothing() -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "1", "2", "3")
        body = {"count": 2, "encoding": "auto", "offset": 1}
        for _ in range(2):
            assert told((await client.post(PEEK, json=body)).json()) == [("2", False, 1), ("3", False, 0)]


async def test_a_stream_can_be_looked_at() -> None:
    async with api() as (_, client):
        await declare(client, "tasks", arguments={"x-queue-type": "stream"})
        await publish(client, "tasks", "1", "2", "3")
        answer = await client.post(PEEK, json={"count": 1, "encoding": "base64", "offset": 2, "truncate": 0})
        assert [(one["payload"], one["payload_bytes"]) for one in answer.json()] == [("", 1)]


@pytest.mark.parametrize("offset", [-1, "x", None])
async def test_a_look_begins_at_a_number(offset: object) -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        answer = await client.post(PEEK, json={"count": 1, "encoding": "auto", "offset": offset})
        assert (answer.status_code, answer.json()["reason"].partition(":")[0]) == (400, "offset")


async def test_an_answer_has_no_more_octets_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (direct, messages):
        monkeypatch.setattr(module, "ANSWER_MAX_BYTES", 1_000)
    async with api() as (_, client):
        await declare(client, "tasks")
        await publish(client, "tasks", *["x" * 400] * 30)
        assert len(await get(client, "tasks", 30)) == 3
        answer = await client.post(PEEK, json={"count": 30, "encoding": "auto"})
        assert len(answer.json()) == 3
        assert len(await get(client, "tasks", 30, "ack_requeue_false")) == 3
        answer = await client.post(PEEK, json={"count": 30, "encoding": "auto"})
        assert answer.json()[0]["message_count"] == 26


async def test_a_long_look_goes_on_where_it_was() -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        await publish(client, "tasks", *map(str, range(50)))
        answer = await client.post(PEEK, json={"count": 40, "encoding": "auto", "offset": 5})
        assert [one["payload"] for one in answer.json()] == [str(number) for number in range(5, 45)]
