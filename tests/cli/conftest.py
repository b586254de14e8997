"""An HTTP API for the verbs to ask, and nothing of this machine's environment."""

import json
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson, http_api
from tests.helpers.served_broker import ServedBroker


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """What is asked unless the test says otherwise."""
    for name in list(os.environ):
        if name.startswith("AMQPBROKER_"):
            monkeypatch.delenv(name)
    with http_api() as found:
        monkeypatch.setenv("AMQPBROKER_HTTP", found.url)
        yield found


@pytest.fixture
def ask_json(api: Api, capsys: pytest.CaptureFixture[str]) -> AskJson:
    """Run a verb with --json, which has to succeed, and give what it printed."""

    def ask(*arguments: str) -> Any:
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


@pytest.fixture
def closed_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def served() -> Iterator[ServedBroker]:
    """A broker of ours."""
    broker = ServedBroker()
    yield broker
    broker.stop()


@pytest.fixture
def broker_url(served: ServedBroker, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where it is, which verbs that speak AMQP know."""
    url = f"amqp://127.0.0.1:{served.port}"
    monkeypatch.setenv("AMQPBROKER_URL", url)
    monkeypatch.setenv("AMQPBROKER_HTTP", served.url)
    return url
