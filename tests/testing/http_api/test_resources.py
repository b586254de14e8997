"""The test API, asked as a client in any language does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
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
            client.url = broker.url
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


async def test_messages_are_waited_for_and_seen_without_being_consumed():
    async with asking() as client:
        await declare(client, "tasks")
        await publish(client, "tasks", '{"id": 1}', type="order")
        waited = (await client.post("/api/_test/wait_for", json={"queue": "tasks", "json": {"id": 1}})).json()
        seen = (await client.post("/api/_test/messages", json={"queue": "tasks"})).json()
        assert seen == [waited]
        assert (waited["body"], waited["properties"], waited["headers"]) == ('{"id": 1}', {"type": "order"}, {})


async def test_what_a_test_expects_in_vain_is_409_with_what_was_there_instead():
    async with asking() as client:
        await declare(client, "tasks")
        await publish(client, "tasks", "first")
        for path, body in (("wait_for", {"queue": "other", "timeout": 0}), ("assert_published", {"body": "second"})):
            answer = await client.post(f"/api/_test/{path}", json=body)
            assert (answer.status_code, answer.json()["error"]) == (409, "not_as_expected")
            assert "first" in answer.json()["reason"]


async def test_that_queues_are_empty_is_asserted_of_those_that_are_named():
    async with asking() as client:
        for queue in ("tasks", "done"):
            await declare(client, queue)
        await publish(client, "tasks", "first")
        for queues, status in ((["done"], 200), (["done", "tasks"], 409), ([], 409)):
            assert (await client.post("/api/_test/assert_empty", json={"queues": queues})).status_code == status


async def test_a_recording_is_made_and_replayed(tmp_path):
    path = str(tmp_path / "run.jsonl")
    async with asking() as client:
        assert (await client.post("/api/_test/record/begin", json={"path": path})).status_code == 200
        assert (await client.post("/api/_test/record/begin", json={"path": path})).status_code == 400
        await declare(client, "tasks")
        await publish(client, "tasks", "first")
        assert (await client.post("/api/_test/record/end")).status_code == 200
        assert (await client.post("/api/_test/record/end")).status_code == 400
        await client.post("/api/_test/reset", json={"keep_connections": True})
        answer = await client.post("/api/_test/replay", json={"path": path})
        assert answer.status_code == 200, answer.text
        assert [message["payload"] for message in await get(client, "tasks")] == ["first"]
        missing = await client.post("/api/_test/replay", json={"path": path + ".none"})
        assert (missing.status_code, ".none" in missing.json()["reason"]) == (400, True)


async def test_a_snapshot_is_restored_by_its_number():
    async with asking() as client:
        await declare(client, "tasks")
        await publish(client, "tasks", "first")
        number = (await client.post("/api/_test/snapshot")).json()
        await client.delete("/api/queues/%2F/tasks")
        assert (await client.post("/api/_test/restore", json={"snapshot": number})).status_code == 200
        assert [message["payload"] for message in await get(client, "tasks")] == ["first"]
        assert (await client.post("/api/_test/restore", json={"snapshot": 7})).status_code == 404


async def test_a_reset_leaves_nothing_of_what_was_there():
    async with asking() as client:
        await declare(client, "tasks")
        await client.post("/api/_test/faults/return_publishes")
        assert (await client.post("/api/_test/reset", json={"keep_connections": True})).status_code == 200
        for name in ("queues", "faults/rules"):
            assert not (await client.post(f"/api/_test/{name}")).json()


async def test_a_virtual_host_is_asked_by_its_name():
    async with asking() as client:
        assert (await client.post("/api/_test/create_vhost", json={"name": "blue"})).status_code == 200
        await client.put("/api/queues/blue/tasks", json={})
        assert list((await client.post("/api/_test/queues", json={"vhost": "blue"})).json()) == ["tasks"]
        assert (await client.post("/api/_test/queues")).json() == {}


async def test_what_the_linter_has_found_says_what_to_do():
    async with asking() as client, await aio_pika.connect(client.url) as connection:
        await (await connection.channel()).declare_queue("tasks")
        (found,) = (await client.post("/api/_test/take_warnings")).json()
        assert (found["rule"], found["place"]["queue"]) == ("transient-queue", "tasks")
        assert found["text"].endswith(f"Remedy: {found['remedy']}.")
        assert (await client.post("/api/_test/warnings")).json() == []


async def test_every_look_is_json():
    async with asking() as client:
        await declare(client, "tasks")
        await publish(client, "tasks", "first")
        for name in ("queues", "exchanges", "bindings", "connections", "history", "dead_letters", "warnings", "idle"):
            assert (await client.post(f"/api/_test/{name}")).status_code == 200, name
        why = (await client.post("/api/_test/why", json={"routing_key": "tasks"})).json()
        assert (why["queues"], "tasks" in why["text"]) == (["tasks"], True)


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("clock/turn", {}, 404, "there is no clock/turn in the test API"),
        ("clock/advance", {}, 400, "missing a required argument: 'duration'"),
        ("clock/advance", {"by": "30m"}, 400, "it takes duration"),
        ("clock/advance", {"duration": "soon"}, 400, "'soon' is no duration"),
        ("clock/advance", {"duration": []}, 400, "clock/advance: "),
        ("queues", {"vhost": 1}, 400, "vhost is no text"),
        ("queue", {"name": "tasks"}, 404, "there is no queue 'tasks'"),
        ("wait_for", {"queue": "tasks", "match": "x"}, 400, "match cannot be given over HTTP"),
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
