"""`amqpbroker connection`: who is connected, and closing a connection."""

from argparse import Namespace
from typing import Final

from amqpbroker.cli import listing
from amqpbroker.cli.client import Client
from amqpbroker.cli.verb import Verb, add_vhost, done, say_one

COLUMNS: Final = (
    "name",
    "user",
    "vhost",
    "state",
    "channels",
    "client_properties.product",
    "recv_oct_details.rate",
    "send_oct_details.rate",
)


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    verb = Verb("connection", "Connections: who is connected, and closing a connection.")
    ls = verb.action("ls", _list, "list connections")
    add_vhost(ls, needed=False)
    listing.add_options(ls, COLUMNS)
    info = verb.action("info", _info, "show all that is known of a connection")
    info.add_argument("name", metavar="NAME", help="as connection ls has it")
    close = verb.action("close", _close, "close a connection")
    close.add_argument("name", metavar="NAME", help="as connection ls has it")
    close.add_argument("--reason", default="closed by an operator", help="what its client is told")
    return verb.run(arguments)


def _list(client: Client, options: Namespace) -> int:
    path = ("vhosts", options.vhost, "connections") if options.vhost else ("connections",)
    return listing.say_list(client, options, *path, empty="nobody is connected")


def _info(client: Client, options: Namespace) -> int:
    return say_one(options, client.get("connections", options.name))


def _close(client: Client, options: Namespace) -> int:
    # A header holds no line's end, nor anything that is not Latin-1.
    reason = " ".join(options.reason.split()).encode("latin-1", "replace").decode("latin-1")
    client.delete("connections", options.name, headers={"X-Reason": reason})
    return done(options, f"connection {options.name} is closed")
