"""What a broker with a journal has to keep: every message of every queue, and what of it a restart must bring back.

The ledger watches the traffic (it is a tap) and holds it to the simplest rules: a queue gives out its first message,
and says whether somebody had it before. At the end of every list that the log closes it notes what a restart from that
list would find. After a crash the broker must be as it was at the end of one of these lists: none before the last that
is known to be on disk, none that was not closed. So nothing that was told is lost, nothing comes back, no transaction
is split, and no order changes, in one rule. A dead letter and what it comes from are one commit by the same rule.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from amqpbroker.model.consumer import Consumer
from amqpbroker.model.definitions import binding_name, exchange_content, table_to_json
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.message import DEADLINE_SHIFT, DIED, EXPIRES, PERSISTENT, Message
from amqpbroker.model.ports import Sink, Tap
from amqpbroker.model.queue import Entry, Queue
from amqpbroker.model.queues.priority import PriorityQueue
from amqpbroker.model.queues.quorum import FRONT, QuorumQueue, counts_of
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.wire import properties
from amqpbroker.wire.tables import long_string, text
from tests.simulation.naive import Mismatch

Key = tuple[int, str]
"""The number of a message and, of a dead letter, its deaths: what no other message in the same queue has."""


@dataclass(slots=True, eq=False)
class Record:
    """A message in one queue. level: of its priority there. deadline_ms: 0 for none.

    returned: how often it came back to a quorum queue. made, settled: the list in which it was recorded, and in which
    it was settled. flagged: it is redelivered when it is given out next. seen: a client has received it.
    """

    key: Key
    persistent: bool
    made: int
    level: int = 0
    deadline_ms: int = 0
    returned: int = 0
    settled: int | None = None
    flagged: bool = False
    seen: bool = False
    with_client: bool = False


@dataclass(slots=True, eq=False)
class LedgerQueue:
    """records: what is not settled, in order, by number. early: given out before the ledger heard that they were
    published.
    """

    name: str
    durable: bool
    records: dict[Key, Record] = field(default_factory=dict)
    early: set[Key] = field(default_factory=set)
    kept: tuple[Record, ...] | None = ()

    def ready(self) -> list[Record]:
        return by_level(record for record in self.records.values() if not record.with_client)


class State(NamedTuple):
    """What a restart finds. definitions: exchanges, queues, bindings. queues: messages that are kept, by queue."""

    definitions: dict[str, Any]
    queues: dict[str, tuple[Record, ...]]

    def keys(self) -> dict[str, list[tuple[Key, int]]]:
        """What is there, and how often each came back."""
        return {name: [(record.key, record.returned) for record in records] for name, records in self.queues.items()}


class Given(NamedTuple):
    """A message on its way to a client. tag: of the consumer, empty for basic.get."""

    tag: str
    record: Record
    message: Message
    redelivered: bool


@dataclass(slots=True, eq=False)
class Group:
    """What one tx.commit did: the numbers that it published, the records that it acknowledged."""

    published: list[int]
    settled: list[Record]


class Ledger(Tap):
    """index: of the list that is open. done: the last one that is known to be on disk. states: by index, from it on.

    highest: by queue name and level, the position beyond all that was given out. given: by channel, what clients have
    not received yet. wanted: by number, the records of a message that is to survive. groups: transactions since the
    start. taking: the queue that is just asked for its first message. dying: (to which queue, number, from which queue)
    of dead letters that have to come in the list that is open.
    """

    def __init__(self, vhost: VirtualHost) -> None:
        self.vhost = vhost
        self.index = 1
        self.done = 0
        self.queues: dict[Queue, LedgerQueue] = {}
        self.states: dict[int, State] = {0: State({}, {})}
        self.highest: dict[tuple[str, int], int] = {}
        self.given: dict[Any, list[Given]] = {}
        self.wanted: dict[int, list[Record]] = {}
        self.groups: list[Group] = []
        self.taking: Queue | None = None
        self.dying: set[tuple[str, int, str]] = set()
        self._definitions: tuple[int, dict[str, Any]] = (-1, {})

    def queue(self, queue: Queue) -> LedgerQueue:
        found = self.queues.get(queue)
        if found is None:
            found = self.queues[queue] = LedgerQueue(queue.name, queue.log is not None)
        return found

    # The tap

    def published(self, sink: Sink, exchange: Exchange, queues: Sequence[Queue], messages: Sequence[Message]) -> None:
        self.put(queues, messages)

    def put(self, queues: Sequence[Queue], messages: Sequence[Message]) -> None:
        """Messages are about to be in these queues."""
        for queue in queues:
            known = self.queue(queue)
            for message in messages:
                key = key_of(message)
                self.dying.discard((queue.name, key[0], key[1].partition(" ")[0]))
                if key in known.early:
                    known.early.remove(key)
                    if key in known.records:
                        # Consumers that take turns were given theirs one consumer after the other.
                        known.records[key] = known.records.pop(key)
                elif key in known.records:
                    raise Mismatch(f"{queue.name} has {key} twice")
                else:
                    self._add(queue, known, message)

    def _add(self, queue: Queue, known: LedgerQueue, message: Message) -> Record:
        key = key_of(message)
        persistent = known.durable and (queue.records_transient or bool(message[3] & PERSISTENT))
        deadline_ms = self._deadline_ms(queue, message)
        record = known.records[key] = Record(key, persistent, self.index, level_of(queue, message), deadline_ms)
        if persistent:
            if not key[1]:
                self.wanted.setdefault(key[0], []).append(record)
            known.kept = None
        return record

    def _deadline_ms(self, queue: Queue, message: Message) -> int:
        lives = [queue.arguments["x-message-ttl"].value] if "x-message-ttl" in queue.arguments else []
        if message[3] & EXPIRES:
            lives.append(int(properties.expiration(message[1]) or 0))
        return self.vhost.clock.unix_ms() + min(lives) if lives else 0

    def delivered(
        self, consumer: Consumer, positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        queue = consumer.queue
        known = self.queue(queue)
        sink: Any = consumer.sink
        given = self.given.setdefault(sink, [])
        # Consumers that take turns are given theirs one consumer after the other.
        turns = len(queue.consumers) if consumer.tag else 1
        for place, message in enumerate(messages, 1):
            key = key_of(message)
            record = known.records.get(key)
            if record is None:
                if known.ready():
                    raise Mismatch(f"{queue.name} gives {key}, not {known.ready()[0]}")
                record = self._add(queue, known, message)
                known.early.add(key)
            elif record not in known.ready()[: place * turns]:
                raise Mismatch(f"{queue.name} gives {record}, not one of {known.ready()[: place * turns]}")
            if redelivered != record.flagged:
                raise Mismatch(f"{queue.name} gives {key} with redelivered={redelivered}: {record}")
            if 0 < record.deadline_ms < self.vhost.clock.unix_ms():
                raise Mismatch(f"{queue.name} gives {record}, which has expired")
            record.flagged = record.with_client = True
            if consumer.no_ack:
                self._settle(known, record)
            given.append(Given(consumer.tag, record, message, redelivered))

    def settled(self, consumer: Consumer, entries: Sequence[Entry], how: str) -> None:
        queue = consumer.queue
        known = self.queue(queue)
        for _, message, _ in entries:
            if queue.deleted:
                continue
            key = key_of(message)
            if how == "requeue" and key not in known.records:
                # It is given up by now.
                continue
            record = known.records[key]
            if how == "requeue":
                record.with_client = False
            else:
                self._settle(known, record)

    def dies(self, queue: Queue, reason: str, messages: Sequence[Message]) -> None:
        """Messages of a queue become dead letters: where it is plain where they go, they are there in this list."""
        arguments = queue.arguments
        if arguments.get("x-dead-letter-exchange") != long_string(""):
            return
        to = text(arguments["x-dead-letter-routing-key"])
        target = self.vhost.queues.get(to)
        if target is None or "x-overflow" in target.arguments or (to == queue.name and reason != "rejected"):
            return
        for message in messages:
            number, deaths = key_of(message)
            if to not in deaths:
                self.dying.add((to, number, queue.name))

    def comes_back(self, queue: Queue, messages: Sequence[Message]) -> None:
        """A queue is about to get back what clients had; some of it may be too much, or late."""
        known = self.queue(queue)
        for message in messages:
            if queue.deleted:
                continue
            record = known.records[key_of(message)]
            record.with_client = False
            if isinstance(queue, QuorumQueue):
                # It is a new entry, behind what came back before.
                self._settle(known, record)
                known.records[record.key] = replace(
                    record, made=self.index, settled=None, level=FRONT, returned=record.returned + 1, flagged=True
                )

    def died(self, queue: Queue, reason: str, messages: Sequence[Message]) -> None:
        """A queue has given up what stood at its head."""
        known = self.queue(queue)
        keys = [key_of(message) for message in messages]
        if reason == "delivery_limit":
            for key in keys:
                self._settle(known, known.records[key])
            return
        ready = known.ready()
        first = ready[: len(messages)]
        if queue is self.taking and [record.key for record in first] != keys:
            first = ready[1 : 1 + len(messages)]
        if [record.key for record in first] != keys:
            raise Mismatch(f"{queue.name} gives up {keys} ({reason}), not {first}")
        now_ms = self.vhost.clock.unix_ms()
        for record in first:
            if reason == "expired" and not 0 < record.deadline_ms <= now_ms:
                raise Mismatch(f"{queue.name}: {record} has not expired at {now_ms}")
            self._settle(known, record)

    def purged(self, queue: Queue, count: int) -> None:
        """What waited in the queue is gone."""
        known = self.queue(queue)
        ready = known.ready()
        if len(ready) != count:
            raise Mismatch(f"{queue.name} purges {count}, not {len(ready)}")
        for record in ready:
            self._settle(known, record)

    def _settle(self, known: LedgerQueue, record: Record) -> None:
        record.settled = self.index
        del known.records[record.key]
        if record.persistent:
            known.kept = None

    # Lists

    def turn_ended(self) -> None:
        for queue, known in list(self.queues.items()):
            if known.early:
                raise Mismatch(f"{queue.name} gave out what was never put into it: {known.early}")
            if queue.deleted:
                for record in known.records.values():
                    record.settled = self.index
                del self.queues[queue]
            parts = queue.parts.items() if isinstance(queue, PriorityQueue) else ((0, queue),)
            for level, part in parts:
                place = queue.name, level
                self.highest[place] = max(self.highest.get(place, 1), part.head)
        if self.dying:
            raise Mismatch(f"dead letters (to, number, from) that are not there in one commit: {self.dying}")

    def state(self) -> State:
        """What a restart from what is recorded by now would find."""
        queues = {}
        for name, queue in self.vhost.queues.items():
            if queue.log is not None:
                known = self.queue(queue)
                if known.kept is None:
                    known.kept = tuple(by_level(record for record in known.records.values() if record.persistent))
                queues[name] = known.kept
        version, definitions = self._definitions
        if version != self.vhost.version:
            definitions = definitions_of(self.vhost)
            self._definitions = self.vhost.version, definitions
        return State(definitions, queues)

    def close(self, state: State) -> int:
        """A list was closed; returns its index."""
        index = self.index
        self.states[index] = state
        self.index += 1
        return index

    def written(self, index: int) -> None:
        """The list is on disk."""
        self.done = index
        for one in [one for one in self.states if one < index]:
            del self.states[one]

    def check_told(self, number: int) -> None:
        """Somebody was told that a message is safe."""
        for record in self.wanted.get(number, ()):
            if record.made > self.done:
                raise Mismatch(f"{number} is confirmed, and is in list {record.made} of which {self.done} are on disk")

    # Restarts

    def restarted(self, vhost: VirtualHost, over_flagging: int | None) -> None:
        """Compares what a start has found; from now on that is how it is.

        over_flagging: as many positions beyond what was given out may be flagged; None: no others than should be.
        """
        found = definitions_of(vhost)
        got = {name: queue.messages() for name, queue in vhost.queues.items()}
        keys = {
            name: [(key_of(message), counts_of(message).returned) for _, message, _ in messages]
            for name, messages in got.items()
        }
        matching = [
            index
            for index, state in self.states.items()
            if index >= self.done and state.definitions == found and state.keys() == keys
        ]
        if not matching:
            raise Mismatch(self._no_match(found, keys))
        index = matching[-1]
        state = self.states[index]
        self._check_groups(state)
        queues: dict[Queue, LedgerQueue] = {}
        for name, records in state.queues.items():
            queue = vhost.queues[name]
            queues[queue] = LedgerQueue(name, True, {record.key: record for record in records}, kept=records)
            self._compare(name, records, got[name], over_flagging)
        self.vhost = vhost
        self.queues = queues
        self.given.clear()
        self._definitions = -1, {}
        self.states = {self.index: state}
        self.done = self.index
        self.index += 1

    def _check_groups(self, state: State) -> None:
        """A transaction is there as a whole or not at all."""
        kept = {record for records in state.queues.values() for record in records}
        for group in self.groups:
            records = [record for number in group.published for record in self.wanted.get(number, ())]
            done = [record for record in records if record in kept]
            undone = [record for record in records if record not in kept and record.settled is None]
            undone += [record for record in group.settled if record in kept]
            if done and undone:
                raise Mismatch(f"of one transaction there is {done}, and there is not {undone}")
        self.groups.clear()

    def _compare(
        self,
        name: str,
        records: tuple[Record, ...],
        got: list[tuple[int, Message, bool]],
        over_flagging: int | None,
    ) -> None:
        last: dict[int, int] = {}
        for record, (position, message, redelivered) in zip(records, got, strict=True):
            if position <= last.get(record.level, 0):
                raise Mismatch(f"{name}: position {position} after {last}")
            last[record.level] = position
            limit = self.highest.get((name, record.level), 1)
            if message[3] >> DEADLINE_SHIFT != record.deadline_ms:
                raise Mismatch(f"{name}: {record} comes back with the deadline {message[3] >> DEADLINE_SHIFT}")
            if not redelivered and (record.seen or (over_flagging is None and record.flagged)):
                raise Mismatch(f"{name}: {record} comes back without the flag")
            beyond = over_flagging is None or position >= limit + over_flagging
            if redelivered and not record.flagged and beyond:
                raise Mismatch(f"{name}: {record} at {position} is flagged, {limit} is the first not given out")
            record.flagged = redelivered
            record.with_client = False
            record.settled = None

    def _no_match(self, found: dict[str, Any], keys: dict[str, list[tuple[Key, int]]]) -> str:
        lines = [f"a restart finds no state from list {self.done} on: messages {keys}"]
        for index, state in self.states.items():
            if index >= self.done:
                lines.append(f"  list {index}: {state.keys()}")
                if state.definitions != found:
                    lines += [
                        f"    {key}: {found.get(key)!r}, expected {state.definitions.get(key)!r}"
                        for key in sorted({*found, *state.definitions})
                        if found.get(key) != state.definitions.get(key)
                    ]
        return "\n".join(lines)


def number_of(message: Message) -> int:
    """Every body begins with a number of its own."""
    return int(message[2][:6])


def key_of(message: Message) -> Key:
    """See Key."""
    if not message[3] & DIED:
        return number_of(message), ""
    entries = (properties.headers(message[1]) or {})["x-death"].value
    deaths = [
        f"{text(entry.value['queue'])} {text(entry.value['reason'])} {entry.value['count'].value}" for entry in entries
    ]
    return number_of(message), ", ".join(deaths)


def level_of(queue: Queue, message: Message) -> int:
    """The priority that a message has in a queue."""
    return queue.level_of(message[3]) if isinstance(queue, PriorityQueue) else 0


def by_level(records: Iterable[Record]) -> list[Record]:
    """The highest first; those of one level in their order."""
    return sorted(records, key=lambda record: -record.level)


def definitions_of(vhost: VirtualHost) -> dict[str, Any]:
    """What of the topology survives a restart."""
    found: dict[str, Any] = {}
    for name, exchange in vhost.exchanges.items():
        if exchange.durable and name and not name.startswith("amq."):
            found[f"exchange {name}"] = exchange_content(exchange)
        for binding in exchange.bindings:
            if name and vhost.is_durable(binding):
                found[f"binding {binding_name(binding)}"] = True
    for name, queue in vhost.queues.items():
        if queue.durable:
            found[f"queue {name}"] = (queue.auto_delete, table_to_json(queue.arguments))
    return found
