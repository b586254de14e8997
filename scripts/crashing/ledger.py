"""The books: what was sent and confirmed, what came back and how, and every promise that this breaks.

The broker's promises, and what is counted as a fault:

    lost              a confirmed message never came, from a queue that was drained to the end
    torn              a body is not as it was sent
    out of order      messages of one publisher came from one queue in another order than they were sent
    not flagged       a message that had been with a client came again without the redelivered flag
    came back         a message came after its acknowledgement was certain, or in the same run as its acknowledgement
    never sent        a message of a transaction that was rolled back, of a queue it was not sent to, or a transient one
                      of an earlier run
    transaction split of a transaction whose commit was not answered a part is there
    count             a queue tells of fewer messages after a restart than are promised, or of more than can be
    definition        a queue, exchange or binding is not as the last answer has said
    broker            it did not start, closed a connection by itself, answered something else than it should
"""

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from crashing.bodies import Label, decode

FAULTS: Final = (
    "lost",
    "torn",
    "out of order",
    "not flagged",
    "came back",
    "never sent",
    "transaction split",
    "count",
    "definition",
    "broker",
)
_TOLD_MAX: Final = 40


@dataclass(slots=True)
class QueueBooks:
    """What is known of one queue since it was last drained; messages are `Label.key`s.

    in_turn: it has one consumer at a time and nothing goes back to it, so that its messages come first in the order
    they were sent, over all restarts. automatic: its consumers do not acknowledge, so that what was on its way to them
    at a crash is gone. floors: by publisher, the number up to which all is settled.
    """

    name: str
    in_turn: bool = False
    automatic: bool = False
    sent_count: int = 0
    confirmed: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    acked: dict[int, int] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    highest: dict[int, int] = field(default_factory=dict)
    floors: dict[int, int] = field(default_factory=dict)
    # (run, publisher) → lowest and highest number that came, for a queue whose consumers do not acknowledge
    spans: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)


