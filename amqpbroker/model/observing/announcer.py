"""What the broker publishes of its own accord: events, copies of traced messages, its log.

Such a message is about something that is under way, and may go to the very queue that it is about. So it is published
when that is over: at the clock's next call, in the order in which it was told.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

from amqpbroker.model.ports import Clock
from amqpbroker.wire.properties import Properties

if TYPE_CHECKING:
    from amqpbroker.model.vhost import VirtualHost

# Who does what follows from something else.
INTERNAL_USER: Final = "rmq-internal"


class Announcer:
    """Publishes to exchanges that the broker has declared itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: deque[tuple[VirtualHost, str, str, Properties, bytes]] = deque()
        self._is_due = False

    def publish(
        self, vhost: "VirtualHost", exchange: str, routing_key: str, properties: Properties, body: bytes
    ) -> None:
        """Publishes soon."""
        self._waiting.append((vhost, exchange, routing_key, properties, body))
        if not self._is_due:
            self._is_due = True
            self._clock.at(self._clock.now_s(), self._publish_all)

    def _publish_all(self) -> None:
        """What publishing brings about (a delivery of an event may be traced) is published too."""
        waiting = self._waiting
        try:
            while waiting:
                vhost, exchange, routing_key, properties, body = waiting.popleft()
                vhost.publish_from_server(exchange, routing_key, properties, body)
        finally:
            self._is_due = False
