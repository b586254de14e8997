"""A connection that only notes what its consumers are given: for tests of the model."""

from collections.abc import Sequence

from amqpbroker.model.consumer import ChannelBudget, Consumer
from amqpbroker.model.counters import Counters
from amqpbroker.model.message import Message
from amqpbroker.model.ports import Client


def message(text: str) -> Message:
    return b"\x00\x05tasks", b"header", text.encode(), 0


def messages(count: int, first: int = 1) -> list[Message]:
    return [message(str(number)) for number in range(first, first + count)]


class Delivery(tuple[str, int, bytes, bool]):
    """(consumer tag, position, body, redelivered)"""


class Outlet:
    """A connection in a test: what its consumers were given, in order; full after so many messages if that is said."""

    def __init__(self, full_after: int | None = None) -> None:
        self.deliveries: list[Delivery] = []
        self.budgets: list[ChannelBudget] = []
        self.full_after = full_after
        self.counters = Counters()

    def deliver(
        self,
        consumer: Consumer,
        positions: Sequence[int],
        messages: Sequence[Message],
        redelivered: bool,
    ) -> None:
        assert len(positions) == len(messages) > 0
        for position, (_, _, body, _) in zip(positions, messages, strict=True):
            self.deliveries.append(Delivery((consumer.tag, position, body, redelivered)))
        if self.full_after is not None and len(self.deliveries) >= self.full_after:
            for budget in self.budgets:
                budget.writable = False

    def cancelled(self, consumer: Consumer) -> None:
        raise AssertionError("nobody deletes this queue")

    def outlet(self) -> object:
        return self

    def client(self) -> Client:
        return Client("test", 1, "guest")

    @property
    def bodies(self) -> list[str]:
        return [body.decode() for _, _, body, _ in self.deliveries]
