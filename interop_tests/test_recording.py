"""What one broker has recorded of its clients another one gets again, by the verbs `record` and `replay`."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pytest

from interop_tests.conftest import Names
from interop_tests.test_cli import DEADLINE_S, ROOT, Cli, cli, vhost

__all__ = ["cli", "vhost"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


@pytest.fixture
def traced(cli: Cli, vhost: str, management) -> Iterator[str]:
    """A virtual host whose firehose is on."""
    management.put(f"vhosts/{vhost}", json={"tracing": True}).raise_for_status()
    yield vhost
    management.put(f"vhosts/{vhost}", json={"tracing": False}).raise_for_status()


@pytest.fixture
def recording(cli: Cli, traced: str, path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Begins a recording, and is back once it has begun."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-u", "-m", "amqpbroker", "record", str(path), "--vhost", traced, *arguments]
        process = subprocess.Popen(command, env=cli.environment, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("recording virtual host")
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def channel(amqp_url: str, traced: str) -> Iterator["pika.adapters.blocking_connection.BlockingChannel"]:
    parameters = pika.URLParameters(amqp_url)
    parameters.virtual_host = traced
    with pika.BlockingConnection(parameters) as connection:
        yield connection.channel()


def declare(channel) -> None:
    channel.queue_declare("dead", durable=True)
    arguments = {"x-message-ttl": 60_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    channel.queue_declare("tasks", durable=True, arguments=arguments)
    channel.exchange_declare("news", "headers", durable=True)
    channel.queue_bind("tasks", "news", arguments={"x-match": "all", "kind": 5})


PUBLISHED = pika.BasicProperties(
    content_type="text/plain",
    delivery_mode=2,
    priority=3,
    message_id="m",
    timestamp=1_700_000_000,
    headers={"kind": 5, "nested": {"list": [True, None, "x", 6]}, "CC": ["also"]},
)


def publish(channel) -> None:
    channel.basic_publish("news", "a", "grün".encode(), PUBLISHED)
    channel.basic_publish("", "tasks", b"\xff\0", pika.BasicProperties(delivery_mode=2, expiration="50000"))


def test_a_run_is_recorded_and_comes_again(cli, channel, recording, traced, path):
    declare(channel)
    process = recording("--count", "2")
    publish(channel)
    assert process.wait(DEADLINE_S) == 0
    first = [channel.basic_get("tasks", auto_ack=True)[1:] for _ in range(2)]
    channel.queue_delete("tasks")
    assert cli("replay", str(path), "--speed", "0") == "published and confirmed: 2\n"
    again = [channel.basic_get("tasks", auto_ack=True)[1:] for _ in range(2)]
    assert again == first
    assert channel.queue_declare("dead", passive=True).method.message_count == 0


def test_what_is_recorded_can_be_read(channel, recording, traced, path):
    declare(channel)
    process = recording("--count", "2", "--scrub", "--scrub-header", "nested")
    publish(channel)
    assert process.wait(DEADLINE_S) == 0
    start, message, _, end = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert sorted(queue["name"] for queue in start["definitions"]["queues"]) == ["dead", "tasks"]
    assert (message["vhost"], message["exchange"], message["routing_key"]) == (traced, "news", "a")
    assert message["payload"] == "xxxxx"
    assert message["properties"]["headers"]["nested"] == {"list": [False, None, "x", 0]}
    assert end["messages"] == 2


def test_what_a_verb_has_recorded_a_test_replays(channel, recording, path):
    from amqpbroker.testing import Broker

    declare(channel)
    process = recording("--count", "2")
    publish(channel)
    assert process.wait(DEADLINE_S) == 0
    with Broker() as broker:
        assert broker.replay(path).message_count == 2
        (vhost,) = {json.loads(line)["vhost"] for line in path.read_text().splitlines()[1:-1]}
        view = broker.vhost(vhost)
        assert [message.body for message in view.queues["tasks"].messages()] == ["grün".encode(), b"\xff\0"]
        broker.clock.advance("60s")
        assert view.queues["dead"].ready == 2


def test_a_virtual_host_that_is_not_traced_is_told_how_to(cli: Cli, vhost: str, path: Path, name: Names):
    done = cli.run("record", str(path), "--vhost", vhost)
    assert (done.returncode, path.exists()) == (1, False)
    assert f"rabbitmqctl trace_on -p {vhost}" in done.stderr
