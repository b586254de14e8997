"""`amqpbroker record`: what the firehose tells becomes the lines of a recording."""

from datetime import datetime
from pathlib import Path

import pytest

from amqpbroker.cli.main import main
from amqpbroker.cli.record import published
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, from_python
from tests.helpers.http_api import Api

TRACE = {
    "exchange_name": "orders",
    "routing_keys": ["a", "copies"],
    "properties": {"headers": {"CC": ["copies"], "at": datetime(2023, 11, 14, 22, 13, 20)}, "delivery_mode": 2},
    "vhost": "/",
    "user": "guest",
}


def test_a_message_is_as_it_was_published():
    line = published(0.5, TRACE, b"body")
    headers = {"CC": from_python(["copies"]), "at": Field("T", 1_700_000_000)}
    assert (line.at_s, line.vhost, line.exchange, line.routing_key, line.body) == (0.5, "/", "orders", "a", b"body")
    assert line.properties == Properties(headers=headers, delivery_mode=2)


def test_a_virtual_host_that_is_not_traced_leaves_no_file(api: Api, tmp_path: Path, capsys):
    api.answers["GET /api/vhosts/%2F"] = b'{"name": "/", "tracing": false}'
    assert main(["record", str(tmp_path / "run.jsonl")]) == 1
    assert "rabbitmqctl trace_on -p /" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("api")
def test_where_no_file_can_be_is_said(tmp_path: Path, capsys):
    assert main(["record", str(tmp_path / "nowhere" / "run.jsonl")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_nobody_there(closed_port: int, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("AMQPBROKER_HTTP", f"http://127.0.0.1:{closed_port}")
    assert main(["record", str(tmp_path / "run.jsonl")]) == 69
    assert list(tmp_path.iterdir()) == []
