"""Start, work, crash, and again: the driver of both loops, and the table at their end."""

import argparse
import random
import signal
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from benchmark.wire import BenchmarkError, Connection
from crashing.brokers import Broker, NotReady, data_bytes, inode
from crashing.definitions import Definitions
from crashing.ledger import FAULTS, Ledger
from crashing.workload import Workload, all_queues, declare, drain

# Of the runs this share is crashed while it starts, stopped in peace, or crashed when the list of segments is replaced,
# which is the one place where several files have to change in the right order.
_CRASHES_AT_START: Final = 0.2
_STOPS: Final = 0.08
_CRASHES_AT_MANIFEST: Final = 0.4
_START_TAKES_S: Final = 0.6
# How clients end when the broker goes; 320 is for those of a clean stop.
_ENDS: Final = ("closed the socket", "reset by peer", "Broken pipe", "refused", "closed with 320")


class Disk(Protocol):
    """Where the data directory is, and what happens to it in a crash."""

    data_dir: Path

    def crash(self, broker: Broker, source: random.Random) -> int:
        """Ends the broker without warning, and the disk as it may be; returns how the broker ended."""


@dataclass(slots=True)
class Figures:
    """What the table tells beside the ledger's counts."""

    cycles: int = 0
    crashes_at_start: int = 0
    crashes_at_manifest: int = 0
    stops: int = 0
    drains: int = 0
    starts_s: list[float] = field(default_factory=list)
    data_max_bytes: int = 0
    took_s: float = 0.0


def add_options(parser: argparse.ArgumentParser, cycles: int) -> None:
    parser.add_argument("--cycles", type=int, default=cycles, help=f"how many crashes (default {cycles})")
    parser.add_argument("--run", type=float, default=1.2, metavar="SECONDS", help="the longest run (default 1.2)")
    parser.add_argument("--drain-every", type=int, default=5, metavar="CYCLES", help="all is compared (default 5)")
    parser.add_argument(
        "--limits",
        choices=("real", "small", "mixed"),
        default="mixed",
        help="small: segments, heads and the floor of compaction a sixteenth as large, so that all of it is at work in "
        "every run; mixed: each run the one or the other (default)",
    )
    parser.add_argument("--seed", type=int, help="for the choices of clients and instants; one of its own by default")
    parser.add_argument("--quiet", action="store_true", help="the table alone, no line for each cycle")


