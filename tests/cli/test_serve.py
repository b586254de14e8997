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
from urllib.error import HTTPError
from urllib.request import urlopen

import pika
import pytest

from amqpbroker.cli.serve import DAMAGE_ADVICE, explain, for_this_machine, parse, storage_line
from amqpbroker.journal.disk import FileDisk
from amqpbroker.journal.opening import open_journal
from amqpbroker.server.config import Config, ConfigError
from amqpbroker.server.listening import Endpoint
from amqpbroker.wire.methods import Basic, Confirm, Connection, Queue
from tests.helpers.certificates import Authority
from tests.helpers.socket_client import SocketClient
from tests.helpers.wire_client import Received, publish_octets

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
    """This process's environment without settings of a broker but that it keeps nothing on disk and has no usual port.

    Output is buffered as it is by default.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AMQPBROKER_", "RABBITMQ_"))}
    python = {"PYTHONPATH": str(PROJECT), "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": ""}
    alone = {"AMQPBROKER_MEMORY": "true", "AMQPBROKER_HTTP_PORT": "-1", "AMQPBROKER_METRICS_PORT": "-1"}
    return own | python | alone | variables


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

        def start(*flags: str, code: str = "", first: str | None = None, **variables: str) -> Program:
            call = ["-c", code] if code else ["-m", "amqpbroker"]
            call += [first] if first is not None else []
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


@pytest.fixture
def tls_flags(tmp_path: Path) -> list[str]:
    """The flags of a broker that speaks TLS on any free port."""
    pair = Authority(tmp_path).issue("server")
    return ["--tls-port", "0", "--tls-cert", pair.certificate, "--tls-key", pair.key]


def test_the_start_says_which_address_speaks_tls(serve, tls_flags):
    program = serve("--host", "127.0.0.1", *tls_flags, "--http-port", "0", "--http-tls")
    assert [url.partition(":")[0] for url in program.urls] == ["amqp", "amqps"]
    (web,) = [line.split()[2] for line in program.output if line.startswith("  web ui ")]
    assert web.startswith("https://127.0.0.1:")


def test_a_certificate_that_cannot_be_read_stops_the_start(tls_flags, tmp_path):
    missing = str(tmp_path / "missing.pem")
    assert refused("--host", "127.0.0.1", *tls_flags[:2], "--tls-cert", missing) == (
        2,
        f"amqpbroker: tls_cert: {missing}: cannot be read (No such file or directory); name a file that can be read",
    )


@posix_only
def test_sighup_reads_the_certificates_again(serve, tls_flags):
    program = serve("--host", "127.0.0.1", *tls_flags)
    program.process.send_signal(signal.SIGHUP)
    assert program.process.stderr
    for line in program.process.stderr:
        if "the certificates were read again" in line:
            break
    assert program.stop()[0] == 0


def test_the_start_says_where_the_metrics_are(serve):
    program = serve("--host", "127.0.0.1", "--metrics-port", "0")
    (url,) = [line.split()[1] for line in program.output if line.startswith("  metrics ")]
    with urlopen(url, timeout=DEADLINE_S) as answer:
        assert b"rabbitmq_identity_info" in answer.read()


def test_the_start_says_where_the_web_ui_listens(serve):
    program = serve("--host", "127.0.0.1", "--http-port", "0")
    (url,) = [line.split()[2] for line in program.output if line.startswith("  web ui ")]
    with pytest.raises(HTTPError, match="Unauthorized"):
        urlopen(f"{url}api/whoami", timeout=DEADLINE_S)


def test_a_start_whose_http_port_is_taken_says_so():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, complaint = refused("--host", "127.0.0.1", "--port", "0", "--http-port", str(port))
    assert code == 1
    assert f"127.0.0.1:{port}" in complaint


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


def test_a_rabbitmq_conf_starts_it_and_its_log_goes_where_that_says(serve, tmp_path):
    path = tmp_path / "rabbitmq.conf"
    log_file = tmp_path / "broker.log"
    path.write_text(f"default_user = anna\ndefault_pass = s3cret\nlog.file = {log_file}\nlog.file.rotation.count = 5\n")
    program = serve("--host", "127.0.0.1", RABBITMQ_CONFIG_FILE=str(tmp_path / "rabbitmq"))
    assert program.urls == [f"amqp://127.0.0.1:{program.ports[0]}/"]
    assert program.stop()[1] == ""
    log = log_file.read_text()
    assert f"these keys of rabbitmq.conf mean nothing here: log.file.rotation.count ({path}, line 4)" in log
    assert "s3cret" not in log


def test_a_log_file_that_cannot_be_written_is_named(tmp_path):
    assert refused("--log-file", str(tmp_path / "none" / "log")) == (
        2,
        f"amqpbroker: log_file: {tmp_path}/none/log: No such file or directory; name a file that can be written",
    )


DEFINITIONS = {
    "users": [{"name": "anna", "password": "s3cret", "tags": []}],
    "vhosts": [{"name": "orders"}],
    "permissions": [{"user": "anna", "vhost": "orders", "configure": "", "write": "", "read": ".*"}],
    "queues": [{"vhost": "orders", "name": "paid", "durable": True, "auto_delete": False, "arguments": {}}],
}


def test_definitions_are_there_and_on_disk_before_it_is_ready_and_no_guest_beside_their_users(serve, tmp_path):
    path = tmp_path / "definitions.json"
    path.write_text(json.dumps(DEFINITIONS))
    data = str(tmp_path / "data")
    serve("--host", "127.0.0.1", "--data-dir", data, "--definitions", str(path)).process.kill()
    again = serve("--host", "127.0.0.1", "--data-dir", data)
    assert again.urls == [f"amqp://127.0.0.1:{again.ports[0]}/"]
    url = f"127.0.0.1:{again.ports[0]}"
    with pika.BlockingConnection(pika.URLParameters(f"amqp://anna:s3cret@{url}/orders")) as connection:
        connection.channel().queue_declare("paid", passive=True)
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(f"amqp://guest:guest@{url}/%2F"))


def test_definitions_that_cannot_be_used_are_named_with_the_place_and_nothing_is_kept(tmp_path):
    path = tmp_path / "definitions.json"
    path.write_text(json.dumps(DEFINITIONS | {"bindings": [{"vhost": "orders"}]}))
    flags = ("--host", "127.0.0.1", "--port", "0", "--data-dir", str(tmp_path / "data"))
    exit_code, line = refused(*flags, RABBITMQ_LOAD_DEFINITIONS=str(path))
    assert (exit_code, line) == (2, f"amqpbroker: definitions: {path}: bindings[0].source: is missing")
    assert "s3cret" not in line
    log = open_journal(FileDisk(str(tmp_path / "data")), os.urandom, lambda _: None).log
    assert not any("orders" in str(key) or "anna" in str(key) for key in log.contents)


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


# On disk


def on_disk(path: Path) -> dict[str, str]:
    """The settings of a broker that keeps its messages there."""
    return {"AMQPBROKER_MEMORY": "false", "AMQPBROKER_DATA_DIR": str(path)}


async def confirming(program: Program) -> SocketClient:
    """A client in confirm mode, with a durable queue."""
    client = await SocketClient.opened(Endpoint("127.0.0.1", program.ports[0]))
    assert isinstance(await client.call(1, Queue.Declare(queue="tasks", durable=True)), Queue.DeclareOk)
    assert await client.call(1, Confirm.Select()) == Confirm.SelectOk()
    return client


def publish(client: SocketClient, *bodies: str) -> None:
    for body in bodies:
        method = Basic.Publish(routing_key="tasks")
        client.writer.write(publish_octets(1, method, body.encode(), delivery_mode=2))


async def got(client: SocketClient, count: int) -> list[tuple[str, bool]]:
    """(body, redelivered) of so many messages, not acknowledged."""
    found = []
    for _ in range(count):
        client.send(1, Basic.Get(queue="tasks"))
        event = await client.event()
        assert isinstance(event, Received) and isinstance(event.method, Basic.GetOk)
        found.append((event.body.decode(), event.method.redelivered))
    return found


@posix_only
async def test_what_was_confirmed_comes_back_after_a_kill_in_order_and_flagged_where_it_was_handed_out(serve, tmp_path):
    program = serve("--host", "127.0.0.1", **on_disk(tmp_path))
    client = await confirming(program)
    publish(client, *map(str, range(60)))
    while (await client.until(Basic.Ack)).delivery_tag < 60:
        pass
    assert await got(client, 2) == [("0", False), ("1", False)]
    program.process.kill()
    program.end()
    await client.leave()
    client = await confirming(serve("--host", "127.0.0.1", **on_disk(tmp_path)))
    found = await got(client, 60)
    await client.leave()
    assert [body for body, _ in found] == [str(number) for number in range(60)]
    assert [redelivered for _, redelivered in found][:2] == [True, True]
    assert not found[-1][1]


@posix_only
async def test_after_a_signal_exactly_what_was_handed_out_is_flagged(serve, tmp_path):
    program = serve("--host", "127.0.0.1", **on_disk(tmp_path))
    client = await confirming(program)
    publish(client, "1", "2", "3")
    while (await client.until(Basic.Ack)).delivery_tag < 3:
        pass
    assert await got(client, 1) == [("1", False)]
    assert program.stop()[0] == 0
    await client.leave()
    client = await confirming(serve("--host", "127.0.0.1", **on_disk(tmp_path)))
    assert await got(client, 3) == [("1", True), ("2", False), ("3", False)]
    await client.leave()


def test_the_start_says_where_messages_are_kept_and_what_a_confirm_means(serve, tmp_path):
    program = serve("--host", "127.0.0.1", **on_disk(tmp_path / "data"))
    assert f"  storage   {tmp_path / 'data'} (fsync before every confirm)\n" in program.output
    program = serve("--host", "127.0.0.1", "--no-sync", **on_disk(tmp_path / "other"))
    assert f"  storage   {tmp_path / 'other'} (WITHOUT fsync: a power cut loses what was confirmed)\n" in program.output


def test_the_flag_is_the_data_directory(serve, tmp_path):
    serve("--host", "127.0.0.1", "--data-dir", str(tmp_path / "data"), AMQPBROKER_MEMORY="false")
    assert (tmp_path / "data" / "MANIFEST").exists()


def test_a_home_directory_is_said_in_short(monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")

    class Kept:
        path = "/home/anna/.local/data"

    assert storage_line(Config(), Kept()) == "~/.local/data (fsync before every confirm)"
    assert storage_line(Config(memory=True), None) == "in memory"


@posix_only
async def test_a_disk_that_fails_ends_it_with_74_and_what_it_said(serve, tmp_path):
    code = """
