"""What ruff and mypy do not look at: how long a function is, what is left lying about, what nobody imports."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amqpbroker.cli.capacity import ACTIONS
from amqpbroker.cli.main import VERBS

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX = 70
LINE_CHARACTERS_MAX = 120

# Longer than a reader likes, and why.
LONG_FUNCTIONS = {
    "amqpbroker/wire/hot.py: PublishLane.read": "the hot lane: a call for each message would cost more than its work",
    "interop_tests/raw/errors.py: _queues": "no code but a table: one fault after the other",
}
# Where any fault of ours is caught: of one connection, which must not take the other clients with it; and of the books
# of the journal, after which nothing may be confirmed any more.
CATCHES_ALL = {
    "amqpbroker/management/resources.py",
    "amqpbroker/server/storage.py",
    "amqpbroker/server/transport.py",
}
# Nothing imports these: they are where a process begins, or what is imported by its name: a verb, an action, fixtures
# for a plugin that is there.
BEGINNINGS = (
    {"amqpbroker.__main__", "amqpbroker.cli.main", "amqpbroker.testing.child"}
    | {f"amqpbroker.testing.fixtures.{name}" for name in ("for_celery", "for_pytest_asyncio")}
    | {f"amqpbroker.cli.{verb.module}" for verb in VERBS.values()}
    | {f"amqpbroker.cli.capacity.{name}" for name in ACTIONS}
)
# Who may print: their reader is a person at a shell, or the program that started them.
PRINTING = (
    "amqpbroker/cli/",
    "scripts/",
    "interop_tests/__main__.py",
    "interop_tests/programs/",
    "tests/simulation/run.py",
)
# What is there on every machine of a kind, or on none: any other absolute path is one machine's own.
PATH = re.compile(r"(?<![\w./:}\])>~$*%-])(/[A-Za-z][\w.-]*/[\w.-]+)|(?<!\w)([A-Z]:\\{1,2}[A-Z]\w\w)")
PATHS_ANYWHERE = (
    "/api/",
    "/metrics/",
    "/bin/",
    "/dev/",
    "/etc/",
    "/proc/",
    "/run/",
    "/sys/",
    "/usr/",
    "/var/",
    "/nonexistent/",
    "/home/anna",
)
# Paths there are those of the HTTP API.
OF_THE_API = ("amqpbroker/management/", "tests/management/")
LEFT_TO_DO = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")

Offences = Callable[[str, str], Iterator[str]]


def texts(*patterns: str) -> dict[str, str]:
    """File's path → its text, for all that match."""
    paths = sorted({path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()})
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def programs() -> dict[str, str]:
    """Every file of Python."""
    found = texts("*.py", "amqpbroker/**/*.py", "scripts/**/*.py", "interop_tests/**/*.py", "tests/**/*.py")
    scripts = {path: text for path, text in texts("scripts/*").items() if text.startswith("#!/usr/bin/env python3")}
    return found | scripts


def documents() -> dict[str, str]:
    """Every file a person writes, but for the recorded answers."""
    others = texts("*.md", "*.toml", ".ci/*", "amqpbroker/**/*.pyi", "conf/*", "docs/**/*.md")
    return programs() | others


