"""Which broker `publish`, `consume`, `record`, `replay` and `bench` connect to over AMQP, and as whom."""

import ssl
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from amqpbroker.cli import EXIT_FAILED, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE, complain, login
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.tables import printable
from amqpbroker.wire.properties import Properties

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingConnection

# Of a message, as pika and the HTTP API call them, too.
PROPERTIES: Final = tuple(field.name for field in fields(Properties))
DEFAULT_URL: Final = "amqp://127.0.0.1:5672/"
_PORTS: Final = {"amqp": 5672, "amqps": 5671}
_TIMEOUT_S: Final = 15.0


class Address(NamedTuple):
    """tls: None is without."""

    host: str
    port: int
    user: str
    password: str
    vhost: str
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'amqps' if self.tls else 'amqp'}://{host}:{self.port}"


class Failure(Exception):
    """The broker refused, or was not there. One line."""

    def __init__(self, exit_code: int, text: str) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def add_options(parser: ArgumentParser, *url_flags: str) -> None:
    """The options of every verb that speaks AMQP. url_flags: other names for --url."""
    group = parser.add_argument_group("which broker, and as whom")
    group.add_argument("--url", *url_flags, metavar="URL", help=f"AMQPBROKER_URL, or {DEFAULT_URL}")
    group.add_argument("--user", metavar="NAME", help="of the URL, or AMQPBROKER_USER, or guest")
    group.add_argument("--password", metavar="PASSWORD", help="of the URL, or AMQPBROKER_PASSWORD")
    group.add_argument("--password-file", metavar="FILE", help="a file that holds it; AMQPBROKER_PASSWORD_FILE")
    group.add_argument("--vhost", "-v", metavar="NAME", help="the virtual host; of the URL, or AMQPBROKER_VHOST, or /")
    group.add_argument("--ca", metavar="FILE", help="with amqps: the certificates that sign the broker's")
    group.add_argument("--insecure", action="store_true", help="with amqps: do not look at the broker's certificate")


def address(options: Namespace, environment: Mapping[str, str]) -> Address:
    """Where to, for these options. UsageError: they cannot be used."""
    text = options.url or environment.get("AMQPBROKER_URL") or DEFAULT_URL
    complaint = UsageError("the URL: this is no address of a broker; write amqp://HOST:5672/VHOST or amqps://…")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise complaint from None
    if parts.scheme not in _PORTS or not host:
        raise complaint
    in_url = [None if part is None else unquote(part) for part in (parts.username, parts.password)]
    user, password = login.credentials(options, environment, *in_url)
    vhost = options.vhost or unquote(parts.path[1:]) or environment.get("AMQPBROKER_VHOST") or "/"
    tls = _tls(options) if parts.scheme == "amqps" else None
    return Address(host, port or _PORTS[parts.scheme], user, password, vhost, tls)


def _tls(options: Namespace) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except OSError as error:
        raise UsageError(f"{options.ca}: cannot be used as certificates ({error.strerror or error})") from None
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def connect(to: Address) -> "BlockingConnection":
    """A connection of pika's. UsageError: pika is not installed; Failure: no connection."""
    try:
        import pika
        from pika.exceptions import (
            AMQPConnectionError,
            ConnectionClosedByBroker,
            ProbableAccessDeniedError,
            ProbableAuthenticationError,
        )
    except ImportError:
        raise UsageError("this needs pika: pip install amqpbroker[cli]") from None
    parameters = pika.ConnectionParameters(
        to.host,
        to.port,
        to.vhost,
        pika.PlainCredentials(to.user, to.password),
        ssl_options=pika.SSLOptions(to.tls, to.host) if to.tls else None,
        socket_timeout=_TIMEOUT_S,
        stack_timeout=_TIMEOUT_S,
        blocked_connection_timeout=None,
        client_properties={"connection_name": "amqpbroker"},
    )
    try:
        return pika.BlockingConnection(parameters)
    except (AMQPConnectionError, OSError) as error:
        reason = _innermost(error)
        if isinstance(reason, ConnectionClosedByBroker | ProbableAuthenticationError | ProbableAccessDeniedError):
            raise Failure(EXIT_FAILED, f"{to} refused the connection ({words(reason)})") from None
        text = f"{to} cannot be reached ({words(reason)}); start a broker, or name it with --url"
        raise Failure(EXIT_UNREACHABLE, text) from None


def guarded(parser: ArgumentParser, arguments: list[str], act: Callable[[Namespace], int]) -> int:
    """Parse, act, and give the exit code; errors are told in a line."""
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:  # argparse's way to end
        return EXIT_USAGE if end.code else EXIT_OK
    try:
        return act(options)
    except UsageError as error:
        complain(printable(str(error)))
        return EXIT_USAGE
    except Failure as failure:
        complain(printable(str(failure)))
        return failure.exit_code


def with_connection(to: Address, act: Callable[["BlockingConnection"], int]) -> int:
    """Do something over a connection, which is closed after that. Failure: the broker ended it."""
    connection = connect(to)
    from pika.exceptions import AMQPError

    try:
        return act(connection)
    except AMQPError as error:
        raise Failure(EXIT_FAILED, words(error)) from None
    finally:
        if connection.is_open:
            connection.close()


def words(error: BaseException) -> str:
    """What the broker said, or else what pika says."""
    text = getattr(error, "reply_text", "")
    if text:
        return f"{getattr(error, 'reply_code', '')} {text}".strip()
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return (str(error.args[0]) if error.args else "") or type(error).__name__


def _innermost(error: BaseException) -> BaseException:
    """pika wraps a reason in one exception after the other."""
    while True:
        inner = error.args[0] if error.args else None
        for name in ("exceptions", "exception"):
            found = getattr(inner, name, inner)
            inner = found[0] if isinstance(found, list | tuple) and found else found
        if not isinstance(inner, BaseException):
            return error
        error = inner
