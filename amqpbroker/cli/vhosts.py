"""`amqpbroker vhost`: virtual hosts, each with queues, exchanges and permissions of its own."""

from argparse import Namespace
from typing import Any, Final

from amqpbroker.cli import listing
from amqpbroker.cli.client import Client
from amqpbroker.cli.verb import Verb, done

COLUMNS: Final = ("name", "description", "tags", "default_queue_type", "messages", "tracing")


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    verb = Verb("vhost", "Virtual hosts: each has queues, exchanges and permissions of its own.")
    listing.add_options(verb.action("ls", _list, "list virtual hosts"), COLUMNS)
    add = verb.action("add", _add, "add a virtual host; whoever adds it gets every permission in it")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--description", metavar="TEXT")
    add.add_argument("--tags", metavar="A,B")
    add.add_argument("--default-queue-type", choices=("classic", "quorum", "stream"))
    verb.action("rm", _remove, "delete a virtual host, all that is in it, and its connections").add_argument(
        "name", metavar="NAME"
    )
    return verb.run(arguments)


def _list(client: Client, options: Namespace) -> int:
    return listing.say_list(client, options, "vhosts", empty="there are no virtual hosts")


def _add(client: Client, options: Namespace) -> int:
    body: dict[str, Any] = {
        "description": options.description,
        "tags": options.tags,
        "default_queue_type": options.default_queue_type,
    }
    client.put("vhosts", options.name, body={name: value for name, value in body.items() if value is not None})
    return done(options, f"virtual host {options.name} is there")


def _remove(client: Client, options: Namespace) -> int:
    client.delete("vhosts", options.name)
    return done(options, f"virtual host {options.name} is deleted")
