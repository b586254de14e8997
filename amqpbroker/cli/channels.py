"""`amqpbroker channel`: the channels that are open, and what their clients have in hand."""

from argparse import Namespace
from typing import Final

from amqpbroker.cli import listing
from amqpbroker.cli.client import Client
from amqpbroker.cli.verb import Verb, add_vhost

COLUMNS: Final = (
    "name",
    "user",
    "vhost",
    "consumer_count",
    "prefetch_count",
    "messages_unacknowledged",
    "messages_unconfirmed",
    "confirm",
    "state",
)


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    verb = Verb("channel", "Channels: those that are open, and what their clients have in hand.")
    ls = verb.action("ls", _list, "list channels")
    add_vhost(ls, needed=False)
    listing.add_options(ls, COLUMNS)
    return verb.run(arguments)


def _list(client: Client, options: Namespace) -> int:
    path = ("vhosts", options.vhost, "channels") if options.vhost else ("channels",)
    return listing.say_list(client, options, *path, empty="no channel is open")
