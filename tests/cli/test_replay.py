"""`amqpbroker replay`: a recording into a broker that runs."""

from pathlib import Path

import pytest

from amqpbroker.cli.main import main
from amqpbroker.cli.replay import pika_properties
from amqpbroker.testing.recording.lines import Defined, Deleted, Published, Start
from amqpbroker.testing.recording.writing import write_recording
from amqpbroker.wire.properties import Properties, encode
from amqpbroker.wire.tables import Field

QUEUE = {"vhost": "/", "name": "replayed", "durable": True, "auto_delete": False, "arguments": {"x-max-length": 1}}
REFUSING = {**QUEUE, "name": "refusing", "arguments": {"x-max-length": 0, "x-overflow": "reject-publish"}}


def recorded(path: Path, *queues: str) -> str:
    """A recording of a message to each of these queues."""
    messages = [Published(0.1, "/", "", queue, Properties(), b"x") for queue in queues]
    lines = [Defined(0.0, {"queues": [REFUSING]}), *messages, Deleted(0.2, {"queues": [QUEUE]})]
    write_recording(str(path), Start("", "4.2.9", {"queues": [QUEUE]}), lines, lambda: 0.2)
    return str(path)


def test_headers_keep_the_types_that_pika_has_not():
    values = Properties(headers={"half": Field("d", 0.5), "octet": Field("b", 1)}, user_id="anna", type="t")
    octets = b"".join(pika_properties(values).encode())
    assert octets == encode(Properties(headers=values.headers, type="t"), 0)[12:]


def test_it_is_declared_and_published(broker_url: str, tmp_path: Path, capsys):
    assert main(["replay", recorded(tmp_path / "run.jsonl", "replayed", "replayed"), "--speed", "100"]) == 0
    assert capsys.readouterr().out == "published and confirmed: 2\n"
    assert main(["queue", "info", "replayed", "--json"]) == 0
    assert '"messages": 1,' in capsys.readouterr().out


@pytest.mark.usefixtures("broker_url")
def test_a_message_that_is_not_taken_is_an_error(tmp_path: Path, capsys):
    assert main(["replay", recorded(tmp_path / "run.jsonl", "refusing"), "--speed", "0"]) == 1
    found = capsys.readouterr()
    assert (found.out, "basic.nack" in found.err) == ("published and confirmed: 0\n", True)


@pytest.mark.usefixtures("broker_url")
def test_what_is_not_declared_has_to_be_there(tmp_path: Path, capsys):
    path = str(tmp_path / "run.jsonl")
    write_recording(path, Start("", "", {}), [Published(0, "/", "missing", "", Properties(), b"")], lambda: 0.0)
    assert main(["replay", path, "--no-definitions"]) == 1
    assert "404 NOT_FOUND - no exchange 'missing'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--speed", "-1"], "--speed: -1.0 is no speed"),
        (["--speed", "nan"], "is no speed"),
        (["--vhost", "/"], "a recording names its virtual hosts"),
        ([], "line 1: is not JSON"),
    ],
)
def test_wrong_usage(tmp_path: Path, capsys, arguments, complaint):
    (tmp_path / "run.jsonl").write_text("no recording\n")
    assert main(["replay", str(tmp_path / "run.jsonl"), *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path: Path, capsys):
    assert main(["replay", str(tmp_path / "run.jsonl")]) == 2
    assert "cannot be read" in capsys.readouterr().err
