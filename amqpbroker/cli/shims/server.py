"""`rabbitmq-server`: amqpbroker serve, in the foreground or with -detached."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import amqpbroker
from amqpbroker.cli.main import main
from amqpbroker.cli.shims.failing import EX_SOFTWARE, EX_USAGE, Failed

_HTTP_PORT: Final = 15672
# Who asks for a broker on a port of its own, as test suites do for each of their processes, wants no other port of it.
_ANY_PORT: Final = {"AMQPBROKER_HTTP_PORT": "0", "AMQPBROKER_METRICS_PORT": "-1"}


def run(arguments: Sequence[str]) -> int:
    """Serve until a signal stops it, and give the exit code; with -detached, 0 as soon as it runs. Raises Failed."""
    unknown = [one for one in arguments if one != "-detached"]
    if unknown:
        raise Failed(
            EX_USAGE, f"Error: amqpbroker cannot take {unknown[0]}: settings go into the environment or a file"
        )
    if directory := os.environ.get("RABBITMQ_LOG_BASE"):
        _make_directory(directory)
    if "-detached" in arguments:
        return _detach()
    os.environ.update(ports(os.environ))
    if path := os.environ.get("RABBITMQ_PID_FILE"):
        write_file(path, b"%d\n" % os.getpid())
    return main(["serve"])


def ports(environment: Mapping[str, str]) -> dict[str, str]:
    """Settings for ports that nobody has asked for, when another broker has them."""
    if environment.get("AMQPBROKER_HTTP_PORT") or not environment.get("RABBITMQ_NODE_PORT"):
        return {}
    try:
        socket.create_server(("127.0.0.1", _HTTP_PORT)).close()
    except OSError:
        return dict(_ANY_PORT)
    return {}


def _detach() -> int:
    """In a session of its own, with its output in the directory for logs, if one is named."""
    directory = os.environ.get("RABBITMQ_LOG_BASE")
    path = os.path.join(directory, f"{os.environ.get('RABBITMQ_NODENAME', 'rabbit')}.log") if directory else os.devnull
    try:
        with open(path, "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "amqpbroker", "serve"],
                env=os.environ | ports(os.environ) | {"PYTHONPATH": _import_path()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    except OSError as problem:
        raise Failed(EX_SOFTWARE, f"Error: {path}: {problem.strerror}") from None
    if pid_file := os.environ.get("RABBITMQ_PID_FILE"):
        write_file(pid_file, b"%d\n" % process.pid)
    return 0


def _make_directory(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as problem:
        raise Failed(EX_SOFTWARE, f"Error: {path}: {problem.strerror}") from None


def _import_path() -> str:
    """So that what is started is this very package, installed or not."""
    package = os.path.dirname(os.path.dirname(amqpbroker.__file__))
    return os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])


def write_file(path: str, content: bytes) -> None:
    """Raises Failed: that cannot be done."""
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as problem:
        raise Failed(EX_SOFTWARE, f"Error: {path}: {problem.strerror}") from None
