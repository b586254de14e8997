"""`amqpbroker permission`: what a user may configure, write and read in a virtual host."""

from argparse import ArgumentParser, Namespace
from typing import Final

from amqpbroker.cli import listing
from amqpbroker.cli.client import Client
from amqpbroker.cli.verb import Verb, add_vhost, done, vhost_of

COLUMNS: Final = ("vhost", "user", "configure", "write", "read")
TOPIC_COLUMNS: Final = ("vhost", "user", "exchange", "write", "read")


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    verb = Verb("permission", "Permissions: regular expressions of what a user may do in a virtual host.")
    ls = verb.action("ls", _list, "list permissions; a pattern looks at the user")
    add_vhost(ls, needed=False)
    listing.add_options(ls, COLUMNS)
    ls.add_argument("--topic", action="store_true", help="those for routing keys of topic exchanges")
    set_it = _one(verb.action("set", _set, "let a user do this and nothing else"))
    set_it.add_argument("configure", metavar="CONFIGURE", help="names it may declare and delete, such as '^mine-'")
    set_it.add_argument("write", metavar="WRITE", help="names it may publish to and bind, such as '.*'")
    set_it.add_argument("read", metavar="READ", help="names it may consume from, such as '.*'")
    clear = _one(verb.action("clear", _clear, "let a user do nothing there"))
    clear.add_argument("--topic", action="store_true", help="only what holds its routing keys back")
    topic = _one(verb.action("topic", _topic, "hold a user back to these routing keys of a topic exchange"))
    topic.add_argument("exchange", metavar="EXCHANGE", help="the topic exchange")
    topic.add_argument("write", metavar="WRITE", help="routing keys it may publish with")
    topic.add_argument("read", metavar="READ", help="routing keys it may bind with")
    return verb.run(arguments)


def _one(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("name", metavar="USER", help="the user's name")
    add_vhost(parser)
    return parser


def _list(client: Client, options: Namespace) -> int:
    kind = "topic-permissions" if options.topic else "permissions"
    if options.topic:
        options.default_columns = TOPIC_COLUMNS
    path = ("vhosts", options.vhost, kind) if options.vhost else (kind,)
    return listing.say_list(client, options, *path, empty="nobody has permissions", matched="user")


def _set(client: Client, options: Namespace) -> int:
    body = {"configure": options.configure, "write": options.write, "read": options.read}
    client.put("permissions", vhost_of(options), options.name, body=body)
    return done(options, f"permissions of {options.name} in {vhost_of(options)} are set")


def _clear(client: Client, options: Namespace) -> int:
    kind = "topic-permissions" if options.topic else "permissions"
    client.delete(kind, vhost_of(options), options.name)
    return done(options, f"{kind.replace('-', ' ')} of {options.name} in {vhost_of(options)} are gone")


def _topic(client: Client, options: Namespace) -> int:
    body = {"exchange": options.exchange, "write": options.write, "read": options.read}
    client.put("topic-permissions", vhost_of(options), options.name, body=body)
    return done(options, f"topic permissions of {options.name} for {options.exchange} are set")
