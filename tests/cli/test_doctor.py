"""`amqpbroker doctor`: what it says, and how it ends."""

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson


@pytest.fixture(autouse=True)
def broker(api: Api) -> Api:
    api.answers |= {
        "GET /api/overview": {"listeners": []},
        "GET /api/whoami": {"name": "guest", "tags": ["administrator"]},
        "GET /api/nodes": [{"name": "n@h"}],
        "GET /api/queues": [],
        "GET /api/connections": [],
    }
    return api


def test_who_is_well_hears_little(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out == "checks that found nothing: 5, warnings: 0, faults: 0\n"


def test_who_wants_to_hears_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--verbose"]) == 0
    assert "✓ n@h has no alarm on" in capsys.readouterr().out.splitlines()


def test_a_fault_has_a_remedy_and_an_exit_code(broker: Api, capsys: pytest.CaptureFixture[str]) -> None:
    broker.answers["GET /api/nodes"] = [{"name": "n@h", "disk_free_alarm": True, "disk_free": 1024}]
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "✗ n@h holds publishers back: its disk has 1.0 KiB left"
    assert lines[1].startswith("    make room")


def test_as_json(ask_json: AskJson) -> None:
    found = ask_json("doctor")
    assert found["is_well"]
    assert {one["severity"] for one in found["findings"]} == {"fine"}
