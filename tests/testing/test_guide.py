"""Every example in Python of the guide to test suites and of the README about it runs as it stands there."""

import re
import runpy
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.testing.test_pytest_plugin import outcome  # noqa: F401 - a fixture

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\w+)\.py\n")


class Example(NamedTuple):
    """A block of Python on a page. name: of the file that its first line says it is; empty where it says none."""

    place: str
    name: str
    text: str


def examples_of(page: str, begin: str = "") -> list[Example]:
    """Those of a page, or from a heading on to the next of its kind."""
    text = (ROOT / page).read_text(encoding="utf-8")
    start = text.index(begin)
    end = text.find("\n## ", start + len(begin)) if begin else -1
    found = []
    for block in BLOCK.finditer(text, start, len(text) if end == -1 else end):
        named = NAMED.match(block[1])
        line = text.count("\n", 0, block.start()) + 2
        found.append(Example(f"{page}:{line}", named[1] if named else "", block[1]))
    return found


GUIDE = examples_of("docs/testing.md")
MODULES = [example for example in GUIDE if example.name and not example.name.startswith("test_")]
EXAMPLES = [example for example in GUIDE + examples_of("README.md", "## In a test suite") if example not in MODULES]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.place)
def test_it_runs(example, outcome, pytester, monkeypatch):  # noqa: F811
    monkeypatch.syspath_prepend(pytester.path)
    pytester.makepyfile(**{module.name: module.text for module in MODULES})
    if re.search(r"^\s*(async )?def test_", example.text, re.MULTILINE):
        result = outcome(example.text, in_process="celery" not in example.text)
        assert result.ret == 0
        assert result.parseoutcomes()["passed"] >= 1
    else:
        runpy.run_path(str(pytester.makepyfile(example=example.text)), run_name="__main__")
