"""How rabbitmqadmin writes a list: drawn in ASCII, with tabs, as JSON, for a shell."""

import json
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any, Final

from amqpbroker.cli import say

# What comes first when no columns are named; the rest by name.
_FIRST: Final = ("vhost", "name", "type", "source", "destination", "destination_type", "routing_key")
# Trees that are shown as JSON rather than taken apart.
_WHOLE: Final = ("value", "definition")

Lines = Sequence[Sequence[str]]


def say_list(options: Namespace, found: list[dict[str, Any]], columns: Sequence[str]) -> None:
    """In the format chosen. columns: none are all that the depth reaches."""
    if options.format == "raw_json":
        say(json.dumps(found, separators=(",", ":"), ensure_ascii=False))
        return
    if options.format == "pretty_json":
        say(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False))
        return
    rows = [_leaves(one, None if columns else options.depth) for one in found]
    if not columns:
        columns = sorted({name for row in rows for name in row}, key=_place)
    lines = [[_text(row.get(name, "")) for name in columns] for row in rows]
    if lines:
        FORMATS[options.format](columns, lines, options.quiet)
    elif not options.quiet:
        say("No items")


def _leaves(tree: dict[str, Any], depth: int | None, before: str = "") -> dict[str, Any]:
    """What is at most so deep, with its path; None: however deep."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if not isinstance(value, dict):
            found[before + name] = value
        elif name in _WHOLE:
            found[before + name] = json.dumps(value)
        elif depth is None or depth > 1:
            found |= _leaves(value, depth and depth - 1, f"{before}{name}.")
    return found


def _place(column: str) -> tuple[int, str]:
    return (_FIRST.index(column), "") if column in _FIRST else (len(_FIRST), column)


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value) if all(isinstance(one, str) for one in value) else json.dumps(value)
    return "" if value is None else str(value)


def _say_table(columns: Sequence[str], lines: Lines, _quiet: bool) -> None:
    widths = [max(map(len, column)) for column in zip(columns, *lines, strict=True)]
    bar = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    head = "|" + "|".join(f" {name:^{width}} " for name, width in zip(columns, widths, strict=True)) + "|"
    rows = [
        "|" + "|".join(f" {text:<{width}} " for text, width in zip(line, widths, strict=True)) + "|" for line in lines
    ]
    say("\n".join([bar, head, bar, *rows, bar]))


def _say_tabs(columns: Sequence[str], lines: Lines, quiet: bool) -> None:
    if not quiet:
        say("\t".join(columns))
    for line in lines:
        say("\t".join(line))


def _say_long(columns: Sequence[str], lines: Lines, _quiet: bool) -> None:
    width = max(map(len, columns))
    between = "\n" + "-" * 80 + "\n"
    say(between)
    for line in lines:
        for name, text in zip(columns, line, strict=True):
            say(f"{name:>{width}}: {text}")
        say(between)


def _say_pairs(columns: Sequence[str], lines: Lines, _quiet: bool) -> None:
    for line in lines:
        say(" ".join(f'{name}="{text}"' for name, text in zip(columns, line, strict=True)))


def _say_names(columns: Sequence[str], lines: Lines, _quiet: bool) -> None:
    if "name" in columns:
        at = list(columns).index("name")
        say(" ".join(line[at] for line in lines))


FORMATS: Final[dict[str, Callable[[Sequence[str], Lines, bool], None]]] = {
    "tsv": _say_tabs,
    "long": _say_long,
    "table": _say_table,
    "kvp": _say_pairs,
    "bash": _say_names,
}
