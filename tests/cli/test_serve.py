"""`amqpbroker serve` as a process: what it says, when it is ready, how it ends and how it refuses to start."""

import contextlib
import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amqpbroker.cli.serve import explain, for_this_machine, parse
from amqpbroker.server.config import Config, ConfigError

PROJECT = Path(__file__).parents[2]
DEADLINE_S = 20.0
READY = re.compile(r"Server startup complete in \d+ ms\. Ctrl-C to stop\.\n")

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes as POSIX has them")


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """A shell that runs tests in the background has them ignore SIGINT, which the programs they start inherit."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without settings of a broker but that it keeps nothing on disk.

    Output is buffered as it is by default.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AMQPBROKER_", "RABBITMQ_"))}
    python = {"PYTHONPATH": str(PROJECT), "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": ""}
    return own | python | {"AMQPBROKER_MEMORY": "true"} | variables


class Program:
    """The running broker. output: what it has said up to being ready."""

    def __init__(self, command: list[str], variables: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, env=environment(**variables), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, encoding="utf-8"
        )
        assert self.process.stdout
        self.output: list[str] = []
        for line in self.process.stdout:
            self.output.append(line)
            if READY.fullmatch(line):
                return
        raise AssertionError(f"ended before it was ready: {self.end()}")

    @property
    def urls(self) -> list[str]:
        """Where it says that it listens."""
        return [line.split()[1] for line in self.output if line.startswith("  amqp ")]

    @property
    def ports(self) -> list[int]:
        """The TCP ports of the urls."""
        return [int(url.rpartition(":")[2].partition("/")[0]) for url in self.urls if url.startswith("amqp:")]

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Signal it and wait for its end: the exit code and the log."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> tuple[int, str]:
        """Wait for its end: the exit code and the log."""
        _, log = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, log


@pytest.fixture
def serve() -> Iterator[Callable[..., Program]]:
    """Start a broker on a free port and wait until it is ready; it is gone after the test."""
    with contextlib.ExitStack() as started:

        def start(*flags: str, code: str = "", **variables: str) -> Program:
            call = ["-c", code] if code else ["-m", "amqpbroker"]
            program = Program([sys.executable, *call, "--port", "0", *flags], variables)
            started.enter_context(program.process)
            started.callback(program.process.kill)
            return program

        yield start


def refused(*flags: str, **variables: str) -> tuple[int, str]:
    """The exit code of a start that fails, and its one line of complaint; stdout is empty, nothing is a traceback."""
    command = [sys.executable, "-m", "amqpbroker", "serve", *flags]
    done = subprocess.run(
        command, env=environment(**variables), capture_output=True, encoding="utf-8", timeout=DEADLINE_S, check=False
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    complaints = [line for line in done.stderr.splitlines() if line.startswith("amqpbroker: ")]
    assert len(complaints) == 1, done.stderr
    return done.returncode, complaints[0]


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port of 127.0.0.1 that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


# Ready


def test_the_start_says_what_it_is_where_it_listens_and_that_it_is_ready(serve):
    program = serve("--host", "127.0.0.1")
    assert [re.sub(r"\d{4,5}/", "PORT/", line.strip()) for line in program.output[:-1]] == [
        "amqpbroker 0.1.0 — AMQP 0-9-1, RabbitMQ 4.2 behaviour",
        "amqp      amqp://guest:guest@127.0.0.1:PORT/",
        "storage   in memory",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has every address of 127/8")
def test_a_client_can_connect_to_every_address_named(serve):
    program = serve("--host", "127.0.0.1", "--host", "127.0.0.2")
    assert len(program.ports) == 2
    for host, port in zip(("127.0.0.1", "127.0.0.2"), program.ports, strict=True):
        socket.create_connection((host, port), DEADLINE_S).close()


def test_the_port_is_printed_alone_before_anything_else(serve):
    program = serve("--host", "127.0.0.1", "--print-port")
    assert program.output[0] == f"{program.ports[0]}\n"
    assert program.output[1].startswith("amqpbroker ")


def test_the_ready_file_holds_the_port_until_the_stop(serve, tmp_path):
    ready = tmp_path / "ready"
    program = serve("--host", "127.0.0.1", "--ready-file", str(ready))
    assert ready.read_text() == f"{program.ports[0]}\n"
    assert program.stop()[0] == 0
    assert list(tmp_path.iterdir()) == []


def test_a_ready_file_left_behind_by_a_killed_broker_is_replaced(serve, tmp_path):
    ready = tmp_path / "ready"
    ready.write_text("1\n")
    program = serve("--host", "127.0.0.1", "--ready-file", str(ready))
    assert ready.read_text() == f"{program.ports[0]}\n"


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no unix sockets here")
def test_a_unix_socket_alone_is_enough(serve, tmp_path):
    path = tmp_path / "amqp"
    program = serve("--host", "none", "--unix-socket", str(path), "--print-port")
    assert program.output[0] == f"{path}\n"
    assert program.urls == [f"unix:{path}"]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_settings_come_from_the_file_and_the_environment(serve, tmp_path):
    path = tmp_path / "amqpbroker.yml"
    path.write_text("{hosts: [127.0.0.1], print_port: true, vhost: one}")
    program = serve("--config", str(path), AMQPBROKER_VHOST="a b/c", AMQPBROKER_PROFILE="3.13")
    assert "RabbitMQ 3.13 behaviour" in program.output[1]
    assert program.urls == [f"amqp://guest:guest@127.0.0.1:{program.ports[0]}/a%20b%2Fc"]


def test_no_password_but_guests_is_said_or_logged(serve):
    program = serve("--host", "127.0.0.1", "--user", "anna:s3cret", "--log-level", "debug")
    assert program.urls == [f"amqp://127.0.0.1:{program.ports[0]}/"]
    _, log = program.stop()
    assert "s3cret" not in log + "".join(program.output)


def test_rabbitmqs_variables_without_a_meaning_are_warned_of_in_one_line(serve):
    program = serve("--host", "127.0.0.1", RABBITMQ_HOME="/opt", RABBITMQ_VERSION="4.2.9")
    _, log = program.stop()
    warnings = [line for line in log.splitlines() if "[warning]" in line]
    assert len(warnings) == 1
    assert warnings[0].endswith(": these environment variables mean nothing here: RABBITMQ_HOME, RABBITMQ_VERSION")


def test_every_line_of_a_json_log_is_json(serve):
    _, log = serve("--host", "127.0.0.1", "--log-format", "json", "--log-level", "debug").stop()
    messages = [json.loads(line)["message"] for line in log.splitlines()]
    assert any(message.startswith("event loop: ") for message in messages)


def test_without_uvloop_asyncios_own_loop_serves(serve):
    code = "import sys; sys.modules['uvloop'] = None; from amqpbroker.cli.main import main; sys.exit(main())"
    exit_code, log = serve("--host", "127.0.0.1", "--log-level", "debug", code=code).stop()
    assert exit_code == 0
    assert "event loop: asyncio (pip install amqpbroker[speed] for uvloop)" in log


# The end


@posix_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_two_seconds_without_a_word_of_python(serve, number):
    program = serve("--host", "127.0.0.1")
    begun_s = time.monotonic()
    exit_code, log = program.stop(number)
    assert exit_code == 0
    assert time.monotonic() - begun_s < 2.0
    assert "Traceback" not in log


@posix_only
def test_ctrl_c_ends_it_where_a_loop_cannot_wait_for_signals(serve):
    code = """
