"""`amqpbroker consumer`: who consumes from which queue."""

from argparse import Namespace
from typing import Final

from amqpbroker.cli import listing
from amqpbroker.cli.client import Client
from amqpbroker.cli.verb import Verb, add_vhost

COLUMNS: Final = (
    "queue.vhost",
    "queue.name",
    "consumer_tag",
    "channel_details.name",
    "ack_required",
    "prefetch_count",
    "active",
    "exclusive",
)


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    verb = Verb("consumer", "Consumers: who consumes from which queue.")
    ls = verb.action("ls", _list, "list consumers; a pattern is held against the queue's name")
    add_vhost(ls, needed=False)
    listing.add_options(ls, COLUMNS)
    return verb.run(arguments)


def _list(client: Client, options: Namespace) -> int:
    path = ("consumers", options.vhost) if options.vhost else ("consumers",)
    return listing.say_list(client, options, *path, empty="nobody consumes", matched="queue.name")
