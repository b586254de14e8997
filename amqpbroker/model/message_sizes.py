"""How large messages are that clients publish: counted only from when somebody wants to know."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Final

from amqpbroker.model.message import Message
from amqpbroker.wire.runs import UniformRun

# Of RabbitMQ's histogram; what is larger than the last is counted behind it.
SIZE_LIMITS_BYTES: Final = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 50_000_000, 100_000_000)


class MessageSizes:
    """counts: of messages up to each of the limits, and of larger ones; those of one place are in no other."""

    def __init__(self) -> None:
        self.counts = [0] * (len(SIZE_LIMITS_BYTES) + 1)
        self.total_bytes = 0

    def observe(self, messages: Sequence[Message]) -> None:
        """Counts the bodies of a run."""
        if isinstance(messages, UniformRun):
            self._add(len(messages.bodies[0]), len(messages))
        elif len(messages) == 1:
            self._add(len(messages[0][2]), 1)
        else:
            for size_bytes, count in Counter([len(message[2]) for message in messages]).items():
                self._add(size_bytes, count)

    def _add(self, size_bytes: int, count: int) -> None:
        self.counts[bisect_left(SIZE_LIMITS_BYTES, size_bytes)] += count
        self.total_bytes += size_bytes * count