import sys
from amqpbroker.journal.writer import Writer
def fails(*_):
    if armed.exists():
        raise OSError(5, "Input/output error", "log/1.seg")
    return commit_once(*_)
import pathlib
armed = pathlib.Path(sys.argv.pop(1))
commit_once, Writer.commit_once = Writer.commit_once, fails
from amqpbroker.cli.main import main
sys.exit(main())
"""
    armed = tmp_path / "armed"
    program = serve("--host", "127.0.0.1", code=code, first=str(armed), **on_disk(tmp_path / "data"))
    client = await confirming(program)
    armed.touch()
    publish(client, "1")
    assert await client.method() == Basic.Nack(delivery_tag=1)
    closed = await client.method()
    assert isinstance(closed, Connection.Close) and closed.reply_code == 541
    await client.leave()
    exit_code, log = program.end()
    assert exit_code == 74
    assert "nothing is confirmed any more" in log
    assert "Traceback" not in log


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


# A data directory that cannot be used


def test_a_directory_in_use_is_refused_with_the_process_that_has_it(serve, tmp_path):
    program = serve("--host", "127.0.0.1", **on_disk(tmp_path))
    exit_code, line = refused("--host", "127.0.0.1", "--port", "0", **on_disk(tmp_path))
    assert exit_code == 1
    assert str(tmp_path) in line and f"in use by process {program.process.pid}" in line
    assert line.endswith("stop the broker that has it, or give another --data-dir, or --memory")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written_to_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    exit_code, line = refused("--host", "127.0.0.1", "--port", "0", **on_disk(tmp_path / "data"))
    assert exit_code == 1
    assert str(tmp_path / "data") in line


def test_a_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "data").write_text("mine")
    exit_code, line = refused("--host", "127.0.0.1", "--port", "0", **on_disk(tmp_path / "data"))
    assert exit_code == 1
    assert str(tmp_path / "data") in line
    assert (tmp_path / "data").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        ("MANIFEST", lambda octets: octets[:-2], "its checksum is wrong"),
        ("MANIFEST", None, "it is missing, and there are segments"),
        ("log/0000000000000001.seg", None, "the segment is missing"),
        ("log/0000000000000001.seg", lambda octets: b"X" + octets[1:], "it does not begin like a segment"),
    ],
)
@posix_only
def test_what_is_damaged_is_named_with_what_to_do_and_left_as_it_is(serve, tmp_path, name, change, text):
    serve("--host", "127.0.0.1", **on_disk(tmp_path)).stop()
    path = tmp_path / name
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))
    before = {one.relative_to(tmp_path): one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    exit_code, line = refused("--host", "127.0.0.1", "--port", "0", **on_disk(tmp_path))
    assert exit_code == 1
    assert name in line and text in line
    assert line.endswith(DAMAGE_ADVICE)
    after = {one.relative_to(tmp_path): one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    assert {one: octets for one, octets in after.items() if one.name != "LOCK"} == {
        one: octets for one, octets in before.items() if one.name != "LOCK"
    }


@posix_only
def test_a_directory_of_a_newer_version_is_refused_with_what_to_do(serve, tmp_path):
    serve("--host", "127.0.0.1", **on_disk(tmp_path)).stop()
    path = tmp_path / "MANIFEST"
    newer = path.read_bytes().replace(b"journal 2 ", b"journal 9 ")
    path.write_bytes(newer)
    exit_code, line = refused("--host", "127.0.0.1", "--port", "0", **on_disk(tmp_path))
    assert exit_code == 1
    assert "it is of version 9, and this broker reads versions up to 2; " in line
    assert line.endswith("start the version that wrote it, or give another --data-dir, or --memory")
    assert path.read_bytes() == newer


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--prot", "0"], "amqpbroker: unknown option --prot; did you mean --port?"),
        (["--prot=0"], "amqpbroker: unknown option --prot; did you mean --port?"),
        (["--usr=anna:s3cret"], "amqpbroker: unknown option --usr; did you mean --user?"),
        (["--port"], "amqpbroker: argument --port: expected one argument; "),
        (["--memory=5"], "amqpbroker: argument --memory: ignored explicit argument '5'; "),
        (["--port", "70000"], "amqpbroker: --port: '70000' is not a whole number from -1 to 65535"),
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
    assert (
        "--port PORT The TCP port for AMQP on each of these addresses; 0 is any free one, -1 is off. Default: 5672."
        in text
    )
