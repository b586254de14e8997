"""exchange.*: declare, delete, bind, unbind. Source: RabbitMQ `rabbit_channel:handle_method`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError
from amqpbroker.model.arguments import (
    assert_equivalent,
    assert_exchange_arguments_equivalent,
    check_exchange_arguments,
)
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import ALTERNATE_EXCHANGE
from amqpbroker.model.vhost import check_new_name
from amqpbroker.session.authorize import authorize, authorize_new
from amqpbroker.session.names import clean
from amqpbroker.wire.methods import Exchange
from amqpbroker.wire.tables import text

if TYPE_CHECKING:
    from amqpbroker.session.channel import Channel


def declare(channel: "Channel", method: Exchange.Declare) -> None:
    connection = channel.connection
    vhost = connection.vhost
    name = clean(method.exchange)
    if method.passive:
        authorize(connection, method, exchange=name)
        vhost.exchange(name)
    else:
        kind = vhost.exchange_type(method.exchange_type)
        authorize(connection, method, exchange=name)
        current = vhost.exchanges.get(name)
        if current is None:
            check_new_name("exchange", name)
            alternate = method.arguments.get(ALTERNATE_EXCHANGE)
            if alternate is not None and alternate.kind == "S":
                authorize_new(connection, method, exchange=name, alternate=text(alternate))
            check_exchange_arguments(name, vhost.name, method.arguments)
            kind.check_arguments(method.arguments)
            current = kind(name, method.durable, method.auto_delete, method.internal, method.arguments)
            vhost.add_exchange(current)
            policy = vhost.parameters.policies.of_exchange(name)
            vhost.events.exchange_created(vhost.name, current, policy, connection.user_name)
        else:
            for key, received, existing in (
                ("type", kind.type, current.type),
                ("durable", method.durable, current.durable),
                ("auto_delete", method.auto_delete, current.auto_delete),
                ("internal", method.internal, current.internal),
            ):
                assert_equivalent("exchange", name, vhost.name, key, received, existing)
            assert_exchange_arguments_equivalent(name, vhost.name, method.arguments, current.arguments)
    channel.reply(Exchange.DeclareOk(), nowait=method.nowait, after=channel.when_defined(vhost.exchanges[name].durable))


def delete(channel: "Channel", method: Exchange.Delete) -> None:
    vhost = channel.connection.vhost
    name = clean(method.exchange)
    authorize(channel.connection, method, exchange=name)
    current = vhost.exchanges.get(name)
    if current is not None:
        if method.if_unused and current.bindings:
            raise AMQPError(PRECONDITION_FAILED, f"{vhost.describe('exchange', name)} in use")
        vhost.delete_exchange(name, channel.connection.user_name)
    # Of one that is not there the end may have been another client's wish a moment ago, and not be on disk yet.
    durable = current is None or current.durable
    channel.reply(Exchange.DeleteOk(), nowait=method.nowait, after=channel.when_defined(durable))


def bind(channel: "Channel", method: Exchange.Bind) -> None:
    binding = _binding(channel, method)
    vhost = channel.connection.vhost
    vhost.exchange(binding.source)
    vhost.exchange(binding.destination.name)
    vhost.bind(binding, channel.connection.user_name)
    channel.reply(Exchange.BindOk(), nowait=method.nowait, after=channel.when_defined(vhost.is_durable(binding)))


def unbind(channel: "Channel", method: Exchange.Unbind) -> None:
    binding = _binding(channel, method)
    vhost = channel.connection.vhost
    # Of one that is not there the end may not be on disk yet.
    durable = vhost.is_durable(binding) or not vhost.is_bound(binding)
    vhost.unbind(binding, channel.connection.user_name)
    channel.reply(Exchange.UnbindOk(), nowait=method.nowait, after=channel.when_defined(durable))


def _binding(channel: "Channel", method: Exchange.Bind | Exchange.Unbind) -> Binding:
    source, destination = clean(method.source), clean(method.destination)
    authorize(channel.connection, method, method.routing_key, destination=destination, source=source)
    return Binding(source, Destination("exchange", destination), method.routing_key, method.arguments)


HANDLERS: dict[tuple[int, int], Callable[..., None]] = {
    (40, 10): declare,
    (40, 20): delete,
    (40, 30): bind,
    (40, 40): unbind,
}
