"""What clients were told is safe, and whether it is there when the broker has started again.

A message is owed from its confirm on, as long as the broker has it: in its queue, with a client, or as a dead letter in
another durable queue. What was acknowledged, purged or dropped by a rule before the crash is owed to nobody.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from amqpbroker.model.message import COUNTED, DEADLINE_SHIFT, DIED, OWN_FLAGS, PERSISTENT, Message, split_address

if TYPE_CHECKING:
    from amqpbroker.model.queue import Queue
    from amqpbroker.testing.crashes.server import CrashableServer

Place = tuple[str, str]
"""(virtual host, queue)"""

_SHOWN_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class ConfirmedMessage:
    """A persistent message that a durable queue got, and whose publisher was told so.

    position: of it in the queue, or in the part of it that has messages with such flags.
    """

    vhost: str
    queue: str
    position: int
    flags: int
    exchange: str
    routing_key: str
    body: bytes

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.vhost, self.queue

    def __str__(self) -> str:
        return f"{_short(self.body)} (exchange {self.exchange!r}, routing key {self.routing_key!r})"


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that has to be there after the crash, in one of these places: where it was, or is a dead letter."""

    message: ConfirmedMessage
    places: tuple[Place, ...]


class SurvivalError(AssertionError):
    """Something that was confirmed is not there any more."""


class Ledger:
    """confirmed: what publishers were told of, in that order, but for what was found to be gone before a crash."""

    def __init__(self) -> None:
        self.confirmed: list[ConfirmedMessage] = []
        self._owed: list[Owed] | None = None
        self._lost: list[Owed] | None = None
        self._found: Counter[Place] = Counter()

    def confirm(self, vhost: str, places: Sequence[tuple[str, int]], message: Message) -> None:
        """A publisher is told of a message. places: the queues that have recorded it, and at which position."""
        exchange, routing_key = split_address(message[0])
        for queue, position in places:
            flags = message[3] & OWN_FLAGS
            self.confirmed.append(ConfirmedMessage(vhost, queue, position, flags, exchange, routing_key, message[2]))

    def forget(self) -> None:
        """Nobody was told of anything: the broker is reset."""
        self.confirmed.clear()
        self._owed = self._lost = None

    def ended(self, server: "CrashableServer") -> None:
        """The broker ends, this way or that: what it has now has to be there again."""
        # What is due by now goes by itself, at once or when it is looked at.
        stock = Stock(server, due_by_ms=server.clock.unix_ms())
        self._owed = [Owed(one, places) for one in self.confirmed if (places := stock.places_of(one))]
        self._lost = None

    def started(self, server: "CrashableServer") -> None:
        """It has started again, and nobody has taken anything yet."""
        if self._owed is None:
            return
        stock = Stock(server)
        self._found = stock.count_by_place()
        # What can be in one place alone is looked for first.
        by_choice = sorted(self._owed, key=lambda owed: len(owed.places))
        self._lost = [owed for owed in by_choice if not any(stock.take(one, owed.message.body) for one in owed.places)]
        lost = Counter(owed.message for owed in self._lost)
        self.confirmed = [owed.message for owed in self._owed if not _counted(owed.message, lost)]

    def check(self) -> None:
        """Raises SurvivalError: which are not there, and what is; RuntimeError: it was not started again yet."""
        if self._lost is None or self._owed is None:
            raise RuntimeError("what survives is known when the broker has started again: call restart() first")
        if not self._lost:
            return
        lines = [f"{len(self._lost)} of {len(self._owed)} confirmed messages did not survive:"]
        for place in sorted({owed.message.place for owed in self._lost}):
            owed_here = sum(owed.message.place == place for owed in self._owed)
            lost_here = [owed.message for owed in self._lost if owed.message.place == place]
            lines.append(f"queue {place[1]!r} of virtual host {place[0]!r}: {owed_here} confirmed and not settled,")
            lines.append(f"  {self._found[place]} there, and not there")
            lines += [f"    {message}" for message in lost_here[:_SHOWN_MAX]]
            if len(lost_here) > _SHOWN_MAX:
                lines.append(f"    and {len(lost_here) - _SHOWN_MAX} more")
        found = [f"{queue!r} {count}" for (_, queue), count in sorted(self._found.items())]
        lines.append(f"what is there: {', '.join(found) or 'nothing'}")
        raise SurvivalError("\n".join(lines))


def _counted(message: ConfirmedMessage, counts: Counter[ConfirmedMessage]) -> bool:
    """Whether it is one of these, each counted once."""
    if not counts[message]:
        return False
    counts[message] -= 1
    return True


class Stock:
    """What durable queues have recorded, and clients of theirs may have, but for what is due by a time."""

    def __init__(self, server: "CrashableServer", due_by_ms: int = 0) -> None:
        self._due_by_ms = due_by_ms
        self._bodies: Counter[tuple[Place, bytes]] = Counter()
        self._at: Counter[tuple[Place, int, int, bytes]] = Counter()
        # What came back to a quorum queue, which has it as a new message.
        self._again: Counter[tuple[Place, bytes]] = Counter()
        self._dead: dict[tuple[str, bytes], Counter[Place]] = {}
        for vhost in server.broker.vhosts.values():
            for queue in vhost.queues.values():
                if queue.durable:
                    for position, message, _ in queue.messages():
                        self._put(vhost.name, queue, position, message)
        for socket in server.observed():
            for channel in socket.session.channels.values():
                for position, message, number in channel.unacked.entries.values():
                    queue = channel.by_number[number].queue
                    if queue.durable and not queue.deleted:
                        self._put(socket.vhost_name, queue, position, message)

    def _put(self, vhost: str, queue: "Queue", position: int, message: Message) -> None:
        _, _, body, flags = message
        if not (flags & PERSISTENT or queue.records_transient) or 0 < flags >> DEADLINE_SHIFT <= self._due_by_ms:
            return
        place = vhost, queue.name
        self._bodies[place, body] += 1
        self._at[place, position, flags & OWN_FLAGS, body] += 1
        if flags & COUNTED:
            self._again[place, body] += 1
        if flags & DIED:
            self._dead.setdefault((vhost, body), Counter())[place] += 1

    def places_of(self, message: ConfirmedMessage) -> tuple[Place, ...]:
        """Where a message has to be after a crash, in one of these; it is not there any more for the next of its kind.

        Empty: the broker has let go of it.
        """
        place, body = message.place, message.body
        at = place, message.position, message.flags, body
        if self._at[at]:
            self._at[at] -= 1
            return (place,)
        if self._again[place, body]:
            self._again[place, body] -= 1
            return (place,)
        for there, count in self._dead.get((message.vhost, body), Counter[Place]()).items():
            if count:
                self._dead[message.vhost, body][there] -= 1
                # Its end there and its beginning here are one commit, which may not be on disk.
                return (place, there)
        return ()

    def take(self, place: Place, body: bytes) -> bool:
        """Whether a message is there; it is not any more then."""
        if not self._bodies[place, body]:
            return False
        self._bodies[place, body] -= 1
        return True

    def count_by_place(self) -> Counter[Place]:
        """How many each queue has."""
        counts: Counter[Place] = Counter()
        for (place, _), count in self._bodies.items():
            counts[place] += count
        return counts


def _short(body: bytes) -> str:
    return repr(body if len(body) <= 60 else body[:60] + b"...")
