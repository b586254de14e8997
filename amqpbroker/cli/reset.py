"""`amqpbroker reset`: virtual hosts as they were made, with their permissions and without anything else in them."""

import sys
from argparse import Namespace
from typing import Any

from amqpbroker.cli.client import Client, Refused
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.tables import printable
from amqpbroker.cli.verb import SingleVerb, done


def run(arguments: list[str]) -> int:
    """Ask whether that is meant, do it, and give the exit code."""
    verb = SingleVerb(
        "reset",
        _reset,
        "Delete all queues, messages, exchanges, bindings, policies and parameters, and close all connections. "
        "Virtual hosts, users and permissions stay.",
    )
    verb.parser.add_argument("--vhost", "-v", metavar="NAME", help="only what is in this virtual host")
    verb.parser.add_argument("--yes", action="store_true", help="do not ask whether that is meant")
    return verb.run(arguments)


def _reset(client: Client, options: Namespace) -> int:
    vhosts = [client.get("vhosts", options.vhost)] if options.vhost else client.get("vhosts")
    if not options.yes:
        _ask(client, vhosts)
    for vhost in vhosts:
        empty(client, vhost)
    return done(options, f"virtual hosts that are empty now: {', '.join(vhost['name'] for vhost in vhosts)}")


def _ask(client: Client, vhosts: list[dict[str, Any]]) -> None:
    """UsageError: it is not meant, or there is nobody to ask."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("this deletes queues and their messages; say that it is meant with --yes")
    names = ", ".join(printable(vhost["name"]) for vhost in vhosts)
    try:
        answer = input(f"Delete all queues and messages at {client.url} in {names}? Type yes: ")
    except EOFError:
        answer = ""
    if answer != "yes":
        raise UsageError("nothing was deleted")


def empty(client: Client, vhost: dict[str, Any]) -> None:
    """Delete it and make it again as it was made, with the permissions that were given in it.

    Raises Refused: it is there no more, or without some of its permissions.
    """
    name = vhost["name"]
    permissions = client.get("vhosts", name, "permissions")
    topic_permissions = client.get("vhosts", name, "topic-permissions")
    made_with = ("description", "tags", "default_queue_type", "tracing")
    body = {key: vhost[key] for key in made_with if vhost.get(key) not in (None, "undefined", [], "")}
    if isinstance(body.get("tags"), list):
        body["tags"] = ",".join(body["tags"])
    client.delete("vhosts", name)
    try:
        client.put("vhosts", name, body=body)
        for kind, given in (("permissions", permissions), ("topic-permissions", topic_permissions)):
            for one in given:
                rights = {key: value for key, value in one.items() if key not in ("user", "vhost")}
                client.put(kind, name, one["user"], body=rights)
    except Refused as refusal:
        text = f"{printable(name)} was deleted, and could not be made again with all its permissions: {refusal}"
        raise Refused(refusal.status, text) from None
