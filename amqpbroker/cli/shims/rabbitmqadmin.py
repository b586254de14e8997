"""`rabbitmqadmin`, as the program of versions 3 and before of RabbitMQ's management plugin is called."""

import base64
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from amqpbroker.cli import login, say
from amqpbroker.cli.client import BadURL, Client, Refused, Unreachable, basic, parse_url
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.shims.admin_kinds import (
    CLOSED,
    DECLARED,
    DELETED,
    GOT,
    IN_VHOST,
    LISTS,
    OVERVIEW,
    PUBLISHED,
    PURGED,
    Kind,
)
from amqpbroker.cli.shims.admin_tables import FORMATS, say_list
from amqpbroker.cli.shims.failing import Failed
from amqpbroker.cli.shims.server import write_file


def run(arguments: Sequence[str]) -> int:
    """One action, and its exit code. Raises Failed."""
    try:
        options, words = _parse(arguments)
        if options.version:
            from amqpbroker.profiles import DEFAULT_PROFILE

            say(f"rabbitmqadmin {DEFAULT_PROFILE.version}")
            return 0
        if not words:
            raise _usage("Action not specified")
        if words[0] == "help":
            _parser().print_help()
            return 0
        action = _ACTIONS.get(words[0])
        if action is None:
            raise _usage(f"Action {words[0]} not understood")
        admin = _Admin(options)
        try:
            action(admin, words[1:])
        finally:
            admin.client.close()
    except SystemExit as end:  # argparse's way to end
        return 1 if end.code else 0
    except Unreachable as reason:
        raise _died(f"Could not connect: {reason}") from None
    except (UsageError, BadURL) as reason:
        raise _died(str(reason)) from None
    except Refused as refusal:
        raise _died(_reason(refusal)) from None
    return 0


def _reason(refusal: Refused) -> str:
    words = {401: "Access refused", 404: "Not found"}
    reason = refusal.reason.partition(": ")[2]
    return f"{words[refusal.status]}: {reason}" if refusal.status in words else reason


def _usage(text: str) -> Failed:
    return Failed(1, f"\nERROR: {text}\n\nrabbitmqadmin --help for help\n")


def _died(text: str) -> Failed:
    return Failed(1, f"*** {text}\n")


class _Admin:
    """What actions work with: the options, and a client for them."""

    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.vhost: str | None = options.vhost
        self.client = _client(options)

    def verbose(self, text: str) -> None:
        """For a person, unless -q."""
        if not self.options.quiet:
            say(text)

    def request(self, words: Sequence[str], kind: Kind) -> tuple[str, dict[str, Any]]:
        """The path and the body for `name=value` words. Raises Failed: one is missing, or not known."""
        needed = [name for names in kind.needed for name in names.split("|")]
        body = {name: value for name, value in kind.optional.items() if value is not None}
        for word in words:
            name, equals, value = word.partition("=")
            if not equals:
                raise _usage(f'Argument "{word}" not in the name=value format')
            if name not in needed and name not in kind.optional:
                raise _usage(f'Argument "{name}" is not recognised')
            body[name] = _parsed(value) if name in kind.json else value
        for names in kind.needed:
            if not set(names.split("|")) & body.keys():
                raise _usage(f'mandatory argument "{names}" is required')
        if "vhost" not in kind.needed:
            body["vhost"] = self.vhost or self.options.declare_vhost
        parts = {name: quote(value, safe="") for name, value in body.items() if isinstance(value, str)}
        path = kind.path.format(kind=str(body.get("destination_type", "q"))[:1], **parts)
        if queue_type := body.pop("queue_type", None):
            body["arguments"] = body["arguments"] | {"x-queue-type": queue_type}
        return path, body

    def one_of(self, words: Sequence[str], kinds: dict[str, Kind]) -> tuple[str, str, dict[str, Any]]:
        """The kind named by the first word, and the request of the others. Raises Failed."""
        if not words:
            raise _usage("Type not specified")
        if words[0] not in kinds:
            raise _usage(f"Type {words[0]} not recognised")
        return (words[0], *self.request(words[1:], kinds[words[0]]))


