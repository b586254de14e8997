"""`amqpbroker policy`: what holds for every queue or exchange whose name matches, without its own arguments."""

import json
from argparse import ArgumentParser, Namespace
from typing import Any, Final

from amqpbroker.cli import listing
from amqpbroker.cli.client import Client
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.verb import Verb, add_vhost, done, read_arguments, vhost_of

COLUMNS: Final = ("vhost", "name", "pattern", "apply-to", "definition", "priority")
APPLY_TO: Final = ("all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges")


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    verb = Verb("policy", "Policies: what holds for every queue or exchange whose name matches.")
    ls = _of_operator(verb.action("ls", _list, "list policies"))
    add_vhost(ls, needed=False)
    listing.add_options(ls, COLUMNS)
    set_it = _one(verb.action("set", _set, "make or replace a policy"))
    set_it.add_argument("pattern", metavar="PATTERN", help="a regular expression, such as '^orders-'")
    set_it.add_argument(
        "definition", nargs="+", metavar="NAME=VALUE", help="such as max-length=1000; or all of it as one JSON object"
    )
    set_it.add_argument("--apply-to", choices=APPLY_TO, default="all")
    set_it.add_argument("--priority", type=int, default=0, help="of several that match, the highest holds")
    _one(verb.action("clear", _clear, "remove a policy"))
    return verb.run(arguments)


def _one(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("name", metavar="NAME", help="the policy's name")
    add_vhost(parser)
    return _of_operator(parser)


def _of_operator(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("--operator", action="store_true", help="operator policies, which bound what others may set")
    return parser


def _kind(options: Namespace) -> str:
    return "operator-policies" if options.operator else "policies"


def _list(client: Client, options: Namespace) -> int:
    path = (_kind(options), options.vhost) if options.vhost else (_kind(options),)
    return listing.say_list(client, options, *path, empty="there are no policies")


def _set(client: Client, options: Namespace) -> int:
    body = {
        "pattern": options.pattern,
        "definition": _definition(options.definition),
        # What RabbitMQ takes an operator policy without one to be for.
        "apply-to": "queues" if options.operator and options.apply_to == "all" else options.apply_to,
        "priority": options.priority,
    }
    client.put(_kind(options), vhost_of(options), options.name, body=body)
    return done(options, f"policy {options.name} holds")


def _definition(words: list[str]) -> dict[str, Any]:
    """NAME=VALUE each, or one JSON object. UsageError: neither."""
    if len(words) > 1 or not words[0].lstrip().startswith("{"):
        return read_arguments(words, "the definition")
    try:
        found: dict[str, Any] = json.loads(words[0])
    except ValueError as error:
        raise UsageError(f"the definition: is not JSON ({error})") from None
    return found


def _clear(client: Client, options: Namespace) -> int:
    client.delete(_kind(options), vhost_of(options), options.name)
    return done(options, f"policy {options.name} is gone")
