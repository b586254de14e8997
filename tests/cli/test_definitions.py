"""`amqpbroker definitions`: out to a file, in from one, and what differs."""

import io
import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from amqpbroker.cli.definitions import differences
from amqpbroker.cli.main import main
from tests.helpers.http_api import Api

QUEUE = {"vhost": "/", "name": "tasks", "durable": True}
DEFINITIONS: dict[str, Any] = {"rabbit_version": "4.2.9", "queues": [QUEUE], "users": [{"name": "anna"}]}


@pytest.fixture(autouse=True)
def broker(api: Api) -> None:
    api.answers |= {"GET /api/definitions": DEFINITIONS, "GET /api/definitions/v": {}}
    api.answers |= {"POST /api/definitions": (204, None), "POST /api/definitions/v": (204, None)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "definitions.json"
    found.write_text(json.dumps(DEFINITIONS))
    return found


def test_export_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["definitions", "export"]) == 0
    assert json.loads(capsys.readouterr().out) == DEFINITIONS


def test_export_to_a_file_that_is_the_owners_alone(tmp_path: Path) -> None:
    found = tmp_path / "out.json"
    assert main(["definitions", "export", str(found)]) == 0
    assert json.loads(found.read_text()) == DEFINITIONS
    if sys.platform != "win32":
        assert stat.S_IMODE(found.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["definitions", "export", str(tmp_path)]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(("flags", "target"), [([], "/api/definitions"), (["--vhost", "v"], "/api/definitions/v")])
def test_import(api: Api, path: Path, flags: list[str], target: str) -> None:
    assert main(["definitions", "import", str(path), *flags]) == 0
    assert api.asked == [("POST", target, DEFINITIONS)]


def test_import_from_stdin(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
    assert main(["definitions", "import", "-"]) == 0
    assert api.asked[0][2] == {}


@pytest.mark.parametrize("octets", [b"{", b"[]", b"\xff"])
def test_what_is_no_definitions_is_not_sent(api: Api, path: Path, octets: bytes) -> None:
    path.write_bytes(octets)
    assert main(["definitions", "import", str(path)]) == 2
    assert api.asked == []


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["definitions", "diff", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: cannot be read (No such file or directory)" in capsys.readouterr().err


def test_no_difference_is_a_success(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["definitions", "diff", str(path)]) == 0
    assert capsys.readouterr().out == ""


def test_a_difference_is_named(api: Api, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    api.answers["GET /api/definitions"] = {
        "queues": [QUEUE | {"durable": False}, {"vhost": "/", "name": ""}],
        "users": [],
    }
    assert main(["definitions", "diff", str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == ["- users anna", '+ queues / ""', "~ queues / tasks"]


def test_two_files_need_no_broker(api: Api, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.json").write_text("{}")
    assert main(["definitions", "diff", str(path), str(tmp_path / "other.json"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"what": "-", "kind": "users", "key": ["anna"]},
        {"what": "-", "kind": "queues", "key": ["/", "tasks"]},
    ]
    assert api.asked == []


def test_bindings_differ_by_all_that_names_them() -> None:
    binding = {"vhost": "/", "source": "x", "destination_type": "queue", "destination": "q", "routing_key": "a"}
    left, right = ({"bindings": [binding | {"arguments": {"n": number}}]} for number in (1, 2))
    assert [what for what, _, _ in differences(left, right)] == ["-", "+"]


def test_order_does_not_matter() -> None:
    users = [{"name": "a"}, {"name": "b"}]
    assert differences({"users": users}, {"users": users[::-1]}) == []
