"""`amqpbroker status`: what runs there, what it listens on, what it holds, whether an alarm is on."""

from argparse import Namespace
from typing import Any

from amqpbroker.cli import EXIT_OK, say
from amqpbroker.cli.client import Client
from amqpbroker.cli.listing import value_at
from amqpbroker.cli.tables import say_json, say_pairs, say_table
from amqpbroker.cli.verb import SingleVerb

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def run(arguments: list[str]) -> int:
    """Ask, and give the exit code."""
    return SingleVerb("status", _status, "Show what runs there, what it listens on and what it holds.").run(arguments)


def _status(client: Client, options: Namespace) -> int:
    overview, nodes = client.get("overview"), client.get("nodes")
    if options.json:
        say_json({"overview": overview, "nodes": nodes})
        return EXIT_OK
    say_pairs(
        [
            ("product", f"{overview.get('product_name', 'RabbitMQ')} {overview.get('product_version', '')}"),
            ("cluster", overview.get("cluster_name")),
            ("queues", value_at(overview, "object_totals.queues")),
            ("exchanges", value_at(overview, "object_totals.exchanges")),
            ("connections", value_at(overview, "object_totals.connections")),
            ("channels", value_at(overview, "object_totals.channels")),
            ("consumers", value_at(overview, "object_totals.consumers")),
            ("messages ready", value_at(overview, "queue_totals.messages_ready")),
            ("messages unacked", value_at(overview, "queue_totals.messages_unacknowledged")),
            ("published/s", value_at(overview, "message_stats.publish_details.rate")),
            ("delivered/s", value_at(overview, "message_stats.deliver_get_details.rate")),
        ]
    )
    for node in nodes:
        say("")
        say_pairs(_node(node))
    listeners = overview.get("listeners", [])
    rows = [[one.get("protocol"), one.get("ip_address"), str(one.get("port", ""))] for one in listeners]
    say_table(["protocol", "address", "port"], rows, "Listens on")
    return EXIT_OK


def _node(node: dict[str, Any]) -> list[tuple[str, object]]:
    alarms = [word for word in ("mem", "disk_free") if node.get(f"{word}_alarm")]
    return [
        ("node", node.get("name")),
        ("running", node.get("running")),
        ("up for", duration(node.get("uptime", 0))),
        ("process", str(node.get("os_pid", ""))),
        ("memory", of_limit(node.get("mem_used"), node.get("mem_limit"))),
        ("disk free", of_limit(node.get("disk_free"), node.get("disk_free_limit"), "stops at")),
        ("descriptors", f"{node.get('fd_used', 0):,} of {node.get('fd_total', 0):,}"),
        ("alarms", ", ".join({"mem": "memory", "disk_free": "disk"}[word] for word in alarms) or "none"),
    ]


def duration(milliseconds: int) -> str:
    """Such as `3 d 04:05:06`."""
    seconds = milliseconds // 1000
    days, rest = divmod(seconds, 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} d {clock}" if days else clock


def size(octets: object) -> str:
    """Such as `1.5 GiB`; what is no number (RabbitMQ has words for what it does not know) as it is."""
    if not isinstance(octets, int | float):
        return "unknown" if octets is None else str(octets)
    number = float(octets)
    for unit in _UNITS[:-1]:
        if abs(number) < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} {_UNITS[-1]}"


def of_limit(octets: object, limit: object, words: str = "limit") -> str:
    """So much, and where it ends."""
    return f"{size(octets)} ({words} {size(limit)})"
