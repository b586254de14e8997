"""What all resources have in common: methods, credentials, and how a handler's result is answered."""

import logging
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource, json_response, route
from tests.helpers.management import GUEST, api


async def test_head_is_get_without_a_body() -> None:
    async with api() as (_, client):
        answer = await client.head("/api/whoami")
        assert (answer.status_code, answer.content) == (200, b"")


async def test_options_tells_the_methods_to_whoever_asks() -> None:
    async with api(auth=None) as (_, client):
        answer = await client.options("/api/whoami")
        assert (answer.status_code, answer.headers["allow"]) == (200, "HEAD, GET, OPTIONS")


async def test_another_method_is_not_allowed() -> None:
    async with api() as (_, client):
        answer = await client.delete("/api/whoami")
        assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "HEAD, GET, OPTIONS", b"")


async def test_without_credentials_the_answer_is_how_to_give_them() -> None:
    async with api(auth=None) as (_, client):
        answer = await client.get("/api/whoami")
        assert (answer.status_code, answer.content) == (401, b"")
        assert answer.headers["www-authenticate"] == 'Basic realm="RabbitMQ Management"'


async def test_wrong_credentials_are_told_to_be_wrong() -> None:
    async with api(auth=("guest", "wrong")) as (_, client):
        answer = await client.get("/api/whoami")
        assert (answer.status_code, answer.json()) == (401, {"error": "not_authorized", "reason": "Login failed"})


def test_names_that_are_no_unicode_can_be_told() -> None:
    assert json_response({"name": "a\udcff"}).body == b'{"name":"a?"}'


def test_a_resource_knows_its_methods() -> None:
    assert Resource("/x", {"PUT": _nothing, "DELETE": _nothing}).allow == "PUT, DELETE, OPTIONS"


async def test_a_fault_of_ours_is_logged_once_and_nothing_of_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def fails(request: ApiRequest) -> Any:
        raise KeyError("secret")

    async with api() as (server, _):
        transport = httpx.ASGITransport(Starlette(routes=[route(Resource("/x", {"GET": fails}), server)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", auth=GUEST) as client:
            answer = await client.get("/api/x")
    assert (answer.status_code, answer.json()["error"]) == (500, "Internal Server Error")
    assert "secret" not in answer.text
    assert [record.exc_info is not None for record in caplog.records if record.levelno >= logging.ERROR] == [True]


async def _nothing(request: ApiRequest) -> None:
    return None
