"""What the verbs that ask a broker have in common: parsing, and what an error is to a person and to a script."""

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from amqpbroker.cli import EXIT_FAILED, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE, complain, login, say
from amqpbroker.cli.client import Client, Refused, Unreachable
from amqpbroker.cli.listing import flattened
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.tables import printable, say_json, say_pairs

Action: TypeAlias = Callable[[Client, Namespace], int]

EPILOG: Final = "exit codes: 0 fine, 1 refused or a check failed, 2 usage, 69 the broker cannot be reached"


class Verb:
    """A verb with actions: `amqpbroker queue ls`."""

    def __init__(self, name: str, description: str) -> None:
        self._parser = _parser(name, description)
        self._actions = self._parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    def action(self, name: str, act: Action, sentence: str) -> ArgumentParser:
        """Add an action, and give its parser, to which its own arguments are added."""
        parser = self._actions.add_parser(
            name,
            help=sentence,
            description=sentence[:1].upper() + sentence[1:] + ".",
            allow_abbrev=False,
            epilog=EPILOG,
        )
        _add_common(parser, act)
        return parser

    def run(self, arguments: list[str]) -> int:
        """Parse, ask, and give the exit code."""
        return _run(self._parser, arguments)


class SingleVerb:
    """A verb that is its own only action: `amqpbroker ping`."""

    def __init__(self, name: str, act: Action, description: str) -> None:
        self.parser = _parser(name, description)
        _add_common(self.parser, act)

    def run(self, arguments: list[str]) -> int:
        """Parse, ask, and give the exit code."""
        return _run(self.parser, arguments)


def add_vhost(parser: ArgumentParser, *, needed: bool = True) -> None:
    """The option for the virtual host. needed: without it the default one is meant, otherwise all of them."""
    default = "AMQPBROKER_VHOST, or /" if needed else "all that the user may see"
    parser.add_argument("--vhost", "-v", metavar="NAME", help=f"the virtual host; {default}")


def vhost_of(options: Namespace) -> str:
    """The one named, or the default one."""
    import os

    return str(options.vhost or os.environ.get("AMQPBROKER_VHOST") or "/")


def read_arguments(pairs: list[str] | None, flag: str = "--argument") -> dict[str, Any]:
    """`name=value` each: the value as JSON if it is some, else as text. UsageError: no name, or no `=`."""
    import json

    found: dict[str, Any] = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UsageError(f"{flag}: {printable(pair)} is not NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def say_one(options: Namespace, found: dict[str, Any]) -> int:
    """Show all that an answer says of one thing."""
    if options.json:
        say_json(found)
    else:
        say_pairs(flattened(found))
    return EXIT_OK


def done(options: Namespace, sentence: str) -> int:
    """Tell that it is done."""
    if options.json:
        say_json({"done": True})
    else:
        say(printable(sentence))
    return EXIT_OK


def _parser(name: str, description: str) -> ArgumentParser:
    return ArgumentParser(f"amqpbroker {name}", description=description, allow_abbrev=False, epilog=EPILOG)


def _add_common(parser: ArgumentParser, act: Action) -> None:
    parser.set_defaults(act=act)
    parser.add_argument("--json", action="store_true", help="print one JSON document, for programs")
    login.add_options(parser)


def _run(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:  # argparse's way to end
        return EXIT_USAGE if end.code else EXIT_OK
    try:
        client = login.client(options)
        try:
            act: Action = options.act
            return act(client, options)
        finally:
            client.close()
    except UsageError as error:
        complain(str(error))
        return EXIT_USAGE
    except Unreachable as error:
        complain(printable(str(error)))
        return EXIT_UNREACHABLE
    except Refused as error:
        complain(printable(str(error)))
        return EXIT_FAILED
