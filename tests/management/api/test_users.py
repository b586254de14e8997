"""Users over HTTP."""

from typing import Any

import pytest

from amqpbroker.model.access.passwords import hash_password
from tests.helpers.management import api

ANN = "/api/users/ann"


async def test_a_user_is_made_and_changed() -> None:
    async with api() as (server, client):
        assert (await client.put(ANN, json={"password": "pw", "tags": "monitoring"})).status_code == 201
        assert (await client.put(ANN, json={"password": "other", "tags": ["management", "x"]})).status_code == 204
        assert server.broker.users.authenticate("ann", b"other")
        told = (await client.get(ANN)).json()
        assert (told["name"], told["tags"], told["limits"]) == ("ann", ["management", "x"], {})
        assert told["hashing_algorithm"] == "rabbit_password_hashing_sha256"


async def test_a_hash_is_as_good_as_a_password() -> None:
    async with api() as (server, client):
        algorithm = "rabbit_password_hashing_sha512"
        body = {"password_hash": hash_password(b"pw", b"salt", algorithm), "hashing_algorithm": algorithm, "tags": ""}
        assert (await client.put(ANN, json=body)).status_code == 201
        assert server.broker.users.authenticate("ann", b"pw")


@pytest.mark.parametrize("body", [{"password_hash": "", "tags": ""}, {"tags": ""}, {"password": "", "tags": ""}])
async def test_without_a_password_nobody_can_log_in_with_one(body: Any) -> None:
    async with api() as (server, client):
        await client.put(ANN, json={"password": "pw", "tags": ""})
        assert (await client.put(ANN, json=body)).status_code == 204
        assert not any(server.broker.users.authenticate("ann", password) for password in (b"", b"pw"))


async def test_tags_may_be_said_as_they_were_before_there_were_others() -> None:
    async with api() as (_, client):
        await client.put(ANN, json={"password": "pw", "administrator": "true"})
        assert (await client.get(ANN)).json()["tags"] == ["administrator"]


async def test_limits_come_with_a_user() -> None:
    async with api() as (_, client):
        await client.put(ANN, json={"password": "pw", "tags": "", "limits": {"max-connections": 3}})
        assert (await client.get(ANN)).json()["limits"] == {"max-connections": 3}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "tags_not_present"),
        ({"password": "pw"}, "tags_not_present"),
        ({"password": "a", "password_hash": "AAAA", "tags": ""}, "both_password_and_password_hash_are_provided"),
        ({"password": None, "tags": ""}, "password: it is not a string"),
        ({"password": "x", "tags": 5}, "tags: 5 is neither a list of strings nor a string"),
        ({"password": "x", "tags": [5]}, "tags: 5 is not a string"),
        ({"password_hash": "%%", "tags": ""}, "password_hash is not base64"),
        ({"password": "x", "tags": "", "limits": 5}, "limits: 5 is not an object"),
        (
            {"password": "x", "tags": "", "limits": {"max-channels": "x"}},
            'max-channels should be a number, actually was <<"x">>',
        ),
        ({"password": "x", "administrator": "maybe"}, "administrator: 'maybe' is neither true nor false"),
    ],
)
async def test_what_is_wrong_with_a_user_is_told(body: Any, reason: str) -> None:
    async with api() as (server, client):
        answer = await client.put(ANN, json=body)
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)
        assert "ann" not in server.broker.users


async def test_a_password_that_is_none_is_not_shown() -> None:
    async with api() as (_, client):
        answer = await client.put(ANN, json={"password": ["secret"], "tags": ""})
        assert answer.status_code == 400 and "secret" not in answer.text


async def test_users_go_one_by_one_and_together() -> None:
    async with api() as (server, client):
        for name in ("ann", "bob", "cy"):
            await client.put(f"/api/users/{name}", json={"password": "x", "tags": ""})
        assert [(await client.delete(ANN)).status_code for _ in "12"] == [204, 404]
        answer = await client.post("/api/users/bulk-delete", json={"users": ["bob", "nobody", "cy", "bob"]})
        assert answer.status_code == 204
        assert [user.name for user in server.broker.users] == ["guest"]


@pytest.mark.parametrize("body", [{}, {"users": 5}, {"users": [5]}])
async def test_who_is_to_go_are_names(body: Any) -> None:
    async with api() as (_, client):
        assert (await client.post("/api/users/bulk-delete", json=body)).status_code == 400


async def test_who_may_enter_no_virtual_host_is_listed_apart() -> None:
    async with api() as (_, client):
        await client.put(ANN, json={"password": "x", "tags": ""})
        assert [user["name"] for user in (await client.get("/api/users")).json()] == ["ann", "guest"]
        assert [user["name"] for user in (await client.get("/api/users/without-permissions")).json()] == ["ann"]


async def test_only_administrators_see_users() -> None:
    async with api() as (_, client):
        await client.put(ANN, json={"password": "x", "tags": "monitoring"})
        answer = await client.get("/api/users", auth=("ann", "x"))
        assert (answer.status_code, answer.json()["reason"]) == (401, "Not administrator user")
