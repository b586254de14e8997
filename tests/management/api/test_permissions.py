"""Permissions over HTTP."""

from typing import Any

import pytest

from tests.helpers.management import api

ALL = {"configure": ".*", "write": ".*", "read": ".*"}
GUEST = {"user": "guest", "vhost": "/", **ALL}
PATH = "/api/permissions/%2F/guest"


async def test_they_are_set_and_cleared() -> None:
    async with api() as (_, client):
        assert (await client.get(PATH)).json() == GUEST
        assert (await client.put(PATH, json={**ALL, "read": ""})).status_code == 204
        assert [(await client.delete(PATH)).status_code for _ in "12"] == [204, 404]
        assert (await client.get(PATH)).status_code == 404
        assert (await client.put(PATH, json=ALL)).status_code == 201


@pytest.mark.parametrize("path", ["permissions", "users/guest/permissions", "vhosts/%2F/permissions"])
async def test_they_are_listed(path: str) -> None:
    async with api() as (_, client):
        assert (await client.get(f"/api/{path}")).json() == [GUEST]


@pytest.mark.parametrize("path", ["users/nope/permissions", "vhosts/nope/permissions", "permissions/%2F/nope"])
async def test_of_nobody_there_are_none(path: str) -> None:
    async with api() as (_, client):
        assert (await client.get(f"/api/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (PATH, {"read": ".*"}, "[{key_missing,configure},{key_missing,write}]"),
        (PATH, {**ALL, "configure": 5}, "configure: 5 is not a string"),
        (PATH, {**ALL, "configure": "("}, "invalid regular expression '('"),
        ("/api/permissions/%2F/nope", ALL, "vhost_or_user_not_found"),
        ("/api/permissions/nope/guest", ALL, "vhost_or_user_not_found"),
    ],
)
async def test_what_cannot_be_set_says_why(path: str, body: Any, reason: str) -> None:
    async with api() as (_, client):
        answer = await client.put(path, json=body)
        assert answer.status_code == 400 and answer.json()["reason"].startswith(reason)
        assert (await client.get(PATH)).json() == GUEST
