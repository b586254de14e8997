"""The verbs of `amqpbroker` that ask a broker, as processes: this broker, or a RabbitMQ whose HTTP API is known."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from interop_tests.conftest import Connect, Names

ROOT = Path(__file__).parents[1]
DEADLINE_S = 25.0


class Cli:
    """Runs verbs, in a virtual host if one is said."""

    def __init__(self, amqp_url: str, http_url: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AMQPBROKER_", "RABBITMQ_"))}
        ours = {"AMQPBROKER_URL": amqp_url, "AMQPBROKER_HTTP": http_url, "PYTHONPATH": str(ROOT)}
        self.environment = kept | ours
        self.command = [sys.executable, "-m", "amqpbroker"]

    def run(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """text: on stdin."""
        return subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            input=text or "",
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def __call__(self, *arguments: str, text: str | None = None) -> str:
        """Has to succeed, and gives what was printed."""
        done = self.run(*arguments, text=text)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture
def cli(amqp_url: str, management: httpx.Client) -> Cli:
    return Cli(amqp_url, str(management.base_url).removesuffix("/").removesuffix("/api"))


@pytest.fixture
def queue(cli: Cli, name: Names) -> str:
    made = name.queue()
    cli("queue", "declare", made)
    return made


@pytest.fixture
def only_ours(request: pytest.FixtureRequest) -> None:
    """For what no RabbitMQ can."""
    if request.config.getoption("--amqpbroker-url", default=None):
        pytest.skip("it is this broker's own")


@pytest.fixture
def vhost(cli: Cli, name: Names) -> Iterator[str]:
    cli("vhost", "add", name.prefix)
    cli("permission", "set", "guest", ".*", ".*", ".*", "--vhost", name.prefix)
    yield name.prefix
    cli.run("vhost", "rm", name.prefix)


def bodies(found: list[dict[str, Any]]) -> list[str]:
    return [one["payload"] for one in found]


def test_ping_and_status(cli: Cli) -> None:
    assert cli.json("ping")["product"].startswith("RabbitMQ ")
    assert cli.json("status")["nodes"][0]["running"]
    assert "Listens on" in cli("status")


def test_nobody_there(cli: Cli) -> None:
    assert cli.run("ping", "--http", "http://127.0.0.1:1").returncode == 69
    assert cli.run("publish", "q", "x", "--url", "amqp://127.0.0.1:1").returncode == 69


def test_a_wrong_password(cli: Cli, amqp_url: str) -> None:
    assert cli.run("ping", "--user", "guest", "--password", "wrong").returncode == 1
    refused = cli.run("publish", "q", "x", "--user", "guest", "--password", "wrong")
    assert (refused.returncode, "wrong" in refused.stderr.split()) == (1, False)


def test_a_queue_is_declared_listed_shown_and_deleted(cli: Cli, name: Names) -> None:
    queue = name.queue("tab\t")
    cli("queue", "declare", queue, "--argument", "x-max-length=5")
    (found,) = cli.json("queue", "ls", f"^{name.prefix}")
    assert (found["name"], found["arguments"]["x-max-length"]) == (queue, 5)
    assert cli.json("queue", "info", queue)["durable"]
    assert repr(queue) in cli("queue", "ls", f"^{name.prefix}")
    assert cli.run("queue", "declare", queue, "--transient").returncode == 1
    cli("queue", "rm", queue, "--if-empty", "--if-unused")
    assert cli.run("queue", "info", queue).returncode == 1


def test_what_is_published_is_peeked_at_got_and_purged(cli: Cli, queue: str) -> None:
    cli("publish", queue, "number {{Count}}", "--count", "3", "--header", "n=1", "--property", "message-id=m")
    peeked = cli.run("queue", "peek", queue, "--count", "2", "--json")
    assert bodies(json.loads(peeked.stdout)) == ["number 1", "number 2"]
    (got,) = cli.json("queue", "get", queue)
    assert got["payload"] == "number 1"
    assert (got["properties"]["message_id"], got["properties"]["headers"]) == ("m", {"n": 1})
    cli("queue", "purge", queue)
    assert cli.json("queue", "get", queue) == []


@pytest.mark.usefixtures("only_ours")
def test_a_peek_leaves_no_mark(cli: Cli, queue: str) -> None:
    cli("publish", queue, "hello")
    assert not cli.json("queue", "peek", queue)[0]["redelivered"]
    assert not cli.json("queue", "get", queue)[0]["redelivered"]


@pytest.mark.usefixtures("only_ours")
def test_messages_move(cli: Cli, queue: str, name: Names) -> None:
    other = name.queue("other")
    cli("queue", "declare", other)
    cli("publish", queue, "{{Count}}", "--count", "3")
    cli("queue", "move", queue, "--to", other)
    assert bodies(cli.json("queue", "get", other, "--count", "9")) == ["1", "2", "3"]


@pytest.mark.usefixtures("only_ours")
def test_a_paused_queue_delivers_nothing_until_it_is_resumed(cli: Cli, queue: str) -> None:
    cli("queue", "pause", queue)
    cli("publish", queue, "hello")
    assert cli.run("consume", queue, "--count", "1", "--timeout", "0.5").returncode == 1
    cli("queue", "resume", queue)
    assert cli("consume", queue, "--count", "1", "--ack", "--raw") == "hello\n"


def test_an_exchange_and_a_binding(cli: Cli, queue: str, name: Names) -> None:
    exchange = name.exchange()
    cli("exchange", "declare", exchange, "--type", "topic")
    cli("binding", "add", exchange, queue, "--routing-key", "a/b.#")
    assert [one["routing_key"] for one in cli.json("binding", "ls", queue)] == [queue, "a/b.#"]
    cli("publish", "a/b.c", "hello", "--exchange", exchange)
    cli("binding", "rm", exchange, queue, "--routing-key", "a/b.#")
    assert cli.run("publish", "a/b.c", "lost", "--exchange", exchange).returncode == 1
    assert bodies(cli.json("queue", "get", queue, "--count", "9")) == ["hello"]
    cli("exchange", "rm", exchange, "--if-unused")


def test_what_no_queue_gets_is_an_error_unless_that_is_meant(cli: Cli, name: Names) -> None:
    lost = cli.run("publish", name.prefix, "x")
    assert (lost.returncode, "no queue got it" in lost.stderr) == (1, True)
    cli("publish", name.prefix, "x", "--unroutable-ok")


def test_bodies_from_stdin_and_files(cli: Cli, queue: str, tmp_path: Path) -> None:
    (tmp_path / "body").write_text("of a file")
    cli("publish", queue, "--file", str(tmp_path / "body"))
    cli("publish", queue, text="of stdin")
    cli("publish", queue, "--lines", text="one\ntwo\n")
    assert bodies(cli.json("queue", "get", queue, "--count", "9")) == ["of a file", "of stdin", "one", "two"]


def test_what_is_consumed_goes_back_unless_it_is_taken_off(cli: Cli, queue: str) -> None:
    cli("publish", queue, "{{Count}}", "--count", "2")
    assert cli("consume", queue, "--count", "2", "--raw") == "1\n2\n"
    lines = cli("consume", queue, "--count", "2", "--ack", "--json").splitlines()
    assert [json.loads(line)["redelivered"] for line in lines] == [True, True]
    assert cli.run("consume", queue, "--count", "1", "--timeout", "0.5").returncode == 1


def test_copies_of_what_is_published_to_an_exchange(cli: Cli, name: Names) -> None:
    exchange = name.exchange()
    cli("exchange", "declare", exchange, "--type", "topic")
    command = [*cli.command, "consume", "--exchange", exchange, "--count", "1", "--raw"]
    with subprocess.Popen(command, env=cli.environment, stdout=subprocess.PIPE, text=True) as consuming:
        publish_until_it_ends(consuming, lambda: cli.run("publish", "a.b", "hello", "--exchange", exchange))
        assert consuming.stdout is not None
        assert consuming.stdout.read() == "hello\n"
    assert consuming.returncode == 0


def publish_until_it_ends(process: subprocess.Popen[str], publish: Callable[[], object]) -> None:
    """Whoever listens only to what comes from now on has to be there first, which nobody tells."""
    while process.poll() is None:
        publish()


@pytest.mark.usefixtures("only_ours")
def test_a_tail_shows_what_is_published_and_takes_nothing(cli: Cli, queue: str) -> None:
    command = [*cli.command, "tail", "--queue", queue, "--count", "1", "--json"]
    with subprocess.Popen(command, env=cli.environment, stdout=subprocess.PIPE, text=True) as tailing:
        publish_until_it_ends(tailing, lambda: cli("publish", queue, "hello"))
        assert tailing.stdout is not None
        shown = json.loads(tailing.stdout.read())
    assert (shown["routing_key"], shown["body"], shown["queues"]) == (queue, "hello", [queue])
    assert cli.json("queue", "get", queue)[0]["payload"] == "hello"


def test_a_connection_is_listed_and_closed(cli: Cli, connect: Connect, name: Names) -> None:
    connection = connect(client_properties={"connection_name": name.prefix})

    def found() -> list[Any]:
        return [one for one in cli.json("connection", "ls") if one["client_properties"].get("connection_name")]

    # A RabbitMQ lists a connection a moment after it is there.
    while not (mine := [one for one in found() if one["client_properties"]["connection_name"] == name.prefix]):
        pass
    cli("connection", "close", mine[0]["name"], "--reason", "by a test")
    with pytest.raises(Exception, match="by a test"):
        connection.sleep(DEADLINE_S)


def test_users_and_what_they_may_do(cli: Cli, vhost: str) -> None:
    user = f"{vhost}-user"
    cli("user", "add", user, "--tags", "monitoring", text="pässword\n")
    assert cli("ping", "--user", user, "--password", "pässword")
    cli("user", "passwd", user, text="other\n")
    assert cli.run("ping", "--user", user, "--password", "pässword").returncode == 1
    cli("user", "tags", user)
    assert [one["tags"] for one in cli.json("user", "ls", f"^{user}$")] == [[]]
    cli("permission", "set", user, "^c", "^w", "^r", "--vhost", vhost)
    cli("permission", "topic", user, "amq.topic", "^w", "^r", "--vhost", vhost)
    (rights,) = cli.json("permission", "ls", user)
    assert (rights["configure"], rights["write"], rights["read"]) == ("^c", "^w", "^r")
    cli("permission", "clear", user, "--vhost", vhost, "--topic")
    cli("permission", "clear", user, "--vhost", vhost)
    assert cli.json("permission", "ls", user) == []
    cli("user", "rm", user)


def test_policies(cli: Cli, vhost: str) -> None:
    cli("policy", "set", "p", "^x", "max-length=5", "overflow=reject-publish", "--vhost", vhost)
    cli("policy", "set", "o", "^x", "max-length=7", "--operator", "--vhost", vhost)
    assert cli.json("policy", "ls", "--vhost", vhost)[0]["definition"] == {
        "max-length": 5,
        "overflow": "reject-publish",
    }
    assert cli.json("policy", "ls", "--operator", "--vhost", vhost)[0]["definition"] == {"max-length": 7}
    assert cli.run("policy", "set", "p", "^x", "max-length=-5", "--vhost", vhost).returncode == 1
    cli("policy", "clear", "p", "--vhost", vhost)
    assert cli.json("policy", "ls", "--vhost", vhost) == []


def test_definitions_go_out_and_come_in(cli: Cli, vhost: str, tmp_path: Path) -> None:
    path = str(tmp_path / "definitions.json")
    cli("queue", "declare", "q", "--vhost", vhost)
    cli("definitions", "export", path, "--vhost", vhost)
    assert cli("definitions", "diff", path, "--vhost", vhost) == ""
    cli("queue", "rm", "q", "--vhost", vhost)
    differing = cli.run("definitions", "diff", path, "--vhost", vhost)
    assert (differing.returncode, differing.stdout) == (1, "- queues q\n")
    cli("definitions", "import", path, "--vhost", vhost)
    assert cli("definitions", "diff", path, "--vhost", vhost) == ""


def test_a_reset_empties_a_virtual_host_and_leaves_its_permissions(cli: Cli, vhost: str) -> None:
    cli("queue", "declare", "q", "--vhost", vhost)
    assert cli.run("reset", "--vhost", vhost).returncode == 2
    cli("reset", "--vhost", vhost, "--yes")
    assert cli.json("queue", "ls", "--vhost", vhost) == []
    cli("queue", "declare", "q", "--vhost", vhost)


def test_a_bench_publishes_and_consumes_all_of_it(cli: Cli, name: Names) -> None:
    flags = ["-u", name.prefix, "-x", "2", "-y", "2", "-a", "10", "-c", "20", "-P", "50", "-s", "5000"]
    found = json.loads(cli("bench", *flags, "-C", "1000", "-D", "900", "-j", "-q"))
    assert found["avg_pub_rate"] > 0 and found["avg_consume_rate"] > 0
    assert cli.json("queue", "ls", name.prefix) == []


def test_a_bench_for_a_time(cli: Cli, queue: str) -> None:
    lines = cli("bench", "-u", queue, "-z", "1.5", "-r", "100").splitlines()
    assert lines[0].startswith("Publish rate: ")
    assert lines[-3] == "Summary:"
    assert cli.json("queue", "info", queue)["name"] == queue


def test_a_bench_that_is_refused(cli: Cli, name: Names) -> None:
    refused = cli.run("bench", "-u", name.prefix, "-e", name.prefix, "-z", "1")
    assert (refused.returncode, "404 NOT_FOUND" in refused.stderr) == (1, True)
    assert cli.json("queue", "ls", name.prefix) == []


def test_the_top_and_the_doctor(cli: Cli, queue: str) -> None:
    assert cli.json("top", "--once", "--rows", "1")["queues"][0]
    findings = cli.json("doctor")["findings"]
    assert {one["severity"] for one in findings} <= {"fine", "note"}
