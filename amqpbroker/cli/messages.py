"""How a message of the HTTP API, or one that a consumer got, is shown to a person, or written for a program."""

import base64
import sys
from argparse import Namespace
from typing import Any

from amqpbroker.cli import EXIT_OK, say
from amqpbroker.cli.tables import cell, is_terminal, printable, printable_lines, say_json


def say_messages(found: list[dict[str, Any]], options: Namespace) -> int:
    """What a get or a peek brought: as JSON, the bodies alone, or each with what stands on its envelope."""
    if options.json:
        say_json(found)
    elif options.raw:
        for message in found:
            write_body(body_of(message))
    elif found:
        for message in found:
            say_message(message)
    elif is_terminal():
        say("no message waits there")
    return EXIT_OK


def say_message(message: dict[str, Any]) -> None:
    """The envelope in a line, properties and headers in one each, the body."""
    about = [f"exchange {printable(message.get('exchange') or '(default)')}"]
    about.append(f"routing key {printable(str(message.get('routing_key', '')))}")
    if message.get("redelivered"):
        about.append("redelivered")
    body = body_of(message)
    about.append(f"{len(body):,} octets")
    say(f"── {', '.join(about)}")
    properties = dict(message.get("properties") or {})
    headers = properties.pop("headers", None) or {}
    for name, value in [*properties.items(), *((f"header {name}", value) for name, value in headers.items())]:
        say(f"{printable(name)}: {printable(cell(value))}")
    say(shown_body(body))


def body_of(message: dict[str, Any]) -> bytes:
    """The octets of a message of the HTTP API."""
    payload = str(message.get("payload", ""))
    return base64.b64decode(payload) if message.get("payload_encoding") == "base64" else payload.encode()


def shown_body(body: bytes) -> str:
    """A body as text, without what would move a terminal's cursor; octets that are no text as Python writes them."""
    try:
        return printable_lines(body.decode())
    except UnicodeDecodeError:
        return repr(body)[2:-1]


def write_body(body: bytes) -> None:
    """The body as it is, and a line's end; without what would move its cursor if stdout is a terminal."""
    if is_terminal() or sys.stdout is None:
        say(shown_body(body))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(body + b"\n")
    sys.stdout.buffer.flush()
