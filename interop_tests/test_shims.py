"""RabbitMQ's programs and ours of the same names: asked the same of a RabbitMQ they say the same; and ours alone."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from amqpbroker.cli.main import main
from interop_tests.rabbitmq import SERVER, free_ports, installed, rabbitmq_node

DEADLINE_S = 25.0
COLOUR = re.compile(r"\x1b\[\d*m")

Environment = dict[str, str]

# A test starts up to six programs, each a virtual machine of Erlang that talks to another one.
pytestmark = pytest.mark.timeout(60)


class Ended(NamedTuple):
    """How a call ended."""

    exit_code: int
    out: str


def run(program: Path, arguments: list[str], environment: Environment) -> Ended:
    command = [program, *arguments]
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return Ended(done.returncode, COLOUR.sub("", done.stdout))


@pytest.fixture(scope="module")
def shims(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shims")
    assert main(["install-shims", str(directory)]) == 0
    return directory


# Beside RabbitMQ's own


class Both:
    """A RabbitMQ, RabbitMQ's programs and ours."""

    def __init__(self, environment: Environment, shims: Path, http_port: int) -> None:
        self._environment = environment
        self._shims = shims
        self._ours = environment | {"AMQPBROKER_HTTP": f"http://127.0.0.1:{http_port}"}

    def real(self, line: str) -> Ended:
        program, *arguments = shlex.split(line)
        return run(SERVER.with_name(program), arguments, self._environment)

    def ours(self, line: str) -> Ended:
        program, *arguments = shlex.split(line)
        return run(self._shims / program, arguments, self._ours)


@pytest.fixture(scope="module")
def both(shims: Path) -> Iterator[Both]:
    if not installed():
        pytest.skip("there is no RabbitMQ to compare with: Debian's rabbitmq-server and epmd")
    (port,) = free_ports(1)
    config = f"management.tcp.port = {port}\nmanagement.tcp.ip = 127.0.0.1\n"
    with rabbitmq_node(("rabbitmq_management",), config) as (_, environment):
        yield Both(environment, shims, port)


SAME = """
rabbitmqctl ping
rabbitmqctl list_queues
rabbitmqctl list_queues name --formatter json
rabbitmqctl list_queues -p nowhere
rabbitmqctl list_users
rabbitmqctl list_vhosts name tracing
rabbitmqctl list_permissions
rabbitmqctl list_policies
rabbitmqctl list_user_permissions nobody
rabbitmqctl authenticate_user guest guest
rabbitmqctl authenticate_user guest wrong
rabbitmqctl add_user guest x
rabbitmqctl delete_user nobody
rabbitmqctl set_permissions nobody a b c
rabbitmqctl set_permissions guest a
rabbitmqctl set_policy x ^x {bad
rabbitmqctl delete_queue nowhere
rabbitmqctl await_startup
rabbitmqctl list_feature_flags
rabbitmqctl version
rabbitmqctl nonsense
rabbitmq-diagnostics check_port_connectivity
rabbitmq-diagnostics check_local_alarms
rabbitmq-diagnostics check_virtual_hosts
rabbitmq-diagnostics check_port_listener 1
"""


@pytest.mark.parametrize("line", SAME.strip().splitlines())
def test_what_changes_nothing_is_answered_alike(both: Both, line: str) -> None:
    assert both.ours(line) == both.real(line)


# Each is called, looked at, and undone, so that the other can be.
CHANGING = [
    ("add_user zoe pw", "list_users", "delete_user zoe"),
    ("set_permissions guest a b c", "list_permissions", "set_permissions guest .* .* .*"),
    ("set_topic_permissions guest amq.topic a b", "list_topic_permissions", "clear_topic_permissions guest"),
    ("set_policy p ^x '{\"max-length\":5}' --priority 3 --apply-to queues", "list_policies", "clear_policy p"),
    ("set_operator_policy o ^x '{\"max-length\":5}'", "list_operator_policies", "clear_operator_policy o"),
    ("set_vhost_limits '{\"max-queues\":5}'", "list_vhost_limits", "clear_vhost_limits"),
    ("set_user_limits guest '{\"max-channels\":500}'", "list_user_limits --user guest", "clear_user_limits guest all"),
    ("trace_on", "list_vhosts name tracing", "trace_off"),
]


@pytest.mark.parametrize(("doing", "looking", "undoing"), CHANGING)
def test_what_changes_something_changes_the_same(both: Both, doing: str, looking: str, undoing: str) -> None:
    told = []
    for call in (both.real, both.ours):
        told.append([call(f"rabbitmqctl {doing}"), both.ours(f"rabbitmqctl {looking}"), call(f"rabbitmqctl {undoing}")])
    assert told[0] == told[1]
    assert [ended.exit_code for ended in told[0]] == [0, 0, 0]


# Ours alone


@pytest.fixture
def environment(shims: Path, tmp_path: Path) -> Environment:
    """What a test suite sets that starts a RabbitMQ of its own."""
    (port,) = free_ports(1)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "AMQPBROKER_HTTP_PORT": "0",
        "AMQPBROKER_METRICS_PORT": "-1",
        "RABBITMQ_NODENAME": f"test{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_LOG_BASE": str(tmp_path / "log"),
        "RABBITMQ_MNESIA_BASE": str(tmp_path / "mnesia"),
        "RABBITMQ_PID_FILE": str(tmp_path / "pid"),
    }


def test_a_broker_is_started_asked_and_stopped_like_a_rabbitmq(shims: Path, environment: Environment) -> None:
    assert run(shims / "rabbitmq-server", ["-detached"], environment) == (0, "")
    try:
        waited = run(shims / "rabbitmqctl", ["wait", "-t", "20", environment["RABBITMQ_PID_FILE"]], environment)
        assert waited.exit_code == 0, waited.out
        assert run(shims / "rabbitmqctl", ["-q", "list_queues", "name"], environment) == (0, "")
        assert run(shims / "rabbitmqctl", ["-q", "add_vhost", "v"], environment) == (0, "")
        assert run(shims / "rabbitmqadmin", ["-V", "v", "declare", "queue", "name=q"], environment).exit_code == 0
        listed = run(shims / "rabbitmqctl", ["-q", "list_queues", "-p", "v", "name"], environment)
        assert listed == (0, "name\nq\n")
        checked = run(shims / "rabbitmq-diagnostics", ["-q", "check_port_connectivity"], environment)
        assert environment["RABBITMQ_NODE_PORT"] in checked.out
        assert run(shims / "rabbitmqctl", ["reset"], environment).exit_code == 0
        assert run(shims / "rabbitmqctl", ["-q", "list_vhosts"], environment) == (0, "name\n/\n")
    finally:
        stopped = run(shims / "rabbitmqctl", ["stop"], environment)
    assert stopped.exit_code == 0
    assert run(shims / "rabbitmqctl", ["-q", "ping", "-t", "1"], environment).exit_code == 69


def test_in_the_foreground_it_ends_on_sigterm(shims: Path, environment: Environment) -> None:
    command = [shims / "rabbitmq-server"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert any("Server startup complete" in line for line in server.stdout)
        assert Path(environment["RABBITMQ_PID_FILE"]).read_text() == f"{server.pid}\n"
        server.terminate()
    assert server.returncode == 0
