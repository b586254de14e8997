"""The benchmark's rows: names that tell them apart, tools that are there and know the options."""

import sys
from collections import Counter
from importlib import import_module

import pytest

from benchmark.rows import RESTART, ROWS, STARTUP, Row

COMMON = ["--port", "1", "--broker-pid", "1", "--seconds", "1", "--data-dir", "."]


def test_names_are_unique() -> None:
    assert [name for name, count in Counter(row.name for row in ROWS).items() if count > 1] == []


@pytest.mark.parametrize("row", [row for row in ROWS if row.tool not in (STARTUP, RESTART)], ids=lambda row: row.name)
def test_tool_knows_the_options_of_its_row(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = import_module(f"benchmark.{row.tool}")
    parsed = []
    monkeypatch.setattr(tool, "run_tool", lambda parser, _measure: parsed.append(parser.parse_args()))
    monkeypatch.setattr(sys, "argv", ["tool", *COMMON, *row.arguments])
    tool.main()
    assert parsed
