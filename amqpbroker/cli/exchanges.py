"""`amqpbroker exchange`: where messages are published to."""

from argparse import ArgumentParser, Namespace
from typing import Final

from amqpbroker.cli import listing
from amqpbroker.cli.client import Client
from amqpbroker.cli.verb import Verb, add_vhost, done, read_arguments, say_one, vhost_of

COLUMNS: Final = ("vhost", "name", "type", "durable", "auto_delete", "internal", "arguments", "policy")


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    verb = Verb("exchange", "Exchanges: where messages are published to.")
    ls = verb.action("ls", _list, "list exchanges")
    add_vhost(ls, needed=False)
    listing.add_options(ls, COLUMNS)
    _one(verb.action("info", _info, "show all that is known of an exchange"))
    declare = _one(verb.action("declare", _declare, "make an exchange, or check that it is as described"))
    declare.add_argument("--type", default="direct", metavar="TYPE", help="direct, fanout, topic, headers, …")
    declare.add_argument("--transient", action="store_true", help="gone when the broker stops")
    declare.add_argument("--auto-delete", action="store_true", help="gone with its last binding")
    declare.add_argument("--internal", action="store_true", help="only other exchanges may send to it")
    declare.add_argument("--argument", action="append", metavar="NAME=VALUE", help="such as alternate-exchange=rest")
    rm = _one(verb.action("rm", _remove, "delete an exchange and its bindings"))
    rm.add_argument("--if-unused", action="store_true", help="only if nothing is bound to it")
    return verb.run(arguments)


def path_name(name: str) -> str:
    """How the HTTP API names it: the default exchange, which has no name, has this one there."""
    return name or "amq.default"


def _one(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("name", metavar="EXCHANGE", help="the exchange's name")
    add_vhost(parser)
    return parser


def _list(client: Client, options: Namespace) -> int:
    path = ("exchanges", options.vhost) if options.vhost else ("exchanges",)
    return listing.say_list(client, options, *path, empty="there are no exchanges")


def _info(client: Client, options: Namespace) -> int:
    return say_one(options, client.get("exchanges", vhost_of(options), path_name(options.name)))


def _declare(client: Client, options: Namespace) -> int:
    body = {
        "type": options.type,
        "durable": not options.transient,
        "auto_delete": options.auto_delete,
        "internal": options.internal,
        "arguments": read_arguments(options.argument),
    }
    client.put("exchanges", vhost_of(options), path_name(options.name), body=body)
    return done(options, f"exchange {options.name} is there")


def _remove(client: Client, options: Namespace) -> int:
    conditions: dict[str, object] = {"if-unused": "true" if options.if_unused else None}
    client.delete("exchanges", vhost_of(options), path_name(options.name), query=conditions)
    return done(options, f"exchange {options.name} is deleted")
