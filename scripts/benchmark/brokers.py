"""The brokers that are measured: how each is started on a free port of the loopback, and ended for certain."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from benchmark.processes import end, end_session, kill_session
from benchmark.wire import HOST, BenchmarkError, Connection

ROOT = Path(__file__).resolve().parents[2]
Result = TypeVar("Result")
READY_TIMEOUT_S = 90.0
POLL_S = 0.005
DATA = "data"
"""Where every kind keeps its data, in the directory it is given."""
DEBIAN_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The server itself; the program of that name on Debian's PATH changes the user and the directory first."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A command and the environment it runs in."""

    command: list[str]
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class BrokerKind:
    """One column of the table."""

    label: str
    launch: Callable[[int, Path], Launch]
    """Given the port and an empty directory of its own."""


class RunningBroker:
    """A broker process from its start to its end, in a directory of its own. Use it as a context manager."""

    def __init__(self, kind: BrokerKind, directory: Path) -> None:
        self.kind = kind
        self.port = free_port()
        directory.mkdir(parents=True)
        self.data_directory = directory / DATA
        self._output = directory / "output"
        self._launch = kind.launch(self.port, directory)
        self._start()

    def _start(self) -> None:
        self.started_s = time.perf_counter()
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._launch.command,
                env=self._launch.environment,
                cwd=self._output.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C comes to us alone, and we end it
            )
        self.pid = self._process.pid

    def kill_and_start_again(self) -> None:
        """Kills it without a warning and starts it anew, with what it then has on disk."""
        kill_session(self._process)
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        end_session(self._process)

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def wait_for_port(self) -> None:
        """Returns when it accepts connections. Raises BenchmarkError with its last words when that does not happen."""
        self._retry(lambda: socket.create_connection((HOST, self.port), 1.0).close())

    def wait_until_ready(self) -> Connection:
        """The first connection it lets log in. Raises BenchmarkError as `wait_for_port` does."""
        return self._retry(lambda: Connection(self.port))

    def _retry(self, attempt: Callable[[], Result]) -> Result:
        while True:
            try:
                return attempt()
            except (OSError, BenchmarkError) as error:
                if self.has_ended() or time.perf_counter() - self.started_s > READY_TIMEOUT_S:
                    raise BenchmarkError(f"{self.kind.label} does not serve: {self.last_words() or error}") from error
            time.sleep(POLL_S)

    def last_words(self) -> str:
        """The end of what it has printed."""
        return self._output.read_text(errors="replace").strip()[-500:]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _launch_amqpbroker(port: int, directory: Path, http_port: int = -1, metrics_port: int = -1) -> Launch:
    """The program of the environment this runs in; in one without it the package of this checkout."""
    program = shutil.which("amqpbroker", path=str(Path(sys.executable).parent))
    environment = dict(os.environ)
    if program is None:
        environment["PYTHONPATH"] = str(ROOT)
    options = f"serve --port {port} --http-port {http_port} --metrics-port {metrics_port} --ready-file".split()
    command = [program] if program else [sys.executable, "-m", "amqpbroker"]
    return Launch([*command, *options, str(directory / "ready"), *_storage_options(directory)], environment)


def _storage_options(directory: Path) -> list[str]:
    """Data on disk, as it is by default, in a directory that goes with the run."""
    return ["--data-dir", str(directory / DATA)]


AMQPBROKER = BrokerKind("amqpbroker", _launch_amqpbroker)


def with_management(http_port: int, metrics_port: int) -> BrokerKind:
    """Ours with its API, its web UI and its metrics on these ports."""
    launch = partial(_launch_amqpbroker, http_port=http_port, metrics_port=metrics_port)
    return BrokerKind("amqpbroker with management", launch)


def rabbitmq_server() -> str | None:
    """The installed RabbitMQ's start script; None without one."""
    return str(DEBIAN_RABBITMQ) if DEBIAN_RABBITMQ.exists() else shutil.which("rabbitmq-server")


@contextlib.contextmanager
def rabbitmq_kinds(server: str) -> Iterator[list[BrokerKind]]:
    """RabbitMQ as its users run it, and with one scheduler, next to an epmd of their own that ends with them.

    Erlang would leave an epmd running behind it; with ours on a port of its own nothing stays and nobody else's is met.
    """
    epmd_port = free_port()
    program = shutil.which("epmd")
    epmd = subprocess.Popen([program, "-port", str(epmd_port), "-address", HOST]) if program else None

    def kind(label: str, erlang_options: str) -> BrokerKind:
        return BrokerKind(
            label, lambda port, directory: _launch_rabbitmq(server, port, directory, epmd_port, erlang_options)
        )

    try:
        yield [kind("RabbitMQ", ""), kind("RabbitMQ +S 1", "+S 1:1 ")]
    finally:
        if epmd:
            end(epmd)


def _launch_rabbitmq(server: str, port: int, directory: Path, epmd_port: int, erlang_options: str) -> Launch:
    """Without plugins and configuration, on the loopback alone, everything it writes under `directory`.

    Its home is there too, because Erlang puts the cookie of its nodes into it."""
    (directory / "plugins").write_text("[].\n")
    for name in ("rabbitmq.conf", "environment.conf"):
        (directory / name).touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")}
    environment |= {
        "HOME": str(directory),
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_NODENAME": f"bench{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(directory / DATA),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(directory / "environment.conf"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{erlang_options}-kernel inet_dist_use_interface {{127,0,0,1}}",
    }
    return Launch([server], environment)
