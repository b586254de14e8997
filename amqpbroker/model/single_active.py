"""A single active consumer: one consumer of a queue gets everything, the others wait until it goes.

Source: RabbitMQ `rabbit_amqqueue_process` (new_single_active_consumer_after_basic_cancel) for classic queues,
`rabbit_fifo` (activate_next_consumer, sort_waiting) for quorum queues; docs/behaviour/consumers.md.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from amqpbroker.model.arguments import QUORUM
from amqpbroker.profiles import Profile

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer


class SingleActive:
    """Which consumer of a queue is active. All others `wait`.

    active: None if nobody can be. by_priority: the next is the one of highest priority; of equals, and otherwise, the
    one that came first. takes_over: a higher priority takes over from who is active, once that has settled all it had.
    gives_way: somebody waits to take over.
    """

    __slots__ = ("active", "by_priority", "gives_way", "takes_over")

    def __init__(self, kind: str, profile: Profile) -> None:
        """kind: the type of queue."""
        quorum = kind == QUORUM
        self.takes_over = quorum and profile.series >= (4, 0)
        self.by_priority = self.takes_over or not quorum
        self.active: Consumer | None = None
        self.gives_way = False

    def look(self, consumers: Iterable["Consumer"]) -> None:
        """Consumers came or went, or the active one has settled something while it gives way.

        consumers: those of the queue, in the order in which they came.
        """
        able = [consumer for consumer in consumers if not consumer.timed_out]
        if self.active not in able:
            self.active = None
        active = self.active
        self.gives_way = False
        if able:
            best = max(able, key=self._rank) if self.by_priority else able[0]
            if active is None:
                active = best
            elif self.takes_over and best.priority > active.priority:
                if active.outstanding:
                    self.gives_way = True
                else:
                    active = best
        self.active = active
        for consumer in able:
            consumer.waits = consumer is not active or self.gives_way

    def _rank(self, consumer: "Consumer") -> tuple[int, int]:
        # Quorum queues: of one priority, the one that may have more messages.
        return consumer.priority, consumer.credit if self.takes_over else 0
