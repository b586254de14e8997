"""/api/aliveness-test."""

import pytest

from amqpbroker.management.api.aliveness import QUEUE
from amqpbroker.profiles import PROFILES
from tests.helpers.management import api


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
async def test_a_message_goes_through_a_queue_that_stays(profile: object) -> None:
    async with api(profile=profile) as (server, client):
        for _ in range(2):
            answer = await client.get("/api/aliveness-test/%2F")
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert server.broker.vhosts["/"].queues[QUEUE].message_count == 0


async def test_an_alarm_is_no_failure() -> None:
    async with api() as (server, client):
        server.broker.raise_alarm("memory")
        assert (await client.get("/api/aliveness-test/%2F")).json() == {"status": "ok"}


async def test_a_queue_that_takes_nothing_is_one() -> None:
    async with api() as (server, client):
        term = {"pattern": QUEUE, "definition": {"max-length": 0, "overflow": "reject-publish"}}
        server.broker.vhosts["/"].parameters.set_policy("full", term)
        answer = await client.get("/api/aliveness-test/%2F")
        assert (answer.status_code, answer.json()["status"]) == (503, "failed")


async def test_it_needs_what_a_client_would() -> None:
    async with api() as (server, client):
        server.broker.users.set("eve", password="secret", tags=("management",))
        server.broker.permissions.set("eve", "/", configure=".*", write="", read=".*")
        assert (await client.get("/api/aliveness-test/%2F", auth=("eve", "secret"))).status_code == 401
        assert (await client.get("/api/aliveness-test/nope")).status_code == 404
