"""How messages are shown: envelope, headers, body; and the body alone, as it is."""

from argparse import Namespace
from typing import Any

import pytest

from amqpbroker.cli.messages import body_of, say_messages, shown_body

MESSAGE: dict[str, Any] = {
    "exchange": "",
    "routing_key": "tasks",
    "redelivered": True,
    "properties": {"delivery_mode": 2, "headers": {"x": [1, "a"]}},
    "payload": "aGk=",
    "payload_encoding": "base64",
}


def show(*found: dict[str, Any], json: bool = False, raw: bool = False) -> None:
    assert say_messages(list(found), Namespace(json=json, raw=raw)) == 0


def test_the_envelope_comes_before_the_body(capsys: pytest.CaptureFixture[str]) -> None:
    show(MESSAGE)
    assert capsys.readouterr().out.splitlines() == [
        "── exchange (default), routing key tasks, redelivered, 2 octets",
        "delivery_mode: 2",
        'header x: [1, "a"]',
        "hi",
    ]


def test_properties_may_be_rabbitmqs_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    show({"payload": "hi", "routing_key": "k", "properties": []})
    assert capsys.readouterr().out == "── exchange (default), routing key k, 2 octets\nhi\n"


def test_raw_is_the_octets(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    show({"payload": "/wA=", "payload_encoding": "base64"}, raw=True)
    assert capfdbinary.readouterr().out == b"\xff\x00\n"


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"hi\n\tyou", "hi\n\tyou"), (b"\x1b[2J", "\\x1b[2J"), ("größe".encode(), "größe"), (b"\xff\x00", "\\xff\\x00")],
)
def test_a_body_is_shown_without_what_moves_a_cursor(body: bytes, text: str) -> None:
    assert shown_body(body) == text


def test_a_payload_is_text_or_base64() -> None:
    assert body_of({"payload": "ä", "payload_encoding": "string"}) == "ä".encode()
    assert body_of(MESSAGE) == b"hi"
