"""Frames, as faults see them: what they are, of what channel, and what the method in them is about."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from amqpbroker.errors import AMQPError
from amqpbroker.testing.faults.occasion import Occasion
from amqpbroker.wire.constants import BODY, HEADER, HEARTBEAT, METHOD
from amqpbroker.wire.frames import FRAME_HEADER
from amqpbroker.wire.methods import METHODS, Method, MethodError, decode, method_name
from amqpbroker.wire.tables import TableError

if TYPE_CHECKING:
    from amqpbroker.testing.faults.transport import FaultyTransport

# What a publisher gets for what it has published: a method of the same name settles deliveries.
CONFIRM: Final = "confirm"
_CONFIRMS: Final = frozenset({"basic.ack", "basic.nack"})
_KINDS: Final = {METHOD: "method", HEADER: "header", BODY: "body", HEARTBEAT: "heartbeat"}
_WHATS: Final = frozenset({method_name(*ids) for ids in METHODS} | {CONFIRM, "header", "body", "heartbeat"})


def checked_name(on: str | None) -> str | None:
    """The name of a method as it is written here. Raises ValueError: there is none of that name."""
    if on is None:
        return None
    name = on.lower().replace("-", "_")
    if name not in _WHATS:
        raise ValueError(f"on={on!r}: no such method; there are {', '.join(sorted(_WHATS))}")
    return name


class Frame(Occasion):
    """octets: of the whole frame, as they go on; faults change them, none are left of one that they take away.

    from_client: who has sent it. delay_s: for how long it is held back.
    """

    def __init__(self, socket: "FaultyTransport", octets: bytes, from_client: bool) -> None:
        self.octets = octets
        self.from_client = from_client
        self.delay_s = 0.0
        self.kind, number, _ = FRAME_HEADER.unpack_from(octets)
        self.payload = octets[7:-1]
        super().__init__(self._what(), socket, number)

    def _what(self) -> str:
        if self.kind != METHOD:
            return _KINDS.get(self.kind, f"frame of type {self.kind}")
        name = method_name(int.from_bytes(self.payload[:2], "big"), int.from_bytes(self.payload[2:4], "big"))
        return CONFIRM if name in _CONFIRMS and not self.from_client else name

    def look_inside(self) -> None:
        """From now on it is known what its method is about; of one that some fault wants alone, as it takes time."""
        if self.kind != METHOD:
            return
        try:
            method = decode(self.payload)
        except (MethodError, TableError, AMQPError):  # what is no method is for the broker to refuse
            return
        self.exchange = getattr(method, "exchange", None)
        self.routing_key = getattr(method, "routing_key", None)
        self.queues = self._queues(method)

    def _queues(self, method: Method) -> Collection[str]:
        if named := getattr(method, "queue", ""):
            return (named,)
        channel = self.socket.session.channels.get(self.channel)
        if channel is None:
            return ()
        if hasattr(method, "consumer_tag"):
            consumer = channel.consumers.get(method.consumer_tag)
            return (consumer.queue.name,) if consumer is not None else ()
        if hasattr(method, "delivery_tag") and self.from_client:
            entry = channel.unacked.entries.get(method.delivery_tag)
            return (channel.by_number[entry[2]].queue.name,) if entry is not None else ()
        return ()
