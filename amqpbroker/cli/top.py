"""`amqpbroker top`: queues and connections by what goes through them, again and again."""

import time
from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.cli import EXIT_OK, say
from amqpbroker.cli.client import Client
from amqpbroker.cli.listing import value_at
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.status import size
from amqpbroker.cli.tables import is_terminal, printable, say_json, say_table
from amqpbroker.cli.verb import SingleVerb

if TYPE_CHECKING:
    from rich.console import Group

_IN: Final = "message_stats.publish_details.rate"
_OUT: Final = "message_stats.deliver_get_details.rate"
_FROM: Final = "recv_oct_details.rate"
_TO: Final = "send_oct_details.rate"
# What is asked for: no more need be gathered and sent.
_QUEUE: Final = ("vhost", "name", "messages", "messages_ready", "messages_unacknowledged", "consumers", _IN, _OUT)
_CONNECTION: Final = ("name", "user", "channels", _FROM, _TO)
QUEUE_HEADER: Final = ["queue", "ready", "unacked", "in/s", "out/s", "consumers"]
CONNECTION_HEADER: Final = ["connection", "user", "channels", "from/s", "to/s"]


def run(arguments: list[str]) -> int:
    """Show it until Ctrl-C, and give the exit code."""
    verb = SingleVerb(
        "top",
        _top,
        "Queues and connections with the most going through them, shown again and again until Ctrl-C.",
    )
    verb.parser.add_argument("--interval", type=float, default=2.0, metavar="SECONDS", help="2 if not named")
    verb.parser.add_argument("--rows", type=int, default=15, metavar="NUMBER", help="of each table; 15 if not named")
    verb.parser.add_argument("--once", action="store_true", help="show it once, and end")
    return verb.run(arguments)


def _top(client: Client, options: Namespace) -> int:
    if options.interval <= 0:
        raise UsageError("--interval: it is more than 0 seconds")
    try:
        if options.once or not is_terminal():
            return _print(client, options)
        try:
            import rich.live  # noqa: F401  # whether it is there
        except ImportError:
            raise UsageError("this needs rich: pip install amqpbroker[cli]; or show it --once") from None
        return _live(client, options)
    except KeyboardInterrupt:
        return EXIT_OK


def _print(client: Client, options: Namespace) -> int:
    """Once, or a JSON document or a table for each look where nobody's terminal is."""
    while True:
        overview, queues, connections = look(client, options.rows)
        if options.json:
            say_json({"overview": overview, "queues": queues, "connections": connections})
        else:
            say(" · ".join(summary(overview)))
            say_table(QUEUE_HEADER, queues, "Queues")
            say_table(CONNECTION_HEADER, connections, "Connections")
        if options.once:
            return EXIT_OK
        time.sleep(options.interval)


def _live(client: Client, options: Namespace) -> int:
    from rich.live import Live

    with Live(screen=True, auto_refresh=False) as live:
        while True:
            live.update(_drawn(client, options), refresh=True)
            time.sleep(options.interval)


def _drawn(client: Client, options: Namespace) -> "Group":
    from rich.console import Group
    from rich.table import Column, Table
    from rich.text import Text

    overview, queues, connections = look(client, options.rows)
    tables = []
    for header, rows in ((QUEUE_HEADER, queues), (CONNECTION_HEADER, connections)):
        # The name takes what room there is, in one line: what is watched must not jump.
        columns = [Column(header[0], ratio=1, no_wrap=True, overflow="ellipsis")]
        columns += [Column(name, justify="right", no_wrap=True) for name in header[1:]]
        table = Table(*columns, expand=True, box=None, header_style="bold reverse", pad_edge=False)
        for row in rows:
            table.add_row(*(Text(printable(_shown(value))) for value in row))
        tables.append(table)
    return Group(Text(" · ".join(summary(overview)), no_wrap=True, overflow="ellipsis"), "", tables[0], "", tables[1])


def _shown(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def look(client: Client, rows: int) -> tuple[dict[str, Any], list[list[object]], list[list[object]]]:
    """The overview, and the rows of both tables, the busiest first."""
    overview = client.get("overview")
    queues = sorted(client.get("queues", columns=",".join(_QUEUE)), key=_busy, reverse=True)
    connections = sorted(client.get("connections", columns=",".join(_CONNECTION)), key=_busy, reverse=True)
    return overview, [_queue(one) for one in queues[:rows]], [_connection(one) for one in connections[:rows]]


def _busy(one: dict[str, Any]) -> tuple[float, float]:
    """By rate; of those at rest, by what waits."""
    return sum(_rate(one, path) for path in (_IN, _OUT, _FROM, _TO)), float(one.get("messages") or 0)


def _rate(one: dict[str, Any], path: str) -> float:
    value = value_at(one, path)
    return float(value) if isinstance(value, int | float) else 0.0


def _queue(one: dict[str, Any]) -> list[object]:
    counts = [one.get(name) or 0 for name in ("messages_ready", "messages_unacknowledged")]
    name = one["name"] if one["vhost"] == "/" else f"{one['name']} in {one['vhost']}"
    return [name, *counts, _rate(one, _IN), _rate(one, _OUT), one.get("consumers") or 0]


def _connection(one: dict[str, Any]) -> list[object]:
    rates = [size(_rate(one, path)) for path in (_FROM, _TO)]
    return [one["name"], one.get("user", ""), one.get("channels", 0), *rates]


def summary(overview: dict[str, Any]) -> list[str]:
    """All of it in a line."""
    totals, counts = overview.get("object_totals", {}), overview.get("queue_totals", {})
    return [
        f"{overview.get('product_name', 'RabbitMQ')} {overview.get('product_version', '')}",
        f"{_rate(overview, _IN):,.1f} in/s",
        f"{_rate(overview, _OUT):,.1f} out/s",
        f"{counts.get('messages_ready', 0):,} ready",
        f"{counts.get('messages_unacknowledged', 0):,} unacked",
        *(f"{totals.get(name, 0):,} {name}" for name in ("queues", "connections", "channels", "consumers")),
    ]
