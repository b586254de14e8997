"""`amqpbroker tail`: messages as they are published, whatever queue they go to; nothing is consumed by that."""

import json
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from amqpbroker.cli import EXIT_OK, say
from amqpbroker.cli.client import Client, Refused
from amqpbroker.cli.messages import say_message
from amqpbroker.cli.verb import SingleVerb, add_vhost, vhost_of


def run(arguments: list[str]) -> int:
    """Show them until Ctrl-C, and give the exit code."""
    verb = SingleVerb(
        "tail",
        _tail,
        "Show messages as they are published, and which queues they reached. Nothing is consumed by that. "
        "This needs an amqpbroker; of a RabbitMQ: amqpbroker consume --exchange NAME.",
    )
    add_vhost(verb.parser)
    verb.parser.add_argument("--count", "-n", type=int, metavar="NUMBER", help="end after so many")
    verb.parser.add_argument("--exchange", "-e", metavar="NAME", help="only what is published to this exchange")
    verb.parser.add_argument("--routing-key", "-k", metavar="KEY", help="only what has this routing key")
    verb.parser.add_argument("--queue", "-q", metavar="NAME", help="only what reached this queue")
    verb.parser.add_argument("--search", metavar="TEXT", help="only what has this text somewhere in it")
    return verb.run(arguments)


def _tail(client: Client, options: Namespace) -> int:
    wishes = {name: getattr(options, name) for name in ("exchange", "routing_key", "queue", "search")}
    try:
        for number, message in enumerate(messages(client, vhost=vhost_of(options), **wishes), 1):
            if options.json:
                say(json.dumps(message))
            else:
                _show(message)
            if number == options.count:
                break
    except KeyboardInterrupt:
        return EXIT_OK
    except Refused as refusal:
        if refusal.status == 404:
            text = "this broker shows no messages as they are published; try amqpbroker consume --exchange NAME"
            raise Refused(404, text) from None
        raise
    return EXIT_OK


def messages(client: Client, **query: object) -> Iterator[dict[str, Any]]:
    """What is published from now on, until the broker ends it."""
    for event, data in events(client.lines("inbox", "events", **query)):
        if event == "message":  # others tell what became of those told before
            yield json.loads(data)


def events(lines: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """Name and data of each server-sent event. Source: the HTML standard, section 9.2."""
    name, data = "message", list[str]()
    for octets in lines:
        line = octets.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if data:
                yield name, "\n".join(data)
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)


def _show(message: dict[str, Any]) -> None:
    properties = dict(message.get("properties") or {}) | {"headers": message.get("headers") or {}}
    properties["queues"] = ", ".join(message.get("queues") or []) or str(message.get("outcome"))
    body, encoding = message.get("body", ""), message.get("body_encoding", "string")
    say_message({**message, "properties": properties, "payload": body, "payload_encoding": encoding})
