"""`rabbitmq-server`: which ports it takes where nobody says, and what it does not take."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amqpbroker.cli.shims.failing import Failed
from amqpbroker.cli.shims.server import ports, write_file

Call = Callable[..., Any]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Another broker has the usual port of the HTTP API, as far as anybody can tell."""

    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(socket, "create_server", refuse)
    return True


@pytest.mark.usefixtures("taken")
def test_one_of_several_takes_any_free_port_for_its_api() -> None:
    assert ports({"RABBITMQ_NODE_PORT": "5680"}) == {"AMQPBROKER_HTTP_PORT": "0", "AMQPBROKER_METRICS_PORT": "-1"}


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("environment", [{}, {"RABBITMQ_NODE_PORT": "5680", "AMQPBROKER_HTTP_PORT": "1"}])
def test_what_was_asked_for_is_what_it_is(environment: dict[str, str]) -> None:
    assert ports(environment) == {}


def test_flags_of_rabbitmqs_are_not_taken(call: Call) -> None:
    ended = call("rabbitmq-server", "-config", "x")
    assert (ended.exit_code, "amqpbroker cannot take -config" in ended.err) == (64, True)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    write_file(str(tmp_path / "pid"), b"1\n")
    assert (tmp_path / "pid").read_bytes() == b"1\n"
    with pytest.raises(Failed, match="Is a directory"):
        write_file(str(tmp_path), b"")
