"""`amqpbroker record`: what is published in a virtual host, as a file that `amqpbroker replay` and tests replay."""

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.cli import EXIT_FAILED, EXIT_OK, EXIT_UNREACHABLE, amqp, login, say
from amqpbroker.cli.amqp import Failure
from amqpbroker.cli.client import DEFAULT_URL, Client, Refused, Unreachable
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.tables import printable
from amqpbroker.testing.recording.lines import Published, Start
from amqpbroker.testing.recording.scrubbing import scrubbed
from amqpbroker.testing.recording.writing import reserve, write_recording
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table, from_python

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingConnection

_TRACE: Final = "amq.rabbitmq.trace"
_LOOK_S: Final = 0.2
_PLACES: Final = 6
# What of a virtual host can be declared again.
_KINDS: Final = ("policies", "exchanges", "queues", "bindings")


def run(arguments: list[str]) -> int:
    """Record until it is enough, and give the exit code."""
    parser = ArgumentParser(
        "amqpbroker record",
        description="Write what is declared in a virtual host, and what is published there from now on, to a file. It "
        "comes from the firehose, which has to be on: rabbitmqctl trace_on -p VHOST; trace_off once it is done, as "
        "every message costs its broker more meanwhile.",
        epilog="exit codes: 0 fine, 1 refused, 2 usage, 69 the broker cannot be reached",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="the recording; it is there once it is whole")
    parser.add_argument("--count", "-n", type=int, metavar="NUMBER", help="end after so many messages, else by Ctrl-C")
    parser.add_argument("--seconds", "-s", type=float, metavar="SECONDS", help="end after so long")
    parser.add_argument("--scrub", action="store_true", help="an x for each octet of the bodies")
    parser.add_argument("--scrub-header", action="append", metavar="NAME", help="and of this header")
    parser.add_argument(
        "--http", metavar="URL", help=f"the HTTP API, for definitions; AMQPBROKER_HTTP, or {DEFAULT_URL}"
    )
    amqp.add_options(parser)
    return amqp.guarded(parser, arguments, _record)


def _record(options: Namespace) -> int:
    to = amqp.address(options, os.environ)
    try:
        reserve(options.file)
        start = _start(login.client(options), to.vhost)
        return amqp.with_connection(to, lambda connection: _write(connection, options, to.vhost, start))
    except OSError as error:
        raise UsageError(f"{options.file}: cannot be written ({error.strerror}); name another file") from None


def _start(client: Client, vhost: str) -> Start:
    """What is declared. Failure: nothing of what is published is told."""
    try:
        if not client.get("vhosts", vhost).get("tracing"):
            text = f"virtual host {vhost} is not traced; turn it on with rabbitmqctl trace_on -p {vhost}"
            raise Failure(EXIT_FAILED, text)
        found = client.get("definitions", vhost)
    except Refused as refusal:
        raise Failure(EXIT_FAILED, f"{refusal}; recording needs an administrator, for definitions") from None
    except Unreachable as error:
        raise Failure(EXIT_UNREACHABLE, str(error)) from None
    finally:
        client.close()
    definitions: dict[str, Any] = {"vhosts": [{"name": vhost}]}
    for kind in _KINDS:
        definitions[kind] = [{"vhost": vhost, **one} for one in found.get(kind, ())]
    version = str(found.get("rabbitmq_version") or found.get("rabbit_version") or "")
    return Start(datetime.now(UTC).isoformat(), version, definitions)


def _write(connection: "BlockingConnection", options: Namespace, vhost: str, start: Start) -> int:
    begin_s = time.monotonic()
    lines = _lines(connection, options, vhost, begin_s)
    count = write_recording(options.file, start, lines, lambda: round(time.monotonic() - begin_s, _PLACES))
    say(printable(f"{count:,} messages are in {options.file}"))
    return EXIT_OK


def _lines(connection: "BlockingConnection", options: Namespace, vhost: str, begin_s: float) -> Iterator[Published]:
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, _TRACE, "publish.#")
    say(printable(f"recording virtual host {vhost}; Ctrl-C ends it"))
    left = options.count
    try:
        for method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=_LOOK_S):
            at_s = round(time.monotonic() - begin_s, _PLACES)
            if options.seconds is not None and at_s >= options.seconds:
                return
            if method is None:
                continue
            line = published(at_s, properties.headers, body)
            yield scrubbed(line, body=options.scrub, headers=options.scrub_header or ())
            left = None if left is None else left - 1
            if left == 0:
                return
    except KeyboardInterrupt:
        return


def published(at_s: float, trace: dict[str, Any], body: bytes) -> Published:
    """A message as the firehose tells it. Source: RabbitMQ `rabbit_trace:msg_to_table`."""
    values = dict(trace["properties"])
    headers = values.pop("headers", None)
    about = Properties(**values, headers=None if headers is None else _table(headers))
    return Published(at_s, trace["vhost"], trace["exchange_name"], trace["routing_keys"][0], about, body)


def _table(values: dict[str, Any]) -> Table:
    return {name: from_python(_value(value)) for name, value in values.items()}


def _value(value: Any) -> Any:
    """As `from_python` takes it: pika makes a date of a timestamp."""
    match value:
        case datetime():
            return Field("T", int(value.replace(tzinfo=UTC).timestamp()))
        case dict():
            return {name: _value(item) for name, item in value.items()}
        case list():
            return [_value(item) for item in value]
        case _:
            return value
