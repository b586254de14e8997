"""What the server writes into each message before it is routed: when it came, and through which node.

Source: RabbitMQ 4.2's `rabbit_msg_interceptor_timestamp` and `rabbit_msg_interceptor_routing_node`; before that
`rabbit_message_interceptor`. docs/behaviour/observing.md.
"""

from dataclasses import dataclass, replace
from typing import Final

from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field

TIMESTAMP: Final = "timestamp_in_ms"
ROUTING_NODE: Final = "x-routed-by"


@dataclass(frozen=True, slots=True)
class Interceptors:
    """timestamp, routing_node: None does nothing, True overwrites what the publisher has set, False keeps that."""

    node_name: str
    timestamp: bool | None = None
    routing_node: bool | None = None

    def incoming(self, properties: Properties, unix_ms: int) -> Properties:
        """The properties of a message that has come at that time."""
        headers = dict(properties.headers or {})
        timestamp = properties.timestamp
        if self.timestamp is not None:
            if self.timestamp or TIMESTAMP not in headers:
                headers[TIMESTAMP] = Field("l", unix_ms)
            if self.timestamp or timestamp is None:
                timestamp = unix_ms // 1000
        if self.routing_node is not None and (self.routing_node or ROUTING_NODE not in headers):
            headers[ROUTING_NODE] = Field("S", self.node_name.encode())
        return replace(properties, headers=headers or None, timestamp=timestamp)