def functions(tree: ast.AST, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ast.AST]]:
    """Each function with its name, the classes' and functions' around it before it."""
    for node in ast.iter_child_nodes(tree):
        inside = names
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inside = (*names, node.name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield ".".join(inside), node
        yield from functions(node, inside)


def long_functions(path: str, text: str) -> Iterator[str]:
    for name, node in functions(ast.parse(text)):
        lines = node.end_lineno - node.lineno + 1  # type: ignore[attr-defined]
        if lines > FUNCTION_LINES_MAX and f"{path}: {name}" not in LONG_FUNCTIONS:
            yield f"{path}: {name} has {lines} lines"


def long_lines(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LINE_CHARACTERS_MAX:
            yield f"{path}:{number} has {len(line)} characters"


def left_to_do(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if LEFT_TO_DO.search(line):
            yield f"{path}:{number}: {line.strip()}"


def paths_of_a_machine(path: str, text: str) -> Iterator[str]:
    if path.startswith(OF_THE_API):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if any(not found[0].startswith(PATHS_ANYWHERE) for found in PATH.finditer(line)):
            yield f"{path}:{number}: {line.strip()}"


def prints(path: str, text: str) -> Iterator[str]:
    if path.startswith(PRINTING):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield f"{path}:{node.lineno} prints"


def catches_everything(path: str, text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler) and path not in CATCHES_ALL:
            caught = re.findall(r"\w+", ast.unparse(node.type)) if node.type is not None else ["BaseException"]
            if {"Exception", "BaseException"} & set(caught):
                yield f"{path}:{node.lineno} catches everything"


def without_docstring(path: str, text: str) -> Iterator[str]:
    if not ast.get_docstring(ast.parse(text)):
        yield f"{path} does not say what lives there"


def imported(path: str, text: str) -> Iterator[str]:
    """The names of modules that a file may mean."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def modules(sources: dict[str, str]) -> dict[str, str]:
    """Name of each module that is not a package → its path."""
    names = {path: path.removesuffix(".py").replace("/", ".") for path in sources}
    return {name: path for path, name in names.items() if not name.endswith(".__init__")}


@pytest.mark.parametrize(
    ("offences", "sources"),
    [
        (long_functions, programs()),
        (long_lines, programs() | texts("conf/*", ".ci/*", "amqpbroker/**/*.pyi")),
        (left_to_do, documents()),
        (paths_of_a_machine, documents()),
        (prints, programs()),
        (catches_everything, texts("amqpbroker/**/*.py")),
        (without_docstring, programs()),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_sources_are_free_of(offences: Offences, sources: dict[str, str]) -> None:
    assert [offence for path, text in sources.items() for offence in offences(path, text)] == []


def test_only_long_functions_are_excused() -> None:
    for place in LONG_FUNCTIONS:
        path, _, name = place.partition(": ")
        node = dict(functions(ast.parse((ROOT / path).read_text(encoding="utf-8"))))[name]
        assert node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX  # type: ignore[attr-defined]


def test_every_module_is_imported() -> None:
    sources = texts("amqpbroker/**/*.py")
    used = {name for path, text in sources.items() for name in imported(path, text)}
    assert set(modules(sources)) - used - BEGINNINGS == set()


@pytest.mark.parametrize(
    ("offences", "text"),
    [
        (long_functions, "def long():\n" + "    pass\n" * FUNCTION_LINES_MAX),
        (long_functions, "class C:\n  async def long(self):\n" + "    pass\n" * FUNCTION_LINES_MAX),
        (long_lines, "#" * (LINE_CHARACTERS_MAX + 1)),
        (left_to_do, "pass  # TO" + "DO: more"),
        (paths_of_a_machine, 'PATH = "/ho' + 'me/bert/broker"'),
        (paths_of_a_machine, "see `/op" + "t/python/bin`"),
        (paths_of_a_machine, r'"C:' + r'\\Users"'),
        (prints, "print(1)"),
        (catches_everything, "def f():\n  try:\n    pass\n  except (OSError, Exception):\n    pass"),
        (catches_everything, "def f():\n  try:\n    pass\n  except:\n    pass"),
        (without_docstring, "x = 1"),
    ],
)
def test_offences_are_found(offences: Offences, text: str) -> None:
    assert len(list(offences("amqpbroker/model/queue.py", text))) == 1


@pytest.mark.parametrize(
    "text", ["text/plain", "a / b / c", "https://host/a/b", "/usr/lib/x", "`wire/hot.py`", "%2F/q"]
)
def test_what_is_no_path_of_a_machine(text: str) -> None:
    assert list(paths_of_a_machine("README.md", text)) == []


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import a.b", {"a.b"}),
        ("from a import b, c", {"a", "a.b", "a.c"}),
        ("def f():\n  from a import b", {"a", "a.b"}),
    ],
)
def test_imports_are_found(line: str, names: set[str]) -> None:
    assert set(imported("x.py", line)) == names
