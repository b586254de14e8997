"""What every load tool shares: common options, the processor time of both sides, and the one JSON line it prints."""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.processes import tree_cpu_s
from benchmark.wire import BenchmarkError


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run of a tool found. Percentages are of one core in the measured time; None where there is no /proc."""

    figures: dict[str, float]
    load_cpu_percent: float | None = None
    broker_cpu_percent: float | None = None


class CpuWindow:
    """From its making to `close`: how long it took and what the broker and the load used of a processor."""

    def __init__(self, broker_pid: int) -> None:
        self._broker_pid = broker_pid
        self._broker_cpu_s = tree_cpu_s(broker_pid)
        self._load_cpu_s = tree_cpu_s(os.getpid())
        self._start_s = time.perf_counter()

    def elapsed_s(self) -> float:
        return time.perf_counter() - self._start_s

    def close(self, figures: dict[str, float]) -> Measurement:
        """Ends the window; give `figures` here."""
        elapsed_s = self.elapsed_s()

        def percent(before_s: float | None, after_s: float | None) -> float | None:
            if before_s is None or after_s is None:
                return None
            return 100 * (after_s - before_s) / elapsed_s

        return Measurement(
            figures,
            percent(self._load_cpu_s, tree_cpu_s(os.getpid())),
            percent(self._broker_cpu_s, tree_cpu_s(self._broker_pid)),
        )


def percentile(sorted_values: Sequence[float], fraction: float) -> float:
    """The value below which `fraction` of them lie (nearest rank)."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * fraction))]


def tool_parser(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--broker-pid", type=int, required=True, help="whose processor time and memory to read")
    parser.add_argument("--seconds", type=float, required=True, help="how long to measure, where that is not a count")
    parser.add_argument("--data-dir", type=Path, help="where the broker keeps its data, for what measures its size")
    return parser


def run_tool(parser: argparse.ArgumentParser, measure: Callable[[argparse.Namespace], Measurement]) -> None:
    """Runs `measure` with the command line's options; prints its JSON line, or says in one line why it failed.

    SIGTERM ends it as an exit does, so that it cleans up behind itself."""
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(143))
    try:
        measurement = measure(parser.parse_args())
    except BenchmarkError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(json.dumps(asdict(measurement)))
