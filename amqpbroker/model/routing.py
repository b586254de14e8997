"""Which queues a message reaches: from an exchange, over exchanges bound to exchanges, to queues.

Source: RabbitMQ `rabbit_exchange:route/3`.
"""

from collections import deque
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from amqpbroker.model.exchange import Exchange
from amqpbroker.wire.tables import Table


class Routing(NamedTuple):
    """queue_names: each queue once. pure: whether it is so for any message with these keys until a binding changes."""

    queue_names: tuple[str, ...]
    pure: bool


def route(
    exchanges: Mapping[str, Exchange],
    queues: Container[str],
    start: Exchange,
    routing_keys: Sequence[str],
    headers: Table,
) -> Routing:
    """The queues that a message published to start reaches.

    routing_keys: its own and those of CC and BCC; each is looked up at every exchange. Every exchange is visited once,
    however many ways lead to it. An exchange at which no key has a destination passes the message to its alternate
    exchange, if that exists; what becomes of the message further on does not count.
    """
    pure = True
    found: dict[str, None] = {}
    seen = {start.name}
    waiting = deque([start])
    while waiting:
        exchange = waiting.popleft()
        pure = pure and exchange.pure
        next_exchanges: list[str] = []
        matched = False
        for routing_key in routing_keys:
            for kind, name in exchange.destinations(routing_key, headers):
                matched = True
                if kind == "queue":
                    found[name] = None
                else:
                    next_exchanges.append(name)
        if not matched and exchange.alternate is not None:
            next_exchanges.append(exchange.alternate)
        for name in next_exchanges:
            if name not in seen and name in exchanges:
                seen.add(name)
                waiting.append(exchanges[name])
    return Routing(tuple(name for name in found if name in queues), pure)
