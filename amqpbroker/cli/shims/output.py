"""How results are written: tables with tabs, JSON, CSV, or drawn. Source: RabbitMQ's rabbitmq_cli, `formatters/`."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from amqpbroker.cli import say
from amqpbroker.cli.shims.failing import EX_USAGE, Failed
from amqpbroker.cli.shims.invocation import Invocation

Rows = Sequence[dict[str, Any]]

# With these a result stands alone, for programs.
MACHINE_READABLE: Final = ("json", "csv")


def say_rows(invocation: Invocation, columns: Sequence[str], rows: Rows, *, at_once: bool = False) -> None:
    """A list. at_once: it comes in one piece, of which an empty table is still a line. Raises Failed."""
    writer = _WRITERS.get(invocation.formatter)
    if writer is None:
        known = ", ".join(_WRITERS)
        raise Failed(EX_USAGE, f"Error: amqpbroker has no formatter {invocation.formatter}; known are {known}")
    writer(invocation, columns, rows, at_once)


def _say_tabbed(invocation: Invocation, columns: Sequence[str], rows: Rows, at_once: bool) -> None:
    if not rows:
        if at_once:
            say("")
        return
    if not (invocation.is_silent or "no_table_headers" in invocation.given):
        say("\t".join(columns))
    for row in rows:
        say("\t".join(text_of(row.get(name)) for name in columns))


def _say_json(_invocation: Invocation, columns: Sequence[str], rows: Rows, at_once: bool) -> None:
    if not rows:
        say("[]" if at_once else "[\n]")
        return
    objects = [compact({name: json_value(row.get(name)) for name in columns}) for row in rows]
    say("[\n" + "\n,".join(objects) + "\n]")


def _say_csv(_invocation: Invocation, columns: Sequence[str], rows: Rows, _at_once: bool) -> None:
    if not rows:
        return
    for line in [columns, *([text_of(row.get(name)) for name in columns] for row in rows)]:
        say(",".join('"' + one.replace('"', '""') + '"' for one in line))


def _say_drawn(_invocation: Invocation, columns: Sequence[str], rows: Rows, _at_once: bool) -> None:
    if not rows:
        return
    lines = [list(columns), *([text_of(row.get(name)) for name in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    bars = ["─" * (width + 2) for width in widths]
    drawn = ["│ " + " │ ".join(map(str.ljust, line, widths)) + " │" for line in lines]
    between = "├" + "┼".join(bars) + "┤"
    say("┌" + "┬".join(bars) + "┐")
    say(f"\n{between}\n".join(drawn))
    say("└" + "┴".join(bars) + "┘")


_WRITERS: Final[dict[str, Callable[[Invocation, Sequence[str], Rows, bool], None]]] = {
    "table": _say_tabbed,
    "json": _say_json,
    "csv": _say_csv,
    "pretty_table": _say_drawn,
}


class Arguments(dict[str, Any]):
    """An AMQP table, which is written in a way of its own."""


def text_of(value: object) -> str:
    """A value in a table."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Arguments():
            return "[" + ",".join(f"{{{json.dumps(name)},{_term(one)}}}" for name, one in value.items()) + "]"
        case list():
            return "[" + ", ".join(map(text_of, value)) + "]"
        case dict():
            return compact(value)
    return str(value)


def _term(value: object) -> str:
    if isinstance(value, dict):
        return text_of(Arguments(value))
    return text_of(value) if isinstance(value, bool) else compact(value)


def json_value(value: object) -> object:
    """A value in JSON: tables name the types of what they hold."""
    if isinstance(value, Arguments):
        return [[name, _type(one), one] for name, one in value.items()]
    return "" if value is None else value


def _type(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "long"
        case float():
            return "double"
        case list():
            return "array"
        case dict():
            return "table"
    return "longstr"


def compact(value: object) -> str:
    """JSON as programs of RabbitMQ write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
