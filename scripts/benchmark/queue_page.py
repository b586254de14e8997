"""The first page of 10,000 queues, as the web UI asks for it."""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Final

from benchmark.brokers import RunningBroker, free_port, with_management
from benchmark.http import get_ms
from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import Topology

_QUEUES: Final = 10_000
_PAGE: Final = "/api/queues?page=1&page_size=100&pagination=true&sort=name"
_TIMES: Final = 9


def measure(options: argparse.Namespace) -> Measurement:
    window = CpuWindow(options.broker_pid)
    http_port, metrics_port = free_port(), free_port()
    kind = with_management(http_port, metrics_port)
    with tempfile.TemporaryDirectory() as directory, RunningBroker(kind, Path(directory) / "broker") as broker:
        connection = broker.wait_until_ready()
        Topology("bench.page", _QUEUES).create(connection)
        get_ms(http_port, _PAGE)
        return window.close({"first_page_ms": statistics.median(get_ms(http_port, _PAGE) for _ in range(_TIMES))})


def main() -> None:
    run_tool(tool_parser(__doc__), measure)


if __name__ == "__main__":
    main()
