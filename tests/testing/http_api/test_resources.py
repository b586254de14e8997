"""The test API, asked as a client in any language does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from amqpbroker.management.app import build_app
from amqpbroker.testing import AsyncBroker
from amqpbroker.testing.http_api.resources import resources_of
from tests.helpers.management import GUEST, declare, get, make_user, publish


@asynccontextmanager
async def asking(peer: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    async with AsyncBroker() as broker:
        transport = httpx.ASGITransport(build_app(broker.server, resources_of(broker)), client=(peer, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:15672", auth=GUEST) as client:
            yield client


async def test_the_clock_is_advanced_past_a_time_to_live():
    async with asking() as client:
        await declare(client, "dead")
        rules = {"x-message-ttl": 1_800_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
        await declare(client, "tasks", arguments=rules)
        await publish(client, "tasks", "late")
        answer = await client.post("/api/_test/clock/advance", json={"duration": "30m"})
        assert answer.status_code == 200, answer.text
        assert [message["payload"] for message in await get(client, "dead")] == ["late"]


async def test_the_clock_tells_its_time():
    async with asking() as client:
        await client.post("/api/_test/clock/freeze")
        first = (await client.post("/api/_test/clock/now")).json()
        assert (await client.post("/api/_test/clock/now")).json() == first


async def test_it_tells_what_can_be_called():
    async with asking() as client:
        calls = (await client.get("/api/_test")).json()
        assert calls["clock/resume"] == []
        assert calls["clock/advance"][0].startswith("duration")


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("clock/turn", {}, 404, "there is no clock/turn in the test API"),
        ("clock/advance", {}, 400, "missing a required argument: 'duration'"),
        ("clock/advance", {"by": "30m"}, 400, "it takes duration"),
        ("clock/advance", {"duration": "soon"}, 400, "'soon' is no duration"),
        ("clock/advance", {"duration": []}, 400, "clock/advance: "),
        ("clock/advance", [], 400, "the body is no object"),
    ],
)
async def test_what_cannot_be_done_is_said(path, body, status, reason):
    async with asking() as client:
        answer = await client.post(f"/api/_test/{path}", json=body)
        assert (answer.status_code, reason in answer.json()["reason"]) == (status, True), answer.text


async def test_it_is_for_administrators_on_this_machine():
    async with asking() as client:
        monitor = await make_user(client, "ann", "monitoring")
        assert (await client.post("/api/_test/clock/freeze", auth=monitor)).status_code == 401
    async with asking("192.0.2.1") as client:
        answer = await client.post("/api/_test/clock/freeze")
        # guest may come from this machine only.
        assert answer.status_code == 401


async def test_without_it_there_is_no_such_path():
    async with AsyncBroker() as broker:
        transport = httpx.ASGITransport(build_app(broker.server), client=("127.0.0.1", 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:15672", auth=GUEST) as client:
            assert (await client.post("/api/_test/clock/freeze")).status_code == 404
