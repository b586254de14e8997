"""Queues as a test sees them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from amqpbroker.model.message import Message as Octets
from amqpbroker.model.queue import Queue
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.session.channel import Channel
from amqpbroker.session.connection import Connection
from amqpbroker.session.unacked import Entry
from amqpbroker.testing.inspection.message import Message
from amqpbroker.wire.tables import to_python


@dataclass(frozen=True)
class QueueState:
    """A queue at the moment of the look.

    ready: messages that wait for a consumer. unacked: those that clients have. consumers: how many there are.
    kind: classic, quorum or stream. exclusive: to one connection. arguments: as Python's values.
    """

    name: str
    vhost: str
    kind: str
    ready: int
    unacked: int
    consumers: int
    consumer_tags: tuple[str, ...]
    durable: bool
    auto_delete: bool
    exclusive: bool
    arguments: dict[str, Any]

    def messages(self, skip: int = 0, most: int | None = None) -> Any:
        """What waits in it now, as `messages` of the broker has it; to be awaited where that is."""
        return self._messages(self.name, skip, most)

    def _messages(self, name: str, skip: int, most: int | None) -> Any:
        raise AssertionError("it was not asked of a broker")

    def asked_of(self, messages: Callable[[str, int, int | None], Any]) -> "QueueState":
        """The same; messages: what `messages` asks."""
        object.__setattr__(self, "_messages", messages)
        return self

    @property
    def is_drained(self) -> bool:
        """Whether nothing waits in it and nothing is unacknowledged."""
        return not self.ready and not self.unacked


class UnknownQueueError(KeyError):
    """There is no such queue. The text has those that are there, the nearest name first."""

    def __init__(self, name: str, vhost: str, states: Mapping[str, QueueState]) -> None:
        there = "\n".join(told(state) for state in by_nearness(name, states)) or "  none: none is declared"
        self.text = f"there is no queue {name!r} in virtual host {vhost!r}; there are\n{there}"
        super().__init__(self.text)

    def __str__(self) -> str:
        return self.text


class Queues(Mapping[str, QueueState]):
    """The queues of one virtual host, by name, at the moment of the look."""

    def __init__(self, vhost: str, states: dict[str, QueueState]) -> None:
        self._vhost = vhost
        self._states = states

    def __getitem__(self, name: str) -> QueueState:
        """Raises UnknownQueueError, a KeyError."""
        try:
            return self._states[name]
        except KeyError:
            raise UnknownQueueError(name, self._vhost, self._states) from None

    def asked_of(self, messages: Callable[[str, int, int | None], Any]) -> "Queues":
        """The same; messages: what `messages` of a queue asks."""
        for state in self._states.values():
            state.asked_of(messages)
        return self

    def __contains__(self, name: object) -> bool:
        return name in self._states

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def __repr__(self) -> str:
        lines = "\n".join(told(state) for state in self._states.values())
        return f"queues of virtual host {self._vhost!r}:\n{lines or '  none'}"


def state_of(vhost: VirtualHost, queue: Queue) -> QueueState:
    """What there is to see of a queue now."""
    return QueueState(
        name=queue.name,
        vhost=vhost.name,
        kind=queue.settings.kind,
        ready=queue.message_count,
        unacked=queue.unacked,
        consumers=len(queue.consumers),
        consumer_tags=tuple(consumer.tag for consumer in queue.consumers),
        durable=queue.durable,
        auto_delete=queue.auto_delete,
        exclusive=queue.owner is not None,
        arguments={name: to_python(field) for name, field in queue.arguments.items()},
    )


def states_of(vhost: VirtualHost) -> Queues:
    """Those of a virtual host, in the order in which they were declared."""
    return Queues(vhost.name, {queue.name: state_of(vhost, queue) for queue in vhost.queues.values()})


def found_queue(vhost: VirtualHost, name: str) -> Queue:
    """The queue of that name. Raises UnknownQueueError."""
    queue = vhost.queues.get(name)
    if queue is None:
        raise UnknownQueueError(name, vhost.name, states_of(vhost))
    return queue


def waiting(queue: Queue, skip: int = 0, most: int | None = None) -> list[Message]:
    """What waits in a queue behind so many, in order; it stays there. most: None, all of it."""
    count = queue.message_count - skip if most is None else most
    return [Message(octets, redelivered) for _, octets, redelivered in queue.peek(skip, max(count, 0))]


def with_clients(connections: Iterable[Connection], queue: Queue) -> list[Message]:
    """What clients have of a queue and have not settled, in the order of the queue.

    Whether a client had it before that is not known any more.
    """
    found = [entry for connection in connections for entry in entries_of(connection, queue)]
    return [Message(octets) for _, octets in sorted(found, key=lambda one: one[0])]


def entries_of(connection: Connection, queue: Queue) -> list[tuple[int, Octets]]:
    """What a client has of a queue and has not settled: (position, message)."""
    return [
        (position, octets)
        for channel in connection.channels.values()
        for position, octets, number in _entries(channel)
        if number in channel.by_number and channel.by_number[number].queue is queue
    ]


def _entries(channel: Channel) -> Iterator[Entry]:
    """What its client has, also what a transaction has settled and not committed."""
    yield from channel.unacked.entries.values()
    if channel.transaction is not None:
        for entries, _ in channel.transaction.settled:
            yield from entries.values()


def told(state: QueueState) -> str:
    """A line for people."""
    kind = "" if state.kind == "classic" else f"  {state.kind}"
    return (
        f"  {state.name or repr('')}  ready {state.ready}  unacked {state.unacked}  consumers {state.consumers}{kind}"
    )


def by_nearness(name: str, states: Mapping[str, QueueState]) -> list[QueueState]:
    """The queues, those first whose names are the most like this one."""
    return sorted(states.values(), key=lambda state: -SequenceMatcher(None, name, state.name).ratio())
