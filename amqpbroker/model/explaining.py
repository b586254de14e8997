"""Why a message reaches the queues that it reaches: each step from its exchange on, with the binding that made it.

`routing.route` only says where; this asks the same exchanges again, and finds for each destination the bindings that
lead there. It is for people who look: nothing of it is on the way of a message.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Exchange
from amqpbroker.wire.properties import Properties

if TYPE_CHECKING:
    from amqpbroker.model.vhost import VirtualHost

# What makes a step.
BY_BINDING: Final = "binding"
BY_ALTERNATE: Final = "alternate-exchange"
BY_NAME: Final = "default-exchange"
# If more bindings than this lead from an exchange to one destination, none is looked at by itself.
LOOKS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Step:
    """From an exchange to a destination. how: one of the above. binding: for BY_BINDING, unless too many were there."""

    exchange: str
    destination: Destination
    how: str
    binding: Binding | None = None


@dataclass(slots=True)
class Explanation:
    """steps: in the order in which they are taken. queue_names: what is reached, each once.

    is_complete: False if there were more steps than were asked for.
    """

    steps: list[Step] = field(default_factory=list)
    queue_names: dict[str, None] = field(default_factory=dict)
    is_complete: bool = True


def explain(
    vhost: "VirtualHost", start: Exchange, routing_keys: Sequence[str], properties: Properties, steps_max: int = 1_000
) -> Explanation:
    """How a message goes that is published to start: see `routing.route`. At most steps_max steps are told.

    Where an exchange leaves to chance which way a message takes, it is one of those it could take.
    """
    told = Explanation()
    seen = {start.name}
    waiting = deque([start])
    while waiting:
        exchange = waiting.popleft()
        for step in _steps_from(vhost, exchange, routing_keys, properties):
            kind, name = step.destination
            if kind == "queue":
                if name not in vhost.queues:
                    continue
                told.queue_names[name] = None
            elif name in vhost.exchanges and name not in seen:
                seen.add(name)
                waiting.append(vhost.exchanges[name])
            if len(told.steps) >= steps_max:
                told.is_complete = False
                return told
            told.steps.append(step)
    return told


def _steps_from(
    vhost: "VirtualHost", exchange: Exchange, routing_keys: Sequence[str], properties: Properties
) -> Iterable[Step]:
    matched = False
    for destination in dict.fromkeys(exchange.destinations(routing_keys, properties)):
        matched = True
        if exchange.name == "":
            yield Step("", destination, BY_NAME)
            continue
        bindings = [binding for binding in vhost.bindings_to(destination) if binding.source == exchange.name]
        if len(bindings) > LOOKS_MAX:
            yield Step(exchange.name, destination, BY_BINDING)
            continue
        for binding in bindings:
            if len(bindings) == 1 or _leads_there(exchange, binding, routing_keys, properties):
                yield Step(exchange.name, destination, BY_BINDING, binding)
    if not matched and exchange.alternate is not None:
        yield Step(exchange.name, Destination("exchange", exchange.alternate), BY_ALTERNATE)


def _leads_there(exchange: Exchange, binding: Binding, routing_keys: Sequence[str], properties: Properties) -> bool:
    """Whether this binding alone would do: asked of an exchange of that type that has no other."""
    alone = type(exchange)(exchange.name, False, False, False, exchange.arguments)
    alone.bind(binding)
    return any(True for _ in alone.destinations(routing_keys, properties))
