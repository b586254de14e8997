"""How long a broker takes to come back with a million persistent messages, and what memory that takes.

    python -m benchmark.recovery [--count N] [--size OCTETS] [--shape runs|records|commits]   (from scripts/)

The journal is laid by the broker's own code, in three shapes: `runs`, as a publisher that floods leaves it; `records`,
each message a record of its own, a thousand in a commit; `commits`, each message a commit of its own, as a publisher
leaves it that waits for every confirm. Then the broker is started on it, and once without it for what a start costs.
"""

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from amqpbroker.journal.disk import FileDisk
from amqpbroker.journal.opening import open_journal
from amqpbroker.model.access import Users
from amqpbroker.model.broker import Broker
from amqpbroker.model.message import PERSISTENT, Message, address_of
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.restoring import restore
from amqpbroker.profiles import DEFAULT_PROFILE
from amqpbroker.server.ticker import Ticker
from amqpbroker.wire.properties import Properties, encode
from amqpbroker.wire.runs import UniformRun
from benchmark.brokers import AMQPBROKER, BrokerKind, Launch, RunningBroker
from benchmark.processes import PROC

QUEUE: Final = "bench.recovery"
# As many as one read of a socket holds.
RUN_MESSAGES: Final = 1_500
RECORDS_PER_COMMIT: Final = 1_000


def _messages(count: int, size: int) -> Iterator[bytes]:
    """Bodies, all different."""
    return (b"%0*d" % (size, number) for number in range(count))


def _runs(count: int, size: int) -> Iterator[list[UniformRun | list[Message]]]:
    address, header = _head(size)
    bodies = list(_messages(count, size))
    for first in range(0, count, RUN_MESSAGES):
        yield [UniformRun(address, header, bodies[first : first + RUN_MESSAGES], PERSISTENT)]


def _records(count: int, size: int, per_commit: int = RECORDS_PER_COMMIT) -> Iterator[list[UniformRun | list[Message]]]:
    address, header = _head(size)
    bodies = list(_messages(count, size))
    for first in range(0, count, per_commit):
        yield [[(address, header, body, PERSISTENT)] for body in bodies[first : first + per_commit]]


def _commits(count: int, size: int) -> Iterator[list[UniformRun | list[Message]]]:
    return _records(count, size, 1)


def _head(size: int) -> tuple[bytes, bytes]:
    return address_of("", QUEUE), encode(Properties(delivery_mode=2), size)


SHAPES: Final[dict[str, Callable[[int, int], Iterator[list[UniformRun | list[Message]]]]]] = {
    "runs": _runs,
    "records": _records,
    "commits": _commits,
}


def lay(directory: Path, shape: str, count: int, size: int) -> None:
    """Makes a data directory with so many messages in one durable queue, as a kill would leave it."""
    disk = FileDisk(directory, no_sync=True)
    disk.make_folder("")
    opened = open_journal(disk, os.urandom, print)
    broker = Broker(DEFAULT_PROFILE, Users([]), random.randbytes, Ticker(asyncio.new_event_loop()))
    broker.add_vhost("/")
    restore(broker, opened.log, opened.log.contents, opened.revive)
    queue = broker.vhosts["/"].new_queue(QUEUE, durable=True, auto_delete=False, owner=None, arguments={})
    assert isinstance(queue, PagedQueue)
    for runs in SHAPES[shape](count, size):
        for run in runs:
            opened.log.publish([queue], run)
            queue.extend(run)
        commit = opened.log.close()
        assert commit is not None
        opened.writer.commit_once(commit)
        opened.log.committed(commit)
    opened.writer.close()
    if hasattr(os, "sync"):
        # What is still on its way to the disk would keep the start waiting.
        os.sync()


def start(laid: Path | None, directory: Path) -> tuple[float, float, int]:
    """Starts a broker on what was laid: (seconds until it lets log in, most memory in MB, messages)."""

    def launch(port: int, home: Path) -> Launch:
        if laid is not None:
            laid.rename(home / "data")
        return AMQPBROKER.launch(port, home)

    with RunningBroker(BrokerKind(AMQPBROKER.label, launch), directory) as broker:
        connection = broker.wait_until_ready()
        took_s = time.perf_counter() - broker.started_s
        return took_s, _peak_mb(broker.pid), connection.message_count(QUEUE) if laid else 0


def _peak_mb(pid: int) -> float:
    """The most memory a process has ever had (10^6 octets); 0 where there is no /proc."""
    path = PROC / str(pid) / "status"
    if not path.exists():
        return 0.0
    lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=1_000_000, help="messages that wait")
    parser.add_argument("--size", type=int, default=100, help="octets of a body")
    parser.add_argument("--shape", choices=SHAPES, action="append", help="all of them unless named")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="recovery-") as name:
        root = Path(name)
        took_s, peak_mb, _ = start(None, root / "empty")
        print(f"nothing to recover: {took_s:.2f} s, {peak_mb:.0f} MB", flush=True)
        for shape in options.shape or SHAPES:
            lay(root / "laid", shape, options.count, options.size)
            disk_mb = sum(path.stat().st_size for path in (root / "laid" / "log").glob("*.seg")) / 1e6
            took_s, peak_mb, found = start(root / "laid", root / shape)
            if found != options.count:
                sys.exit(f"{shape}: {found} of {options.count} messages came back")
            print(f"{shape}: {found} messages, {disk_mb:.0f} MB of log: {took_s:.2f} s, {peak_mb:.0f} MB", flush=True)
            shutil.rmtree(root / shape)


if __name__ == "__main__":
    main()