import asyncio, sys
def not_here(*_):
    raise NotImplementedError
sys.modules["uvloop"] = None
asyncio.SelectorEventLoop.add_signal_handler = not_here
from amqpbroker.cli.main import main
sys.exit(main())
"""
    exit_code, log = serve("--host", "127.0.0.1", code=code).stop(signal.SIGINT)
    assert exit_code == 0
    assert "Traceback" not in log


@posix_only
def test_a_reader_of_its_output_that_has_gone_does_not_stop_it():
    reading, writing = os.pipe()
    os.close(reading)
    flags = ["--host", "127.0.0.1", "--port", "0", "--log-level", "debug"]
    process = subprocess.Popen(
        [sys.executable, "-m", "amqpbroker", *flags], env=environment(), stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert process.stderr
    assert b"event loop" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    log = process.communicate(timeout=DEADLINE_S)[1]
    assert process.returncode == 0
    assert b"Traceback" not in log and b"BrokenPipe" not in log


@posix_only
def test_a_reader_of_its_log_that_has_gone_does_not_stop_it(serve):
    program = serve("--host", "127.0.0.1", "--log-level", "debug")
    assert program.process.stderr
    program.process.stderr.close()
    socket.create_connection(("127.0.0.1", program.ports[0]), DEADLINE_S).close()
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(DEADLINE_S) == 0


@posix_only
def test_it_runs_with_its_outputs_closed(tmp_path):
    ready = tmp_path / "ready"
    command = [sys.executable, "-m", "amqpbroker", "--host", "127.0.0.1", "--port", "0", "--ready-file", str(ready)]
    process = subprocess.Popen(["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command], env=environment())
    deadline_s = time.monotonic() + DEADLINE_S
    while not ready.exists() and process.poll() is None and time.monotonic() < deadline_s:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
    socket.create_connection(("127.0.0.1", int(ready.read_text())), DEADLINE_S).close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0


# No start


def test_a_taken_port_is_named_with_what_to_do(taken_port):
    exit_code, line = refused("--host", "127.0.0.1", "--port", str(taken_port))
    assert exit_code == 1
    assert "127.0.0.1" in line and str(taken_port) in line
    assert line.endswith("stop the program that listens there, or choose another port with --port (0 = any free one)")


def test_an_address_that_is_not_ours_is_named():
    exit_code, line = refused("--host", "203.0.113.1", "--port", "0")
    assert exit_code == 1
    assert "203.0.113.1" in line
    assert line.endswith("it is not an address of this machine; name one that is with --host")


def test_a_port_for_the_privileged_is_explained():
    line = explain(PermissionError(errno.EACCES, "cannot listen on 127.0.0.1 port 80 (permission denied)"))
    assert line.startswith("could not start: cannot listen on 127.0.0.1 port 80 (permission denied); ")
    assert "choose a port of 1024 or more with --port" in line


def test_a_ready_file_that_cannot_be_written_is_named(tmp_path):
    exit_code, line = refused("--host", "127.0.0.1", "--port", "0", "--ready-file", str(tmp_path / "none" / "ready"))
    assert exit_code == 1
    assert "No such file or directory" in line and str(tmp_path / "none" / "ready") in line


def test_a_ready_file_that_is_a_directory_leaves_nothing_behind(tmp_path):
    (tmp_path / "ready").mkdir()
    assert refused("--host", "127.0.0.1", "--port", "0", "--ready-file", str(tmp_path / "ready"))[0] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]


def test_a_configuration_file_that_cannot_be_read_is_named(tmp_path):
    exit_code, line = refused("--config", str(tmp_path / "nowhere.yml"))
    assert exit_code == 2
    assert line.startswith(f"amqpbroker: {tmp_path / 'nowhere.yml'}: cannot be read (No such file or directory)")


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--prot", "0"], "amqpbroker: unknown option --prot; did you mean --port?"),
        (["--prot=0"], "amqpbroker: unknown option --prot; did you mean --port?"),
        (["--usr=anna:s3cret"], "amqpbroker: unknown option --usr; did you mean --user?"),
        (["--port"], "amqpbroker: argument --port: expected one argument; "),
        (["--memory=5"], "amqpbroker: argument --memory: ignored explicit argument '5'; "),
        (["--port", "70000"], "amqpbroker: --port: '70000' is not a whole number from 0 to 65535"),
        (["orders"], "amqpbroker: unknown option orders; "),
    ],
)
def test_a_wrong_flag_is_named(flags, line):
    exit_code, complaint = refused(*flags)
    assert exit_code == 2
    assert complaint.startswith(line)


# A machine without IPv6


def test_the_default_addresses_are_those_the_machine_has(monkeypatch):
    monkeypatch.setattr("amqpbroker.cli.serve._has_ipv6", lambda: False)
    assert for_this_machine(Config()).hosts == ("127.0.0.1",)
    monkeypatch.setattr("amqpbroker.cli.serve._has_ipv6", lambda: True)
    assert for_this_machine(Config()).hosts == ("127.0.0.1", "::1")


def test_an_address_that_is_asked_for_is_never_left_out(monkeypatch):
    monkeypatch.setattr("amqpbroker.cli.serve._has_ipv6", lambda: False)
    assert for_this_machine(Config(hosts=("::1",))).hosts == ("::1",)


# The flags


def test_a_flag_that_is_not_given_has_no_value():
    assert parse([]) == {}


def test_flags_are_text_and_lists_of_text():
    flags = ["--host", "::1", "--host", "10.0.0.1", "--http-port", "-1", "--memory"]
    assert parse(flags) == {"hosts": ["::1", "10.0.0.1"], "http_port": "-1", "memory": "true"}


def test_a_flag_is_not_abbreviated():
    with pytest.raises(ConfigError, match="unknown option --po"):
        parse(["--po", "0"])


def test_the_help_has_every_flag_with_its_default(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--port PORT The TCP port for AMQP on each of these addresses; 0 is any free one. Default: 5672." in text
