"""`amqpbroker user`: who may log in, with which password and tags."""

import sys
from argparse import Namespace
from typing import Any, Final

from amqpbroker.cli import listing
from amqpbroker.cli.client import Client, Refused
from amqpbroker.cli.login import UsageError, ask_for_password
from amqpbroker.cli.tables import printable
from amqpbroker.cli.verb import Verb, done

COLUMNS: Final = ("name", "tags", "hashing_algorithm")
_PASSWORD_HELP: Final = (
    "others on this machine can see it: better leave it out; it is asked for, or read from the first line of stdin"
)


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    verb = Verb("user", "Users: who may log in, with which password and tags.")
    listing.add_options(verb.action("ls", _list, "list users"), COLUMNS)
    add = verb.action("add", _add, "add a user; give permissions afterwards: amqpbroker permission set")
    add.add_argument("name", metavar="NAME")
    add.add_argument("new_password", nargs="?", metavar="PASSWORD", help=_PASSWORD_HELP)
    add.add_argument("--hash", metavar="HASH", help="instead of a password: RabbitMQ's salted hash of it")
    add.add_argument("--tags", default="", metavar="A,B", help="administrator, monitoring, policymaker, management")
    verb.action("rm", _remove, "remove a user").add_argument("name", metavar="NAME")
    passwd = verb.action("passwd", _passwd, "change a password")
    passwd.add_argument("name", metavar="NAME")
    passwd.add_argument("new_password", nargs="?", metavar="PASSWORD", help=_PASSWORD_HELP)
    tags = verb.action("tags", _tags, "give a user these tags and no others")
    tags.add_argument("name", metavar="NAME")
    tags.add_argument("tags", nargs="*", metavar="TAG", help="administrator, monitoring, policymaker, management")
    return verb.run(arguments)


def _list(client: Client, options: Namespace) -> int:
    return listing.say_list(client, options, "users", empty="there are no users")


def _add(client: Client, options: Namespace) -> int:
    if options.hash is not None and options.new_password is not None:
        raise UsageError("give a password or --hash, not both")
    body: dict[str, Any] = {"tags": options.tags}
    if options.hash is not None:
        body["password_hash"] = options.hash
    else:
        body["password"] = _password(options)
    if any(one["name"] == options.name for one in client.get("users")):
        # The API would change the user that is there.
        raise Refused(409, f"user {options.name} is there already; change it with user passwd and user tags")
    client.put("users", options.name, body=body)
    return done(options, f"user {options.name} is added; it may do nothing yet: amqpbroker permission set")


def _remove(client: Client, options: Namespace) -> int:
    client.delete("users", options.name)
    return done(options, f"user {options.name} is removed")


def _passwd(client: Client, options: Namespace) -> int:
    user = client.get("users", options.name)
    client.put("users", options.name, body={"tags": tags_of(user), "password": _password(options)})
    return done(options, f"user {options.name} has a new password")


def _tags(client: Client, options: Namespace) -> int:
    set_tags(client, options.name, options.tags)
    return done(options, f"tags of user {options.name}: {', '.join(options.tags) or 'none'}")


def set_tags(client: Client, name: str, tags: list[str]) -> None:
    """These and no others; the password stays. Raises Refused: there is no such user."""
    user = client.get("users", name)
    body = {"tags": ",".join(tags), "password_hash": user["password_hash"]}
    client.put("users", name, body=body | {"hashing_algorithm": user["hashing_algorithm"]})


def tags_of(user: dict[str, Any]) -> str:
    """As the API takes them; it gives a list, or until RabbitMQ 3.9 a text."""
    return user["tags"] if isinstance(user["tags"], str) else ",".join(user["tags"])


def _password(options: Namespace) -> str:
    """The one given, or asked for twice, or the first line of stdin. UsageError: none, or two that differ."""
    if options.new_password is not None:
        return str(options.new_password)
    if sys.stdin is not None and not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise UsageError("there is no password; give one on stdin")
        return password
    name = printable(options.name)
    password = ask_for_password(f"new password of {name}: ")
    if not password or password != ask_for_password(f"new password of {name} again: "):
        raise UsageError("the two passwords differ, or are empty; nothing was changed")
    return password
