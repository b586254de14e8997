"""`amqpbroker binding`: which exchange sends what to which queue or exchange."""

from argparse import ArgumentParser, Namespace
from typing import Any, Final

from amqpbroker.cli import listing
from amqpbroker.cli.client import Client, Refused
from amqpbroker.cli.exchanges import path_name
from amqpbroker.cli.tables import printable
from amqpbroker.cli.verb import Verb, add_vhost, done, read_arguments, vhost_of

COLUMNS: Final = ("vhost", "source", "destination_type", "destination", "routing_key", "arguments")


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    verb = Verb("binding", "Bindings: which exchange sends what to which queue or exchange.")
    ls = verb.action("ls", _list, "list bindings; a pattern is held against the destination")
    add_vhost(ls, needed=False)
    listing.add_options(ls, COLUMNS)
    _one(verb.action("add", _add, "bind a queue, or an exchange, to an exchange"))
    _one(verb.action("rm", _remove, "remove a binding"))
    return verb.run(arguments)


def _one(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("source", metavar="EXCHANGE", help="the exchange that sends")
    parser.add_argument("destination", metavar="DESTINATION", help="the queue it sends to")
    parser.add_argument("--to-exchange", action="store_true", help="the destination is an exchange")
    parser.add_argument("--routing-key", default="", metavar="KEY", help="empty if not named")
    parser.add_argument("--argument", action="append", metavar="NAME=VALUE", help="such as x-match=any")
    add_vhost(parser)
    return parser


def _list(client: Client, options: Namespace) -> int:
    path = ("bindings", options.vhost) if options.vhost else ("bindings",)
    return listing.say_list(client, options, *path, empty="there are no bindings", matched="destination")


def _path(options: Namespace) -> tuple[str, ...]:
    kind = "e" if options.to_exchange else "q"
    return "bindings", vhost_of(options), "e", path_name(options.source), kind, path_name(options.destination)


def _add(client: Client, options: Namespace) -> int:
    body = {"routing_key": options.routing_key, "arguments": read_arguments(options.argument)}
    client.post(*_path(options), body=body)
    return done(options, f"{options.source} sends to {options.destination}")


def _remove(client: Client, options: Namespace) -> int:
    """The API names a binding by a key that it makes of routing key and arguments, which is looked up."""
    arguments = read_arguments(options.argument)
    found: list[dict[str, Any]] = client.get(*_path(options))
    for one in found:
        if one["routing_key"] == options.routing_key and (one["arguments"] or {}) == arguments:
            client.delete(*_path(options), one["properties_key"])
            return done(options, f"{options.source} no longer sends to {options.destination}")
    keys = ", ".join(printable(repr(one["routing_key"])) for one in found) or "none"
    raise Refused(404, f"there is no such binding; routing keys between the two are: {keys}")
