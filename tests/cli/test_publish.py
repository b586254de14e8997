"""`amqpbroker publish`: what is refused before anybody is asked, and what comes of the rest at a broker of ours."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amqpbroker.cli.main import main


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["body", "--file", "x"], "give a body or --file, not both"),
        (["--file", "/nonexistent/x"], "/nonexistent/x: cannot be read (No such file or directory)"),
        (["x", "--property", "content-type"], "--property: content-type is not NAME=VALUE; names are content_type, "),
        (["x", "--property", "colour=red"], "--property: colour=red is not NAME=VALUE"),
        (["x", "--property", "priority=high"], "--property: priority is a whole number, not high"),
        (["x", "--header", "n"], "--header: n is not NAME=VALUE"),
        (["x", "--url", "http://h"], "the URL: this is no address of a broker"),
    ],
)
def test_wrong_usage_is_refused(flags: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "key", *flags]) == 2
    assert capsys.readouterr().err.startswith(f"amqpbroker: {text}")


def test_a_file_that_is_a_directory_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "key", "--file", str(tmp_path)]) == 2
    assert "name a file that can be read" in capsys.readouterr().err


def test_the_help_says_what_is_filled_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "--help"]) == 0
    assert "{{Count}}" in capsys.readouterr().out


@pytest.fixture
def tasks(broker_url: str) -> Iterator[str]:
    assert main(["queue", "declare", "tasks"]) == 0
    yield "tasks"
    assert main(["queue", "rm", "tasks"]) == 0


def got(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    capsys.readouterr()
    assert main(["queue", "get", "tasks", "--count", "99", "--json"]) == 0
    found: list[Any] = json.loads(capsys.readouterr().out)
    return found


def test_templates_are_filled_in_everywhere(tasks: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--count", "2", "--header", "n={{Count}}", "--header", "m=1", "--property", "message-id=x", "--transient"]
    assert main(["publish", tasks, "number {{Count}}", *flags]) == 0
    assert capsys.readouterr().out.endswith("published and confirmed: 2\n")
    first, second = got(capsys)
    assert (first["payload"], second["payload"]) == ("number 1", "number 2")
    assert second["properties"] == {"headers": {"n": "2", "m": 1}, "message_id": "x", "delivery_mode": 1}


def test_a_message_for_each_line(tasks: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lines").write_bytes(b"one\n\ntwo\xff\n")
    assert main(["publish", tasks, "--file", str(tmp_path / "lines"), "--lines"]) == 0
    assert [one["payload"] for one in got(capsys)] == ["one", "", "dHdv/w=="]


def test_what_comes_on_stdin(tasks: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"of stdin")))
    assert main(["publish", tasks]) == 0
    assert [one["payload"] for one in got(capsys)] == ["of stdin"]


@pytest.mark.usefixtures("broker_url")
def test_what_no_queue_gets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "nowhere", "x", "--json"]) == 1
    told = capsys.readouterr()
    assert (json.loads(told.out)["refused"], "no queue got it" in told.err) == (1, True)
    assert main(["publish", "nowhere", "x", "--unroutable-ok"]) == 0


def test_what_a_full_queue_refuses(broker_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    limits = ["--argument", "x-max-length=1", "--argument", "x-overflow=reject-publish"]
    assert main(["queue", "declare", "full", *limits]) == 0
    assert main(["publish", "full", "x", "--count", "2"]) == 1
    assert "basic.nack" in capsys.readouterr().err
    assert main(["queue", "rm", "full"]) == 0
