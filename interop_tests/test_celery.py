"""Celery: a worker as a process; results by rpc and, where a chord needs more, by a redis-server of our own."""

import importlib
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, chain, chord, group
from celery.exceptions import TaskRevokedError

from interop_tests.rabbitmq import free_ports

RESULT_TIMEOUT_S = 15
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10
APPLICATION = "interop_tests.programs.celery_app"

# Celery's control queues are transient and its remote control is of no use without them.
pytestmark = pytest.mark.timeout(60)


@contextmanager
def application(amqp_url: str, backend: str) -> Iterator[Any]:
    """The application's module, configured by the environment as the worker's is; its names are deleted in the end."""
    prefix = f"interop-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    os.environ |= {"INTEROP_BROKER_URL": amqp_url, "INTEROP_RESULT_BACKEND": backend, "INTEROP_PREFIX": prefix}
    sys.modules.pop(APPLICATION, None)
    module = importlib.import_module(APPLICATION)
    yield module
    with module.app.connection_for_write() as connection:
        channel = connection.default_channel
        channel.queue_delete(prefix)
        for suffix in ("", ".results", ".control.pidbox", ".events"):
            channel.exchange_delete(prefix + suffix)
        channel.exchange_delete(f"reply.{prefix}.control.pidbox")
    module.app.close()


@contextmanager
def worker(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A worker process, ready; it is ended by SIGTERM and killed if that is not enough."""
    command = [sys.executable, "-m", "celery", "-A", APPLICATION, "worker", "--loglevel", "INFO", *arguments]
    lines: list[str] = []
    settled = threading.Event()
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:

        def read() -> None:
            assert process.stderr is not None
            for line in process.stderr:
                lines.append(line)
                if " ready." in line:
                    settled.set()
            settled.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            settled.wait(START_TIMEOUT_S)
            assert process.poll() is None and any(" ready." in line for line in lines), "".join(lines[-30:])
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
            reader.join(STOP_TIMEOUT_S)


@pytest.fixture(scope="module")
def tasks(amqp_url: str) -> Iterator[Any]:
    """The application with results by rpc, and a worker of two processes."""
    with application(amqp_url, "rpc://") as module, worker("--concurrency", "2", "--hostname", "main@%h"):
        yield module


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A redis-server that keeps nothing, on a free port."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server, the result backend a chord needs, is not installed")
    (port,) = free_ports(1)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen(["redis-server", *options], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert any("Ready to accept connections" in line for line in server.stdout)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


def test_a_task(tasks: Any) -> None:
    assert tasks.add.delay(2, 3).get(RESULT_TIMEOUT_S) == 5


def test_many_tasks(tasks: Any) -> None:
    results = [tasks.add.delay(number, 1) for number in range(50)]
    assert [result.get(RESULT_TIMEOUT_S) for result in results] == list(range(1, 51))


def test_a_failing_task(tasks: Any) -> None:
    with pytest.raises(ValueError, match="as asked"):
        tasks.fail.delay().get(RESULT_TIMEOUT_S)


def test_a_chain(tasks: Any) -> None:
    assert chain(tasks.add.s(1, 2), tasks.add.s(3), tasks.add.s(4))().get(RESULT_TIMEOUT_S) == 10


def test_a_group(tasks: Any) -> None:
    assert group(tasks.add.s(number, number) for number in range(5))().get(RESULT_TIMEOUT_S) == [0, 2, 4, 6, 8]


def test_retry(tasks: Any) -> None:
    assert tasks.succeed_at.delay(2).get(RESULT_TIMEOUT_S) == 2


def test_countdown_and_eta(tasks: Any) -> None:
    start_s = time.time()
    by_countdown = tasks.moment.apply_async(countdown=1)
    by_eta = tasks.moment.apply_async(eta=datetime.now(UTC) + timedelta(seconds=1))
    assert by_countdown.get(RESULT_TIMEOUT_S) >= start_s + 1
    assert by_eta.get(RESULT_TIMEOUT_S) >= start_s + 1


def test_revoke(tasks: Any) -> None:
    result = tasks.add.apply_async((1, 1), countdown=2)
    replies = tasks.app.control.revoke(result.id, reply=True, timeout=RESULT_TIMEOUT_S, limit=1)
    assert len(replies) == 1
    with pytest.raises(TaskRevokedError):
        result.get(RESULT_TIMEOUT_S)


def test_priority_is_ignored_by_a_plain_queue(tasks: Any) -> None:
    result = tasks.delivery.apply_async(priority=5).get(RESULT_TIMEOUT_S)
    assert (result["priority"], result["routing_key"], result["redelivered"]) == (5, tasks.PREFIX, False)


def test_ping_and_inspect(tasks: Any) -> None:
    control = tasks.app.control
    (reply,) = control.ping(timeout=RESULT_TIMEOUT_S, limit=1)
    ((hostname, pong),) = reply.items()
    assert (hostname.split("@")[0], pong) == ("main", {"ok": "pong"})
    inspect = control.inspect(timeout=RESULT_TIMEOUT_S, limit=1)
    assert f"{APPLICATION}.add" in inspect.registered()[hostname]
    assert [queue["name"] for queue in inspect.active_queues()[hostname]] == [tasks.PREFIX]


def test_events(tasks: Any) -> None:
    seen: list[str] = []
    with tasks.app.connection_for_read() as connection:

        def stop_when_seen(event: dict[str, Any]) -> None:
            if event.get("uuid") == result.id:
                seen.append(event["type"])
                receiver.should_stop = event["type"] == "task-succeeded"

        receiver = tasks.app.events.Receiver(connection, handlers={"*": stop_when_seen})
        with receiver.consumer_context(wakeup=False) as (consuming, _, _):
            result = tasks.add.delay(1, 1)
            while not receiver.should_stop:
                consuming.drain_events(timeout=RESULT_TIMEOUT_S)
    assert [kind for kind in seen if kind != "task-sent"] == ["task-received", "task-started", "task-succeeded"]
    assert result.get(RESULT_TIMEOUT_S) == 2


def test_a_late_acked_task_of_a_killed_worker_goes_to_the_next(amqp_url: str) -> None:
    with application(amqp_url, "rpc://") as module:
        with worker("--pool", "solo", "--hostname", "first@%h") as first:
            result = module.kill_the_first_worker.delay()
            first.wait(RESULT_TIMEOUT_S)
        with worker("--pool", "solo", "--hostname", "second@%h"):
            assert result.get(RESULT_TIMEOUT_S) is True


def test_chords(amqp_url: str, redis_url: str) -> None:
    with application(amqp_url, redis_url) as module, worker("--pool", "solo", "--hostname", "chords@%h"):
        app: Celery = module.app
        header = [module.add.s(number, number) for number in range(5)]
        assert chord(header)(module.total.s()).get(RESULT_TIMEOUT_S) == 20
        nested = chain(group(module.add.s(1, 1), module.add.s(2, 2)), module.total.s(), module.add.s(1))
        assert nested().get(RESULT_TIMEOUT_S) == 7
        assert app.backend.as_uri().startswith("redis://")
