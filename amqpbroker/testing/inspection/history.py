"""What has happened to messages: published, delivered, acknowledged, dead-lettered, in the order in which it happened.

Runs are noted as they go by, a call for each, and nothing is decoded before somebody asks. What is noted is bounded: of
a flood the oldest goes first, and how much that was is told.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from amqpbroker.model.dead_letter import REJECTED
from amqpbroker.model.message import Message as Octets
from amqpbroker.model.ports import Client, Sink, Tap
from amqpbroker.model.queue import size_of
from amqpbroker.testing.inspection.message import Message

if TYPE_CHECKING:
    from amqpbroker.model.broker import Broker
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.exchange import Exchange
    from amqpbroker.model.queue import Entry, Queue
    from amqpbroker.model.vhost import VirtualHost

PUBLISHED: Final = "published"
RETURNED: Final = "returned"
FORWARDED: Final = "forwarded"
DELIVERED: Final = "delivered"
ACKED: Final = "acked"
REQUEUED: Final = "requeued"
DISCARDED: Final = "rejected"
GIVEN_UP: Final = "given_up"
_SETTLED: Final = {"ack": ACKED, "requeue": REQUEUED, "discard": DISCARDED}

# Events of one message each; and about what is kept alive by them, in octets of bodies and overhead.
MESSAGES_MAX: Final = 100_000
BYTES_MAX: Final = 67_108_864


class Run(NamedTuple):
    """Messages to which the same happened at once. queues: of PUBLISHED and FORWARDED where they went to.

    size_bytes: about what is kept alive by it. client: who published, or got them. consumer_tag: empty for basic.get.
    version: of the topology then.
    """

    kind: str
    unix_ms: int
    vhost: str
    version: int
    queues: tuple[str, ...]
    messages: Sequence[Octets]
    size_bytes: int
    client: Client | None = None
    consumer_tag: str = ""
    reason: str = ""
    redelivered: bool = False


class Event(Message):
    """A message, and what happened to it.

    kind: published, returned, forwarded (by the broker itself: dead letters, delayed messages), delivered, acked,
    requeued, rejected or given_up. time: by the broker's clock. queues: where it went, or the one that it was in.
    connection, channel, user: whose it was; None, 0, None: the broker's own. reason: why it was given up.
    """

    def __init__(self, run: Run, octets: Octets) -> None:
        super().__init__(octets, run.redelivered)
        self._run = run

    @property
    def kind(self) -> str:
        """What happened."""
        return self._run.kind

    @property
    def time(self) -> datetime:
        """When, by the broker's clock."""
        return datetime.fromtimestamp(self._run.unix_ms / 1000, UTC)

    @property
    def vhost(self) -> str:
        """In which virtual host."""
        return self._run.vhost

    @property
    def queues(self) -> tuple[str, ...]:
        """Where it went, or the queue that it was in."""
        return self._run.queues

    @property
    def connection(self) -> str | None:
        """The name of the client's connection."""
        return self._run.client.connection if self._run.client is not None else None

    @property
    def channel(self) -> int:
        """The number of the client's channel."""
        return self._run.client.channel if self._run.client is not None else 0

    @property
    def user(self) -> str | None:
        """Whose connection it was."""
        return self._run.client.user if self._run.client is not None else None

    @property
    def consumer_tag(self) -> str:
        """Whose messages these were; empty: basic.get's, or nobody's."""
        return self._run.consumer_tag

    @property
    def reason(self) -> str:
        """Why it was given up: expired, rejected, maxlen or delivery_limit."""
        return self._run.reason

    @property
    def version(self) -> int:
        """Of the topology when it happened."""
        return self._run.version

    def told(self) -> str:
        where = ", ".join(self.queues) or "no queue"
        return f"{self.kind} ({where}{f', {self.reason}' if self.reason else ''}) {super().told()}"


