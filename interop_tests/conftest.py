"""The broker under test, names nobody else uses, connections that are closed, and a deadline for every test."""

import contextlib
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import httpx
import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from interop_tests.administrator import Administrator
from interop_tests.rabbitmq import free_ports
from interop_tests.wire import Wire

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
TEST_TIMEOUT_S = 30
HERE = Path(__file__).parent

Connect: TypeAlias = Callable[..., pika.BlockingConnection]
OpenWire: TypeAlias = Callable[..., Wire]


def pytest_addoption(parser: pytest.Parser) -> None:
    """--profile; --amqpbroker-url and --amqpbroker-management-url are the plugin's own."""
    parser.addoption("--profile", help="the RabbitMQ version the started broker shall be, e.g. 3.13")


def pytest_configure(config: pytest.Config) -> None:
    """Declare our marker."""
    config.addinivalue_line("markers", "until_4_3: what RabbitMQ 4.3 refuses; skipped with --profile 4.3")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give every test a deadline; leave out, in profile 4.3, what RabbitMQ 4.3 refuses by default."""
    for item in items:
        # pytest hands every conftest all tests of the run, those of other folders too.
        if item.path.is_relative_to(HERE) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))
    if config.getoption("--profile", default=None) != "4.3":
        return
    for item in items:
        if item.get_closest_marker("until_4_3"):
            item.add_marker(pytest.mark.skip(reason="RabbitMQ 4.3 refuses it: transient queue or global prefetch"))


@pytest.fixture(scope="session")
def management_port() -> int:
    """Where the HTTP API of the broker is that is started for the session."""
    return free_ports(1)[0]


@pytest.fixture(scope="session")
def amqp_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, management_port: int
) -> Iterator[str]:
    """The broker under test: the given one, or one of ours as a process for the whole session."""
    given = request.config.getoption("--amqpbroker-url", default=None)
    if given:
        yield given
        return
    options = ["--http-port", str(management_port)]
    if profile := request.config.getoption("--profile", default=None):
        options += ["--profile", profile]
    with started_broker(tmp_path_factory.mktemp("broker"), *options) as url:
        yield url


@pytest.fixture(scope="session")
def management(request: pytest.FixtureRequest, amqp_url: str, management_port: int) -> Iterator[httpx.Client]:
    """A client of the HTTP API of the broker under test, logged in as guest."""
    url = f"http://127.0.0.1:{management_port}"
    if request.config.getoption("--amqpbroker-url", default=None):
        url = request.config.getoption("--amqpbroker-management-url", default=None)
        if not url:
            pytest.skip("where the HTTP API of this broker is was not said: --amqpbroker-management-url")
    with httpx.Client(base_url=f"{url}/api", auth=("guest", "guest"), timeout=TEST_TIMEOUT_S) as client:
        yield client


@pytest.fixture(scope="session")
def administrator(management: httpx.Client) -> Administrator:
    """Who may change users and what they may."""
    return Administrator(management)


@pytest.fixture(scope="session")
def series(amqp_url: str) -> tuple[int, int]:
    """The RabbitMQ series the broker says it is, such as (3, 10) or (4, 2)."""
    asking = Wire(amqp_url)
    version = asking.start.server_properties["version"]
    asking.close()
    assert isinstance(version, str)
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


@contextlib.contextmanager
def started_broker(directory: Path, *options: str, storage: tuple[str, ...] | None = None) -> Iterator[str]:
    """A broker of ours as a process, with a data directory; afterwards it has ended on SIGTERM, without a traceback.

    storage: the options that say where messages are kept, if not there.
    """
    if storage is None:
        storage = ("--data-dir", str(directory / "data"))
    command = [sys.executable, "-m", "amqpbroker", "serve", "--host", "127.0.0.1", "--port", "0", *storage]
    command += ["--http-port", "-1", "--metrics-port", "-1", "--ready-file", str(directory / "ready"), *options]
    with (directory / "stderr").open("w") as errors:
        process = subprocess.Popen(command, stderr=errors)
        try:
            port = _port_when_ready(process, directory / "ready")
            yield f"amqp://guest:guest@127.0.0.1:{port}/"
            exit_code_before_end = process.poll()
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_TIMEOUT_S)
    log = (directory / "stderr").read_text(errors="replace")
    assert exit_code_before_end is None, f"the broker ended by itself with {exit_code_before_end}:\n{log[-4000:]}"
    assert "Traceback" not in log, f"the broker logged a traceback:\n{log[log.index('Traceback') - 500 :][:4000]}"
    assert process.returncode == 0, f"the broker ended with {process.returncode} on SIGTERM:\n{log[-4000:]}"


def _port_when_ready(process: subprocess.Popen[bytes], ready_file: Path) -> int:
    """The number in the ready file, once it is there; the process's end or the deadline raises RuntimeError."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        if ready_file.exists() and (line := ready_file.read_text()).endswith("\n"):
            return int(line.splitlines()[0])
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise RuntimeError(f"the broker ended with {process.wait(0.02)} before it was ready")
    raise RuntimeError(f"the broker was not ready within {START_TIMEOUT_S} s")


class Names:
    """Names that start with a prefix of this test's own; what is given out by queue() and exchange() is deleted."""

    def __init__(self) -> None:
        self.prefix = f"interop-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.queues: list[str] = []
        self.exchanges: list[str] = []

    def queue(self, word: str = "queue") -> str:
        """A queue's name; the queue is deleted after the test."""
        self.queues.append(f"{self.prefix}.{word}")
        return self.queues[-1]

    def exchange(self, word: str = "exchange") -> str:
        """An exchange's name; the exchange is deleted after the test."""
        self.exchanges.append(f"{self.prefix}.{word}")
        return self.exchanges[-1]


@pytest.fixture
def name(amqp_url: str) -> Iterator[Names]:
    """Fresh names; queues and exchanges that bear one are deleted after the test's connections are closed."""
    names = Names()
    yield names
    if names.queues or names.exchanges:
        connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
        channel = connection.channel()
        for queue in names.queues:
            channel.queue_delete(queue)
        for exchange in names.exchanges:
            channel.exchange_delete(exchange)
        connection.close()


@pytest.fixture
def connect(amqp_url: str, name: Names) -> Iterator[Connect]:
    """Open pika BlockingConnections; keywords are set on their parameters. All are closed after the test."""
    opened: list[pika.BlockingConnection] = []

    def open_one(**settings: object) -> pika.BlockingConnection:
        parameters = pika.URLParameters(amqp_url)
        parameters.socket_timeout = 5
        for setting, value in settings.items():
            setattr(parameters, setting, value)
        opened.append(pika.BlockingConnection(parameters))
        return opened[-1]

    yield open_one
    # On threads: where a test was cut off inside a method, pika waits for the answer for ever.
    closers = [threading.Thread(target=connection.close, daemon=True) for connection in opened if connection.is_open]
    for closer in closers:
        closer.start()
        closer.join(STOP_TIMEOUT_S)
        assert not closer.is_alive(), "closing a connection was not answered"


@pytest.fixture
def channel(connect: Connect) -> BlockingChannel:
    """A channel of a pika BlockingConnection of its own."""
    return connect().channel()


@pytest.fixture
def open_wire(amqp_url: str, name: Names) -> Iterator[OpenWire]:
    """Open raw connections; the arguments are those of Wire. All are closed after the test."""
    opened: list[Wire] = []

    def open_one(**settings: object) -> Wire:
        opened.append(Wire(amqp_url, **settings))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for wire in opened:
        wire.close()


@pytest.fixture
def wire(open_wire: OpenWire) -> Wire:
    """A raw connection with channel 1 open."""
    return open_wire()