class Delivered:
    """What came over one consumer's connection from one queue: by publisher, the last number without the flag."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.unflagged: dict[int, int] = {}


class Ledger:
    """Called by all clients' threads. run: counts the broker's starts."""

    def __init__(self, queues: Iterable[QueueBooks]) -> None:
        self.queues = {queue.name: queue for queue in queues}
        self.run = 0
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.told: list[str] = []
        self._targets: dict[int, set[str]] = {}
        self._sent: dict[int, int] = {}
        self._forbidden: set[int] = set()
        self._unanswered: list[list[tuple[str, int]]] = []
        # (queue, message) of those that came in a later run
        self._kept: set[tuple[str, int]] = set()
        self._next_publisher = 0
        self._lock = threading.Lock()

    def fault(self, kind: str, text: str) -> None:
        """A promise is broken."""
        with self._lock:
            self._fault(kind, text)

    def _fault(self, kind: str, text: str) -> None:
        assert kind in FAULTS
        self.faults[kind] += 1
        if len(self.told) < _TOLD_MAX:
            self.told.append(f"run {self.run}: {kind}: {text}")

    # Publishing

    def new_publisher(self) -> int:
        """A number nobody has had."""
        with self._lock:
            self._next_publisher += 1
            return self._next_publisher

    def next_number(self, publisher: int) -> int:
        """Of the publisher's next message."""
        return self._sent.get(publisher, 0) + 1

    def sending(self, publisher: int, queues: Sequence[str], *, persistent: bool = True) -> Label:
        """The publisher's next message is on its way into these queues."""
        with self._lock:
            number = self._sent[publisher] = self._sent.get(publisher, 0) + 1
            self._targets.setdefault(publisher, set()).update(queues)
            self.counts["sent"] += 1
            if persistent:
                for queue in queues:
                    self.queues[queue].sent_count += 1
            return Label(publisher, number, self.run, persistent)

    def confirmed(self, messages: Iterable[tuple[Label, Sequence[str]]]) -> None:
        """They are promised to be in their queues; of transient ones that says nothing."""
        with self._lock:
            for label, queues in messages:
                self.counts["confirmed"] += 1
                if label.persistent:
                    for queue in queues:
                        self.queues[queue].confirmed.add(label.key)

    def rolled_back(self, messages: Iterable[tuple[Label, Sequence[str]]]) -> None:
        """They must never come."""
        with self._lock:
            for label, queues in messages:
                self._forbidden.add(label.key)
                for queue in queues:
                    self.queues[queue].sent_count -= 1

    def unanswered(self, messages: Sequence[tuple[Label, Sequence[str]]]) -> None:
        """A transaction's commit was not answered: all of it is there, or nothing."""
        with self._lock:
            self._unanswered.append([(queue, label.key) for label, queues in messages for queue in queues])

    # Consuming

    def received(self, delivered: Delivered, body: bytes, redelivered: bool) -> Label | None:
        """A delivery; None if its body is torn."""
        label = decode(body)
        with self._lock:
            self.counts["received"] += 1
            self.counts["received flagged"] += redelivered
            if label is None:
                self._fault("torn", f"{delivered.queue}: {len(body)} octets, {body[:40]!r}")
                return None
            self._compare(delivered, label, redelivered)
            return label

    def _compare(self, delivered: Delivered, label: Label, redelivered: bool) -> None:
        queue = self.queues[delivered.queue]
        publisher, number = label.publisher, label.number
        key = label.key
        flag = "" if redelivered else "not "
        what = f"{queue.name}: message {number} of publisher {publisher} from run {label.run}, {flag}flagged"
        if (
            key in self._forbidden
            or queue.name not in self._targets.get(publisher, ())
            or number > self._sent[publisher]
            or (not label.persistent and label.run != self.run)
        ):
            self._fault("never sent", what)
            return
        if number <= queue.floors.get(publisher, 0) or key in queue.settled:
            self._fault("came back", f"{what}, after its acknowledgement was certain")
        elif key in queue.acked:
            if queue.acked[key] == self.run:
                self._fault("came back", f"{what}, acknowledged in this run")
            self.counts["came again, acknowledgement was uncertain"] += 1
        if label.run < self.run and self._unanswered:
            self._kept.add((queue.name, key))
        if key in queue.seen:
            if not redelivered:
                self._fault("not flagged", what)
        else:
            queue.seen.add(key)
            self.counts["received first"] += 1
            self.counts["received first, flagged"] += redelivered
            if queue.in_turn:
                if number < queue.highest.get(publisher, 0):
                    self._fault("out of order", f"{what}, first seen after {queue.highest[publisher]}")
                queue.highest[publisher] = max(queue.highest.get(publisher, 0), number)
        if not redelivered:
            if number <= delivered.unflagged.get(publisher, 0):
                self._fault("out of order", f"{what}, after {delivered.unflagged[publisher]}")
            delivered.unflagged[publisher] = number
        if queue.automatic:
            low, high = queue.spans.get((self.run, publisher), (number, number))
            queue.spans[self.run, publisher] = min(low, number), max(high, number)

    def acked(self, queue: str, keys: Iterable[int]) -> None:
        """Acknowledgements are on their way."""
        with self._lock:
            self.queues[queue].acked.update(dict.fromkeys(keys, self.run))

    def settled(self, queue: str, keys: Iterable[int]) -> None:
        """Something that was said after these acknowledgements on their channel was answered once on disk."""
        with self._lock:
            self.queues[queue].settled.update(keys)

    # Comparing

    def check_count(self, name: str, count: int) -> None:
        """What a queue says of itself right after a restart, before anybody does anything."""
        queue = self.queues[name]
        promised = 0 if queue.automatic else len(queue.confirmed - queue.acked.keys())
        possible = queue.sent_count - len(queue.settled)
        if not promised <= count <= possible:
            self.fault("count", f"{name}: {count} messages, and it should be from {promised} to {possible}")

    def drained(self) -> None:
        """All queues were drained to the end, and all of that is settled: what has not come is lost."""
        with self._lock:
            for group in self._unanswered:
                # What was acknowledged in the run of the commit may be gone either way.
                there = [
                    one in self._kept for one in group if one in self._kept or one[1] not in self.queues[one[0]].acked
                ]
                if any(there) and not all(there):
                    self._fault("transaction split", f"{sum(there)} of {len(there)} messages are there")
            self._unanswered.clear()
            self._kept.clear()
            for queue in self.queues.values():
                missing = queue.confirmed - queue.seen
                if queue.automatic:
                    gone = {key for key in missing if self._was_under_way(queue, key)}
                    self.counts["gone with the connection of a consumer that does not acknowledge"] += len(gone)
                    missing -= gone
                self.faults["lost"] += len(missing)
                if missing and len(self.told) < _TOLD_MAX:
                    some = ", ".join(f"{key >> 40}:{key & 0xFFFFFFFFFF}" for key in sorted(missing)[:5])
                    self.told.append(f"run {self.run}: lost: {queue.name}: {len(missing)} messages, {some}")
                self._start_afresh(queue)

    def _was_under_way(self, queue: QueueBooks, key: int) -> bool:
        """Whether a message may have been on its way, at a crash, to a consumer that does not acknowledge.

        Not if there was none since: it would have come between two others of a run, or after the last one.
        """
        publisher, number = key >> 40, key & 0xFFFFFFFFFF
        spans = {run: span for (run, of), span in queue.spans.items() if of == publisher}
        if any(low < number < high for low, high in spans.values()):
            return False
        last = spans.get(self.run)
        return last is None or number < last[0]

    def _start_afresh(self, queue: QueueBooks) -> None:
        queue.floors = dict(self._sent)
        queue.sent_count = 0
        for known in (queue.confirmed, queue.seen, queue.acked, queue.settled, queue.spans):
            known.clear()
