"""`amqpbroker consume`: what is refused before anybody is asked, and what comes of the rest at a broker of ours."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pika
import pytest

from amqpbroker.cli.consume import _message, _plain
from amqpbroker.cli.main import main


@pytest.mark.parametrize(
    "flags", [[], ["q", "--exchange", "x"], ["q", "--ack", "--no-ack"], ["q", "--raw", "--json"], ["q", "--count", "x"]]
)
def test_wrong_usage_is_refused(flags: list[str]) -> None:
    assert main(["consume", *flags]) == 2


def test_a_message_is_as_the_http_api_has_it() -> None:
    method = pika.spec.Basic.Deliver("c", 1, True, "x", "k")
    found = _message(method, pika.BasicProperties(priority=3, headers={"n": 1}), b"\xff")
    assert found == {
        "exchange": "x",
        "routing_key": "k",
        "redelivered": True,
        "properties": {"priority": 3, "headers": {"n": 1}},
        "payload": "/w==",
        "payload_encoding": "base64",
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"a\xff", "a\\xff"),
        (Decimal("1.5"), "1.5"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"),
    ],
)
def test_what_json_has_no_word_for_is_text(value: object, text: str) -> None:
    assert _plain(value) == text


@pytest.fixture
def two(broker_url: str) -> Iterator[str]:
    """A queue with two messages."""
    assert main(["queue", "declare", "tasks"]) == 0
    assert main(["publish", "tasks", "{{Count}}", "--count", "2"]) == 0
    yield "tasks"
    assert main(["queue", "rm", "tasks"]) == 0


def consumed(capsys: pytest.CaptureFixture[str], *flags: str) -> list[str]:
    capsys.readouterr()
    assert main(["consume", "tasks", "--raw", "--timeout", "0.3", *flags]) == 0
    return capsys.readouterr().out.split()


@pytest.mark.usefixtures("two")
def test_they_go_back_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert consumed(capsys) == consumed(capsys) == ["1", "2"]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("flag", ["--ack", "--no-ack"])
def test_they_are_taken_off(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert consumed(capsys, flag) == ["1", "2"]
    assert consumed(capsys) == []


@pytest.mark.usefixtures("two")
def test_a_few_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["consume", "tasks", "--raw", "--timeout", "0.3", "--prefetch", "1"]) == 0
    assert "that is all for now: 1 are in hand" in capsys.readouterr().err


@pytest.mark.usefixtures("two")
def test_fewer_than_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["consume", "tasks", "--count", "3", "--timeout", "0.3", "--json"]) == 1
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert [json.loads(line)["payload"] for line in lines] == ["1", "2"]


@pytest.mark.usefixtures("two")
def test_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["consume", "tasks", "--count", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "── exchange (default), routing key tasks, 1 octets",
        "delivery_mode: 2",
        "1",
    ]


@pytest.mark.usefixtures("broker_url")
def test_a_queue_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["consume", "nowhere"]) == 1
    assert capsys.readouterr().err.startswith("amqpbroker: 404 NOT_FOUND - no queue 'nowhere'")