def _list(admin: _Admin, words: Sequence[str]) -> None:
    if not words or words[0] not in LISTS:
        raise _usage(f"Don't know how to list {' '.join(words[:1])}".rstrip())
    columns = list(words[1:]) or (list(LISTS[words[0]]) if _by_columns(admin) else [])
    path = "/" + words[0].replace("_", "-")
    if words[0] in IN_VHOST and admin.vhost:
        path += "/" + quote(admin.vhost, safe="")
    query = {"columns": ",".join(columns), "sort": admin.options.sort}
    query["sort_reverse"] = "true" if admin.options.sort_reverse else None
    given = {name: value for name, value in query.items() if value}
    found = admin.client.ask("GET", path + (f"?{urlencode(given)}" if given else ""))
    say_list(admin.options, found, columns)


def _show(admin: _Admin, words: Sequence[str]) -> None:
    if list(words[:1]) != ["overview"]:
        raise _usage(f"Don't know how to show {' '.join(words[:1])}".rstrip())
    columns = list(words[1:]) or (list(OVERVIEW) if _by_columns(admin) else [])
    query = f"?{urlencode({'columns': ','.join(columns)})}" if columns else ""
    say_list(admin.options, [admin.client.ask("GET", f"/overview{query}")], columns)


def _by_columns(admin: _Admin) -> bool:
    return admin.options.depth == 1 and "json" not in admin.options.format


def _declare(admin: _Admin, words: Sequence[str]) -> None:
    kind, path, body = admin.one_of(words, DECLARED)
    admin.client.ask("POST" if kind == "binding" else "PUT", path, body)
    admin.verbose(f"{kind} declared")


def _delete(admin: _Admin, words: Sequence[str]) -> None:
    kind, path, _ = admin.one_of(words, DELETED)
    admin.client.ask("DELETE", path)
    admin.verbose(f"{kind} deleted")


def _close(admin: _Admin, words: Sequence[str]) -> None:
    kind, path, _ = admin.one_of(words, CLOSED)
    admin.client.ask("DELETE", path)
    admin.verbose(f"{kind} closed")


def _purge(admin: _Admin, words: Sequence[str]) -> None:
    kind, path, _ = admin.one_of(words, PURGED)
    admin.client.ask("DELETE", path)
    admin.verbose(f"{kind} purged")


def _publish(admin: _Admin, words: Sequence[str]) -> None:
    path, body = admin.request(words, PUBLISHED)
    if "payload" not in body:
        body["payload"] = base64.b64encode(sys.stdin.buffer.read()).decode()
        body["payload_encoding"] = "base64"
    answer = admin.client.ask("POST", path, body)
    admin.verbose("Message published" if answer["routed"] else "Message published but NOT routed")


def _get(admin: _Admin, words: Sequence[str]) -> None:
    path, body = admin.request(words, GOT)
    file = body.pop("payload_file", None)
    if file and body["count"] != "1":
        raise _usage("Cannot get multiple messages using payload_file")
    found = admin.client.ask("POST", path, body)
    columns = []
    if file and found:
        payload = found[0]["payload"]
        write_file(file, base64.b64decode(payload) if found[0]["payload_encoding"] == "base64" else payload.encode())
        columns = ["routing_key", "exchange", "message_count", "payload_bytes", "redelivered"]
    say_list(admin.options, found, columns)


def _export(admin: _Admin, words: Sequence[str]) -> None:
    path = _only(words)
    write_file(path, json.dumps(admin.client.ask("GET", _definitions(admin))).encode())
    admin.verbose(f'Exported definitions for {admin.options.hostname} to "{path}"')


def _import(admin: _Admin, words: Sequence[str]) -> None:
    from amqpbroker.cli import definitions

    path = _only(words)
    admin.client.ask("POST", _definitions(admin), definitions.read(path))
    admin.verbose(f'Uploaded definitions from "{path}" to {admin.options.hostname}.')


