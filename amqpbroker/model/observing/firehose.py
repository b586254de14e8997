"""The firehose: a copy of every message that clients publish and are given goes to amq.rabbitmq.trace.

Its key is `publish.` and the exchange, or `deliver.` and the queue; its headers say the rest, its body is the
message's. Copies of copies are not made.

Source: RabbitMQ's `rabbit_trace`; docs/behaviour/observing.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from amqpbroker.model.message import Message, split_address
from amqpbroker.model.observing.announcer import Announcer
from amqpbroker.model.ports import Client, Sink, Tap
from amqpbroker.wire import properties
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table, long_string, texts

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.exchange import Exchange
    from amqpbroker.model.queue import Queue
    from amqpbroker.model.vhost import VirtualHost

TRACE_EXCHANGE: Final = "amq.rabbitmq.trace"
_REPLY_TO: Final = "amq.rabbitmq.reply-to"
_PROPERTY_NAMES: Final = [one.name for one in fields(Properties)][::-1]


class Firehose(Tap):
    """The tap of a virtual host that is traced."""

    def __init__(self, vhost: "VirtualHost", announcer: Announcer, node_name: str) -> None:
        self._vhost = vhost
        self._announcer = announcer
        self._node_name = node_name
        self._exchange = vhost.exchange(TRACE_EXCHANGE)
        # Before 4.2 direct reply-to was no queue, and no delivery to it was traced.
        self._traces_replies = vhost.profile.series >= (4, 2)

    def published(
        self, sink: Sink, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Message]
    ) -> None:
        """One copy for a message, to however many queues it goes."""
        if not self._exchange.bindings:
            return
        client = sink.client()
        names = [queue.name for queue in queues]
        for message in messages:
            keys = _routing_keys(message)
            routed = sorted(self._routed(exchange.name, keys, names))
            after = {"routed_queues": Field("A", [long_string(name) for name in routed])}
            self._copy(f"publish.{exchange.name}", message, keys, {}, client, after)

    def _routed(self, exchange: str, keys: Iterable[str], names: Iterable[str]) -> set[str]:
        """The queues as the trace tells them: to the default exchange every key is one, whether it is there or not."""
        wanted = {*names, *keys} if exchange == "" else {*names}
        return wanted if self._traces_replies else {name for name in wanted if not name.startswith(_REPLY_TO)}

    def delivered(
        self, consumer: "Consumer", positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        """A copy for every message, so for every consumer that gets it."""
        name = consumer.queue.name
        if not self._exchange.bindings or (name.startswith(_REPLY_TO) and not self._traces_replies):
            return
        client = consumer.sink.client()
        before = {"redelivered": Field("I", int(redelivered))}
        for message in messages:
            if split_address(message[0])[0] != TRACE_EXCHANGE:
                self._copy(f"deliver.{name}", message, _routing_keys(message), before, client, {})

    def _copy(
        self,
        routing_key: str,
        message: Message,
        keys: Sequence[str],
        before: Mapping[str, Field],
        client: Client,
        after: Mapping[str, Field],
    ) -> None:
        headers = {
            "exchange_name": long_string(split_address(message[0])[0]),
            "routing_keys": Field("A", [long_string(key) for key in keys]),
            "properties": Field("F", _as_table(properties.decode(message[1]))),
            "node": long_string(self._node_name),
            **before,
            "vhost": long_string(self._vhost.name),
            "connection": long_string(client.connection),
            "channel": Field("I", client.channel),
            "user": long_string(client.user),
            **after,
        }
        self._announcer.publish(self._vhost, TRACE_EXCHANGE, routing_key, Properties(headers=headers), message[2])


def _routing_keys(message: Message) -> list[str]:
    """The message's own and those of CC; those of BCC nobody is told."""
    return [split_address(message[0])[1], *texts(properties.headers(message[1]) or {}, "CC")]


def _as_table(values: Properties) -> Table:
    """The properties that are there, in RabbitMQ's order, which is the reverse of AMQP's."""
    present = ((name, getattr(values, name)) for name in _PROPERTY_NAMES)
    return {name: _field(value) for name, value in present if value is not None}


def _field(value: str | int | Table) -> Field:
    if isinstance(value, str):
        return long_string(value)
    if isinstance(value, int):
        # A timestamp after 2038 does not fit, and RabbitMQ cuts it.
        return Field("I", (value + (1 << 31)) % (1 << 32) - (1 << 31))
    return Field("F", value)
