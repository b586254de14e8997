"""/api/login: a cookie for a password, and what it takes the place of."""

from typing import Any

import httpx
import pytest

from tests.helpers.management import api

GUEST = {"username": "guest", "password": "guest"}


async def logged_in(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/login", json=GUEST)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{"json": GUEST}, {"data": GUEST}, {"json": {"user": "guest", "password": "guest"}}],
    ids=["JSON", "form", "short"],
)
async def test_a_password_is_given_once(body: dict[str, Any]) -> None:
    async with api(auth=None) as (_, client):
        answer = await client.post("/api/login", **body)
        assert answer.json() == {"name": "guest", "tags": ["administrator"]}
        assert (await client.get("/api/whoami")).json() == answer.json()


async def test_scripts_do_not_see_the_cookie_and_other_sites_do_not_have_it_sent() -> None:
    async with api(auth=None) as (_, client):
        cookie = (await client.post("/api/login", json=GUEST)).headers["set-cookie"]
        assert cookie.endswith("; HttpOnly; Path=/; SameSite=strict")
        client.base_url = httpx.URL("https://127.0.0.1:15672")
        cookie = (await client.post("/api/login", json=GUEST)).headers["set-cookie"]
        assert cookie.endswith("; HttpOnly; Path=/; SameSite=strict; Secure")


async def test_who_is_logged_in_is_no_secret_to_them() -> None:
    async with api(auth=None) as (_, client):
        assert (await client.get("/api/login")).json() == {"name": None, "tags": []}
        await logged_in(client)
        assert (await client.get("/api/login")).json() == {"name": "guest", "tags": ["administrator"]}


async def test_a_wrong_password_is_no_session() -> None:
    async with api(auth=None) as (_, client):
        answer = await client.post("/api/login", json=GUEST | {"password": "wrong"})
        assert (answer.status_code, answer.json()["reason"]) == (401, "Login failed")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [b"", b"[]", b'{"username":"guest"}', b'{"username":1,"password":"guest"}', b"\xff"])
async def test_what_is_no_login_is_refused(body: bytes) -> None:
    async with api(auth=None) as (_, client):
        assert (await client.post("/api/login", content=body)).status_code == 400


async def test_a_large_body_is_not_read() -> None:
    async with api(auth=None) as (_, client):
        assert (await client.post("/api/login", content=b"x" * 20_000)).status_code == 413


async def test_who_logs_out_is_nobody() -> None:
    async with api(auth=None) as (_, client):
        await logged_in(client)
        (token,) = client.cookies.jar
        assert (await client.delete("/api/login")).status_code == 204
        assert list(client.cookies.jar) == []
        again = {"cookie": f"{token.name}={token.value}"}
        answer = await client.get("/api/whoami", headers=again)
        assert (answer.status_code, answer.json()["reason"]) == (401, "the session is over")
        assert (await client.delete("/api/login")).status_code == 204


async def test_who_is_deleted_is_nobody() -> None:
    async with api(auth=None) as (server, client):
        await logged_in(client)
        server.broker.delete_user("guest")
        assert (await client.get("/api/whoami")).status_code == 401


async def test_a_password_beside_the_cookie_is_what_counts() -> None:
    async with api(auth=None) as (_, client):
        await logged_in(client)
        assert (await client.get("/api/whoami", auth=("guest", "wrong"))).status_code == 401


async def test_guest_does_not_get_in_from_elsewhere() -> None:
    async with api(auth=None, peer="192.0.2.1") as (_, client):
        answer = await client.post("/api/login", json=GUEST)
        assert answer.json()["reason"] == "User can only log in via localhost"


async def test_a_page_from_elsewhere_cannot_log_in() -> None:
    async with api(auth=None) as (_, client):
        answer = await client.post("/api/login", json=GUEST, headers={"origin": "http://elsewhere.example"})
        assert answer.status_code == 403


async def test_scripts_are_not_asked_for_a_password_by_the_browser() -> None:
    async with api(auth=None) as (_, client):
        assert "www-authenticate" in (await client.get("/api/whoami")).headers
        answer = await client.get("/api/whoami", headers={"x-requested-with": "fetch"})
        assert (answer.status_code, "www-authenticate" in answer.headers) == (401, False)
