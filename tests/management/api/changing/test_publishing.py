"""Messages published over HTTP."""

from typing import Any

import pytest

from tests.helpers.management import api, declare, get, publish

DEFAULT = "/api/exchanges/%2F/amq.default/publish"


def to_publish(**changes: Any) -> dict[str, Any]:
    return {"routing_key": "tasks", "properties": {}, "payload": "hello", "payload_encoding": "string"} | changes


@pytest.mark.parametrize(("key", "routed"), [("tasks", True), ("none", False)])
async def test_whether_it_was_routed_is_told(key: str, routed: bool) -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        answer = await client.post(DEFAULT, json=to_publish(routing_key=key))
        assert (answer.status_code, answer.json()) == (200, {"routed": routed})


async def test_a_message_comes_with_its_properties() -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        properties = {"delivery_mode": 2, "headers": {"k": "v", "n": [1, {"x": True}]}, "content_type": "text/plain"}
        await publish(client, "tasks", "hello", **properties)
        assert (await get(client, "tasks"))[0]["properties"] == properties


async def test_octets_come_in_base64() -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        assert (await client.post(DEFAULT, json=to_publish(payload="AP8B", payload_encoding="base64"))).json()["routed"]
        found = (await get(client, "tasks"))[0]
        assert (found["payload"], found["payload_encoding"], found["payload_bytes"]) == ("AP8B", "base64", 3)


async def test_what_is_missing_is_told_as_erlang_prints_it() -> None:
    async with api() as (_, client):
        answer = await client.post(DEFAULT, json={"routing_key": "rk"})
        reason = "[{key_missing,properties},\n {key_missing,payload},\n {key_missing,payload_encoding}]"
        assert (answer.status_code, answer.json()) == (400, {"error": "bad_request", "reason": reason})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"payload": 5}, "payload_not_string"),
        ({"payload": "%%", "payload_encoding": "base64"}, "payload: '%%' is not base64"),
        ({"payload_encoding": "latin1"}, "payload_encoding: 'latin1' is unknown; there are string and base64"),
        ({"routing_key": "x" * 256}, "routing_key should be less than 255 bytes, actually was 256"),
        ({"properties": 5}, "properties: 5 is not an object"),
        ({"properties": {"expiration": "abc"}}, "406 PRECONDITION_FAILED - invalid expiration 'abc': no_integer"),
        (
            {"properties": {"user_id": "other"}},
            "406 PRECONDITION_FAILED - user_id property set to 'other' but authenticated user was 'guest'",
        ),
        (
            {"properties": {"reply_to": "amq.rabbitmq.reply-to"}},
            "406 PRECONDITION_FAILED - fast reply consumer does not exist",
        ),
    ],
)
async def test_what_cannot_be_published_says_why(changes: dict[str, Any], reason: str) -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        answer = await client.post(DEFAULT, json=to_publish(**changes))
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)
        assert await get(client, "tasks") == []


@pytest.mark.parametrize(
    ("exchange", "reason"),
    [
        ("nope", "404 NOT_FOUND - no exchange 'nope' in vhost '/'"),
        (
            "amq.rabbitmq.trace",
            "403 ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in vhost '/'",
        ),
    ],
)
async def test_not_every_exchange_takes_messages(exchange: str, reason: str) -> None:
    async with api() as (_, client):
        answer = await client.post(f"/api/exchanges/%2F/{exchange}/publish", json=to_publish())
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)


async def test_a_full_queue_that_refuses_is_told_of() -> None:
    async with api() as (_, client):
        await declare(client, "tasks", arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
        answer = await client.post(DEFAULT, json=to_publish())
        reason = "rejected Unable to publish message. Check queue limits."
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)


async def test_a_message_may_be_as_large_as_over_amqp() -> None:
    async with api(message_size_max_bytes=2_000_000) as (_, client):
        await declare(client, "tasks")
        assert (await client.post(DEFAULT, json=to_publish(payload="x" * 2_000_000))).json() == {"routed": True}
        answer = await client.post(DEFAULT, json=to_publish(payload="x" * 2_000_001))
        reason = "406 PRECONDITION_FAILED - message size 2000001 is larger than configured max size 2000000"
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)
        assert (await client.post(DEFAULT, content=b"x" * 4_000_000)).status_code == 413


async def test_an_alarm_holds_back_whoever_publishes() -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        server.broker.raise_alarm("memory")
        answer = await client.post(DEFAULT, json=to_publish())
        reason = "publishers are held back: the broker is low on memory"
        assert (answer.status_code, answer.json()["reason"]) == (503, reason)
        assert await get(client, "tasks") == []
