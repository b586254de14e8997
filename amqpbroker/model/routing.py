"""Which queues a message reaches: from an exchange, over exchanges bound to exchanges, to queues.

Source: RabbitMQ `rabbit_exchange:route/3`.
"""

from collections import deque
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from amqpbroker.model.exchange import Exchange
from amqpbroker.wire.properties import Properties


class Routing(NamedTuple):
    """queue_names: each queue once. pure: whether it is so for any message with these keys until a binding changes.

    keepers: the exchanges on the way that want the message for themselves too (`Exchange.keep`).
    """

    queue_names: tuple[str, ...]
    pure: bool
    keepers: Sequence[Exchange] = ()


def route(
    exchanges: Mapping[str, Exchange],
    queues: Container[str],
    start: Exchange,
    routing_keys: Sequence[str],
    properties: Properties,
) -> Routing:
    """The queues that a message published to start reaches.

    routing_keys: its own and those of CC and BCC; every exchange is asked for all of them. Every exchange is visited
    once, however many ways lead to it. An exchange at which no key has a destination passes the message to its
    alternate exchange, if that exists; what becomes of the message further on does not count.
    """
    pure = True
    keepers: list[Exchange] = []
    found: dict[str, None] = {}
    seen = {start.name}
    waiting = deque([start])
    while waiting:
        exchange = waiting.popleft()
        pure = pure and exchange.pure
        if exchange.keeps:
            keepers.append(exchange)
        next_exchanges: list[str] = []
        matched = False
        for kind, name in exchange.destinations(routing_keys, properties):
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
    return Routing(tuple(name for name in found if name in queues), pure, tuple(keepers))
