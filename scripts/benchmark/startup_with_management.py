"""Ready from a cold start without management and with it, in turn: it is loaded once AMQP is ready."""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmark.brokers import AMQPBROKER, BrokerKind, RunningBroker, free_port, with_management
from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser

_TIMES: Final = 5


def measure(options: argparse.Namespace) -> Measurement:
    window = CpuWindow(options.broker_pid)
    times_ms: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(_TIMES):
        for with_it, found in times_ms.items():
            found.append(_ready_ms(with_management(free_port(), free_port()) if with_it else AMQPBROKER))
    without_ms, with_ms = (statistics.median(each) for each in times_ms.values())
    return window.close({"without_ms": without_ms, "with_ms": with_ms, "share": with_ms / without_ms})


def _ready_ms(kind: BrokerKind) -> float:
    with tempfile.TemporaryDirectory() as directory, RunningBroker(kind, Path(directory) / "broker") as broker:
        broker.wait_until_ready()
        return (time.perf_counter() - broker.started_s) * 1e3


def main() -> None:
    run_tool(tool_parser(__doc__), measure)


if __name__ == "__main__":
    main()
