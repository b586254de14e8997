"""`amqpbroker definitions`: all that is declared, as one JSON document: out, in, and what differs."""

import json
import sys
from argparse import Namespace
from typing import Any, Final

from amqpbroker.cli import EXIT_FAILED, EXIT_OK, say
from amqpbroker.cli.client import Client
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.tables import printable, say_json
from amqpbroker.cli.verb import Verb, done

# What makes an entry of each list the one it is: the rest of it may differ.
KEYS: Final = {
    "users": ("name",),
    "vhosts": ("name",),
    "permissions": ("vhost", "user"),
    "topic_permissions": ("vhost", "user", "exchange"),
    "parameters": ("vhost", "component", "name"),
    "global_parameters": ("name",),
    "policies": ("vhost", "name"),
    "queues": ("vhost", "name"),
    "exchanges": ("vhost", "name"),
    "bindings": ("vhost", "source", "destination_type", "destination", "routing_key", "arguments"),
}


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    verb = Verb("definitions", "Users, virtual hosts, permissions, policies, queues, exchanges, bindings: all of it.")
    export = verb.action("export", _export, "write all that is declared to a file, or to stdout")
    export.add_argument("file", nargs="?", metavar="FILE", help="stdout if not named")
    load = verb.action("import", _import, "declare all that a file says; what is there and not in it stays")
    load.add_argument("file", metavar="FILE", help="- is stdin")
    diff = verb.action("diff", _diff, "show how a broker, or another file, differs from a file; exit code 1 if it does")
    diff.add_argument("file", metavar="FILE", help="- is stdin")
    diff.add_argument("other", nargs="?", metavar="OTHER", help="another file; the broker if not named")
    for parser in (export, load, diff):
        parser.add_argument("--vhost", "-v", metavar="NAME", help="only what is in this virtual host")
    return verb.run(arguments)


def _path(options: Namespace) -> tuple[str, ...]:
    return ("definitions", options.vhost) if options.vhost else ("definitions",)


def _export(client: Client, options: Namespace) -> int:
    found = client.get(*_path(options))
    if options.file in (None, "-"):
        say_json(found)
        return EXIT_OK
    write(options.file, found)
    return done(options, f"definitions are in {options.file}")


def _import(client: Client, options: Namespace) -> int:
    client.post(*_path(options), body=read(options.file))
    return done(options, f"definitions of {options.file} are declared")


def _diff(client: Client, options: Namespace) -> int:
    left = read(options.file)
    right = client.get(*_path(options)) if options.other is None else read(options.other)
    found = differences(left, right)
    if options.json:
        say_json([{"what": what, "kind": kind, "key": key} for what, kind, key in found])
    for what, kind, key in [] if options.json else found:
        say(f"{what} {kind} {printable(' '.join(_word(one) for one in key))}")
    return EXIT_FAILED if found else EXIT_OK


def differences(left: dict[str, Any], right: dict[str, Any]) -> list[tuple[str, str, list[Any]]]:
    """What is only on the left `-`, only on the right `+`, or not the same `~`; with its kind, and what names it."""
    found: list[tuple[str, str, list[Any]]] = []
    for kind, names in KEYS.items():
        both = [{_key(one, names): one for one in side.get(kind) or []} for side in (left, right)]
        for key in sorted(both[0].keys() | both[1].keys()):
            here, there = both[0].get(key), both[1].get(key)
            if here != there:
                what = "+" if here is None else "-" if there is None else "~"
                found.append((what, kind, json.loads(key)))
    return found


def _key(one: dict[str, Any], names: tuple[str, ...]) -> str:
    return json.dumps([one.get(name) for name in names if name in one], sort_keys=True)


def _word(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def read(path: str) -> dict[str, Any]:
    """A document of definitions. UsageError: it cannot be read, or is none."""
    try:
        if path == "-":
            found = json.load(sys.stdin)
        else:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a file that can be read") from None
    except ValueError as error:  # no JSON, or no UTF-8
        raise UsageError(f"{path}: is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path}: is no definitions, which are a JSON object")
    return found


def write(path: str, found: object) -> None:
    """Only its owner may read it: it holds hashes of passwords. UsageError: it cannot be written."""
    import os

    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(found, file, indent=2)
            file.write("\n")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); name another file") from None
