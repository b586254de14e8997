"""What every `ls` does: ask for a list, look through it, show some columns of it or all of it as JSON."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any, Final

from amqpbroker.cli import EXIT_OK, say
from amqpbroker.cli.client import Client
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.tables import is_terminal, say_json, say_table

# How a column is headed whose path in the API's answer says less.
HEADINGS: Final = {
    "messages_ready": "ready",
    "messages_unacknowledged": "unacked",
    "message_stats.publish_details.rate": "in/s",
    "message_stats.deliver_get_details.rate": "out/s",
    "recv_oct_details.rate": "from/s",
    "send_oct_details.rate": "to/s",
    "effective_policy_definition": "policy in effect",
    "vhost": "virtual host",
}


def add_options(parser: ArgumentParser, columns: Sequence[str]) -> None:
    """The options of a list. columns: those it shows unless others are asked for, a dot for each step into a tree."""
    parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="only names that this regular expression finds")
    parser.add_argument("--columns", metavar="A,B.C", help=f"of the API's answer; {','.join(columns)} if not named")
    parser.add_argument("--sort", metavar="COLUMN", help="sort by this column")
    parser.add_argument("--reverse", action="store_true", help="the largest first")
    parser.set_defaults(default_columns=tuple(columns))


def say_list(client: Client, options: Namespace, *path: str, empty: str, matched: str = "name") -> int:
    """Ask and show. empty: what a person is told if there is nothing. matched: the column the pattern looks at."""
    columns = tuple(options.columns.split(",")) if options.columns else options.default_columns
    # Of ten thousand queues a table shows a few columns: nothing else need be gathered and sent.
    asked = None if options.json and not options.columns else ",".join({*columns, matched, *_given(options.sort)})
    found = client.get(*path, columns=asked)
    if options.pattern is not None:
        wanted = _compiled(options.pattern)
        found = [one for one in found if wanted.search(str(value_at(one, matched)))]
    if options.sort:
        found.sort(key=lambda one: _sort_key(value_at(one, options.sort)), reverse=options.reverse)
    elif options.reverse:
        found.reverse()
    if options.json:
        say_json([{name: value_at(one, name) for name in columns} for one in found] if options.columns else found)
    elif found:
        say_table([heading(name) for name in columns], [[value_at(one, name) for name in columns] for one in found])
    elif is_terminal():
        say(empty)
    return EXIT_OK


def _given(column: str | None) -> list[str]:
    return [] if column is None else [column]


def heading(column: str) -> str:
    """What is written above a column of an answer."""
    return HEADINGS.get(column) or column.replace("_", " ")


def value_at(tree: Any, path: str) -> Any:
    """What stands at `a.b` in an answer; None where there is nothing: no message has come yet, or it is older."""
    for step in path.split("."):
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def flattened(tree: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Every leaf of an answer with its path."""
    leaves: list[tuple[str, Any]] = []
    for name, value in tree.items():
        if isinstance(value, dict) and value and name not in ("arguments", "headers", "client_properties"):
            leaves += flattened(value, f"{before}{name}.")
        else:
            leaves.append((before + name, value))
    return leaves


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(f"{pattern!a}: is no regular expression ({error})") from None


def _sort_key(value: object) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 1, float(value), ""
    return (0, 0.0, "") if value is None else (2, 0.0, str(value))
