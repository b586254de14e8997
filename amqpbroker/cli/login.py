"""Which broker a verb asks and as whom: flags, then the environment, then the broker on this machine as guest."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from amqpbroker.cli import complain
from amqpbroker.cli.client import DEFAULT_URL, BadURL, Client, basic, parse_url
from amqpbroker.management.access.local_login import LocalLogin, NotSafe, directory, read_all

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_AMQP_PORT: Final = 5672
# What the verbs read of the environment, beside the settings of serve.
VARIABLES: Final = {
    "AMQPBROKER_HTTP": "the address of the HTTP API",
    "AMQPBROKER_URL": "the amqp:// address that publish, consume, record, replay and bench connect to",
    "AMQPBROKER_USER": "the name to log in with",
    "AMQPBROKER_PASSWORD": "the password to log in with",
    "AMQPBROKER_PASSWORD_FILE": "a file that holds the password",
}


class UsageError(Exception):
    """What was asked for cannot be asked for like this. One line, with what to do."""


def add_options(parser: "ArgumentParser") -> None:
    """The options of every verb that asks a broker."""
    group = parser.add_argument_group("which broker, and as whom")
    group.add_argument(
        "--http", metavar="URL", help=f"its HTTP API; AMQPBROKER_HTTP, or a broker that you run here, or {DEFAULT_URL}"
    )
    group.add_argument("--user", metavar="NAME", help="AMQPBROKER_USER, or guest")
    group.add_argument(
        "--password",
        metavar="PASSWORD",
        help="others on this machine can see it: better AMQPBROKER_PASSWORD, or leave it out and be asked for it",
    )
    group.add_argument("--password-file", metavar="FILE", help="a file that holds it; AMQPBROKER_PASSWORD_FILE")
    group.add_argument("--ca", metavar="FILE", help="with https: the certificates that sign the broker's")
    group.add_argument("--insecure", action="store_true", help="with https: do not look at the broker's certificate")


def local_broker(environment: Mapping[str, str], node: str = "", amqp_port: str = "") -> LocalLogin | None:
    """A broker that this user runs on this machine, which needs no password: of this name and port, if they are given.

    Of several, the one on the usual port. What brokers leave is not looked at if others could have put it there.
    """
    if sys.platform == "win32":  # where none leaves anything
        return None
    try:
        found = list(read_all(directory(environment)))
    except NotSafe as error:
        complain(f"{error.filename} {error.strerror}, and is not looked at; remove it, and start the broker again")
        return None
    if node:
        found = [one for one in found if one.node == node]
    if amqp_port:
        found = [one for one in found if str(one.amqp_port) == amqp_port]
    return next((one for one in found if one.amqp_port == _AMQP_PORT), found[0] if found else None)


def local_client(found: LocalLogin) -> Client:
    """Its certificate, if it has one, is for another name; only this user's broker has the token."""
    return Client(found.url, f"Bearer {found.token}", verify=False)


def client(options: "Namespace", environment: Mapping[str, str] = os.environ) -> Client:
    """A client for these options. UsageError: they cannot be used."""
    named = options.http or environment.get("AMQPBROKER_HTTP")
    if not named:
        anybody = options.user or options.password is not None or options.password_file
        if not anybody and not VARIABLES.keys() & environment.keys() and (found := local_broker(environment)):
            return local_client(found)
        named = DEFAULT_URL
    try:
        url, url_user, url_password = parse_url(named)
        user, password = credentials(options, environment, url_user, url_password)
        return Client(url, basic(user, password), ca_file=options.ca, verify=not options.insecure)
    except BadURL as error:
        raise UsageError(f"{'--http' if options.http else 'AMQPBROKER_HTTP'}: {error}") from None


def credentials(
    options: "Namespace", environment: Mapping[str, str], url_user: str | None = None, url_password: str | None = None
) -> tuple[str, str]:
    """User and password: of flags, else of the URL, else of the environment, else guest. UsageError: no password."""
    user = options.user or url_user or environment.get("AMQPBROKER_USER") or "guest"
    if options.password is not None:
        return user, options.password
    if options.password_file:
        return user, _read(options.password_file)
    if url_password is not None and not options.user:
        return user, url_password
    if (password := environment.get("AMQPBROKER_PASSWORD")) is not None:
        return user, password
    if path := environment.get("AMQPBROKER_PASSWORD_FILE"):
        return user, _read(path)
    if user == "guest":
        return user, "guest"
    return user, ask_for_password(f"password of {ascii(user)[1:-1]}: ")


def ask_for_password(question: str) -> str:
    """From the terminal, unseen. UsageError: there is no terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("there is no password; give AMQPBROKER_PASSWORD, or --password-file")
    from getpass import getpass

    try:
        return getpass(question)
    except EOFError:
        raise UsageError("no password was given") from None


def _read(path: str) -> str:
    """The first line."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"{path}: cannot be read ({why}); name a file that holds the password") from None
