"""`amqpbroker ping`: quick, and of few words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson

PROJECT = Path(__file__).parents[2]
UNNEEDED = {"asyncio", "rich", "pika", "yaml", "starlette", "uvicorn", "amqpbroker.server.config", "amqpbroker.wire"}


@pytest.fixture(autouse=True)
def broker(api: Api) -> None:
    api.answers["GET /api/overview"] = {"product_name": "RabbitMQ", "product_version": "4.2.9", "node": "n@h"}


def test_it_says_who_answers(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ping"]) == 0
    assert capsys.readouterr().out.startswith(f"RabbitMQ 4.2.9 answers at {api.url} in ")


def test_as_json(api: Api, ask_json: AskJson) -> None:
    found = ask_json("ping")
    assert (found["url"], found["product"], found["node"]) == (api.url, "RabbitMQ 4.2.9", "n@h")


def test_a_password_in_the_address_is_not_printed(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ping", "--http", api.url.replace("//", "//anna:s3cret@")]) == 0
    told = capsys.readouterr()
    assert "s3cret" not in told.out + told.err


def test_it_loads_nothing_heavy(api: Api) -> None:
    code = "import sys; from amqpbroker.cli.main import main; main(['ping']); print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    loaded = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).split()
    assert "http.client" in loaded
    assert UNNEEDED & set(loaded) == set()
