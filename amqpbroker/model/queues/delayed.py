"""What waits at a delayed exchange: messages in order of the time at which they are due.

A heap of byte strings, one a message: due time and position first, so that they compare by these, then the message.
A million of them are nothing for the collector to walk and cost little more than their octets. However many wait, the
clock has one deadline for them, the earliest.

A message is recorded when it comes, and settled when it is due, in one commit with what becomes of it then.
"""

import struct
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

from amqpbroker.model.message import DEADLINE_SHIFT, OWN_FLAGS, Message, with_deadline
from amqpbroker.model.queues.hidden import HiddenQueue
from amqpbroker.model.timer import Timer

if TYPE_CHECKING:
    from amqpbroker.model.ports import Clock, Journal

# due time in Unix milliseconds, position, flags, octets of the address, of the header; address, header, body follow
_ENTRY: Final = struct.Struct(">QQHHI")
_DUE_BYTES: Final = 8
# Beyond every position.
_LAST: Final = b"\xff" * 8
# What an object and its place in the heap take beside its octets.
_OVERHEAD_BYTES: Final = 56

# So many leave at a time: others get their turn between them.
RELEASE_MAX_MESSAGES: Final = 256


class DelayedMessages(HiddenQueue):
    """release: takes what is due, in order: by due time, at one time as it came."""

    def __init__(self, clock: "Clock", release: Callable[[Sequence[Message]], None]) -> None:
        super().__init__()
        self._clock = clock
        self._release = release
        self._heap: list[bytes] = []
        self._timer = Timer(clock, self._fall_due)

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._heap)

    def add(self, message: Message, delay_ms: int, journal: "Journal | None") -> None:
        """Keeps a message until the delay is over. journal: where it is recorded if there is a log."""
        due_ms = self._clock.unix_ms() + delay_ms
        if self.log is not None:
            assert journal is not None
            journal.publish([self], with_deadline([message], due_ms))
        heappush(self._heap, self._entry(due_ms, self.tail, message))
        self.tail += 1
        self._set_timer()

    def discard(self) -> None:
        self._heap.clear()
        self.held_bytes = 0
        self._set_timer()

    def contents(self) -> tuple[int, list[bytes]]:
        return self.tail, list(self._heap)

    def take_over(self, contents: tuple[int, list[bytes]], later_ms: int) -> None:
        self.tail, entries = contents
        for entry in entries:
            due_ms = int.from_bytes(entry[:_DUE_BYTES], "big") + later_ms
            self._heap.append(due_ms.to_bytes(_DUE_BYTES, "big") + entry[_DUE_BYTES:])
            self.held_bytes += len(entry) + _OVERHEAD_BYTES
        heapify(self._heap)
        self._set_timer()

    def load(self, journal: "Journal") -> None:
        """What has come due meanwhile leaves in the next moment."""
        for position, message in self._read(journal):
            self._heap.append(self._entry(message[3] >> DEADLINE_SHIFT, position, message))
        heapify(self._heap)
        self._set_timer()

    # Time

    def _set_timer(self) -> None:
        """The clock calls when the first message is due."""
        self._timer.set(int.from_bytes(self._heap[0][:_DUE_BYTES], "big") if self._heap else 0)

    def _fall_due(self) -> None:
        heap = self._heap
        now = self._clock.unix_ms().to_bytes(_DUE_BYTES, "big") + _LAST
        positions: list[int] = []
        messages: list[Message] = []
        while heap and heap[0] < now and len(messages) < RELEASE_MAX_MESSAGES:
            position, message = self._open(heappop(heap))
            positions.append(position)
            messages.append(message)
        if self.log is not None:
            self.log.settle(sorted(positions))
        self._set_timer()
        self._release(messages)

    # Entries

    def _entry(self, due_ms: int, position: int, message: Message) -> bytes:
        address, header, body, flags = message
        head = _ENTRY.pack(due_ms, position, flags & OWN_FLAGS, len(address), len(header))
        entry = b"".join((head, address, header, body))
        self.held_bytes += len(entry) + _OVERHEAD_BYTES
        return entry

    def _open(self, entry: bytes) -> tuple[int, Message]:
        self.held_bytes -= len(entry) + _OVERHEAD_BYTES
        _, position, flags, address_bytes, header_bytes = _ENTRY.unpack_from(entry)
        header_at = _ENTRY.size + address_bytes
        body_at = header_at + header_bytes
        return position, (entry[_ENTRY.size : header_at], entry[header_at:body_at], entry[body_at:], flags)
