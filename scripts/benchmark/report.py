"""The table: medians of the rounds, ratios to RabbitMQ, targets beside them, in Markdown that reads as plain text."""

import platform
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from os import cpu_count
from typing import Any

from benchmark.rows import Figure, Row
from benchmark.tool import Measurement

BEGIN, END = "<!-- benchmark:begin -->", "<!-- benchmark:end -->"
NOT_AVAILABLE = "n/a"
LOAD_LIMIT_PERCENT = 80.0
"""Of a core; a load above it may itself be what limits the row."""


@dataclass
class Cell:
    """What one broker did in one row: its rounds, and why a round has none."""

    measurements: list[Measurement] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def median(self, key: str) -> float | None:
        """The figure's median over the rounds; None where no round has it."""
        return median(each.figures.get(key) for each in self.measurements)

    def load_cpu_percent(self) -> float | None:
        return median(each.load_cpu_percent for each in self.measurements)

    def broker_cpu_percent(self) -> float | None:
        return median(each.broker_cpu_percent for each in self.measurements)


@dataclass
class Report:
    """All that was measured. columns: labels, ours first, then what it is compared with. cells: by row, then column."""

    columns: list[str]
    about: list[str]
    """Lines on the machine and the versions."""
    rows: list[Row] = field(default_factory=list)
    cells: dict[str, dict[str, Cell]] = field(default_factory=dict)

    def failed(self) -> bool:
        return any(cell.failures for cells in self.cells.values() for cell in cells.values())

    def as_json(self) -> dict[str, Any]:
        """Every round of every figure, and what is derived from them."""
        return {
            "about": self.about,
            "columns": self.columns,
            "lines": [
                {
                    "row": line.row.name,
                    "figure": line.figure.key,
                    "unit": line.figure.unit,
                    "better": line.figure.better,
                    "medians": dict(zip(self.columns, line.medians, strict=True)),
                    "ratios": dict(zip(self.columns[1:], line.ratios, strict=True)),
                    "targets": [
                        {"target": str(target), "met": target.is_met(line.medians[0], line.ratio)}
                        for target in line.figure.targets
                    ],
                }
                for line in lines(self)
            ],
            "rounds": {
                row: {column: asdict(cell) for column, cell in cells.items()} for row, cells in self.cells.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of a row with every column's median. ratios: ours to each other column, above 1 = ours is better."""

    row: Row
    figure: Figure
    medians: list[float | None]
    ratios: list[float | None]
    cells: list[Cell]

    @property
    def ratio(self) -> float | None:
        """Against RabbitMQ as its users run it, the first of the other columns."""
        return self.ratios[0] if self.ratios else None


def median(values: Iterable[float | None]) -> float | None:
    """The median of those that are there; None when none is."""
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None


def ratio(figure: Figure, ours: float | None, other: float | None) -> float | None:
    """How many times better ours is; None where one is missing or zero, or neither direction is better."""
    if figure.better == "neither" or not ours or not other:
        return None
    return ours / other if figure.better == "higher" else other / ours


def lines(report: Report) -> list[Line]:
    result = []
    for row in report.rows:
        cells = [report.cells[row.name][column] for column in report.columns]
        for figure in row.figures:
            medians = [cell.median(figure.key) for cell in cells]
            ratios = [ratio(figure, medians[0], other) for other in medians[1:]]
            result.append(Line(row, figure, medians, ratios, cells))
    return result


def format_number(value: float) -> str:
    """Whole numbers from 100 on, with thousands separated; below that three digits or so."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def format_ratio(value: float | None) -> str:
    return NOT_AVAILABLE if value is None else f"{value:.1f}×" if value >= 2 else f"{value:.2f}×"


def format_targets(line: Line) -> str:
    """Each target with its mark: met, missed, or nothing where it cannot be told."""
    marks = {True: " met", False: " missed", None: ""}
    return "; ".join(f"{target}{marks[target.is_met(line.medians[0], line.ratio)]}" for target in line.figure.targets)


def table(report: Report, with_cpu: bool) -> str:
    """The Markdown table, its columns padded so that it reads as plain text. with_cpu: the processor columns too."""
    head = ["workload", "", *report.columns]
    head += [f"against {column}" for column in report.columns[1:]] + ["target"]
    if with_cpu:
        head += ["broker CPU %", "load CPU %", "note"]
    body = [head]
    name_before = ""
    for line in lines(report):
        name = line.row.name
        cells = ["" if name == name_before else name, line.figure.unit]
        cells += [_format_median(line, column) for column in range(len(report.columns))]
        cells += [format_ratio(value) if line.figure.better != "neither" else "" for value in line.ratios]
        cells.append(format_targets(line))
        if with_cpu:
            cells += _cpu_cells(line, report.columns) if name != name_before else ["", "", ""]
        name_before = name
        body.append(cells)
    widths = [max(len(cells[column]) for cells in body) for column in range(len(head))]
    numeric = range(2, 2 + len(report.columns) + len(report.columns) - 1)

    def padded(cells: list[str]) -> str:
        columns = (
            text.rjust(width) if column in numeric else text.ljust(width)
            for column, (text, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(columns)} |"

    rule = ("-" * (width - 1) + (":" if column in numeric else "-") for column, width in enumerate(widths))
    return "\n".join([padded(head), f"| {' | '.join(rule)} |", *map(padded, body[1:])])


def _format_median(line: Line, column: int) -> str:
    if line.cells[column].failures:
        return "failed"
    value = line.medians[column]
    if value is None:
        return NOT_AVAILABLE
    return f"ok, {value:,.0f}" if line.figure.better == "neither" else format_number(value)


def _cpu_cells(line: Line, columns: list[str]) -> list[str]:
    """Processor of broker and load for each column, and for which of them the load may be the limit."""

    def percentages(values: list[float | None]) -> str:
        return " / ".join(NOT_AVAILABLE if value is None else f"{value:.0f}" for value in values)

    load = [cell.load_cpu_percent() for cell in line.cells]
    limited = [
        column for column, value in zip(columns, load, strict=True) if value is not None and value > LOAD_LIMIT_PERCENT
    ]
    note = f"the load is the limit: {', '.join(limited)}" if limited else ""
    return [percentages([cell.broker_cpu_percent() for cell in line.cells]), percentages(load), note]


def failures(report: Report) -> list[str]:
    """One line for every round that failed."""
    return [
        f"{row}, {column}: {failure}"
        for row, cells in report.cells.items()
        for column, cell in cells.items()
        for failure in cell.failures
    ]


def about_machine() -> str:
    """What the figures depend on besides the brokers."""
    loop = "uvloop" if find_spec("uvloop") else "asyncio's own event loop"
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {platform.system()} on {platform.machine()} with {cpu_count()} "
        f"cores, {platform.python_implementation()} {platform.python_version()} with {loop}."
    )


def replace_between_markers(text: str, content: str) -> str:
    """`text` with `content` between its two markers. Raises ValueError when they are not there once each, in order."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"needs {BEGIN} and {END}, once each and in this order")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{content.strip()}\n{END}{rest.partition(END)[2]}"
