"""Exchanges and bindings as a test sees them."""

from dataclasses import dataclass
from typing import Any

from amqpbroker.model.binding import Binding
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.queues.delayed import DelayedMessages
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.wire.tables import to_python


@dataclass(frozen=True)
class ExchangeState:
    """alternate: the exchange that gets what this one routes nowhere. delayed: messages that wait in it."""

    name: str
    type: str
    durable: bool
    auto_delete: bool
    internal: bool
    alternate: str | None
    delayed: int
    arguments: dict[str, Any]


@dataclass(frozen=True)
class BindingState:
    """A way from an exchange (source) to a queue or another exchange. destination_kind: queue or exchange."""

    source: str
    destination: str
    destination_kind: str
    routing_key: str
    arguments: dict[str, Any]

    def __str__(self) -> str:
        arguments = f" {self.arguments}" if self.arguments else ""
        return f"{self.source!r} --{self.routing_key!r}{arguments}--> {self.destination_kind} {self.destination!r}"


def exchanges_of(vhost: VirtualHost) -> dict[str, ExchangeState]:
    """Those of a virtual host by name, the predeclared among them."""
    return {exchange.name: _exchange_state(exchange) for exchange in vhost.exchanges.values()}


def bindings_of(vhost: VirtualHost) -> list[BindingState]:
    """Those of a virtual host, by their exchanges; what the default exchange does needs none."""
    return [binding_state(binding) for exchange in vhost.exchanges.values() for binding in exchange.bindings]


def binding_state(binding: Binding) -> BindingState:
    """What there is to see of a binding."""
    return BindingState(
        source=binding.source,
        destination=binding.destination.name,
        destination_kind=binding.destination.kind,
        routing_key=binding.routing_key,
        arguments={name: to_python(field) for name, field in binding.arguments.items()},
    )


def _exchange_state(exchange: Exchange) -> ExchangeState:
    return ExchangeState(
        name=exchange.name,
        type=exchange.type,
        durable=exchange.durable,
        auto_delete=exchange.auto_delete,
        internal=exchange.internal,
        alternate=exchange.alternate,
        delayed=len(exchange.hidden) if isinstance(exchange.hidden, DelayedMessages) else 0,
        arguments={name: to_python(field) for name, field in exchange.arguments.items()},
    )
