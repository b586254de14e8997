"""Waiting for a broker, and ending one: what is said, and how it ends when nothing comes of it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amqpbroker.management.access.local_login import LocalLogin, directory, write
from tests.helpers.http_api import Api

Ctl = Callable[..., Any]
NODE = "rabbit@host"


@pytest.fixture
def nobody(broker: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMQPBROKER_HTTP", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (["await_startup"], ""),
        (
            ["await_online_nodes", "1"],
            f"Will wait for at least 1 nodes to join the cluster of {NODE}. Timeout: 300 seconds.\n",
        ),
        (["start_app"], f"Starting node {NODE} ...\n"),
    ],
)
def test_whoever_answers_has_started(ctl: Ctl, arguments: list[str], out: str) -> None:
    assert ctl(*arguments) == (0, out, "")


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    ("arguments", "exit_code", "text"),
    [
        (["await_startup", "-t", "0"], 69, "Error:\nrabbit_is_not_running\n"),
        (["start_app"], 69, "Error: unable to perform"),
        (["wait", "nowhere", "-t", "0"], 75, "Error:\nError: timed out while waiting for pid file"),
        (["wait", "--pid", str(os.getpid()), "-t", "0"], 75, "Error:\nError: timed out while waiting for it to serve"),
    ],
)
def test_nobody_comes(ctl: Ctl, arguments: list[str], exit_code: int, text: str) -> None:
    ended = ctl("-q", *arguments)
    assert (ended.exit_code, ended.err.startswith(text)) == (exit_code, True)


def test_there_is_only_one_node(ctl: Ctl) -> None:
    assert ctl("-q", "await_online_nodes", "3", "-t", "1").exit_code == 70


def test_waiting_for_a_pid_file(ctl: Ctl, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text(f"{os.getpid()}\n")
    assert ctl("wait", str(path)).out.splitlines() == [
        f"Waiting for pid file '{path}' to appear",
        f"pid is {os.getpid()}",
        f"Waiting for erlang distribution on node '{NODE}' while OS process '{os.getpid()}' is running",
        f"Waiting for applications 'rabbit_and_plugins' to start on node '{NODE}'",
        f"Applications 'rabbit_and_plugins' are running on node '{NODE}'",
    ]


@pytest.mark.parametrize(("arguments", "exit_code"), [([], 64), (["--pid", "soon"], 64)])
def test_waiting_for_nothing(ctl: Ctl, arguments: list[str], exit_code: int) -> None:
    assert ctl("-q", "wait", *arguments).exit_code == exit_code


def test_waiting_for_a_process_that_has_ended(ctl: Ctl) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    assert ctl("-q", "wait", "--pid", str(gone.pid)) == (69, "", "Error:\nprocess_not_running\n")


@pytest.mark.parametrize("command", ["stop", "shutdown"])
def test_a_broker_of_ours_is_ended(
    ctl: Ctl, broker: Api, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AMQPBROKER_HTTP")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        write(LocalLogin(NODE, 5672, broker.url, "token", process.pid), directory(os.environ))
        ended = ctl(command)
        assert ended.exit_code == 0
    assert process.returncode == -15
    assert (f"running at PID {process.pid} successfully shut down" in ended.out) == (command == "shutdown")


def test_a_broker_of_somebody_else_is_not(ctl: Ctl) -> None:
    ended = ctl("-q", "stop")
    assert (ended.exit_code, "end its process with SIGTERM" in ended.err) == (64, True)
