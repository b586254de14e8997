"""Commands about the broker's process: waiting until it serves, and ending it."""

import os
import signal
import time
from collections.abc import Callable
from typing import Final

from amqpbroker.cli import say
from amqpbroker.cli.client import Unreachable
from amqpbroker.cli.shims.call import Call
from amqpbroker.cli.shims.failing import EX_SOFTWARE, EX_TIMEOUT, EX_UNAVAILABLE, EX_USAGE, Failed, cannot, error
from amqpbroker.management.access.local_login import runs

_BETWEEN_LOOKS_S: Final = 0.05
_STARTUP_TIMEOUT_S: Final = 300.0
_WAIT_TIMEOUT_S: Final = 10.0
_STOP_TIMEOUT_S: Final = 60.0


def await_startup(call: Call) -> None:
    """Until it answers."""
    if not _until(lambda: _answers(call), call.invocation.timeout_s(_STARTUP_TIMEOUT_S)):
        raise error(EX_UNAVAILABLE, "rabbit_is_not_running")


def await_online_nodes(call: Call) -> None:
    """It is one node; there will never be more."""
    timeout_s = call.invocation.timeout_s(_STARTUP_TIMEOUT_S)
    count, node = call.words[0], call.node
    call.banner(
        f"Will wait for at least {count} nodes to join the cluster of {node}. Timeout: {timeout_s:.0f} seconds."
    )
    if count not in ("0", "1"):
        text = f"Error: timed out while waiting. Not enough nodes joined {node}'s cluster."
        raise error(EX_SOFTWARE, text)
    await_startup(call)


def start_app(call: Call) -> None:
    """Whoever answers serves already."""
    call.banner(f"Starting node {call.node} ...")
    if not _answers(call):
        raise call.unreachable()


def wait(call: Call) -> None:
    """Until the process of a pid file, or of a number, serves."""
    deadline_s = time.monotonic() + call.invocation.timeout_s(_WAIT_TIMEOUT_S)
    text = call.invocation.given.get("pid") or call.invocation.given.get("P")
    if text is None:
        if not call.words:
            raise Failed(EX_USAGE, "Error (argument validation): No pid or pidfile specified")
        path = call.words[0]
        call.banner(f"Waiting for pid file '{path}' to appear")
        if not _until(lambda: _read_pid(path) is not None, deadline_s - time.monotonic()):
            raise error(EX_TIMEOUT, f"Error: timed out while waiting for pid file {path}")
        text = str(_read_pid(path))
        call.banner(f"pid is {text}")
    if not text.isdecimal():
        raise Failed(EX_USAGE, f"Error (argument validation): {text} is no pid")
    process = int(text)
    call.banner(f"Waiting for erlang distribution on node '{call.node}' while OS process '{process}' is running")
    _until(lambda: _answers(call) or not runs(process), deadline_s - time.monotonic())
    if not runs(process):
        raise error(EX_UNAVAILABLE, "process_not_running")
    if not _answers(call):
        raise error(EX_TIMEOUT, "Error: timed out while waiting for it to serve")
    call.banner(f"Waiting for applications 'rabbit_and_plugins' to start on node '{call.node}'")
    call.banner(f"Applications 'rabbit_and_plugins' are running on node '{call.node}'")


def stop(call: Call) -> None:
    """End the broker on this machine that this user runs, and wait until it has ended."""
    if call.local is None:
        raise cannot("stop it", "it is not one that this user runs on this machine; end its process with SIGTERM")
    process = call.local.process
    if call.invocation.command == "shutdown":
        say(f"Shutting down RabbitMQ node {call.node} running at PID {process}")
    else:
        call.banner(f"Stopping and halting node {call.node} ...")
    os.kill(process, signal.SIGTERM)
    if "no-wait" in call.invocation.given:
        return
    if not _until(lambda: not runs(process), call.invocation.timeout_s(_STOP_TIMEOUT_S)):
        raise error(EX_TIMEOUT, f"Error: process {process} has not ended")
    if call.invocation.command == "shutdown":
        say(f"RabbitMQ node {call.node} running at PID {process} successfully shut down")


def _until(come: Callable[[], bool], timeout_s: float) -> bool:
    """Look again and again; whether it has come about in time."""
    deadline_s = time.monotonic() + timeout_s
    while not come():
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(_BETWEEN_LOOKS_S)
    return True


def _answers(call: Call) -> bool:
    # Looked for anew: it may have started meanwhile.
    looking = Call(call.invocation)
    try:
        looking.client.get("overview", columns="node")
    except (Unreachable, Failed):
        return False
    finally:
        looking.close()
    return True


def _read_pid(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            text = file.read().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdecimal() else None
