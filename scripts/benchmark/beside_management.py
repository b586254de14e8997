"""The same load on a broker without management and on one with it, in turn: what management costs.

It is at rest, or watched: Prometheus asks each second, somebody has the overview open, which asks every five, and
somebody else the live messages, which are told as they come.
"""

import argparse
import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmark.brokers import AMQPBROKER, RunningBroker, free_port, with_management
from benchmark.http import Stream, get
from benchmark.load import load_parser, measure_on
from benchmark.tool import CpuWindow, Measurement, run_tool
from benchmark.wire import BenchmarkError, Topology

# Each kind goes first once and last once: what changes on the machine meanwhile meets both.
_WITH_MANAGEMENT: Final = (False, True, True, False)
_SCRAPE_EVERY_S: Final = 1.0
_OVERVIEW_EVERY: Final = 5


class Watcher:
    """Asks for metrics and the overview, and reads the live messages, in threads, until `stop` is called."""

    def __init__(self, http_port: int, metrics_port: int) -> None:
        self._ports = (http_port, metrics_port)
        self._stopping = threading.Event()
        self._error: Exception | None = None
        self._live = Stream(http_port, "/api/inbox/events")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        http_port, metrics_port = self._ports
        asked = 0
        try:
            while not self._stopping.is_set():
                get(metrics_port, "/metrics")
                if asked % _OVERVIEW_EVERY == 0:
                    get(http_port, "/api/overview")
                asked += 1
                self._stopping.wait(_SCRAPE_EVERY_S)
        except OSError as error:
            self._error = error

    def stop(self) -> None:
        """Raises BenchmarkError if an answer did not come."""
        self._stopping.set()
        self._thread.join()
        self._live.close()
        if not self._live.line_count:
            raise BenchmarkError("no live message was told")
        if self._error is not None:
            raise BenchmarkError(f"management did not answer: {self._error}")


def measure(options: argparse.Namespace) -> Measurement:
    window = CpuWindow(options.broker_pid)
    options.seconds /= 2
    rates: dict[bool, list[float]] = {False: [], True: []}
    for with_it in _WITH_MANAGEMENT:
        with _broker(with_it, options.watched) as broker:
            options.port, options.broker_pid = broker.port, broker.pid
            rates[with_it].append(measure_on(Topology("bench.beside"), options).figures["messages_per_s"])
    without_per_s, with_per_s = (sum(each) / len(each) for each in rates.values())
    return window.close({"without_per_s": without_per_s, "with_per_s": with_per_s, "share": with_per_s / without_per_s})


@contextlib.contextmanager
def _broker(with_it: bool, watched: bool) -> Iterator[RunningBroker]:
    http_port, metrics_port = free_port(), free_port()
    kind = with_management(http_port, metrics_port) if with_it else AMQPBROKER
    with tempfile.TemporaryDirectory() as directory, RunningBroker(kind, Path(directory) / "broker") as broker:
        broker.wait_until_ready()
        if not with_it:
            yield broker
            return
        # From the first answer on all is loaded.
        get(http_port, "/api/overview")
        watcher = Watcher(http_port, metrics_port) if watched else None
        yield broker
        if watcher is not None:
            watcher.stop()


def main() -> None:
    parser = load_parser(__doc__)
    parser.add_argument("--watched", action="store_true", help="metrics, the overview and the live messages are open")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
