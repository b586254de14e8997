"""The same load on a queue that nobody asks about and on one whose capacity somebody looks at, in turn.

Both brokers have management and SciPy loaded: what is compared is the measuring.
"""

import argparse
import contextlib
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from benchmark.brokers import RunningBroker, free_port, with_management
from benchmark.http import get
from benchmark.load import load_parser, run_load
from benchmark.tool import CpuWindow, Measurement, run_tool
from benchmark.wire import BenchmarkError, Connection, Topology

# So often each of them has a part of the load. Short parts in turn meet the same machine, whatever else it does.
_TURNS: Final = 8
# Of a flood a stretch of each second is watched: a shorter part may fall between two of them.
_TURN_MIN_S: Final = 1.5


def measure(options: argparse.Namespace) -> Measurement:
    window = CpuWindow(options.broker_pid)
    options.seconds = max(options.seconds / _TURNS, _TURN_MIN_S)
    topology = Topology("bench.beside", options.queues, options.vary)
    rates: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(_TURNS):
        # Each kind goes first in every other turn.
        for is_asked in (False, True) if turn % 2 else (True, False):
            # A process of its own each time: of two that stay, one was a quarter faster than the other, asked or not.
            with _broker() as broker:
                rates[is_asked].append(_turn(broker, topology, options, is_asked))
    shares = [with_it / without for without, with_it in zip(rates[False], rates[True], strict=True)]
    without_per_s, with_per_s = (statistics.median(each) for each in rates.values())
    return window.close({"without_per_s": without_per_s, "with_per_s": with_per_s, "share": statistics.median(shares)})


class _Broker(NamedTuple):
    """A broker, and where its API is."""

    broker: RunningBroker
    http_port: int


@contextlib.contextmanager
def _broker() -> Iterator[_Broker]:
    """A broker with management, all of it loaded."""
    http_port = free_port()
    kind = with_management(http_port, free_port())
    with tempfile.TemporaryDirectory() as directory, RunningBroker(kind, Path(directory) / "broker") as broker:
        connection = broker.wait_until_ready()
        other = Topology("bench.other")
        other.create(connection)
        _ask(http_port, other)
        yield _Broker(broker, http_port)


def _turn(on: _Broker, topology: Topology, options: argparse.Namespace, is_asked: bool) -> float:
    """Messages a second, of a queue that is there for this turn."""
    options.port, options.broker_pid = on.broker.port, on.broker.pid
    connection = Connection(options.port)
    topology.create(connection)
    try:
        if is_asked:
            _ask(on.http_port, topology)
        rate = run_load(topology, options).figures["messages_per_s"]
        if is_asked and not _ask(on.http_port, topology):
            raise BenchmarkError("nothing was measured")
    finally:
        topology.remove(connection)
    return rate


def _ask(http_port: int, topology: Topology) -> int:
    """Looks at the capacity of the queue, which is measured then; how many messages were."""
    answer = json.loads(get(http_port, f"/api/queues/%2F/{topology.queues[0]}/capacity"))
    arrived: int = answer["arrivals"]["count"]
    return arrived


def main() -> None:
    run_tool(load_parser(__doc__), measure)


if __name__ == "__main__":
    main()
