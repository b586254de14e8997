"""How often something happened: whole numbers, added to once for a run of messages. Rates are somebody else's work.

Names are those of RabbitMQ's `message_stats`, and of its churn statistics.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final


class Counters:
    """What one thing had to do with messages since it is there.

    A channel counts publish, publish_confirm (of those, the ones that ask for a confirm), confirm, return_unroutable,
    drop_unroutable; an exchange publish_in (what clients published to it) and publish_out (how many queues that
    reached in all); a queue publish, of clients alone: what others dead-letter to it is not counted, as in RabbitMQ.
    Channels and queues count deliver, deliver_no_ack, get, get_no_ack, get_empty, ack and redeliver (of what was
    delivered or got, the messages that had been out before); queues disk_reads and disk_writes, in messages.
    """

    __slots__ = (
        "ack",
        "confirm",
        "deliver",
        "deliver_no_ack",
        "disk_reads",
        "disk_writes",
        "drop_unroutable",
        "get",
        "get_empty",
        "get_no_ack",
        "publish",
        "publish_confirm",
        "publish_in",
        "publish_out",
        "redeliver",
        "return_unroutable",
    )

    def __init__(self) -> None:
        self.ack = 0
        self.confirm = 0
        self.deliver = 0
        self.deliver_no_ack = 0
        self.disk_reads = 0
        self.disk_writes = 0
        self.drop_unroutable = 0
        self.get = 0
        self.get_empty = 0
        self.get_no_ack = 0
        self.publish = 0
        self.publish_confirm = 0
        self.publish_in = 0
        self.publish_out = 0
        self.redeliver = 0
        self.return_unroutable = 0

    @property
    def deliver_get(self) -> int:
        """What went to clients in any way."""
        return self.deliver + self.deliver_no_ack + self.get + self.get_no_ack

    def add(self, other: "Counters") -> None:
        """Takes in what another has counted."""
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def add_all(self, others: "Sequence[Counters]") -> None:
        """The same of many, in a fraction of the time."""
        for name, *counts in zip(COUNTED, *map(_VALUES, others), strict=True):
            setattr(self, name, getattr(self, name) + sum(counts))


COUNTED: Final = Counters.__slots__
_VALUES: Final = attrgetter(*COUNTED)


class Churn:
    """How often connections, channels and queues came and went. queue_declared: also those that were there already."""

    __slots__ = (
        "channel_closed",
        "channel_created",
        "connection_closed",
        "connection_created",
        "queue_created",
        "queue_declared",
        "queue_deleted",
    )

    def __init__(self) -> None:
        self.channel_closed = 0
        self.channel_created = 0
        self.connection_closed = 0
        self.connection_created = 0
        self.queue_created = 0
        self.queue_declared = 0
        self.queue_deleted = 0


class Attempts:
    """How often somebody wanted to log in by one protocol."""

    __slots__ = ("failed", "succeeded")

    def __init__(self) -> None:
        self.failed = 0
        self.succeeded = 0


class Traffic:
    """What went over sockets: octets, and packets as far as the system counts them."""

    __slots__ = ("recv_cnt", "recv_oct", "send_cnt", "send_oct")

    def __init__(self, recv_oct: int = 0, recv_cnt: int = 0, send_oct: int = 0, send_cnt: int = 0) -> None:
        self.recv_oct = recv_oct
        self.recv_cnt = recv_cnt
        self.send_oct = send_oct
        self.send_cnt = send_cnt

    def add(self, other: "Traffic") -> None:
        """Takes in what another has counted."""
        self.recv_oct += other.recv_oct
        self.recv_cnt += other.recv_cnt
        self.send_oct += other.send_oct
        self.send_cnt += other.send_cnt
