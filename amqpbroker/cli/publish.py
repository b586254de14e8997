"""`amqpbroker publish`: messages from an argument, a file or stdin; each is confirmed and has reached a queue."""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.cli import EXIT_FAILED, EXIT_OK, amqp, complain, say
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.tables import printable, say_json
from amqpbroker.cli.templates import fill_in
from amqpbroker.cli.verb import read_arguments

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingConnection

# Headers have an option of their own.
_PROPERTIES: Final = tuple(name for name in amqp.PROPERTIES if name != "headers")
_NUMBERS: Final = ("delivery_mode", "priority", "timestamp")


def run(arguments: list[str]) -> int:
    """Publish, and give the exit code."""
    parser = ArgumentParser(
        "amqpbroker publish",
        description="Publish a message, or many. Each is waited for until the broker has confirmed it; it is an "
        "error if no queue gets it.",
        epilog="In the body, the routing key and headers: {{Count}} is the number of the message from 1, {{TimeStamp}} "
        "the time, {{Unix}} the same in seconds, {{ID}} a random name, {{Random 3 8}} three to eight random letters. "
        "exit codes: 0 fine, 1 refused or no queue got it, 2 usage, 69 the broker cannot be reached",
        allow_abbrev=False,
    )
    parser.add_argument("routing_key", metavar="KEY", help="the routing key; without --exchange the name of a queue")
    parser.add_argument("body", nargs="?", metavar="BODY", help="- or none: what comes on stdin")
    parser.add_argument(
        "--exchange", "-e", default="", metavar="NAME", help="the exchange; the default one if not named"
    )
    parser.add_argument("--file", "-f", metavar="FILE", help="a file that holds the body")
    parser.add_argument("--lines", action="store_true", help="a message for each line of the file or of stdin")
    parser.add_argument("--count", "-n", type=int, default=1, metavar="NUMBER", help="so many times; 1 if not named")
    parser.add_argument("--sleep", type=float, default=0.0, metavar="SECONDS", help="between one message and the next")
    parser.add_argument("--header", "-H", action="append", metavar="NAME=VALUE", help="the value as JSON, or as text")
    parser.add_argument("--property", "-P", action="append", metavar="NAME=VALUE", help=", ".join(_PROPERTIES))
    parser.add_argument("--transient", action="store_true", help="need not survive a restart")
    parser.add_argument("--unroutable-ok", action="store_true", help="it is no error if no queue gets it")
    parser.add_argument("--json", action="store_true", help="print one JSON document, for programs")
    amqp.add_options(parser)
    return amqp.guarded(parser, arguments, _publish)


def _publish(options: Namespace) -> int:
    to = amqp.address(options, os.environ)
    bodies = _bodies(options)
    properties = _properties(options)
    headers = read_arguments(options.header, "--header")
    return amqp.with_connection(to, lambda connection: _send(connection, options, bodies, properties, headers))


def _bodies(options: Namespace) -> list[bytes]:
    """What is published each time. UsageError: there is none, or two."""
    if options.body not in (None, "-") and options.file is not None:
        raise UsageError("give a body or --file, not both")
    if options.body not in (None, "-"):
        return [str(options.body).encode("utf-8", "surrogateescape")]
    try:
        if options.file is not None:
            with open(options.file, "rb") as file:
                content = file.read()
        else:
            content = sys.stdin.buffer.read() if sys.stdin is not None else b""
    except OSError as error:
        raise UsageError(f"{options.file}: cannot be read ({error.strerror}); name a file that can be read") from None
    return content.splitlines() if options.lines else [content]


def _properties(options: Namespace) -> dict[str, Any]:
    """The properties of every message, but for headers. UsageError: one is not known, or is no number."""
    found: dict[str, Any] = {"delivery_mode": 1 if options.transient else 2}
    for pair in options.property or []:
        name, equals, value = pair.partition("=")
        name = name.replace("-", "_")
        if not equals or name not in _PROPERTIES:
            raise UsageError(f"--property: {printable(pair)} is not NAME=VALUE; names are {', '.join(_PROPERTIES)}")
        if name in _NUMBERS and not value.isdecimal():
            raise UsageError(f"--property: {name} is a whole number, not {printable(value)}")
        found[name] = int(value) if name in _NUMBERS else value
    return found


def _send(
    connection: "BlockingConnection",
    options: Namespace,
    bodies: list[bytes],
    properties: dict[str, Any],
    headers: dict[str, Any],
) -> int:
    import pika
    from pika.exceptions import NackError, UnroutableError

    channel = connection.channel()
    channel.confirm_delivery()
    sent = lost = 0
    for number in range(1, options.count * len(bodies) + 1):
        if number > 1 and options.sleep:
            connection.sleep(options.sleep)
        body = fill_in(bodies[(number - 1) % len(bodies)], number)
        texts = {
            name: fill_in(value.encode(), number).decode() if isinstance(value, str) else value
            for name, value in headers.items()
        }
        key = fill_in(options.routing_key.encode("utf-8", "surrogateescape"), number).decode("utf-8", "surrogateescape")
        about = pika.BasicProperties(headers=texts or None, **properties)
        try:
            channel.basic_publish(options.exchange, key, body, about, mandatory=not options.unroutable_ok)
        except UnroutableError:
            lost += 1
            complain(printable(f"no queue got it: exchange {options.exchange or '(default)'}, routing key {key}"))
        except NackError:
            lost += 1
            complain("the broker did not take it (basic.nack): a queue is full, or the broker cannot keep it")
        else:
            sent += 1
    if options.json:
        say_json({"published": sent, "refused": lost, "time": time.time()})
    elif sent:
        say(f"published and confirmed: {sent:,}")
    return EXIT_FAILED if lost else EXIT_OK
