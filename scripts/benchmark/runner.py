"""Runs the rows against the brokers in turn, round by round, and survives what fails."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmark.brokers import ROOT, BrokerKind, RunningBroker
from benchmark.processes import end_session
from benchmark.report import Cell, Report, format_number
from benchmark.restart import measure_restart
from benchmark.rows import RESTART, STARTUP, Row
from benchmark.startup import measure_startup
from benchmark.tool import Measurement
from benchmark.wire import BenchmarkError

TOOL_TIMEOUT_S = 600.0
"""A tool bounds its own waiting; this ends one that does not."""
_STARTING = {STARTUP: measure_startup, RESTART: measure_restart}
"""What starts a broker itself."""


class Runner:
    """Measures rows on one broker of each kind, all of them alive all the time. Use it as a context manager.

    directory: where the brokers keep what they write. seconds: how long a timed measurement takes. say: hears of
    progress.
    """

    def __init__(self, kinds: list[BrokerKind], directory: Path, seconds: float, say: Callable[[str], None]) -> None:
        self._kinds = kinds
        self._directory = directory
        self._seconds = seconds
        self._say = say
        self._brokers: dict[str, RunningBroker] = {}
        self._started = 0

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.ExitStack() as stack:
            for broker in self._brokers.values():
                stack.push(broker)

    def versions(self) -> list[str]:
        """What each broker says it is."""
        result = []
        for kind in self._kinds:
            connection = self._broker(kind).wait_until_ready()
            result.append(f"{kind.label}: {connection.server_version}")
            connection.close()
        return result

    def run(self, row: Row, rounds: int, report: Report) -> None:
        """Adds the row with all its rounds to the report. The broker that goes first changes from round to round."""
        cells = {kind.label: Cell() for kind in self._kinds}
        report.rows.append(row)
        report.cells[row.name] = cells
        kinds = self._kinds[:1] if row.only_ours else self._kinds
        for number in range(1 if row.once else rounds):
            first = number % len(kinds)
            for kind in kinds[first:] + kinds[:first]:
                cell = cells[kind.label]
                try:
                    measurement = self._measure(row, kind)
                except BenchmarkError as error:
                    cell.failures.append(str(error))
                    self._say(f"{row.name}, {kind.label}: FAILED: {error}")
                    continue
                cell.measurements.append(measurement)
                shown = (
                    f"{format_number(measurement.figures[figure.key])} {figure.unit}"
                    for figure in row.figures
                    if figure.key in measurement.figures
                )
                self._say(f"{row.name}, {kind.label}: {'; '.join(shown)}")

    def _measure(self, row: Row, kind: BrokerKind) -> Measurement:
        if row.tool in _STARTING:
            return _STARTING[row.tool](kind, self._new_directory())
        if row.fresh_broker:
            with RunningBroker(kind, self._new_directory()) as broker:
                broker.wait_until_ready().close()
                return self._run_tool(row, broker)
        return self._run_tool(row, self._broker(kind))

    def _broker(self, kind: BrokerKind) -> RunningBroker:
        """The kind's broker, started when it is first needed and again when it has died."""
        broker = self._brokers.get(kind.label)
        if broker is None or broker.has_ended():
            if broker is not None:
                self._say(f"{kind.label} has died and is started again; its last words: {broker.last_words()}")
            broker = self._brokers[kind.label] = RunningBroker(kind, self._new_directory())
            broker.wait_until_ready().close()
        return broker

    def _new_directory(self) -> Path:
        self._started += 1
        return self._directory / str(self._started)

    def _run_tool(self, row: Row, broker: RunningBroker) -> Measurement:
        options = ["--port", str(broker.port), "--broker-pid", str(broker.pid), "--seconds", str(self._seconds)]
        options += ["--data-dir", str(broker.data_directory)]
        tool = subprocess.Popen(
            [sys.executable, "-m", f"benchmark.{row.tool}", *options, *row.arguments],
            env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, errors = tool.communicate(timeout=TOOL_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise BenchmarkError(f"not done after {TOOL_TIMEOUT_S:g} s") from error
        finally:
            end_session(tool)
        if tool.returncode != 0:
            last_line = errors.decode(errors="replace").strip().rpartition("\n")[2]
            raise BenchmarkError(last_line or f"the tool ended with {tool.returncode}")
        return Measurement(**json.loads(output))
