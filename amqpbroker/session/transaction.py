"""What a channel has published and acknowledged since tx.select, and not committed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from amqpbroker.model.message import Message
from amqpbroker.session.publishing import RouteGroup
from amqpbroker.session.unacked import Entry


@dataclass(slots=True)
class Transaction:
    """published: runs in order. settled: (entries by delivery tag, how) in order; how: 'ack', 'discard' or a Return."""

    published: list[tuple[RouteGroup, Sequence[Message]]] = field(default_factory=list)
    settled: list[tuple[dict[int, Entry], str]] = field(default_factory=list)
