"""The same load on a queue that nobody asks about and on one whose capacity somebody looks at, in turn.

Both brokers have management loaded: what is compared is the measuring, and an answer every few seconds.
"""

import argparse
import contextlib
import json
import tempfile
import threading
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmark.brokers import RunningBroker, free_port, with_management
from benchmark.http import get
from benchmark.load import load_parser, measure_on
from benchmark.tool import CpuWindow, Measurement, run_tool
from benchmark.wire import BenchmarkError, Topology

# Each kind goes first once and last once: what changes on the machine meanwhile meets both.
_ASKED: Final = (False, True, True, False)
# As the page of the queue does.
_ASK_EVERY_S: Final = 5.0
_NOT_THERE_YET_S: Final = 0.02


class Asker:
    """Asks about a queue from the moment it is there, in a thread, until `stop` is called."""

    def __init__(self, http_port: int, queue: str) -> None:
        self._port = http_port
        self._path = f"/api/queues/%2F/{queue}/capacity"
        self._stopping = threading.Event()
        self._error: Exception | None = None
        self.arrived = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._stopping.wait(_ASK_EVERY_S if self._ask() else _NOT_THERE_YET_S)
        except OSError as error:
            self._error = error

    def _ask(self) -> bool:
        """Whether the queue is there."""
        try:
            self.arrived = json.loads(get(self._port, self._path))["arrivals"]["count"]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def stop(self) -> None:
        """Raises BenchmarkError if nothing was measured."""
        self._stopping.set()
        self._thread.join()
        if self._error is not None:
            raise BenchmarkError(f"capacity was not answered: {self._error}")
        if self._ask() and not self.arrived:
            raise BenchmarkError("nothing was measured")


def measure(options: argparse.Namespace) -> Measurement:
    window = CpuWindow(options.broker_pid)
    options.seconds /= 2
    rates: dict[bool, list[float]] = {False: [], True: []}
    for is_asked in _ASKED:
        topology = Topology("bench.beside", options.queues, options.vary)
        with _broker(topology.queues[0] if is_asked else "") as broker:
            options.port, options.broker_pid = broker.port, broker.pid
            rates[is_asked].append(measure_on(topology, options).figures["messages_per_s"])
    without_per_s, with_per_s = (sum(each) / len(each) for each in rates.values())
    return window.close({"without_per_s": without_per_s, "with_per_s": with_per_s, "share": with_per_s / without_per_s})


@contextlib.contextmanager
def _broker(asked_about: str) -> Iterator[RunningBroker]:
    http_port = free_port()
    kind = with_management(http_port, free_port())
    with tempfile.TemporaryDirectory() as directory, RunningBroker(kind, Path(directory) / "broker") as broker:
        connection = broker.wait_until_ready()
        get(http_port, "/api/overview")
        if not asked_about:
            yield broker
            return
        # From the first answer on all is loaded.
        other = Topology("bench.other")
        other.create(connection)
        get(http_port, f"/api/queues/%2F/{other.queues[0]}/capacity")
        other.remove(connection)
        asker = Asker(http_port, asked_about)
        yield broker
        asker.stop()


def main() -> None:
    run_tool(load_parser(__doc__), measure)


if __name__ == "__main__":
    main()
