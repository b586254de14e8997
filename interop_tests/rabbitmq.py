"""A real RabbitMQ of our own (Debian's rabbitmq-server) on free loopback ports, gone without a trace at the end."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
# The package's own script: the one on PATH insists on being root or the user `rabbitmq`.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def installed() -> bool:
    """True if Debian's rabbitmq-server and Erlang's port mapper are on this machine."""
    return SERVER.exists() and shutil.which("epmd") is not None


# Of its own: hypothesis seeds the one of the module, and every worker would draw the same.
_draw = random.Random()
# Systems take the ports of clients from above (Linux: 32768, others: 49152): none of these is lost to a connection
# before somebody listens there, or while a broker is down that shall have it again.
PORTS = range(20_000, 32_768)


def free_ports(count: int) -> list[int]:
    """TCP ports free on loopback just now; drawn, so that others who look at the same time hardly get the same."""
    sockets: list[socket.socket] = []
    while len(sockets) < count:
        with contextlib.suppress(OSError):
            sockets.append(socket.create_server(("127.0.0.1", _draw.choice(PORTS))))
    ports: list[int] = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


# They come with the package and listen nowhere: exchange types, and the exchange of events.
PLUGINS = (
    "rabbitmq_consistent_hash_exchange",
    "rabbitmq_event_exchange",
    "rabbitmq_random_exchange",
    "rabbitmq_recent_history_exchange",
    "rabbitmq_sharding",
)


@contextlib.contextmanager
def rabbitmq(plugins: tuple[str, ...] = PLUGINS, config: str = "") -> Iterator[str]:
    """Run RabbitMQ and give its amqp:// url; see `rabbitmq_node`."""
    with rabbitmq_node(plugins, config) as (url, _):
        yield url


@contextlib.contextmanager
def rabbitmq_node(plugins: tuple[str, ...] = PLUGINS, config: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Run RabbitMQ and give its amqp:// url, and the environment that its own programs need to reach it.

    plugins: names to enable; the ports they listen on are set by `config`, lines of rabbitmq.conf.
    Raises RuntimeError, with the server's last lines, if it is not ready within a minute.
    """
    port, distribution_port, epmd_port = free_ports(3)
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", ignore_cleanup_errors=True) as directory:
        environment = _environment(Path(directory), plugins, config, port, distribution_port, epmd_port)
        # Erlang would leave behind the port mapper it starts by itself, so this node gets one that is ours to end.
        epmd = subprocess.Popen(["epmd", "-port", str(epmd_port), "-address", "127.0.0.1"], env=environment)
        try:
            server = subprocess.Popen(
                [SERVER],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            try:
                _wait_until_ready(server)
                yield f"amqp://guest:guest@127.0.0.1:{port}/", environment
            finally:
                _end(server)
        finally:
            epmd.terminate()
            epmd.wait(STOP_TIMEOUT_S)


def _environment(
    directory: Path, plugins: tuple[str, ...], config: str, port: int, distribution_port: int, epmd_port: int
) -> dict[str, str]:
    """What the server's scripts read: every file below `directory` (the Erlang cookie too), every port given."""
    (directory / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
    (directory / "rabbitmq.conf").write_text(config)
    (directory / "rabbitmq-env.conf").write_text("")
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(directory),
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"interop{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(directory / "rabbitmq-env.conf"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }


def _wait_until_ready(server: subprocess.Popen[str]) -> None:
    """Wait for the line that says the server is up; a thread reads on to the end, as a full pipe would stop it."""
    lines: list[str] = []
    settled = threading.Event()

    def read(output: IO[str]) -> None:
        for line in output:
            lines.append(line)
            if "completed with" in line:
                settled.set()
        settled.set()

    assert server.stdout is not None
    threading.Thread(target=read, args=(server.stdout,), daemon=True).start()
    settled.wait(READY_TIMEOUT_S)
    if not any("completed with" in line for line in lines):
        raise RuntimeError("RabbitMQ did not start:\n" + "".join(lines[-20:]))


def _end(server: subprocess.Popen[str]) -> None:
    """Ask the server to stop; whatever is left of its session after that is killed."""
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(STOP_TIMEOUT_S)
