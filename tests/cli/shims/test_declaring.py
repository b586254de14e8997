"""Commands for what there is: what they ask of the HTTP API, and what RabbitMQ 3.10.8 said."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.http_api import Api

Ctl = Callable[..., Any]
QUEUE = "/api/queues/%2F/q"


def test_purging(ctl: Ctl, broker: Api) -> None:
    broker.answers[f"DELETE {QUEUE}/contents"] = (204, None)
    assert ctl("purge_queue", "q") == (0, "Purging queue 'q' in vhost '/' ...\n", "")
    assert ctl("-q", "purge_queue", "nix") == (69, "", "Error:\nnot_found\n")


@pytest.mark.parametrize(
    ("flags", "target", "out"),
    [
        ([], QUEUE, "Deleting queue 'q' on vhost '/' ...\n"),
        (["--if-empty"], f"{QUEUE}?if-empty=true", "Deleting queue 'q' on vhost '/' if queue is empty ...\n"),
        (
            ["-e", "-u"],
            f"{QUEUE}?if-empty=true&if-unused=true",
            "Deleting queue 'q' on vhost '/' if queue is empty and unused ...\n",
        ),
    ],
)
def test_deleting(ctl: Ctl, broker: Api, flags: list[str], target: str, out: str) -> None:
    broker.answers |= {f"GET {QUEUE}": {"messages_ready": 2}, f"DELETE {target}": (204, None)}
    assert ctl("delete_queue", "q", *flags) == (0, f"{out}Queue was successfully deleted with 2 ready messages\n", "")


@pytest.mark.parametrize(
    ("there", "reason", "err"),
    [
        (False, "", "Error:\nQueue not found\n"),
        (True, "queue 'q' in vhost '/' is not empty", "Error:\nQueue is not empty\n"),
        (True, "queue 'q' in vhost '/' in use", "Error:\nQueue is in use\n"),
    ],
)
def test_what_is_not_deleted(ctl: Ctl, broker: Api, there: bool, reason: str, err: str) -> None:
    if there:
        broker.answers[f"GET {QUEUE}"] = {}
    broker.answers[f"DELETE {QUEUE}"] = (400, {"error": "bad_request", "reason": reason})
    assert ctl("-q", "delete_queue", "q", "--if-empty") == (64, "", err)


@pytest.fixture
def connected(broker: Api) -> Api:
    connections = [{"name": "a", "vhost": "/"}, {"name": "b", "vhost": "v"}, {"name": "c", "vhost": "/", "pid": "<1>"}]
    broker.answers["GET /api/connections"] = connections
    broker.answers |= {f"DELETE /api/connections/{name}": (204, None) for name in "ab"}
    return broker


@pytest.mark.parametrize(
    ("flags", "out"),
    [
        ([], "Closing all connections in vhost /, reason: bye...\nClosed 2 connections\n"),
        (["--limit", "1"], "Closing all connections in vhost /, reason: bye...\nClosed 1 connections\n"),
        (["--global"], "Closing all connections in all vhosts, reason: bye...\nClosed 3 connections\n"),
    ],
)
def test_closing_connections_of_which_one_goes_by_itself(ctl: Ctl, connected: Api, flags: list[str], out: str) -> None:
    assert ctl("close_all_connections", "bye", *flags) == (0, out, "")
    assert connected.headers[-1]["X-Reason"] == "bye"


@pytest.mark.usefixtures("connected")
def test_closing_one_by_name_or_pid(ctl: Ctl) -> None:
    assert ctl("-q", "close_connection", "a", "bye").exit_code == 0
    assert ctl("-q", "close_connection", "<1>", "bye").exit_code == 0
    assert ctl("-q", "close_connection", "nix", "bye") == (69, "", "Error:\nthere is no connection nix\n")


def test_exporting(ctl: Ctl, broker: Api, tmp_path: Path) -> None:
    broker.answers["GET /api/definitions"] = {"users": []}
    path = tmp_path / "d.json"
    out = f'Exporting definitions in JSON to a file at "{path}" ...\n'
    assert ctl("export_definitions", str(path)) == (0, out, "")
    assert json.loads(path.read_text()) == {"users": []}
    assert ctl("export_definitions", "-") == (0, '{"users":[]}\n', "")
    assert ctl("-q", "export_definitions", str(tmp_path)).exit_code == 65


def test_importing(ctl: Ctl, broker: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker.answers["POST /api/definitions"] = (204, None)
    path = tmp_path / "d.json"
    path.write_text('{"users":[]}')
    assert ctl("import_definitions", str(path)).out == (
        f'Importing definitions in JSON from a file at "{path}" ...\n'
        "Successfully started definition import. This process is asynchronous and can take some time.\n"
    )
    monkeypatch.setattr("sys.stdin", io.StringIO('{"queues":[]}'))
    assert ctl("-q", "import_definitions").exit_code == 0
    assert [one[2] for one in broker.asked] == [{"users": []}, {"queues": []}]


def test_importing_nothing(ctl: Ctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ctl("-q", "import_definitions", str(tmp_path / "nix")).exit_code == 65
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert ctl("-q", "import_definitions").exit_code == 64


def test_a_reset_leaves_the_first_virtual_host_empty_and_no_other(ctl: Ctl, broker: Api) -> None:
    broker.answers |= {
        "GET /api/vhosts": [{"name": "/"}, {"name": "v"}],
        "GET /api/vhosts/%2F/permissions": [],
        "GET /api/vhosts/%2F/topic-permissions": [],
        "DELETE /api/vhosts/%2F": (204, None),
        "DELETE /api/vhosts/v": (204, None),
        "PUT /api/vhosts/%2F": (201, None),
    }
    assert ctl("reset") == (0, "Resetting node rabbit@host ...\n", "")
    changes = [one[:2] for one in broker.asked if one[0] != "GET"]
    assert changes == [("DELETE", "/api/vhosts/%2F"), ("PUT", "/api/vhosts/%2F"), ("DELETE", "/api/vhosts/v")]
