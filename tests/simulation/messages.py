"""Commands as octets."""

from typing import Any

from amqpbroker.wire import properties
from amqpbroker.wire.frames import content_frames
from amqpbroker.wire.methods import Basic, Channel, Confirm, Connection, Exchange, Method, Queue, Tx, encode_frame
from amqpbroker.wire.tables import Field, Table, from_python
from tests.simulation import commands
from tests.simulation.commands import Command, Publish
from tests.simulation.naive_deaths import NaiveMessage
from tests.simulation.world import FRAME_MAX_BYTES

# By style: the properties of a message; what begins with `bad` is refused.
PROPERTIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "typed": {"content_type": "text/plain", "delivery_mode": 1},
    "persistent": {"delivery_mode": 2, "priority": 3},
    "expiring": {"expiration": "60000000", "delivery_mode": 2},
    "dated": {"timestamp": 1_700_000_000, "app_id": "simulation"},
    "own": {"user_id": "guest", "type": "t"},
    "bad user": {"user_id": "somebody"},
    "bad expiration": {"expiration": "soon"},
}


def table(pairs: tuple[tuple[str, Any], ...]) -> Table:
    return {name: from_python(value) for name, value in pairs}


def publish(command: Publish, first: int) -> tuple[bytes, list[NaiveMessage]]:
    """The octets of a run of publishes, and what is to arrive. first: number of the first message."""
    octets: list[bytes] = []
    messages: list[NaiveMessage] = []
    method = encode_frame(
        command.channel,
        Basic.Publish(exchange=command.exchange, routing_key=command.key, mandatory=command.mandatory),
    )
    headers = table(command.headers)
    for name, keys in (("CC", command.cc), ("BCC", command.bcc)):
        if keys:
            headers[name] = Field("A", [from_python(key) for key in keys])
    for number in range(first, first + command.count):
        body = b"%06d" % number + b"." * (command.size - 6)
        values = properties.Properties(**PROPERTIES[command.style], headers=headers or None)
        if command.priority >= 0:
            values.priority = command.priority
        if command.expiration >= 0:
            values.expiration = str(command.expiration)
        octets += (method, content_frames(command.channel, properties.encode(values, len(body)), body, FRAME_MAX_BYTES))
        if command.bcc:
            # The header that remains may be empty; it stays.
            values.headers = {name: field for name, field in headers.items() if name != "BCC"}
        expiration = values.expiration or ""
        messages.append(
            NaiveMessage(
                command.exchange,
                command.key,
                properties.encode(values, len(body)),
                body,
                copies=(*command.cc, *command.bcc),
                carbon=command.cc,
                headers=command.headers,
                priority=values.priority,
                expiration=int(expiration) if expiration.isdigit() else None,
            )
        )
    return b"".join(octets), messages


def method(command: Command, tag: int = 0) -> Method:
    """The method of any command but a publish. tag: the delivery tag of a settle."""
    match command:
        case commands.OpenChannel():
            return Channel.Open()
        case commands.CloseChannel():
            return Channel.Close(reply_code=200, reply_text="done")
        case commands.CloseConnection():
            return Connection.Close(reply_code=200, reply_text="done")
        case commands.DeclareExchange():
            return _declare_exchange(command)
        case commands.DeleteExchange(_, name, if_unused):
            return Exchange.Delete(exchange=name, if_unused=if_unused)
        case commands.BindExchange(_, destination, source, key, pairs, undo):
            kind_of = Exchange.Unbind if undo else Exchange.Bind
            return kind_of(destination=destination, source=source, routing_key=key, arguments=table(pairs))
        case commands.DeclareQueue(_, name, durable, exclusive, auto_delete, passive, nowait, arguments):
            return Queue.Declare(
                queue=name,
                durable=durable,
                exclusive=exclusive,
                auto_delete=auto_delete,
                passive=passive,
                nowait=nowait,
                arguments=table(arguments),
            )
        case commands.DeleteQueue(_, name, if_unused, if_empty):
            return Queue.Delete(queue=name, if_unused=if_unused, if_empty=if_empty)
        case commands.BindQueue(_, queue, exchange, key, pairs, undo):
            made = Queue.Unbind if undo else Queue.Bind
            return made(queue=queue, exchange=exchange, routing_key=key, arguments=table(pairs))
        case commands.PurgeQueue(_, name):
            return Queue.Purge(queue=name)
        case commands.Consume(_, queue, consumer_tag, no_ack, exclusive, priority, nowait):
            return Basic.Consume(
                queue=queue,
                consumer_tag=consumer_tag,
                no_ack=no_ack,
                exclusive=exclusive,
                nowait=nowait,
                arguments={"x-priority": Field("I", priority)} if priority else {},
            )
        case commands.Cancel(_, consumer_tag, nowait):
            return Basic.Cancel(consumer_tag=consumer_tag, nowait=nowait)
        case commands.Get(_, queue, no_ack):
            return Basic.Get(queue=queue, no_ack=no_ack)
        case commands.Settle():
            return _settle(command, tag)
        case commands.Recover(_, waited, requeue):
            return Basic.Recover(requeue=requeue) if waited else Basic.RecoverAsync(requeue=requeue)
        case commands.Qos(_, count, whole_channel, size):
            return Basic.Qos(prefetch_size=size, prefetch_count=count, global_=whole_channel)
        case commands.SelectConfirms():
            return Confirm.Select()
        case commands.SelectTransaction():
            return Tx.Select()
        case commands.Commit():
            return Tx.Commit()
        case commands.Rollback():
            return Tx.Rollback()
        case commands.Flow(_, active):
            return Channel.Flow(active=active)
        case _:
            raise TypeError(command)


def _declare_exchange(command: commands.DeclareExchange) -> Method:
    return Exchange.Declare(
        exchange=command.name,
        exchange_type=command.kind,
        # What is there from the start is durable.
        durable=command.durable or command.name.startswith("amq."),
        auto_delete=command.auto_delete,
        internal=command.internal,
        passive=command.passive,
        arguments={"alternate-exchange": from_python(command.alternate)} if command.alternate else {},
    )


def _settle(command: commands.Settle, tag: int) -> Method:
    if command.by == "ack":
        return Basic.Ack(delivery_tag=tag, multiple=command.multiple)
    requeue = command.how == "requeue"
    if command.by == "nack":
        return Basic.Nack(delivery_tag=tag, multiple=command.multiple, requeue=requeue)
    return Basic.Reject(delivery_tag=tag, requeue=requeue)