def _definitions(admin: _Admin) -> str:
    return "/definitions" + (f"/{quote(admin.vhost, safe='')}" if admin.vhost else "")


def _only(words: Sequence[str]) -> str:
    if len(words) != 1:
        raise _usage("Exactly one argument required")
    return words[0]


_ACTIONS: Final = {
    "list": _list,
    "show": _show,
    "declare": _declare,
    "delete": _delete,
    "close": _close,
    "purge": _purge,
    "publish": _publish,
    "get": _get,
    "export": _export,
    "import": _import,
}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Failed(1, f"ERROR: Could not parse JSON:\n  {text}") from None


def _parse(arguments: Sequence[str]) -> tuple[Namespace, list[str]]:
    """Options, those of a file of settings filled in where none were given, and words. Raises Failed."""
    options = _parser().parse_intermixed_args(arguments)
    from amqpbroker.cli.shims.admin_settings import fill_in

    fill_in(options)
    if options.format not in ("raw_json", "pretty_json", *FORMATS):
        raise _usage(f"Format {options.format} not recognised")
    return options, options.words


def _parser() -> ArgumentParser:
    epilog = "actions: " + ", ".join(_ACTIONS) + "; each as: rabbitmqadmin declare queue name=tasks durable=true"
    parser = ArgumentParser("rabbitmqadmin", add_help=False, allow_abbrev=False, epilog=epilog)
    add = parser.add_argument
    add("--help", "-h", action="help", help="show this and end")
    add("--config", "-c", metavar="FILE", help="a file of settings; ~/.rabbitmqadmin.conf if there is one")
    add("--node", "-N", metavar="SECTION", help="the section in it; default if not named")
    add("--host", "-H", dest="hostname", metavar="HOST")
    add("--port", "-P", metavar="PORT")
    add("--path-prefix", metavar="PATH")
    add("--base-uri", "-U", metavar="URI")
    add("--vhost", "-V", metavar="VHOST")
    add("--username", "-u", metavar="NAME")
    add("--password", "-p", metavar="PASSWORD")
    add("--quiet", "-q", action="store_true")
    add("--ssl", "-s", action="store_true", default=None)
    add("--ssl-key-file", metavar="FILE")
    add("--ssl-cert-file", metavar="FILE")
    add("--ssl-ca-cert-file", metavar="FILE")
    add("--ssl-disable-hostname-verification", action="store_true", default=None)
    add("--ssl-insecure", "-k", action="store_true", default=None)
    add("--request-timeout", "-t", type=float, metavar="SECONDS")
    add("--format", "-f", metavar="FORMAT", help=f"raw_json, pretty_json, {', '.join(FORMATS)}")
    add("--sort", "-S", metavar="COLUMN")
    add("--sort-reverse", "-R", action="store_true", default=None)
    add("--depth", "-d", type=int, metavar="NUMBER")
    add("--version", action="store_true")
    add("words", nargs="*", metavar="ACTION")
    return parser


def _client(options: Namespace) -> Client:
    """A broker that this user runs here, if nothing says where it is and who asks; else as the options have it."""
    said = any(getattr(options, f"{name}_given") for name in ("hostname", "port", "username", "password", "base_uri"))
    if not said and not os.environ.get("AMQPBROKER_HTTP"):
        local = login.local_broker(os.environ, amqp_port=os.environ.get("RABBITMQ_NODE_PORT", ""))
        if local is not None:
            return login.local_client(local)
    scheme = "https" if options.ssl else "http"
    host = f"[{options.hostname}]" if ":" in options.hostname else options.hostname
    url, user, password = parse_url(f"{scheme}://{host}:{options.port}{options.path_prefix}")
    if not said and os.environ.get("AMQPBROKER_HTTP"):
        url, user, password = parse_url(os.environ["AMQPBROKER_HTTP"])
    authorization = basic(user or options.username, password or options.password)
    verify = not (options.ssl_insecure or options.ssl_disable_hostname_verification)
    return Client(
        url, authorization, ca_file=options.ssl_ca_cert_file, verify=verify, timeout_s=float(options.request_timeout)
    )
