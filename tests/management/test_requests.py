"""What clients send: names quoted in every way, numbers and truths as strings, bodies of any size."""

from pathlib import Path

import pytest
from starlette.requests import Request

from amqpbroker.management.errors import BadRequest, TooLarge
from amqpbroker.management.requests import ApiRequest, depth, parse_json, truth, whole_number
from amqpbroker.model.access import User
from tests.helpers.management import api


def request(*body: bytes, size_bytes: int | None = None, **parts: str) -> ApiRequest:
    left = [{"type": "http.request", "body": part, "more_body": True} for part in body]

    async def receive() -> dict[str, object]:
        return left.pop(0) if left else {"type": "http.request", "body": b"", "more_body": False}

    headers = [] if size_bytes is None else [(b"content-length", str(size_bytes).encode())]
    scope = {"type": "http", "method": "PUT", "headers": headers, "query_string": b"", "path_params": parts}
    return ApiRequest(Request(scope, receive), None, User("guest", ""), body_max_bytes=20)  # type: ignore[arg-type]


def test_a_name_was_quoted_once() -> None:
    assert request(queue="a%2Fb%2525").part("queue") == "a/b%25"


async def test_an_object_comes_in_pieces() -> None:
    assert await request(b'{"a"', b": 1}").object() == {"a": 1}


async def test_no_body_is_an_empty_object() -> None:
    assert await request().object() == {}


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 20, b"[]", b"1"])
async def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        await request(body).object()


async def test_a_body_that_is_announced_as_too_large_is_not_read() -> None:
    with pytest.raises(TooLarge):
        await request(size_bytes=21).object()


async def test_a_body_that_turns_out_too_large_is_not_read_on() -> None:
    with pytest.raises(TooLarge):
        await request(b"x" * 10, b"x" * 11).object()


@pytest.mark.parametrize(("value", "meant"), [(True, True), ("true", True), ("False", False), ("", False), (1, True)])
def test_a_truth_in_whatever_form(value: object, meant: bool) -> None:
    assert truth(value, "durable") is meant


def test_what_is_no_truth_is_named() -> None:
    with pytest.raises(BadRequest, match="durable: 'perhaps'"):
        truth("perhaps", "durable")


@pytest.mark.parametrize(("value", "meant"), [(1, 1), ("12", 12)])
def test_a_number_in_whatever_form(value: object, meant: int) -> None:
    assert whole_number(value, "count") == meant


@pytest.mark.parametrize("value", [True, "x", None, 1.5, []])
def test_what_is_no_number_is_named(value: object) -> None:
    with pytest.raises(BadRequest, match="count: "):
        whole_number(value, "count")


async def test_nobody_is_told_that_something_is_recorded_when_the_disk_has_failed(tmp_path: Path) -> None:
    async with api(memory=False, data_dir=tmp_path) as (server, client):
        server.disk_failed.set()
        answer = await client.put("/api/users/ann", json={"password": "x", "tags": ""})
        reason = "the disk has failed: whether this is on it nobody knows"
        assert (answer.status_code, answer.json()["reason"]) == (503, reason)


@pytest.mark.parametrize("body", [b'"\\ud800"', b'{"\\udfff": 1}', b"\xed\xa0\x80", '"x"'.encode("utf-16"), b"NaN"])
def test_what_is_no_unicode_is_no_json(body: bytes) -> None:
    with pytest.raises(BadRequest, match="not_json"):
        parse_json(body)


def test_a_character_may_be_escaped() -> None:
    assert parse_json(b'"\\ud83d\\ude00 \\u00e4"') == "\N{GRINNING FACE} ä"


def test_how_deep_a_value_is() -> None:
    assert [depth(value) for value in (1, [], {"a": [1, {}]}, [[], [[]]])] == [0, 1, 3, 3]
    with pytest.raises(BadRequest, match="within each other"):
        parse_json(b"[" * 129 + b"]" * 129)
