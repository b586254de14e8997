"""Measures what the broker costs a test suite, and the same tests against a RabbitMQ; prints a table.

The tests of the suite each declare, publish, consume, and see a message dead-lettered by its time to live. Ours turn
the clock on by half an hour. A RabbitMQ's clock cannot be turned, so there it is what people do: a time to live of a
second, which is waited for. Between tests it is emptied as pytest-rabbitmq does it: rabbitmqctl lists exchanges and
queues, and a client deletes them.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from interop_tests.rabbitmq import SERVER, installed, rabbitmq_node
from suite_benchmark.starts import START_COUNT, starts_and_stops

HERE = Path(__file__).parent
ROUNDS = 9
# In a process of its own: prints milliseconds. pika is what a suite has imported before it asks for a broker.
PLUGIN = """
import pytest, time
begin = time.perf_counter()
import amqpbroker.testing.pytest_plugin
print((time.perf_counter() - begin) * 1000)
"""
FIRST = """
import pika, pytest, time
import amqpbroker.testing.pytest_plugin
begin = time.perf_counter()
from amqpbroker.testing.fixtures.source import OwnBrokers
with OwnBrokers({}).shared_broker():
    print((time.perf_counter() - begin) * 1000)
    import os
    os._exit(0)
"""
FURTHER = """
import time
from amqpbroker.testing import Broker
with Broker():
    for _ in range(50):
        begin = time.perf_counter()
        broker = Broker().start()
        print((time.perf_counter() - begin) * 1000)
        broker.stop()
"""
RESET = """
import pika, time
from amqpbroker.testing import Broker
with Broker() as broker:
    for _ in range(20):
        with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            channel = connection.channel()
            for number in range(100):
                channel.queue_declare(str(number))
                for _ in range(100):
                    channel.basic_publish("", str(number), b"x" * 100)
        assert sum(queue.ready for queue in broker.queues.values()) == 10_000
        begin = time.perf_counter()
        broker.reset()
        print((time.perf_counter() - begin) * 1000)
        assert not broker.queues
"""


def figures(program: str, rounds: int = 1) -> list[float]:
    """What a program prints in milliseconds, in so many processes; the first one only warms the disk's cache."""
    found: list[float] = []
    for number in range(rounds + (rounds > 1)):
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        if number or rounds == 1:
            found += map(float, done.stdout.split())
    return found


def row(what: str, found: list[float], target_ms: float) -> None:
    """A line of the table."""
    print(f"| {what} | {median(found):.2f} ms | {min(found):.2f} ms | {target_ms:g} ms |", flush=True)


def suite(name: str, count: int, **variables: str) -> float:
    """How many seconds pytest takes for the tests of a file, from its start to its end."""
    with tempfile.TemporaryDirectory(prefix="suite-") as directory:
        path = Path(directory) / f"test_{name}.py"
        path.write_text((HERE / f"{name}.py.txt").read_text())
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:hypothesispytest",
            str(path),
        ]
        command += ["--rootdir", directory, "-W", "ignore"]
        begin_s = time.perf_counter()
        environment = {**os.environ, "SUITE_TESTS": str(count), **variables}
        done = subprocess.run(command, check=False, cwd=directory, capture_output=True, text=True, env=environment)
        took_s = time.perf_counter() - begin_s
    if done.returncode != 0:
        raise SystemExit(done.stdout[-4000:] + done.stderr[-4000:])
    return took_s


def main() -> int:
    """Measures, and gives the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/suite_bench", description=__doc__)
    parser.add_argument("--only-ours", action="store_true", help="without RabbitMQ")
    parser.add_argument("--tests", type=int, default=200, help="how many tests of the suite run here (default 200)")
    parser.add_argument("--rabbitmq-tests", type=int, default=200, help="how many of them run there (default 200)")
    parser.add_argument(
        "--starts", action="store_true", help=f"{START_COUNT} starts and stops instead, and what is left"
    )
    options = parser.parse_args()
    # Ended by a signal, the RabbitMQ is ended as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # Installed packages have their bytecode.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if options.starts:
        return starts_and_stops()
    print("| | median | least | target |\n|---|---:|---:|---:|")
    row("importing the plugin", figures(PLUGIN, ROUNDS), 20)
    row("the first fixture, with all that it imports", figures(FIRST, ROUNDS), 100)
    row("a further broker", figures(FURTHER), 10)
    row("`reset()` of 100 queues and 10,000 messages", figures(RESET), 1)
    print("\n| suite | tests | seconds | a test |\n|---|---:|---:|---:|")
    ours_s = suite("ours", options.tests)
    print(f"| amqpbroker | {options.tests} | {ours_s:.1f} | {ours_s / options.tests * 1000:.0f} ms |", flush=True)
    if not options.only_ours and installed():
        with rabbitmq_node() as (url, environment):
            where = {**environment, "SUITE_URL": url, "SUITE_CTL": str(SERVER.with_name("rabbitmqctl"))}
            theirs_s, count = suite("rabbitmq", options.rabbitmq_tests, **where), options.rabbitmq_tests
        print(f"| RabbitMQ | {count} | {theirs_s:.1f} | {theirs_s / count * 1000:.0f} ms |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
