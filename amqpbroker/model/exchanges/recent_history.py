"""x-recent-history: a fanout that keeps the last messages, and gives them to whatever is bound to it later.

It keeps 20, or as many as the argument `x-recent-history-length` says; not those with the header
`x-recent-history-no-store` set to true. What is kept are the messages as they came by, whether they went anywhere or
not. Since RabbitMQ 4.2, which has them in Khepri, a durable exchange has them after a restart too, whatever their
delivery mode.

Source: RabbitMQ `rabbit_exchange_type_recent_history`, `rabbit_db_rh_exchange`; docs/behaviour/exchanges.md.
"""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError
from amqpbroker.model.exchange import Kept
from amqpbroker.model.exchanges.fanout import FanoutExchange
from amqpbroker.model.message import Message, split_address
from amqpbroker.model.queues.hidden import HiddenQueue
from amqpbroker.wire import erlang
from amqpbroker.wire.properties import decode
from amqpbroker.wire.tables import Field, Table, texts

if TYPE_CHECKING:
    from amqpbroker.model.ports import Journal
    from amqpbroker.model.vhost import VirtualHost

LENGTH: Final = "x-recent-history-length"
NO_STORE: Final = "x-recent-history-no-store"
LENGTH_DEFAULT: Final = 20

# byte, short, signedint, long: RabbitMQ takes no others here.
_LENGTH_KINDS: Final = frozenset("bsIlL")
_TRUE: Final = Field("t", True)


class RecentHistoryExchange(FanoutExchange):
    """hidden: the messages that it keeps."""

    type: ClassVar[str] = "x-recent-history"
    pure = False
    keeps: ClassVar[bool] = True
    hidden: "History"

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        super().__init__(name, durable, auto_delete, internal, arguments)
        length = arguments.get(LENGTH)
        self.hidden = History(LENGTH_DEFAULT if length is None else length.value)
        self._vhost: VirtualHost

    @classmethod
    def check_arguments(cls, arguments: Table) -> None:
        length = arguments.get(LENGTH)
        if length is not None and not (length.kind in _LENGTH_KINDS and length.value > 0):
            raise AMQPError(
                PRECONDITION_FAILED,
                f"Invalid argument {erlang.term(length)}, '{LENGTH}' must be a positive integer",
            )

    def taken_in(self, vhost: "VirtualHost") -> None:
        self._vhost = vhost

    @property
    def remembers(self) -> bool:
        return self.durable and self._vhost.profile.series >= (4, 2)

    def keep(self, kept: Kept) -> bool:
        if (kept.properties.headers or {}).get(NO_STORE) == _TRUE:
            return False
        self.hidden.add(kept, self._vhost.journal)
        return self.hidden.log is not None

    def history(self) -> Sequence[Kept]:
        return self.hidden.messages()


class History(HiddenQueue):
    """The last messages, as many as length says."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._length = length
        self._entries: deque[tuple[int, Kept]] = deque()

    def messages(self) -> Sequence[Kept]:
        """Oldest first."""
        return [kept for _, kept in self._entries]

    def add(self, kept: Kept, journal: "Journal | None") -> None:
        """Takes a message; the oldest goes if there are too many. journal: where it is recorded if there is a log."""
        if self.log is not None:
            assert journal is not None
            journal.publish([self], [kept.message])
        self._enter(self.tail, kept)
        self.tail += 1

    def discard(self) -> None:
        self._entries.clear()
        self.held_bytes = 0

    def contents(self) -> tuple[int, list[tuple[int, Kept]]]:
        return self.tail, list(self._entries)

    def take_over(self, contents: tuple[int, list[tuple[int, Kept]]], later_ms: int) -> None:
        self.tail, entries = contents
        for position, kept in entries:
            self._enter(position, kept)

    def load(self, journal: "Journal") -> None:
        for position, message in sorted(self._read(journal)):
            self._enter(position, _kept(message))

    def _enter(self, position: int, kept: Kept) -> None:
        self._entries.append((position, kept))
        self.held_bytes += _size_bytes(kept.message)
        if len(self._entries) <= self._length:
            return
        oldest, old = self._entries.popleft()
        self.held_bytes -= _size_bytes(old.message)
        if self.log is not None:
            self.log.settle_run(oldest, oldest + 1)


def _size_bytes(message: Message) -> int:
    address, header, body, _ = message
    return len(address) + len(header) + len(body)


def _kept(message: Message) -> Kept:
    """What was kept, but for the routing keys in BCC: the message itself no longer says them."""
    address, header, _, _ = message
    values = decode(header)
    return Kept([split_address(address)[1], *texts(values.headers or {}, "CC")], values, message)
