"""`amqpbroker consume`: show the messages of a queue, or of an exchange, as they come."""

import base64
import json
import os
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.cli import EXIT_FAILED, EXIT_OK, amqp, complain, say
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.messages import say_message, write_body
from amqpbroker.cli.verb import read_arguments

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
    from pika.spec import Basic, BasicProperties

# So many at a time when they go back in the end: more would be hidden from other consumers.
_PREFETCH: Final = 1_000


def run(arguments: list[str]) -> int:
    """Consume until it is enough, and give the exit code."""
    parser = ArgumentParser(
        "amqpbroker consume",
        description="Show the messages of a queue as they come. When it ends they go back to the queue, unless --ack "
        "or --no-ack takes them off.",
        epilog="exit codes: 0 fine, 1 refused, or fewer came than --count in the time of --timeout, 2 usage, 69 the "
        "broker cannot be reached",
        allow_abbrev=False,
    )
    parser.add_argument("queue", nargs="?", metavar="QUEUE", help="the queue; or an exchange, with --exchange")
    parser.add_argument("--exchange", "-e", metavar="NAME", help="copies of what is published there from now on")
    parser.add_argument("--routing-key", "-k", default="#", metavar="KEY", help="with --exchange; # if not named")
    parser.add_argument("--count", "-n", type=int, metavar="NUMBER", help="end after so many")
    parser.add_argument("--timeout", "-t", type=float, metavar="SECONDS", help="end when none came for so long")
    taking = parser.add_mutually_exclusive_group()
    taking.add_argument("--ack", action="store_true", help="take each off the queue once it is shown")
    taking.add_argument("--no-ack", action="store_true", help="take them off as they are sent, shown or not")
    parser.add_argument("--prefetch", type=int, metavar="NUMBER", help="so many at a time")
    parser.add_argument("--argument", action="append", metavar="NAME=VALUE", help="such as x-stream-offset=first")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument(
        "--raw", action="store_true", help="print the bodies alone, as they are, a line's end after each"
    )
    shown.add_argument("--json", action="store_true", help="print each as a JSON document, one a line")
    amqp.add_options(parser)
    return amqp.guarded(parser, arguments, _consume)


def _consume(options: Namespace) -> int:
    if (options.queue is None) == (options.exchange is None):
        raise UsageError("what? give either a QUEUE or --exchange NAME")
    to = amqp.address(options, os.environ)
    try:
        return amqp.with_connection(to, lambda connection: _receive(connection, options))
    except KeyboardInterrupt:
        return EXIT_OK


def _receive(connection: "BlockingConnection", options: Namespace) -> int:
    channel = connection.channel()
    queue = options.queue if options.exchange is None else _bound_queue(channel, options)
    no_ack = options.no_ack or options.exchange is not None
    prefetch = options.prefetch or (min(options.count or _PREFETCH, _PREFETCH))
    if not no_ack:
        channel.basic_qos(prefetch_count=prefetch)
    came = 0
    arguments = read_arguments(options.argument)
    for method, properties, body in channel.consume(
        queue, auto_ack=no_ack, arguments=arguments, inactivity_timeout=options.timeout
    ):
        if method is None:  # pika's way to say that none came in time
            break
        _show(options, _message(method, properties, body))
        came += 1
        if options.ack:
            channel.basic_ack(method.delivery_tag)
        if came == options.count:
            break
        if came == prefetch and not (no_ack or options.ack):
            complain(f"that is all for now: {came:,} are in hand, and go back when this ends; --ack takes them off")
    if channel.is_open:
        channel.cancel()
    return EXIT_FAILED if options.count is not None and came < options.count else EXIT_OK


def _bound_queue(channel: "BlockingChannel", options: Namespace) -> str:
    """A queue of this connection's own that gets copies."""
    queue = str(channel.queue_declare("", exclusive=True).method.queue)
    channel.queue_bind(queue, options.exchange, options.routing_key)
    return queue


def _message(method: "Basic.Deliver", properties: "BasicProperties", body: bytes) -> dict[str, Any]:
    """As the HTTP API shows one."""
    about = {name: value for name in amqp.PROPERTIES if (value := getattr(properties, name)) is not None}
    try:
        payload, encoding = body.decode(), "string"
    except UnicodeDecodeError:
        payload, encoding = base64.b64encode(body).decode(), "base64"
    return {
        "exchange": method.exchange,
        "routing_key": method.routing_key,
        "redelivered": method.redelivered,
        "properties": about,
        "payload": payload,
        "payload_encoding": encoding,
    }


def _show(options: Namespace, message: dict[str, Any]) -> None:
    if options.json:
        say(json.dumps(message, default=_plain))
    elif options.raw:
        from amqpbroker.cli.messages import body_of

        write_body(body_of(message))
    else:
        say_message(json.loads(json.dumps(message, default=_plain)))


def _plain(value: object) -> object:
    """What headers hold that JSON has no word for."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
