"""A broker in a process of its own, for tests that kill it."""

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

from amqpbroker.testing.errors import BrokerStoppedError
from amqpbroker.testing.settings import OFF, config_of

_START_TIMEOUT_S: Final = 30.0
_STOP_TIMEOUT_S: Final = 10.0
_LOG_SHOWN_LINES: Final = 40
# What would set the broker from outside of the test.
_FOREIGN: Final = ("AMQPBROKER_", "RABBITMQ_")


class BrokerProcessError(RuntimeError):
    """The process has not started, or not ended, as it should; the text has the last of its log."""


class BrokerProcess:
    """A context manager; or `start` and `stop`. Its port and its data stay over `kill`, `terminate` and `restart`."""

    def __init__(
        self, directory: str | os.PathLike[str] | None = None, *, http: bool = False, **settings: object
    ) -> None:
        """directory: for its data and its log; without one they are gone after `stop`. http: with the management API.

        settings: those of docs/configuration.md by name. Messages are kept on disk unless memory=True. Raises
        ConfigError.
        """
        config_of(http=http, **settings)
        self._settings = settings
        self._given_directory = directory
        self._temporary: TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._http_port = 0 if http else OFF

    @property
    def port(self) -> int:
        """Where AMQP is spoken. Raises BrokerStoppedError: it has not been started."""
        if not self._port:
            raise BrokerStoppedError("port", False)
        return self._port

    @property
    def url(self) -> str:
        """Where clients connect: guest's, in the first virtual host. Raises BrokerStoppedError: it was not started."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def http_url(self) -> str:
        """Where the management API and the web UI are. Raises BrokerStoppedError; ValueError: it has none."""
        if self._http_port == OFF:
            raise ValueError("http_url: this broker has no management API: make it with BrokerProcess(http=True)")
        return f"http://127.0.0.1:{self.port and self._http_port}"

    @property
    def pid(self) -> int:
        """The number of the process. Raises BrokerStoppedError."""
        return self._running("pid").pid

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What it has logged since the first start. Raises BrokerStoppedError: that is gone."""
        path = self._directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def _directory(self) -> Path:
        if self._given_directory is not None:
            return Path(self._given_directory)
        if self._temporary is None:
            raise BrokerStoppedError("log", self._port != 0)
        return Path(self._temporary.name)

    def start(self) -> Self:
        """Runs it until clients can connect. Raises BrokerProcessError."""
        if self.is_running:
            raise BrokerProcessError("the broker runs already")
        if self._given_directory is None and self._temporary is None:
            self._temporary = TemporaryDirectory(prefix="amqpbroker-")
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._http_port == 0:
            self._http_port = _free_port()
        with (self._directory / "log").open("ab") as log:
            # Standard input is held open: the system closes it however this process ends, and the broker ends with it.
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "amqpbroker.testing.child",
                    "serve",
                    "--config",
                    self._configured(),
                    "--print-port",
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment(),
            )
        with ExitStack() as if_refused:
            if_refused.callback(self.kill)
            self._port = self._port_when_ready(self._process)
            if_refused.pop_all()
        return self

    def _configured(self) -> str:
        """The file with its settings: of YAML, JSON is a part."""
        settings: dict[str, Any] = {"hosts": ["127.0.0.1"], "metrics_port": OFF, **self._settings}
        settings |= {"port": self._port, "http_port": self._http_port}
        if not settings.get("memory"):
            settings.setdefault("data_dir", self._directory / "data")
        path = self._directory / "broker.yml"
        path.write_text(json.dumps(settings, default=str))
        return str(path)

    def _environment(self) -> dict[str, str]:
        """That of the suite, without what would set the broker; what it leaves for tools goes with its directory."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        return environment | {"XDG_RUNTIME_DIR": str(self._directory)}

    def _port_when_ready(self, process: "subprocess.Popen[bytes]") -> int:
        """The first line of its output. Raises BrokerProcessError."""
        assert process.stdout is not None
        too_late = threading.Timer(_START_TIMEOUT_S, process.kill)
        too_late.start()
        try:
            line = process.stdout.readline()
        finally:
            too_late.cancel()
        if not line.strip().isdigit():
            raise BrokerProcessError(f"the broker has not started; it has logged\n{self._log_end()}")
        return int(line)

    def _log_end(self) -> str:
        return "\n".join(self.log.splitlines()[-_LOG_SHOWN_LINES:])

    def kill(self) -> None:
        """SIGKILL: nothing more is written, and nobody is told."""
        if self._process is not None:
            self._process.kill()
            self._end()

    def terminate(self) -> int:
        """SIGTERM: it tells its clients, and ends; gives its exit code. Raises as `stop`; BrokerStoppedError."""
        process = self._running("terminate")
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise BrokerProcessError(f"the broker has not ended on SIGTERM; it has logged\n{self._log_end()}") from None
        finally:
            self._end()
        return process.returncode

    def restart(self) -> None:
        """Starts again on the same port, with the same data; one that runs is terminated. Raises BrokerProcessError."""
        if self.is_running:
            self.terminate()
        self.start()

    def stop(self) -> None:
        """Ends it; nothing is left but what is in a directory that was given. Raises BrokerProcessError."""
        try:
            if self.is_running:
                self.terminate()
        finally:
            self.kill()
            if self._temporary is not None:
                self._temporary.cleanup()
                self._temporary = None

    def _running(self, what: str) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise BrokerStoppedError(what, self._port != 0)
        return self._process

    def _end(self) -> None:
        """The process has ended, or is about to; its pipes are closed."""
        process, self._process = self._process, None
        if process is not None:
            process.communicate()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
