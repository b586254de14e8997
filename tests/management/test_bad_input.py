"""Garbage to every resource that changes something: a refusal that says why, no fault of ours, and nothing changed.

The table of resources is gone through, so that a new one is among them as soon as it is there.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpbroker.management.api import RESOURCES
from amqpbroker.management.definitions.export import export_definitions
from amqpbroker.management.resources import Resource
from amqpbroker.server.server import Server
from tests.helpers.management import api, declare, make_user, publish

MESSAGE_MAX_BYTES: Final = 100_000
CHANGING: Final = [
    (method, resource) for resource in RESOURCES for method in resource.methods if method in ("PUT", "POST", "DELETE")
]
# These want nothing of a body, and look at none.
WITHOUT_A_BODY: Final = {
    ("DELETE", "/connections/username/{username}"),
    ("DELETE", "/connections/{connection}"),
    ("DELETE", "/login"),
    ("POST", "/vhosts/{vhost}/start/{node}"),
}
THERE: Final = {
    "component": "operator_policy",
    "destination": "tasks",
    "dtype": "q",
    "exchange": "orders",
    "name": "ttl",
    "props": "rk",
    "queue": "tasks",
    "source": "orders",
    "user": "ann",
    "vhost": "/",
}
NO_OBJECTS: Final = [
    b"{",
    b"[]",
    b"[1]",
    b'"{}"',
    b"1",
    b"\xff\xfe",
    b'{"value": NaN}',
    b"[" * 50_000,
    b'{"value": ' + b"[" * 800 + b"]" * 800 + b"}",
    b'{"a": "\\ud800"}',
]
KEYS: Final = (
    *(
        "ackmode",
        "action",
        "apply-to",
        "arguments",
        "auto_delete",
        "bindings",
        "configure",
        "count",
        "default_queue_type",
    ),
    *("definition", "description", "destination", "durable", "encoding", "exchange", "exchanges", "hashing_algorithm"),
    *("headers", "internal", "limits", "name", "offset", "password", "password_hash", "pattern", "payload"),
    *("payload_encoding", "permissions", "policies", "priority", "properties", "protected_from_deletion", "queue"),
    *("queues", "read", "routing_key", "tags", "tracing", "truncate", "type", "users", "value", "vhosts", "write"),
)
TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    [*KEYS, "x" * 300, "ack_requeue_true", "auto", "base64", "direct", "orders", "tasks", "topic", ".*", "("]
)
VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
OBJECTS: Final = st.dictionaries(st.sampled_from(KEYS) | TEXTS, VALUES, max_size=12)
HOSTILE: Final = ["x" * 300, "../../etc", "a\x00b", "'\"<script>", "ä\udcff", "%2F", "a\r\nb", "-1"]


def name_of(value: Any) -> str:
    return value.path if isinstance(value, Resource) else str(value)


each = pytest.mark.parametrize(("method", "resource"), CHANGING, ids=name_of)


def url(server: Server, resource: Resource, part: str | None = None) -> str:
    """The address of a resource whose parts are there. part: what stands in place of all but the virtual host."""

    def named(found: re.Match[str]) -> str:
        known = server.broker.node_name if found[1] == "node" else THERE.get(found[1], "1")
        chosen = known if part is None or found[1] in ("vhost", "dtype") else part
        return quote(chosen, safe="", errors="surrogateescape")

    return "/api" + re.sub(r"\{(\w+)\}", named, resource.path)


@asynccontextmanager
async def filled() -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    """A broker in which there is one of each kind."""
    async with api(message_size_max_bytes=MESSAGE_MAX_BYTES) as (server, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "1")
        await make_user(client, "ann")
        pattern = {"pattern": "^x", "definition": {"max-length": 1}}
        for path, body in {
            "exchanges/%2F/orders": {"durable": True},
            "topic-permissions/%2F/ann": {"exchange": "orders", "write": "", "read": ""},
            "policies/%2F/ttl": pattern,
            "operator-policies/%2F/ttl": pattern,
            "global-parameters/ttl": {"value": 1},
        }.items():
            assert (await client.put(f"/api/{path}", json=body)).status_code == 201
        assert (await client.post("/api/bindings/%2F/e/orders/q/tasks", json={"routing_key": "rk"})).status_code == 201
        yield server, client


def state(server: Server) -> Any:
    """All that is declared, and what waits."""
    vhosts = server.broker.vhosts.items()
    waiting = {(name, key): queue.message_count for name, vhost in vhosts for key, queue in vhost.queues.items()}
    return export_definitions(server.broker), waiting


@each
async def test_a_body_that_is_no_object_changes_nothing(method: str, resource: Resource) -> None:
    async with filled() as (server, client):
        before = state(server)
        for body in NO_OBJECTS:
            answer = await client.request(method, url(server, resource), content=body)
            if (method, resource.path) in WITHOUT_A_BODY:
                assert answer.status_code in (204, 404)
            else:
                status = 400 if len(body) <= resource.body_max_bytes else 413
                assert answer.status_code == status and answer.json()["reason"], body
        assert state(server) == before


@each
async def test_a_body_that_is_too_large_is_not_looked_at(method: str, resource: Resource) -> None:
    async with filled() as (server, client):
        before = state(server)
        size_bytes = resource.body_max_bytes + 2 * MESSAGE_MAX_BYTES
        body = b'{"a": "' + b"x" * size_bytes + b'"}'
        answer = await client.request(method, url(server, resource), content=body)
        assert answer.status_code == 413 or (method, resource.path) in WITHOUT_A_BODY
        assert state(server) == before


@each
@settings(max_examples=3, deadline=None)
@given(bodies=st.lists(OBJECTS, min_size=5, max_size=15))
def test_an_object_of_whatever_kind_is_no_fault_of_ours(
    method: str, resource: Resource, bodies: list[dict[str, Any]]
) -> None:
    async def send() -> None:
        async with filled() as (server, client):
            for body in bodies:
                before = state(server)
                answer = await client.request(method, url(server, resource), content=json.dumps(body))
                assert answer.status_code < 500, body
                if answer.status_code >= 400:
                    assert answer.json()["reason"]
                    assert state(server) == before

    asyncio.run(send())


@each
async def test_a_name_of_whatever_kind_is_no_fault_of_ours(method: str, resource: Resource) -> None:
    async with filled() as (server, client):
        for part in HOSTILE:
            before = state(server)
            answer = await client.request(method, url(server, resource, part), json={})
            assert answer.status_code < 500, part
            if answer.status_code >= 400:
                assert answer.json()["reason"]
                assert state(server) == before


@each
async def test_whoever_may_nothing_changes_nothing(method: str, resource: Resource) -> None:
    if resource.is_for_strangers:
        return
    async with filled() as (server, client):
        await client.put("/api/users/bob", json={"password": "x", "tags": "management"})
        before = state(server)
        for auth in (("bob", "x"), ("bob", "wrong"), ("nobody", "x")):
            answer = await client.request(method, url(server, resource), json={}, auth=auth)
            # Whether there is such a connection may be asked by everybody who may log in.
            expected = 404 if auth == ("bob", "x") and resource.path == "/connections/{connection}" else 401
            assert answer.status_code == expected and answer.json()["reason"]
        assert state(server) == before


@pytest.mark.parametrize("resource", RESOURCES, ids=name_of)
async def test_another_method_is_refused_with_those_that_there_are(resource: Resource) -> None:
    async with filled() as (server, client):
        for method in {"PUT", "POST", "DELETE", "PATCH"} - set(resource.methods):
            answer = await client.request(method, url(server, resource))
            assert (answer.status_code, answer.headers["allow"]) == (405, resource.allow)