class Loop:
    """serve_options: more of them for amqpbroker serve."""

    def __init__(self, options: argparse.Namespace, disk: Disk, scratch: Path, *serve_options: str) -> None:
        seed = options.seed if options.seed is not None else time.time_ns() & 0xFFFFFFFF
        self.ledger = Ledger(all_queues())
        self.figures = Figures()
        self.seed = seed
        self._options = options
        self._disk = disk
        self._scratch = scratch
        self._serve_options = serve_options
        self._source = random.Random(seed)
        self._definitions = Definitions(self.ledger)
        self._broker: Broker | None = None
        # So many of the ledger's lines were printed as they came.
        self._said = 0

    def run(self) -> None:
        """All cycles, and one more start at whose end everything is compared."""
        began_s = time.perf_counter()
        try:
            self._first_start()
            while self.figures.cycles < self._options.cycles and not self.ledger.faults["broker"]:
                self._cycle()
            if not self.ledger.faults["broker"]:
                broker = self._start()
                self._guarded(lambda: self._look_and_drain(broker, broker.wait_until_ready(), True))
                self._stop(broker)
        finally:
            if self._broker is not None:
                self._broker.kill()
        self.figures.took_s = time.perf_counter() - began_s

    def _first_start(self) -> None:
        """With the disk as it should be: queues that are lost would tell nothing of messages."""
        broker = self._broker = Broker(self._disk.data_dir, self._scratch)
        self._guarded(lambda: declare(broker.wait_until_ready()))
        self._stop(broker)

    def _start(self) -> Broker:
        self.ledger.run += 1
        kind = self._options.limits
        small = kind == "small" or (kind == "mixed" and self._source.random() < 0.5)
        self._broker = Broker(self._disk.data_dir, self._scratch, *self._serve_options, small=small)
        return self._broker

    def _stop(self, broker: Broker) -> None:
        code = broker.stop()
        if code != 0:
            self.ledger.fault("broker", f"it ended with {code} on SIGTERM: {broker.last_words()}")
        self._see_output(broker)

    def _guarded(self, act: Callable[[], None]) -> bool:
        """What the broker refuses while nobody harms it is its fault."""
        try:
            act()
        except (NotReady, OSError, BenchmarkError) as error:
            self.ledger.fault("broker", str(error))
            return False
        return True

    def _see_output(self, broker: Broker) -> None:
        if "Traceback" in broker.output():
            text = broker.output()
            self.ledger.fault("broker", f"a traceback: {text[text.index('Traceback') :][:3_000]}")

    def _look_and_drain(self, broker: Broker, port: int, draining: bool) -> None:
        self.figures.starts_s.append(time.perf_counter() - broker.started_s)
        client = Connection(port)
        for queue in self.ledger.queues.values():
            self.ledger.check_count(queue.name, client.message_count(queue.name))
        client.close()
        self._definitions.check(port)
        if draining:
            drain(self.ledger, port)
            self.figures.drains += 1

    def _cycle(self) -> None:
        source = self._source
        number = self.figures.cycles
        broker = self._start()
        if source.random() < _CRASHES_AT_START:
            self._wait(source, source.uniform(0, _START_TAKES_S))
            self.figures.crashes_at_start += 1
            self._crash(broker)
            return
        draining = (number + 1) % self._options.drain_every == 0
        if not self._guarded(lambda: self._look_and_drain(broker, broker.wait_until_ready(), draining)):
            return
        port = broker.wait_until_ready()
        workload = Workload(self.ledger, port, source.getrandbits(32), self._definitions)
        workload.start()
        self._wait(source, source.uniform(0.02, self._options.run))
        if broken := workload.broken():
            self.ledger.fault("broker", f"before the crash: {broken}; {broker.last_words()}")
        self.figures.data_max_bytes = max(self.figures.data_max_bytes, data_bytes(self._disk.data_dir))
        if source.random() < _STOPS:
            self.figures.stops += 1
            self._stop(broker)
        else:
            self._crash(broker)
        for end in workload.join():
            if not any(text in end for text in _ENDS):
                self.ledger.fault("broker", end)
        if not self._options.quiet:
            for line in self.ledger.told[self._said :]:
                print(line)
            self._said = len(self.ledger.told)
            counts = self.ledger.counts
            print(
                f"{self.figures.cycles:5}  start {self.figures.starts_s[-1]:5.2f} s  "
                f"confirmed {counts['confirmed']:>10,}  received {counts['received']:>10,}  "
                f"on disk {self.figures.data_max_bytes / 1e6:>6,.0f} MB  faults {sum(self.ledger.faults.values())}",
                flush=True,
            )

    def _wait(self, source: random.Random, at_most_s: float) -> None:
        """Until the instant of a crash."""
        if source.random() >= _CRASHES_AT_MANIFEST:
            time.sleep(at_most_s)
            return
        manifest = self._disk.data_dir / "MANIFEST"
        until_s = time.perf_counter() + max(at_most_s, _START_TAKES_S)
        before = inode(manifest)
        while inode(manifest) == before:
            if time.perf_counter() > until_s:
                return
            time.sleep(0)
        self.figures.crashes_at_manifest += 1

    def _crash(self, broker: Broker) -> None:
        self.figures.cycles += 1
        code = self._disk.crash(broker, self._source)
        if code != -signal.SIGKILL:
            self.ledger.fault("broker", f"it ended by itself with {code}: {broker.last_words()}")
        self._see_output(broker)


def table(loop: Loop, title: str) -> str:
    """The figures, a line each."""
    counts, figures = loop.ledger.counts, loop.figures
    starts_s = figures.starts_s or [0.0]
    rows: list[tuple[str, str]] = [
        (title, f"{figures.cycles:,}"),
        ("  of them while the broker started", f"{figures.crashes_at_start:,}"),
        ("  of them when the list of segments was replaced", f"{figures.crashes_at_manifest:,}"),
        ("clean stops between them", f"{figures.stops:,}"),
        ("messages sent", f"{counts['sent']:,}"),
        ("messages confirmed", f"{counts['confirmed']:,}"),
        ("deliveries", f"{counts['received']:,}"),
        ("  of them flagged as redelivered", f"{counts['received flagged']:,}"),
        ("  of those never seen before", f"{counts['received first, flagged']:,}"),
        ("came again, acknowledgement was uncertain", f"{counts['came again, acknowledgement was uncertain']:,}"),
        ("gone on the way to consumers without acknowledgements", f"{counts[_GONE]:,}"),
        ("queues drained and compared", f"{figures.drains:,} times"),
        ("most on disk", f"{figures.data_max_bytes / 1e6:,.0f} MB"),
        ("start, median and longest", f"{statistics.median(starts_s):.2f} s, {max(starts_s):.2f} s"),
        ("took", f"{figures.took_s:,.0f} s"),
        *((kind, f"{loop.ledger.faults[kind]:,}") for kind in FAULTS),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value:>14}" for name, value in rows)


_GONE: Final = "gone with the connection of a consumer that does not acknowledge"


def report(loop: Loop, title: str) -> int:
    """Prints the table and what went wrong; returns the exit code."""
    print(table(loop, title))
    print(f"seed {loop.seed}")
    print("\n".join(loop.ledger.told))
    return 1 if sum(loop.ledger.faults.values()) else 0
