"""Which keys have been seen: of the messages that an exchange has let through, and of those that are in a queue.

The key of a message is the value of its header `x-deduplication-header`. The AMQP type does not count, but what is a
number, a fraction, a truth value, octets or nothing is never equal to another of these.

Source: the plugin rabbitmq_message_deduplication; docs/behaviour/deduplication.md.
"""

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING, Final

from amqpbroker.model.message import DEADLINE_SHIFT, PERSISTENT, Message, address_of, with_deadline
from amqpbroker.model.queues.hidden import HiddenQueue
from amqpbroker.wire import properties
from amqpbroker.wire.tables import Field, Table, decode_table, encode_table

if TYPE_CHECKING:
    from amqpbroker.model.ports import Journal

HEADER: Final = "x-deduplication-header"

Key = int | bytes | tuple[str, float | bool | None]

# The latest time that a key can be kept until.
_TIME_MAX_MS: Final = (1 << 47) - 1

# A key that is recorded is the body of a message that has no more.
_ADDRESS: Final = address_of("", "")


def key_of(field: Field) -> Key | None:
    """What a value is compared by; None: it can be no key (array, table, decimal)."""
    kind, value = field
    if kind in "AFD":
        return None
    if kind in "tfdV":
        # Python has 1, 1.0 and True equal.
        return ("fraction" if kind in "fd" else "bool" if kind == "t" else "void", value)
    if kind == "T":
        # RabbitMQ has milliseconds here, so that this is what such a key equals.
        seconds: int = value
        return seconds * 1000
    key: int | bytes = value
    return key


def key_in(headers: Table | None) -> Key | None:
    """The key of a message with these headers; None if it has none."""
    field = (headers or {}).get(HEADER)
    return None if field is None else key_of(field)


class KeyCache(HiddenQueue):
    """The keys that an exchange has seen, as many as it may hold; those whose time is over are as if never seen.

    size: how many keys at most. ttl_ms: how long one stays; None: until it has to make room.
    """

    def __init__(self, size: int, ttl_ms: int | None) -> None:
        super().__init__()
        self.size = size
        self.ttl_ms = ttl_ms
        # Key → (Unix milliseconds until which it counts, 0: for ever; position). The oldest first.
        self._entries: dict[Key, tuple[int, int]] = {}

    def __len__(self) -> int:
        """How many keys are kept, those included whose time is over."""
        return len(self._entries)

    def seen(self, key: Key, now_ms: int) -> bool:
        """Whether the key is there."""
        entry = self._entries.get(key)
        return entry is not None and not _is_over(entry[0], now_ms)

    def add(self, field: Field, key: Key, now_ms: int, ttl_ms: float | None, journal: "Journal | None") -> None:
        """Takes a key that was not seen. field: whose key it is. ttl_ms: in place of the cache's own, if given."""
        for old in self._to_drop(key, now_ms):
            self._drop(old)
        if ttl_ms is None:
            ttl_ms = self.ttl_ms
        until_ms = 0
        if ttl_ms is not None:
            # A key counts until that moment has come, and moments are whole milliseconds.
            until_ms = min(max(now_ms + ceil(ttl_ms), 1), _TIME_MAX_MS)
        if self.log is not None:
            assert journal is not None
            message: Message = (_ADDRESS, b"", encode_table({HEADER: field}), PERSISTENT)
            journal.publish([self], with_deadline([message], until_ms))
        self._enter(key, until_ms, self.tail)
        self.tail += 1

    def discard(self) -> None:
        self._entries.clear()

    def contents(self) -> tuple[int, dict[Key, tuple[int, int]]]:
        return self.tail, dict(self._entries)

    def take_over(self, contents: tuple[int, dict[Key, tuple[int, int]]], later_ms: int) -> None:
        self.tail, entries = contents
        for key, (until_ms, position) in entries.items():
            self._enter(key, until_ms and until_ms + later_ms, position)

    def load(self, journal: "Journal") -> None:
        for position, (_, _, body, flags) in sorted(self._read(journal)):
            key = key_in(decode_table(body, 0, len(body))[0])
            assert key is not None
            self._enter(key, flags >> DEADLINE_SHIFT, position)

    def _to_drop(self, new: Key, now_ms: int) -> Iterator[Key]:
        """Makes room for a key: what is over goes from the front, and more as long as there is no room."""
        if new in self._entries:
            yield new
        while self._entries:
            oldest, (until_ms, _) = next(iter(self._entries.items()))
            if len(self._entries) < self.size and not _is_over(until_ms, now_ms):
                return
            yield oldest

    def _enter(self, key: Key, until_ms: int, position: int) -> None:
        self._entries[key] = until_ms, position

    def _drop(self, key: Key) -> None:
        _, position = self._entries.pop(key)
        if self.log is not None:
            self.log.settle_run(position, position + 1)


class QueueKeys:
    """The keys of the messages in a queue, each until the message leaves or its time is over."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        # Key → the deadline of the message that took it; 0: it has none.
        self._until: dict[Key, int] = {}

    def seen(self, key: Key, now_ms: int) -> bool:
        """Whether a message with this key is in the queue."""
        until_ms = self._until.get(key)
        return until_ms is not None and not _is_over(until_ms, now_ms)

    def add(self, key: Key, deadline_ms: int) -> None:
        """A message with this key goes in."""
        self._until[key] = deadline_ms

    def forget(self, key: Key, deadline_ms: int) -> None:
        """A message with this key leaves; another one that has taken the key since keeps it."""
        if self._until.get(key) == deadline_ms:
            del self._until[key]

    def clear(self) -> None:
        """All keys are free."""
        self._until.clear()


def _is_over(until_ms: int, now_ms: int) -> bool:
    return 0 < until_ms <= now_ms


def message_key(message: Message) -> Key | None:
    """The key of a message in a queue; None if it has none."""
    return key_in(properties.headers(message[1]))
