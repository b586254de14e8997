"""RabbitMQ's programs, asked for what a broker holds that answers as one was recorded to."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from amqpbroker.cli.shims.entry import run
from tests.helpers.http_api import Api

NODE = "rabbit@host"


class Ended(NamedTuple):
    """How a call ended."""

    exit_code: int
    out: str
    err: str


Call = Callable[..., Ended]


@pytest.fixture
def broker(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A node of this name, as far as every command looks."""
    monkeypatch.setenv("RABBITMQ_NODENAME", NODE)
    api.answers |= {
        "GET /api/nodes": [{"name": NODE, "os_pid": "1", "uptime": 5_000}],
        "GET /api/overview": {
            "rabbitmq_version": "4.2.9",
            "node": NODE,
            "cluster_name": NODE,
            "listeners": [{"node": NODE, "protocol": "amqp", "ip_address": "127.0.0.1", "port": 5672}],
        },
        "GET /api/vhosts/%2F": {"name": "/"},
        "GET /api/users/anna": {"name": "anna", "tags": [], "password_hash": "h", "hashing_algorithm": "a"},
    }
    return api


@pytest.fixture
def call(broker: Api, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a program with these words."""

    def run_it(program: str, *arguments: str) -> Ended:
        exit_code = run(program, arguments)
        told = capsys.readouterr()
        return Ended(exit_code, told.out, told.err)

    return run_it


@pytest.fixture
def ctl(call: Call) -> Call:
    """Run rabbitmqctl with these words."""
    return lambda *arguments: call("rabbitmqctl", *arguments)
