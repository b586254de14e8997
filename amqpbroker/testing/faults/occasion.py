"""What a fault may strike, as far as a rule has to know it."""

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amqpbroker.testing.faults.transport import FaultyTransport


class Occasion:
    """what: a method's name, or `connection`, `channel`, `consumer` for what is there. channel: 0 is the connection's.

    exchange, routing_key: None where it has none. queues: the names of those that it concerns.
    """

    def __init__(
        self,
        what: str,
        socket: "FaultyTransport",
        channel: int = 0,
        *,
        exchange: str | None = None,
        routing_key: str | None = None,
        queues: Collection[str] = (),
    ) -> None:
        self.what = what
        self.socket = socket
        self.channel = channel
        self.exchange = exchange
        self.routing_key = routing_key
        self.queues = queues
