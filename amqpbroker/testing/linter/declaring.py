"""What clients declare and bind, as they ask for it: whether this broker takes it or refuses it."""

from typing import Final

from amqpbroker.session.channel import Channel
from amqpbroker.session.reply_to import is_reply_to
from amqpbroker.testing.linter.findings import Findings
from amqpbroker.testing.linter.places import place_of
from amqpbroker.testing.linter.rules import (
    RemovedArgumentWarning,
    TopicHashesWarning,
    TransientQueueWarning,
)
from amqpbroker.wire.methods import Exchange, Method, Queue
from amqpbroker.wire.tables import Table

HASHES_MAX: Final = 2
# What later versions do with an argument, and with which of its values; None: with any.
_REMOVED: Final[dict[str, tuple[int | None, str]]] = {
    "x-queue-master-locator": (None, "4.3 closes the connection with 541"),
    "x-queue-version": (1, "4.0 knows version 2 alone, and 4.3 answers 406"),
    "x-queue-mode": (None, "since 3.12 every classic queue is a lazy one, and 4.3 does not look at it"),
}


def look_at_declaration(findings: Findings, channel: Channel, method: Method) -> None:
    """A client asks for this."""
    match method:
        case Queue.Declare() if not method.passive and not is_reply_to(method.queue):
            _queue(findings, channel, method)
        case Queue.Bind():
            _binding(findings, channel, method.exchange, method.routing_key)
        case Exchange.Bind():
            _binding(findings, channel, method.source, method.routing_key)
        case _:
            pass


def _queue(findings: Findings, channel: Channel, method: Queue.Declare) -> None:
    name = method.queue
    place = place_of(channel, queue=name)
    if not method.durable and not method.exclusive:
        findings.add(TransientQueueWarning, "a queue is declared neither durable nor exclusive", place)
    for argument, what in _removed(method.arguments):
        findings.add(RemovedArgumentWarning, f"a queue is declared with {argument}: {what}", place)


def _removed(arguments: Table) -> list[tuple[str, str]]:
    return [
        (argument, what)
        for argument, (value, what) in _REMOVED.items()
        if argument in arguments and value in (None, arguments[argument].value)
    ]


def _binding(findings: Findings, channel: Channel, source: str, routing_key: str) -> None:
    exchange = channel.connection.vhost.exchanges.get(source)
    hashes = routing_key.split(".").count("#")
    if exchange is not None and exchange.type == "topic" and hashes > HASHES_MAX:
        what = f"the binding key {routing_key!r} has {hashes} words #"
        findings.add(TopicHashesWarning, what, place_of(channel, exchange=source))
