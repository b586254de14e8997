"""The benchmark's runner: which brokers run a row, how often, and in what order."""

from pathlib import Path

import pytest

from benchmark.brokers import BrokerKind, Launch
from benchmark.report import Report
from benchmark.rows import Figure, Row
from benchmark.runner import Runner
from benchmark.tool import Measurement

FIGURE = Figure("rate", "messages/s")


class NotedRunner(Runner):
    """Starts nothing and notes who would have run."""

    def __init__(self) -> None:
        kinds = [BrokerKind(label, lambda _port, _directory: Launch([], {})) for label in ("ours", "theirs")]
        super().__init__(kinds, Path(), 1.0, lambda _text: None)
        self.ran: list[str] = []

    def _measure(self, row: Row, kind: BrokerKind) -> Measurement:
        self.ran.append(kind.label)
        return Measurement({"rate": 1.0})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Row("work", "load", (), (FIGURE,)), ["ours", "theirs", "theirs", "ours"]),
        (Row("work", "load", (), (FIGURE,), once=True), ["ours", "theirs"]),
        (Row("work", "load", (), (FIGURE,), only_ours=True), ["ours", "ours"]),
    ],
)
def test_row_is_run_by_each_in_turn(row: Row, expected: list[str]) -> None:
    runner = NotedRunner()
    runner.run(row, rounds=2, report=Report(["ours", "theirs"], []))
    assert runner.ran == expected


def test_row_of_ours_alone_leaves_the_other_column_empty() -> None:
    report = Report(["ours", "theirs"], [])
    NotedRunner().run(Row("work", "load", (), (FIGURE,), only_ours=True), rounds=1, report=report)
    assert report.cells["work"]["theirs"].median("rate") is None
    assert not report.failed()
