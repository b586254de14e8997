"""/api/auth."""

from amqpbroker.model.access.passwords import SHA256, is_password
from tests.helpers.management import api


async def test_anybody_is_told_how_to_log_in() -> None:
    async with api(auth=None) as (_, client):
        assert (await client.get("/api/auth")).json()["enable_uaa"] is False


async def test_a_password_is_hashed_as_users_have_it() -> None:
    async with api() as (_, client):
        for answer in (
            await client.get("/api/auth/hash_password/a%2Fb"),
            await client.post("/api/auth/hash_password", json={"password": "a/b"}),
        ):
            assert is_password(b"a/b", answer.json()["ok"], SHA256)


async def test_what_is_no_password_is_refused() -> None:
    async with api() as (_, client):
        answer = await client.post("/api/auth/hash_password", json={"password": 1})
        assert (answer.status_code, answer.json()["reason"]) == (400, "password must be a string")


async def test_only_administrators_have_it_hashed() -> None:
    async with api() as (server, client):
        server.broker.users.set("eve", password="secret", tags=("monitoring",))
        assert (await client.get("/api/auth/hash_password/x", auth=("eve", "secret"))).status_code == 401


async def test_attempts_are_this_nodes() -> None:
    async with api(node_name="rabbit@here") as (_, client):
        assert (await client.get("/api/auth/attempts/nope")).status_code == 404
        assert (await client.get("/api/auth/attempts/rabbit@here/source")).json() == []
