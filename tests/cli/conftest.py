"""An HTTP API for the verbs to ask, and nothing of this machine's environment."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson, http_api


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
