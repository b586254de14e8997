"""What the suites are pointed at: a broker, and beside it the Redis server that Celery stores results in."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from benchmark.brokers import (
    AMQPBROKER,
    ROOT,
    BrokerKind,
    Launch,
    RunningBroker,
    free_port,
    rabbitmq_kinds,
    rabbitmq_server,
)
from benchmark.processes import end
from benchmark.wire import HOST

AMQP_PORT = 5672
REDIS_READY_TIMEOUT_S = 10.0
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Broker:
    """A column of the report. profile: of ours; None is a real RabbitMQ."""

    name: str
    profile: str | None


BROKERS = (Broker("amqpbroker 4.2", "4.2"), Broker("amqpbroker 3.13", "3.13"), Broker("rabbitmq", None))
OURS, RABBITMQ = BROKERS[0], BROKERS[-1]


class TargetError(Exception):
    """A broker or Redis cannot be had; the text says why."""


@contextlib.contextmanager
def started_broker(broker: Broker, directory: Path) -> Iterator[tuple[int, str]]:
    """Port and version of a new broker in an empty directory of its own; it ends with the block."""
    with contextlib.ExitStack() as stack:
        if broker.profile is not None:
            kind = BrokerKind(broker.name, partial(_launch_with_profile, broker.profile))
        else:
            server = rabbitmq_server()
            if server is None:
                raise TargetError("no rabbitmq-server is installed (Debian: apt install rabbitmq-server)")
            kind = stack.enter_context(rabbitmq_kinds(server))[0]
        process = stack.enter_context(RunningBroker(kind, directory))
        connection = process.wait_until_ready()
        connection.close()
        yield process.port, connection.server_version


def _launch_with_profile(profile: str, port: int, directory: Path) -> Launch:
    launch = AMQPBROKER.launch(port, directory)
    return Launch([*launch.command, "--profile", profile], launch.environment)


def checkout_build() -> str:
    """The commit of this checkout, marked when files differ from it; figures of different runs share one page."""
    command = ["git", "describe", "--always", "--dirty=, changed"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "no commit known"
    return done.stdout.strip()


def running_broker(url: str) -> tuple[str, int]:
    """Host and port of an AMQP URL. Raises TargetError when it is none: the suites log in as guest, on `/`."""
    parts = urlsplit(url)
    if parts.scheme != "amqp" or not parts.hostname:
        raise TargetError(f"not a URL of the form amqp://guest:guest@HOST:PORT/: {url}")
    return parts.hostname, parts.port or AMQP_PORT


@contextlib.contextmanager
def started_redis(directory: Path) -> Iterator[int]:
    """The port of a new Redis server that keeps nothing on disk. Raises TargetError without one installed."""
    program = shutil.which("redis-server")
    if program is None:
        raise TargetError("no redis-server is installed (Debian: apt install redis-server)")
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    arguments = f"--port {port} --bind {HOST} --appendonly no --dir {directory}".split()
    with (directory / "redis.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *arguments, "--save", ""],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for_port(process, port)
        yield port
    finally:
        end(process)


def _wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline_s = time.monotonic() + REDIS_READY_TIMEOUT_S
    while True:
        try:
            socket.create_connection((HOST, port), 1.0).close()
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise TargetError(f"redis-server does not serve: {error}") from error
        time.sleep(POLL_S)
