"""What is in a broker at a moment, and that again, as often as one likes: what is dear to set up is set up once."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from heapq import heapify
from typing import TYPE_CHECKING, Any

from amqpbroker.model.binding import Binding
from amqpbroker.model.deduplication import message_key
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.message import DEADLINE_SHIFT, Message
from amqpbroker.model.policies.parameters import Parameter
from amqpbroker.model.policies.policy import Policy
from amqpbroker.model.queue import Queue, size_of
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.queues.priority import PriorityQueue
from amqpbroker.model.queues.quorum import Arrivals, QuorumQueue
from amqpbroker.model.queues.rules import Rules
from amqpbroker.model.queues.stream import StreamQueue
from amqpbroker.model.vhost import PREDECLARED, VirtualHost
from amqpbroker.testing.accounts import Accounts
from amqpbroker.testing.inspection.queues import entries_of
from amqpbroker.wire.tables import Table

if TYPE_CHECKING:
    from amqpbroker.testing.server import ObservedServer

_ALWAYS_THERE = {"", *(name for name, _, _ in PREDECLARED)}
# Messages of a stream are put back so many at a time.
_RUN = 1_000


class SnapshotError(RuntimeError):
    """What is on disk is not taken: a snapshot is of memory."""

    def __init__(self) -> None:
        super().__init__(
            "snapshot and restore are of what is in memory, and this broker has a data directory:"
            " stop it and copy that, or leave data_dir out"
        )


class Snapshot:
    """Everything but connections: what clients had is back in its queue, exclusive queues are gone with their owners.

    It does not change, and can be put into any broker in memory that runs as the same RabbitMQ.
    """

    def __init__(self, server: "ObservedServer") -> None:
        """Raises SnapshotError."""
        if server.broker.journal is not None:
            raise SnapshotError
        self._unix_ms = server.clock.unix_ms()
        self._accounts = Accounts(server.broker)
        self._vhosts = [_VhostState.of(server, vhost) for vhost in server.broker.vhosts.values()]

    def restore(self, server: "ObservedServer", *, keep_connections: bool) -> None:
        """It is so again; what has a deadline has as much time left as it had. Raises SnapshotError."""
        if server.broker.journal is not None:
            raise SnapshotError
        server.reset(keep_connections=keep_connections, is_to_start=False)
        later_ms = server.clock.unix_ms() - self._unix_ms
        for state in self._vhosts:
            known = server.broker.vhosts.get(state.name)
            state.put_into(known or server.broker.add_vhost(state.name), later_ms)
        self._accounts.put_back(server.broker)


@dataclass(frozen=True)
class _PartState:
    """The messages of a queue, or of one of its parts. requeued: what came back, and what clients had."""

    head: int
    tail: int
    again: bool
    ready: list[Message]
    requeued: list[tuple[int, Message]]
    held: list[tuple[int, Sequence[Message]]]

    @classmethod
    def of(cls, part: PagedQueue, unacked: Sequence[tuple[int, Message]]) -> "_PartState":
        requeued = [*part.requeued, *unacked]
        heapify(requeued)
        return cls(part.head, part.tail, part.again, list(part.ready), requeued, list(part.held))

    def put_into(self, part: PagedQueue, later_ms: int) -> None:
        part.head, part.tail, part.again = self.head, self.tail, self.again
        part.ready.extend(_later(self.ready, later_ms))
        part.requeued = [(position, _later([message], later_ms)[0]) for position, message in self.requeued]
        part.held.extend((first, _later(messages, later_ms)) for first, messages in self.held)
        part.held_count = sum(len(messages) for _, messages in self.held)
        part.held_bytes = size_of(self.ready) + size_of([message for _, message in self.requeued])
        part.held_bytes += sum(size_of(messages) for _, messages in self.held)


@dataclass(frozen=True)
class _QueueState:
    """parts: by level; 0: the queue itself, which has none. stream: its messages, and the position of the first."""

    name: str
    durable: bool
    auto_delete: bool
    arguments: Table
    is_paused: bool
    parts: dict[int, _PartState]
    stream: tuple[int, list[Message]] | None
    parked: Any
    order: tuple[Arrivals, int] | None

    @classmethod
    def of(cls, server: "ObservedServer", queue: Queue) -> "_QueueState":
        unacked = [entry for connection in server.sessions() for entry in entries_of(connection, queue)]
        parts: dict[int, _PartState] = {}
        if isinstance(queue, PriorityQueue):
            for level, part in queue.parts.items():
                own = [(position, octets) for position, octets in unacked if queue.level_of(octets[3]) == level]
                parts[level] = _PartState.of(part, own)
        elif isinstance(queue, PagedQueue):
            parts[0] = _PartState.of(queue, unacked)
        return cls(
            queue.name,
            queue.durable,
            queue.auto_delete,
            queue.arguments,
            queue.paused,
            parts,
            (queue.head, [octets for _, octets, _ in queue.messages()]) if isinstance(queue, StreamQueue) else None,
            queue.parked.contents() if isinstance(queue, QuorumQueue) and queue.parked is not None else None,
            (deepcopy(queue._arrivals), queue._turn) if isinstance(queue, QuorumQueue) else None,
        )

    def declare_in(self, vhost: VirtualHost) -> None:
        vhost.new_queue(
            self.name, durable=self.durable, auto_delete=self.auto_delete, owner=None, arguments=self.arguments
        )

    def fill(self, vhost: VirtualHost, later_ms: int) -> None:
        queue = vhost.queues[self.name]
        if isinstance(queue, StreamQueue) and self.stream is not None:
            first, messages = self.stream
            queue.head = queue.tail = queue.limit = first
            for start in range(0, len(messages), _RUN):
                queue.extend(messages[start : start + _RUN])
        for level, state in self.parts.items():
            part = queue.part(level) if isinstance(queue, PriorityQueue) else queue
            assert isinstance(part, PagedQueue)
            state.put_into(part, later_ms)
        if isinstance(queue, QuorumQueue):
            if self.order is not None:
                queue._arrivals, queue._turn = deepcopy(self.order[0]), self.order[1]
            if self.parked is not None:
                queue.rule().parked().take_over(self.parked, later_ms)
            if any(part.message_count for part in queue.dead()):
                queue.rule().change(queue.settings)
        if not isinstance(queue, StreamQueue):
            _begin_rules(vhost, queue)
        if self.is_paused:
            queue.pause()


@dataclass(frozen=True)
class _ExchangeState:
    """hidden: what it keeps."""

    kind: type[Exchange]
    name: str
    durable: bool
    auto_delete: bool
    internal: bool
    arguments: Table
    hidden: Any

    @classmethod
    def of(cls, exchange: Exchange) -> "_ExchangeState":
        hidden = exchange.hidden.contents() if exchange.hidden is not None else None
        flags = exchange.durable, exchange.auto_delete, exchange.internal
        return cls(type(exchange), exchange.name, *flags, exchange.arguments, hidden)

    def declare_in(self, vhost: VirtualHost) -> None:
        """It is there; those that the broker declares itself are already."""
        if self.name not in vhost.exchanges:
            vhost.add_exchange(self.kind(self.name, self.durable, self.auto_delete, self.internal, self.arguments))


@dataclass(frozen=True)
class _VhostState:
    """policies: each, and whether it is for operators."""

    name: str
    metadata: tuple[str, tuple[str, ...], str | None]
    is_protected: bool
    exchanges: list["_ExchangeState"]
    bindings: list[Binding]
    queues: list[_QueueState]
    policies: list[tuple[Policy, bool]]
    parameters: list[Parameter]

    @classmethod
    def of(cls, server: "ObservedServer", vhost: VirtualHost) -> "_VhostState":
        queues = [queue for queue in vhost.queues.values() if queue.owner is None]
        gone = {("queue", queue.name) for queue in vhost.queues.values() if queue.owner is not None}
        parameters = vhost.parameters
        return cls(
            vhost.name,
            (vhost.description, vhost.tags, vhost.default_queue_type),
            vhost.protected_from_deletion,
            [
                _ExchangeState.of(exchange)
                for exchange in vhost.exchanges.values()
                if exchange.name not in _ALWAYS_THERE
            ],
            [one for source in vhost.exchanges.values() for one in source.bindings if one.destination not in gone],
            [_QueueState.of(server, queue) for queue in queues],
            [(policy, False) for policy in parameters.policies] + [(one, True) for one in parameters.operator_policies],
            [one for one in parameters if one.component != "operator_policy"],
        )

    def put_into(self, vhost: VirtualHost, later_ms: int) -> None:
        vhost.description, vhost.tags, vhost.default_queue_type = self.metadata
        vhost.protected_from_deletion = self.is_protected
        for policy, for_operators in self.policies:
            vhost.parameters.add_policy(policy, for_operators=for_operators)
        for one in self.parameters:
            vhost.parameters.add(one.component, one.name, one.value)
        for exchange in self.exchanges:
            exchange.declare_in(vhost)
        for queue in self.queues:
            queue.declare_in(vhost)
        for binding in self.bindings:
            vhost.bind(binding)
        # What an exchange keeps goes to whatever is bound to it later, and that is there already.
        for exchange in self.exchanges:
            hidden = vhost.exchanges[exchange.name].hidden
            if hidden is not None:
                hidden.take_over(exchange.hidden, later_ms)
        for queue in self.queues:
            queue.fill(vhost, later_ms)


def _later(messages: Sequence[Message], later_ms: int) -> list[Message]:
    """The same messages, those with a deadline with one that is so much later."""
    if not later_ms:
        return list(messages)
    later = later_ms << DEADLINE_SHIFT
    return [
        (address, header, body, flags + later if flags >> DEADLINE_SHIFT else flags)
        for address, header, body, flags in messages
    ]


def _begin_rules(vhost: VirtualHost, queue: Queue) -> None:
    """What follows from messages that are there of a sudden: deadlines, keys."""
    waiting = [message for _, message, _ in queue.messages()]
    if any(message[3] >> DEADLINE_SHIFT for message in waiting):
        vhost.expect_deadlines([queue])
    rules: Rules | None = queue.rules
    if rules is None:
        return
    if rules.keys is not None:
        for message in waiting:
            if (key := message_key(message)) is not None:
                rules.keys.add(key, message[3] >> DEADLINE_SHIFT)
    rules.enforce()