@dataclass(frozen=True)
class History:
    """What has happened in one virtual host, or in all, as far as it is still noted.

    dropped: how many events had to be forgotten: those are the oldest, of any virtual host.
    """

    runs: Sequence[Run]
    dropped: int

    def of(self, *kinds: str) -> list[Event]:
        """The events of these kinds, the oldest first; all without one."""
        return [Event(run, octets) for run in self.runs if not kinds or run.kind in kinds for octets in run.messages]

    @property
    def events(self) -> list[Event]:
        """All of them."""
        return self.of()

    @property
    def published(self) -> list[Event]:
        """What clients have published, routed to a queue or not."""
        return self.of(PUBLISHED)

    @property
    def returned(self) -> list[Event]:
        """What was mandatory, found no queue and went back to its publisher."""
        return self.of(RETURNED)

    @property
    def forwarded(self) -> list[Event]:
        """What the broker itself has sent on: dead letters, delayed messages when they were due."""
        return self.of(FORWARDED)

    @property
    def delivered(self) -> list[Event]:
        """What clients were given, by basic.deliver and basic.get."""
        return self.of(DELIVERED)

    @property
    def acked(self) -> list[Event]:
        """What clients have acknowledged; what needs no acknowledgement is delivered and no more."""
        return self.of(ACKED)

    @property
    def requeued(self) -> list[Event]:
        """What came back from clients: rejected to be requeued, recovered, or left by a channel that was closed."""
        return self.of(REQUEUED)

    @property
    def rejected(self) -> list[Event]:
        """What clients have rejected for good."""
        return self.of(DISCARDED)

    @property
    def expired(self) -> list[Event]:
        """What queues have given up because its time to live was over."""
        return [event for event in self.of(GIVEN_UP) if event.reason == "expired"]

    def last(self, most: int) -> list[Event]:
        """The last events, at most so many, the oldest of them first."""
        found: list[Event] = []
        for run in reversed(self.runs):
            wanted = most - len(found)
            if not wanted:
                break
            found += [Event(run, octets) for octets in list(run.messages)[: -wanted - 1 : -1]]
        return found[::-1]

    def __len__(self) -> int:
        return sum(len(run.messages) for run in self.runs)

    def __repr__(self) -> str:
        lines = [f"  {event.told()}" for event in self.last(_SHOWN_MAX)]
        return "\n".join([f"history: {len(self)} events, {self.dropped} older ones dropped", *lines])


_SHOWN_MAX: Final = 20


class Recorder:
    """Notes the traffic of a broker, in all of its virtual hosts and those that come."""

    def __init__(self, broker: "Broker") -> None:
        self.runs: deque[Run] = deque()
        self.dropped = 0
        self._count = 0
        self._size_bytes = 0
        broker.watch_vhosts(lambda vhost: vhost.watch(RecordingTap(self, vhost)))

    def note(self, run: Run) -> None:
        """Something has happened."""
        self.runs.append(run)
        self._count += len(run.messages)
        self._size_bytes += run.size_bytes
        while self._count > MESSAGES_MAX or (self._size_bytes > BYTES_MAX and len(self.runs) > 1):
            oldest = self.runs.popleft()
            self._count -= len(oldest.messages)
            self._size_bytes -= oldest.size_bytes
            self.dropped += len(oldest.messages)

    def last(self, kind: str) -> Run | None:
        """The last run of a kind."""
        return next((run for run in reversed(self.runs) if run.kind == kind), None)

    def go_on_from(self, other: "Recorder") -> None:
        """It has noted what another has, whose broker has ended: this one's is started again."""
        self.runs, self.dropped = other.runs, other.dropped
        self._count, self._size_bytes = other._count, other._size_bytes

    def taken(self) -> deque[Run]:
        """All that is noted; from now on nothing is, and nothing was dropped."""
        taken, self.runs = self.runs, deque()
        self.dropped = self._count = self._size_bytes = 0
        return taken

    def history(self, vhost: str | None = None) -> History:
        """What is noted of a virtual host; None: of all."""
        return History([run for run in self.runs if vhost in (None, run.vhost)], self.dropped)


class RecordingTap(Tap):
    """The history at one virtual host."""

    def __init__(self, recorder: Recorder, vhost: "VirtualHost") -> None:
        self._recorder = recorder
        self._vhost = vhost

    def _note(self, kind: str, queues: Sequence[str], messages: Sequence[Octets], *more: Any) -> None:
        vhost = self._vhost
        about = kind, vhost.clock.unix_ms(), vhost.name, vhost.version, tuple(queues), messages, size_of(messages)
        self._recorder.note(Run(*about, *more))

    def published(
        self, sink: Sink, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Octets]
    ) -> None:
        self._note(PUBLISHED, [queue.name for queue in queues], messages, sink.client())

    def returned(self, messages: Sequence[Octets]) -> None:
        published = self._recorder.last(PUBLISHED)
        self._note(RETURNED, (), messages, published.client if published is not None else None)

    def forwarded(self, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Octets]) -> None:
        if not exchange.name.startswith(_OWN_EXCHANGES):
            self._note(FORWARDED, [queue.name for queue in queues], messages)

    def delivered(
        self, consumer: "Consumer", positions: Sequence[int], messages: Sequence[Octets], redelivered: bool
    ) -> None:
        self._note(DELIVERED, (consumer.queue.name,), messages, consumer.sink.client(), consumer.tag, "", redelivered)

    def settled(self, consumer: "Consumer", entries: "Sequence[Entry]", how: str) -> None:
        messages = [message for _, message, _ in entries]
        queues = (consumer.queue.name,)
        self._note(_SETTLED[how], queues, messages, consumer.sink.client(), consumer.tag)
        if how == "discard" and consumer.queue.rules is None and consumer.queue.settings.kind != _STREAM:
            # A queue with rules says so itself.
            self._note(GIVEN_UP, queues, messages, None, "", REJECTED)

    def given_up(self, queue: "Queue", reason: str, messages: Sequence[Octets]) -> None:
        self._note(GIVEN_UP, (queue.name,), messages, None, "", reason)


_STREAM: Final = "stream"
_OWN_EXCHANGES: Final = "amq.rabbitmq."
