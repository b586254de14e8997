"""Lists of things that have a table of fields."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from amqpbroker.management.lists.listing import item, list_response
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.statistics.history import History
from amqpbroker.model.access import User
from tests.helpers.management import api
from tests.helpers.wire_client import MemoryServer

THINGS = [{"vhost": "/", "name": name, "size": size} for name, size in (("b", 1), ("a", 3), ("c", 3))]
FIELDS: dict[str, Callable[[Any], Any]] = {
    name: lambda thing, name=name: thing[name] for name in ("vhost", "name", "size")
}


def asked(query: str) -> ApiRequest:
    app = Starlette()
    server = MemoryServer()
    app.state.history = History(server.broker, server.clock)
    scope = {"type": "http", "query_string": query.encode(), "headers": [], "path": "/", "app": app}
    return ApiRequest(Request(scope), None, User("guest"))  # type: ignore[arg-type]


async def content(response: Response) -> Any:
    parts: list[bytes] = []

    async def send(message: Any) -> None:
        parts.append(message.get("body", b""))

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    await response({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
    return json.loads(b"".join(parts))


async def names(query: str, things: list[dict[str, Any]] = THINGS) -> list[str]:
    return [one["name"] for one in await content(await list_response(asked(query), things, lambda _: FIELDS))]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abc"),
        ("sort=", "abc"),
        ("sort=size", "bac"),
        ("sort=size&sort_reverse=true", "cab"),
        ("sort_reverse=true", "cba"),
        ("sort=nothing", "abc"),
        ("sort=size.deeper", "abc"),
    ],
)
async def test_a_list_is_sorted_as_asked(query: str, expected: str) -> None:
    assert await names(query) == list(expected)


async def test_a_page_is_told_with_its_items() -> None:
    answer = await content(await list_response(asked("page=1&page_size=2&columns=name"), THINGS, lambda _: FIELDS))
    assert answer["items"] == [{"name": "a"}, {"name": "b"}]
    assert (answer["page_count"], answer["total_count"]) == (2, 3)


async def test_a_list_that_is_not_paged_is_whole_whatever_is_asked() -> None:
    response = await list_response(asked("page=9"), THINGS, lambda _: FIELDS, is_paged=False)
    assert len(await content(response)) == 3


async def test_only_what_is_on_the_page_is_computed() -> None:
    computed: list[str] = []
    fields = {**FIELDS, "size": lambda thing: computed.append(thing["name"])}
    await list_response(asked("page=2&page_size=2"), THINGS, lambda _: fields)
    assert computed == ["c"]


async def test_a_long_list_is_sent_in_parts_that_are_one_list() -> None:
    many = [{"vhost": "/", "name": f"{number:05}", "size": number} for number in range(1_001)]
    assert await names("columns=name", many) == [f"{number:05}" for number in range(1_001)]


def test_of_one_thing_the_fields_that_are_asked_for() -> None:
    assert item(asked("columns=size,nothing"), THINGS[0], FIELDS) == {"size": 1}
    assert item(asked(""), THINGS[0], FIELDS) == THINGS[0]


async def test_columns_hold_for_every_answer() -> None:
    async with api() as (_, client):
        assert (await client.get("/api/whoami?columns=name")).json() == {"name": "guest"}


@pytest.mark.parametrize("path", ["queues", "queues/%2F", "exchanges", "connections", "connections/username/guest"])
async def test_these_lists_have_pages(path: str) -> None:
    async with api() as (_, client):
        assert set((await client.get(f"/api/{path}?page=1")).json()) >= {"items", "page_count"}


@pytest.mark.parametrize("path", ["bindings", "consumers", "nodes", "vhosts/%2F/connections", "vhosts/%2F/channels"])
async def test_these_have_none_as_in_rabbitmq(path: str) -> None:
    async with api() as (_, client):
        assert isinstance((await client.get(f"/api/{path}?page=1")).json(), list)
