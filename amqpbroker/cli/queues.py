"""`amqpbroker queue`: what waits in queues, and changing them."""

from argparse import ArgumentParser, Namespace
from typing import Any, Final

from amqpbroker.cli import EXIT_OK, complain, listing
from amqpbroker.cli.client import Client, Refused
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.messages import say_messages
from amqpbroker.cli.tables import say_json
from amqpbroker.cli.verb import Verb, add_vhost, done, read_arguments, say_one, vhost_of

COLUMNS: Final = (
    "vhost",
    "name",
    "type",
    "messages_ready",
    "messages_unacknowledged",
    "messages",
    "consumers",
    "message_stats.publish_details.rate",
    "message_stats.deliver_get_details.rate",
    "state",
)
# RabbitMQ's words for what becomes of what is taken with a get.
_ACK_MODES: Final = {"ack": "ack_requeue_false", "requeue": "ack_requeue_true", "reject": "reject_requeue_false"}


def run(arguments: list[str]) -> int:
    """One action, and its exit code."""
    verb = Verb("queue", "Queues: what waits in them, and changing them.")
    ls = verb.action("ls", _list, "list queues")
    add_vhost(ls, needed=False)
    listing.add_options(ls, COLUMNS)
    _one(verb.action("info", _info, "show all that is known of a queue"))
    declare = _one(verb.action("declare", _declare, "make a queue, or check that it is as described"))
    declare.add_argument("--type", choices=("classic", "quorum", "stream"), help="x-queue-type")
    declare.add_argument("--transient", action="store_true", help="gone when the broker stops")
    declare.add_argument("--auto-delete", action="store_true", help="gone with its last consumer")
    declare.add_argument("--argument", action="append", metavar="NAME=VALUE", help="such as x-max-length=1000")
    rm = _one(verb.action("rm", _remove, "delete a queue and what waits in it"))
    rm.add_argument("--if-empty", action="store_true", help="only if no message waits in it")
    rm.add_argument("--if-unused", action="store_true", help="only if it has no consumer")
    _one(verb.action("purge", _purge, "delete what waits in a queue"))
    peek = _several(_one(verb.action("peek", _peek, "show what waits in a queue, and leave it there")))
    peek.add_argument("--raw", action="store_true", help="print the bodies alone, as they are")
    get = _several(_one(verb.action("get", _get, "take messages off a queue and show them")))
    get.add_argument("--raw", action="store_true", help="print the bodies alone, as they are")
    get.add_argument("--then", choices=_ACK_MODES, default="ack", help="what becomes of them; ack if not named")
    move = _one(verb.action("move", _move, "move what waits in a queue to another queue, or to an exchange"))
    move.add_argument("--to", metavar="QUEUE", help="the queue they go to")
    move.add_argument("--exchange", metavar="NAME", help="or the exchange they are published to")
    move.add_argument("--routing-key", metavar="KEY", help="with --exchange; each message's own if not named")
    _one(verb.action("pause", _pause, "deliver nothing from a queue until it is resumed; it still takes messages"))
    _one(verb.action("resume", _resume, "deliver from a queue again"))
    return verb.run(arguments)


def _one(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("name", metavar="QUEUE", help="the queue's name")
    add_vhost(parser)
    return parser


def _several(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("--count", "-n", type=int, default=1, metavar="NUMBER", help="so many at most; 1 if not named")
    return parser


def _list(client: Client, options: Namespace) -> int:
    path = ("queues", options.vhost) if options.vhost else ("queues",)
    return listing.say_list(client, options, *path, empty="there are no queues")


def _info(client: Client, options: Namespace) -> int:
    return say_one(options, client.get("queues", vhost_of(options), options.name))


def _declare(client: Client, options: Namespace) -> int:
    arguments = read_arguments(options.argument)
    if options.type:
        arguments["x-queue-type"] = options.type
    body = {"durable": not options.transient, "auto_delete": options.auto_delete, "arguments": arguments}
    client.put("queues", vhost_of(options), options.name, body=body)
    return done(options, f"queue {options.name} is there")


def _remove(client: Client, options: Namespace) -> int:
    conditions: dict[str, object] = {
        "if-empty": "true" if options.if_empty else None,
        "if-unused": "true" if options.if_unused else None,
    }
    client.delete("queues", vhost_of(options), options.name, query=conditions)
    return done(options, f"queue {options.name} is deleted")


def _purge(client: Client, options: Namespace) -> int:
    client.delete("queues", vhost_of(options), options.name, "contents")
    return done(options, f"queue {options.name} is purged")


def _peek(client: Client, options: Namespace) -> int:
    vhost = vhost_of(options)
    body = {"count": options.count, "encoding": "auto"}
    try:
        found = client.post("queues", vhost, options.name, "peek", body=body)
    except Refused as refusal:
        if refusal.status not in (404, 405):
            raise
        # A RabbitMQ cannot be looked into: it is asked once more, which also tells a queue that is not there.
        found = client.post(
            "queues", vhost, options.name, "get", body={**body, "ackmode": "ack_requeue_true", "encoding": "auto"}
        )
        if found:
            complain("this broker cannot peek: they were taken and put back, and are marked as redelivered now")
    return say_messages(found, options)


def _get(client: Client, options: Namespace) -> int:
    body = {"count": options.count, "encoding": "auto", "ackmode": _ACK_MODES[options.then]}
    found = client.post("queues", vhost_of(options), options.name, "get", body=body)
    return say_messages(found, options)


def _move(client: Client, options: Namespace) -> int:
    if (options.to is None) == (options.exchange is None):
        raise UsageError("where to? give either --to QUEUE or --exchange NAME")
    destination: dict[str, Any] = {"exchange": options.exchange or "", "routing_key": options.routing_key}
    if options.to is not None:
        destination = {"exchange": "", "routing_key": options.to}
    vhost = vhost_of(options)
    try:
        answer = client.post("queues", vhost, options.name, "move", body={"destination": destination})
    except Refused as refusal:
        if refusal.status not in (404, 405):
            raise
        client.get("queues", vhost, options.name)  # tells if it is the queue that is not there
        raise Refused(refusal.status, "this broker cannot move messages; RabbitMQ does it with a shovel") from None
    if options.json:
        say_json(answer)
        return EXIT_OK
    count = answer.get("message_count", answer.get("moved")) if isinstance(answer, dict) else None
    return done(options, f"{'all' if count is None else count} that waited in {options.name} moved")


def _pause(client: Client, options: Namespace) -> int:
    _act(client, options, "pause")
    return done(options, f"queue {options.name} delivers nothing until it is resumed")


def _resume(client: Client, options: Namespace) -> int:
    _act(client, options, "resume")
    return done(options, f"queue {options.name} delivers")


def _act(client: Client, options: Namespace, action: str) -> None:
    try:
        client.post("queues", vhost_of(options), options.name, "actions", body={"action": action})
    except Refused as refusal:
        if refusal.status != 400:
            raise
        raise Refused(400, f"this broker does not know how to {action} a queue ({refusal})") from None
