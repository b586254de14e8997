"""Topic permissions over HTTP."""

from typing import Any

import pytest

from tests.helpers.management import api

PATH = "/api/topic-permissions/%2F/guest"
ON_TOPIC = {"exchange": "amq.topic", "write": "^a", "read": ".*"}
TOLD = {"user": "guest", "vhost": "/", **ON_TOPIC}


async def test_they_are_set_for_an_exchange_each() -> None:
    async with api() as (_, client):
        assert (await client.get(PATH)).status_code == 404
        other = {**ON_TOPIC, "exchange": "orders"}
        assert [(await client.put(PATH, json=body)).status_code for body in (ON_TOPIC, ON_TOPIC, other)] == [
            201,
            204,
            204,
        ]
        assert (await client.get(PATH)).json() == [TOLD, {**TOLD, "exchange": "orders"}]
        assert (await client.get(f"{PATH}/amq.topic")).json() == [TOLD]


async def test_they_are_cleared_for_one_exchange_or_all() -> None:
    async with api() as (_, client):
        for exchange in ("a", "b", "c"):
            await client.put(PATH, json={**ON_TOPIC, "exchange": exchange})
        assert [(await client.delete(f"{PATH}/a")).status_code for _ in "12"] == [204, 404]
        assert len((await client.get(PATH)).json()) == 2
        assert [(await client.delete(PATH)).status_code for _ in "12"] == [204, 404]


@pytest.mark.parametrize("path", ["topic-permissions", "users/guest/topic-permissions", "vhosts/%2F/topic-permissions"])
async def test_they_are_listed(path: str) -> None:
    async with api() as (_, client):
        assert (await client.get(f"/api/{path}")).json() == []
        await client.put(PATH, json=ON_TOPIC)
        assert (await client.get(f"/api/{path}")).json() == [TOLD]


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (PATH, {}, "[{key_missing,exchange},{key_missing,write},{key_missing,read}]"),
        (PATH, {**ON_TOPIC, "exchange": 5}, "exchange: 5 is not a string"),
        (PATH, {**ON_TOPIC, "write": "("}, "invalid regular expression '('"),
        ("/api/topic-permissions/%2F/nope", ON_TOPIC, "vhost_or_user_not_found"),
    ],
)
async def test_what_cannot_be_set_says_why(path: str, body: Any, reason: str) -> None:
    async with api() as (_, client):
        answer = await client.put(path, json=body)
        assert answer.status_code == 400 and answer.json()["reason"].startswith(reason)
        assert (await client.get(PATH)).status_code == 404
