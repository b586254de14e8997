"""A consumer: who takes messages from a queue, and how many more it may be given."""

from typing import Final

from amqpbroker.model.ports import Sink
from amqpbroker.model.queue import Queue
from amqpbroker.wire.tables import Table

# More than any client can leave unacknowledged: no limit needs no other code than a limit.
UNLIMITED: Final = 1 << 60


class ChannelBudget:
    """What the consumers of a channel share: a prefetch for all of them, and a connection that takes more octets.

    credit: how many more messages the channel may have unacknowledged (basic.qos with global set).
    writable: false while the connection is full; a consumer that does not read has no credit, and that is all the
    flow control there is.
    """

    __slots__ = ("credit", "writable")

    def __init__(self) -> None:
        self.credit = UNLIMITED
        self.writable = True


class Consumer:
    """A subscription of a channel to a queue.

    number: the channel's short name for it. credit: how many more messages it may have unacknowledged.
    in_turn: whether it stands in the queue's round; it leaves when it has no capacity. weight: its share, where the
    queue has the dispatch strategy `weighted`. waits: it gets nothing, whatever its capacity: another one is the single
    active consumer, or it has let messages time out. timed_out: how many of these its client has not settled.
    given: how many messages it was given that neither its queue nor its channel has counted yet.
    """

    __slots__ = (
        "arguments",
        "budget",
        "credit",
        "exclusive",
        "given",
        "in_turn",
        "no_ack",
        "number",
        "prefetch",
        "priority",
        "queue",
        "registered",
        "sink",
        "tag",
        "timed_out",
        "waits",
        "weight",
    )

    def __init__(
        self,
        tag: str,
        queue: Queue,
        sink: Sink,
        budget: ChannelBudget,
        *,
        number: int,
        no_ack: bool = False,
        exclusive: bool = False,
        prefetch: int = 0,
        priority: int = 0,
        weight: int = 1,
        arguments: Table | None = None,
    ) -> None:
        self.tag = tag
        self.queue = queue
        self.sink = sink
        self.budget = budget
        self.number = number
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.prefetch = prefetch
        self.priority = priority
        self.weight = weight
        self.arguments = arguments or {}
        # What is delivered without acknowledgement is never outstanding: prefetch does not apply.
        self.credit = prefetch if prefetch and not no_ack else UNLIMITED
        self.in_turn = False
        self.registered = False
        self.waits = False
        self.timed_out = 0
        self.given = 0

    @property
    def outstanding(self) -> int:
        """How many messages it has had that are unacknowledged."""
        return 0 if self.no_ack else (self.prefetch or UNLIMITED) - self.credit

    @property
    def capacity(self) -> int:
        """How many messages it may be given now."""
        budget = self.budget
        if not budget.writable:
            return 0
        if self.no_ack or budget.credit > self.credit:
            return self.credit
        return max(budget.credit, 0)

    def count_up(self) -> None:
        """What it was given is counted, see `VirtualHost.count_up`."""
        count, self.given = self.given, 0
        for counters in (self.queue.counters, self.sink.counters):
            if self.no_ack:
                counters.deliver_no_ack += count
            else:
                counters.deliver += count

    def spend(self, count: int) -> None:
        """Messages were given to it."""
        if not self.no_ack:
            self.credit -= count
            self.budget.credit -= count

    def restore(self, count: int) -> None:
        """Messages that it had came back or were acknowledged."""
        self.credit += count
        self.budget.credit += count
