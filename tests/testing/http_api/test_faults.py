"""Faults over HTTP, with a client that they strike."""

import aio_pika
import pytest
from aio_pika.exceptions import DeliveryError

from tests.testing.http_api.test_resources import asking


async def test_a_rule_strikes_until_it_is_ended_by_its_number():
    async with asking() as client:
        begun = (await client.post("/api/_test/faults/nack_publishes", json={"queue": "tasks"})).json()
        async with await aio_pika.connect(client.url) as connection:
            channel = await connection.channel()
            await channel.declare_queue("tasks")
            with pytest.raises(DeliveryError):
                await channel.default_exchange.publish(aio_pika.Message(b"first"), "tasks")
            ended = (await client.post("/api/_test/faults/end", json={"rule": begun["rule"]})).json()
            await channel.default_exchange.publish(aio_pika.Message(b"second"), "tasks")
        assert (ended["fault"], ended["hits"], ended["is_over"]) == ("nack_publishes", 1, True)
        assert (await client.post("/api/_test/faults/assert_hit", json={"rule": 1, "times": 1})).status_code == 200
        assert (await client.post("/api/_test/faults/assert_hit", json={"rule": 1, "times": 2})).status_code == 409


async def test_the_log_can_be_replayed():
    async with asking() as client:
        await client.post("/api/_test/faults/return_publishes", json={"times": 1})
        log = (await client.post("/api/_test/faults/log")).json()
        assert (await client.post("/api/_test/faults/replay", json={"log": log})).status_code == 200
        assert (await client.post("/api/_test/faults/replay", json={"log": []})).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("end", {"rule": 7}, 404, "there is no rule 7; there are none"),
        ("nack_publishes", {"probability": 2}, 400, "probability"),
        ("nack_publishes", {"odds": 0.5}, 400, "odds"),
        ("drop_connections", {"how": "gently"}, 400, "gently"),
    ],
)
async def test_what_cannot_be_done_is_said(path, body, status, reason):
    async with asking() as client:
        answer = await client.post(f"/api/_test/faults/{path}", json=body)
        assert (answer.status_code, reason in answer.json()["reason"]) == (status, True), answer.text
