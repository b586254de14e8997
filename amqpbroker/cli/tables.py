"""What verbs print: tables, pairs, JSON. rich draws them where it is installed and somebody looks at a terminal.

A name may hold anything that its owner liked, also what moves a terminal's cursor: only what is to be printed is.
"""

import json
import sys
from collections.abc import Sequence

from amqpbroker.cli import say


def printable(text: str) -> str:
    """The text, written as Python would write it if not all of it is to be printed."""
    return text if text.isprintable() else ascii(text)


def printable_lines(text: str) -> str:
    """As `printable`, of a text that may have lines and tabs."""
    return "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)


def cell(value: object) -> str:
    """A value of an answer as a table shows it: numbers by thousands, a switch as yes or nothing, a tree as JSON."""
    match value:
        case None | False:
            return ""
        case True:
            return "yes"
        case str():
            return value
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
        case list() | dict() if not value:
            return ""
        case list() if all(isinstance(one, str) for one in value):
            return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def say_json(content: object) -> None:
    """One JSON document, for programs."""
    say(json.dumps(content, indent=2))


def say_table(header: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """A table; nothing at all if it has no rows."""
    shown = [[printable(cell(value)) for value in row] for row in rows]
    numbers = [
        bool(column) and all(isinstance(value, int | float) for value in column) for column in zip(*rows, strict=True)
    ]
    if not shown:
        return
    if is_terminal() and _say_rich_table(title, header, shown, numbers):
        return
    widths = [max(map(len, column)) for column in zip(header, *shown, strict=True)]
    lines = ["  ".join(map(_padded, row, widths, numbers)).rstrip() for row in [header, *shown]]
    say("\n".join(["", title, *lines, ""] if title else lines))


def say_pairs(pairs: Sequence[tuple[str, object]], indent: str = "") -> None:
    """One thing, a line for each of its properties."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        say(f"{indent}{name.ljust(width)}  {'no' if value is False else printable(cell(value))}".rstrip())


def is_terminal() -> bool:
    """Whether somebody looks at stdout."""
    return sys.stdout is not None and sys.stdout.isatty()


def _padded(text: str, width: int, to_the_right: bool) -> str:
    return text.rjust(width) if to_the_right else text.ljust(width)


def _say_rich_table(title: str, header: Sequence[str], rows: list[list[str]], numbers: list[bool]) -> bool:
    try:
        from rich.console import Console
        from rich.table import Column, Table
        from rich.text import Text
    except ImportError:
        return False
    # Folded where the terminal is too narrow: nothing is left out.
    columns = (
        Column(name, overflow="fold", justify="right" if number else "left", no_wrap=number)
        for name, number in zip(header, numbers, strict=True)
    )
    table = Table(*columns, title=title or None, title_justify="left")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
    return True
