"""Who asks, by name and password."""

import base64

import pytest

from amqpbroker.management.access.authentication import authenticate, of_token
from amqpbroker.management.errors import NotAuthenticated, NotAuthorised
from amqpbroker.model.access.users import INSIDER
from amqpbroker.server.config import ConfiguredUser
from tests.helpers.management import api


def basic(credentials: bytes) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(credentials).decode()}


async def test_a_name_and_a_password_are_a_user() -> None:
    async with api() as (server, _):
        assert authenticate(basic(b"guest:guest"), "127.0.0.1", server.broker).name == "guest"


@pytest.mark.parametrize("credentials", [b"guest:wrong", b"nobody:guest", b"guest", b"", b"\xff:\xff"])
async def test_wrong_credentials_are_refused(credentials: bytes) -> None:
    async with api() as (server, _):
        with pytest.raises(NotAuthenticated, match="Login failed"):
            authenticate(basic(credentials), "127.0.0.1", server.broker)


async def test_who_guesses_has_to_wait_and_hears_nothing_of_it() -> None:
    async with api() as (server, _):
        for _ in range(5):
            server.broker.failed_logins.failed("192.0.2.1", "guest", server.ticker.now_s())
        with pytest.raises(NotAuthenticated, match="Login failed"):
            authenticate(basic(b"guest:guest"), "192.0.2.1", server.broker)
        assert authenticate(basic(b"guest:guest"), "127.0.0.1", server.broker).name == "guest"


@pytest.mark.parametrize("header", ["", "Basic", "Digest abc", "Basic %%%"])
async def test_what_are_no_credentials_is_refused(header: str) -> None:
    async with api() as (server, _):
        with pytest.raises(NotAuthenticated):
            authenticate({"authorization": header}, "127.0.0.1", server.broker)


async def test_guest_is_let_in_from_this_machine_only() -> None:
    async with api() as (server, _):
        with pytest.raises(NotAuthenticated, match="localhost"):
            authenticate(basic(b"guest:guest"), "192.0.2.1", server.broker)


@pytest.mark.parametrize("peer", [None, "::1", "::ffff:127.0.0.1", "127.9.9.9"])
async def test_these_peers_are_on_this_machine(peer: str | None) -> None:
    async with api() as (server, _):
        assert authenticate(basic(b"guest:guest"), peer, server.broker)


async def test_a_user_without_a_tag_has_no_business_here() -> None:
    async with api(users=(ConfiguredUser("worker", "secret"),)) as (server, _):
        with pytest.raises(NotAuthorised, match="Not management user"):
            authenticate(basic(b"worker:secret"), "127.0.0.1", server.broker)


@pytest.mark.parametrize("peer", [None, "127.0.0.1", "::1"])
def test_the_token_of_this_run_lets_the_brokers_own_user_in(peer: str | None) -> None:
    assert of_token("Bearer t0ken", peer, "t0ken") is INSIDER


@pytest.mark.parametrize(
    ("authorization", "peer", "token"),
    [
        ("Bearer other", "127.0.0.1", "t0ken"),
        ("Bearer", "127.0.0.1", "t0ken"),
        ("Bearer ", "127.0.0.1", ""),
        ("Bearer t\xf6ken", "127.0.0.1", "t0ken"),
        ("Bearer t0ken", "192.0.2.1", "t0ken"),
    ],
)
def test_another_token_or_one_from_another_machine_is_refused(authorization: str, peer: str, token: str) -> None:
    with pytest.raises(NotAuthenticated, match="Login failed"):
        of_token(authorization, peer, token)


def test_without_a_token_somebody_else_asks() -> None:
    assert of_token("Basic Z3Vlc3Q6Z3Vlc3Q=", "127.0.0.1", "t0ken") is None


async def test_with_the_token_everything_is_allowed() -> None:
    async with api(auth=None) as (server, client):
        server.local_token = "t0ken"
        server.broker.create_vhost("other")
        bearer = {"authorization": "Bearer t0ken"}
        assert (await client.get("/api/whoami", headers=bearer)).json()["name"] == "rmq-cli"
        assert (await client.put("/api/queues/other/q", json={}, headers=bearer)).status_code == 201


async def test_attempts_are_counted() -> None:
    async with api() as (server, client):
        assert (await client.get("/api/whoami")).status_code == 200
        assert (await client.get("/api/whoami", auth=("guest", "wrong"))).status_code == 401
        with pytest.raises(NotAuthenticated):
            authenticate(basic(b"guest:guest"), "192.0.2.1", server.broker)
        attempts = server.broker.attempts["http"]
        assert (attempts.succeeded, attempts.failed) == (1, 2)
