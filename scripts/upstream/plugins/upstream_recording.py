"""A pytest plugin for other projects' suites: leaves tests out by pattern, writes a line of JSON for each outcome.

Configured by the environment, because the suites' own command lines and ini files stay as they are:
`UPSTREAM_RESULTS` names the file the lines are appended to, `UPSTREAM_LEFT_OUT` is a JSON list of node id patterns
in which `*` matches anything and nothing else is special.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

RESULTS = Path(os.environ["UPSTREAM_RESULTS"])
LEFT_OUT = [
    (pattern, re.compile(".*".join(map(re.escape, pattern.split("*")))))
    for pattern in json.loads(os.environ.get("UPSTREAM_LEFT_OUT", "[]"))
]
DETAIL_LINES = 60

_outcomes: dict[str, dict[str, Any]] = {}


def _write(line: dict[str, Any]) -> None:
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what is left out, and say by which pattern, so that a pattern that matches nothing is seen."""
    kept, dropped = [], []
    for item in items:
        pattern = next((text for text, regex in LEFT_OUT if regex.fullmatch(item.nodeid)), None)
        if pattern is None:
            kept.append(item)
        else:
            dropped.append(item)
            _write({"test": item.nodeid, "outcome": "left out", "detail": pattern})
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A module that cannot be imported is a failure, not an absence."""
    if report.failed:
        _write({"test": report.nodeid, "outcome": "failed", "detail": _tail(report.longreprtext)})
    elif report.skipped:
        _write({"test": report.nodeid, "outcome": "skipped", "detail": _tail(report.longreprtext)})


def pytest_runtest_logstart(nodeid: str) -> None:
    """Written before the test runs: a test that takes the whole process with it is named, too."""
    _outcomes[nodeid] = {"test": nodeid, "outcome": "passed", "detail": "", "duration_s": 0.0}
    _write({"test": nodeid, "outcome": "started"})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Fold set-up, call, tear-down and subtests into one outcome: a failure anywhere is a failure."""
    outcome = _outcomes[report.nodeid]
    outcome["duration_s"] = round(outcome["duration_s"] + report.duration, 3)
    if report.failed:
        outcome["outcome"] = "failed"
        outcome["detail"] += f"{report.when}:\n{_tail(report.longreprtext)}\n"
    elif report.skipped and outcome["outcome"] == "passed":
        outcome["outcome"] = "skipped"
        outcome["detail"] = _tail(report.longreprtext)


def pytest_runtest_logfinish(nodeid: str) -> None:
    """One line a test, written at once: what ran before a time-out counts."""
    _write(_outcomes.pop(nodeid))


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-DETAIL_LINES:])
