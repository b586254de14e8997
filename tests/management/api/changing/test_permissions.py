"""What is changed over HTTP is changed by a user, who has to be allowed to."""

from typing import Any

import pytest

from tests.helpers.management import api, declare, make_user, publish

MESSAGE = {"properties": {}, "routing_key": "no", "payload": "x", "payload_encoding": "string"}
GET = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
REFUSED = "Access refused."
OWN = {"configure": "^ok", "write": "^ok", "read": "^ok"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("PUT", "queues/%2F/no", {}, 401, REFUSED),
        ("PUT", "queues/%2F/ok", {"arguments": {"x-dead-letter-exchange": "no"}}, 401, REFUSED),
        ("DELETE", "queues/%2F/no", None, 401, REFUSED),
        ("DELETE", "queues/%2F/no/contents", None, 401, REFUSED),
        ("PUT", "exchanges/%2F/no", {}, 401, REFUSED),
        ("DELETE", "exchanges/%2F/amq.topic", None, 401, REFUSED),
        ("POST", "bindings/%2F/e/amq.topic/q/no", {}, 401, REFUSED),
        ("DELETE", "bindings/%2F/e/amq.topic/q/no/rk", None, 401, REFUSED),
        (
            "POST",
            "queues/%2F/no/get",
            GET,
            401,
            "ACCESS_REFUSED - read access to queue 'no' in vhost '/' refused for user 'ann'",
        ),
        (
            "POST",
            "queues/%2F/no/peek",
            GET,
            401,
            "ACCESS_REFUSED - read access to queue 'no' in vhost '/' refused for user 'ann'",
        ),
        ("POST", "queues/%2F/no/move", {"destination": {"exchange": "ok"}}, 401, REFUSED),
        ("POST", "queues/%2F/no/actions", {"action": "pause"}, 401, "Not administrator user"),
        (
            "POST",
            "exchanges/%2F/amq.default/publish",
            MESSAGE,
            400,
            "403 ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'ann'",
        ),
        ("PUT", "queues/team/ok", {}, 401, "User not authorised to access virtual host"),
        ("PUT", "queues/nope/ok", {}, 404, "vhost_not_found"),
    ],
)
async def test_what_is_not_allowed_is_not_done(method: str, path: str, body: Any, status: int, reason: str) -> None:
    async with api() as (server, client):
        await client.put("/api/vhosts/team", json={})
        await declare(client, "no")
        await publish(client, "no", "1")
        await client.post("/api/bindings/%2F/e/amq.topic/q/no", json={"routing_key": "rk"})
        ann = await make_user(client, "ann", **OWN)
        answer = await client.request(method, f"/api/{path}", json=body, auth=ann)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        assert set(server.broker.vhosts["/"].queues) == {"no"}
        assert server.broker.vhosts["/"].queues["no"].message_count == 1


async def test_what_is_allowed_is_done() -> None:
    async with api() as (_, client):
        ann = await make_user(client, "ann", **OWN)
        assert (await client.put("/api/queues/%2F/ok", json={}, auth=ann)).status_code == 201
        assert (await client.put("/api/exchanges/%2F/ok.x", json={}, auth=ann)).status_code == 201
        assert (await client.post("/api/bindings/%2F/e/ok.x/q/ok", json={}, auth=ann)).status_code == 201
        answer = await client.post("/api/exchanges/%2F/ok.x/publish", json={**MESSAGE, "routing_key": ""}, auth=ann)
        assert answer.json() == {"routed": True}
        assert len((await client.post("/api/queues/%2F/ok/get", json=GET, auth=ann)).json()) == 1


@pytest.mark.parametrize("destination", [{"exchange": "amq.topic"}, {"exchange": "amq.topic", "routing_key": "no"}])
async def test_who_moves_messages_may_publish_them_there(destination: dict[str, str]) -> None:
    async with api() as (server, client):
        await declare(client, "no")
        await publish(client, "no", "1")
        await client.post("/api/bindings/%2F/e/amq.topic/q/no", json={"routing_key": "#"})
        ann = await make_user(client, "ann", write=".*", read=".*")
        topic = {"exchange": "amq.topic", "write": "^ok", "read": ""}
        await client.put("/api/topic-permissions/%2F/ann", json=topic)
        answer = await client.post("/api/queues/%2F/no/move", json={"destination": destination}, auth=ann)
        assert (answer.status_code, answer.json()["reason"]) == (401, REFUSED)
        assert server.broker.vhosts["/"].queues["no"].message_count == 1
