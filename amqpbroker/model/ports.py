"""What the model asks of the rooms above it: who takes deliveries, who watches, what time it is, what survives."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from amqpbroker.model.counters import Counters
from amqpbroker.model.message import Message

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.exchange import Exchange
    from amqpbroker.model.queue import Entry, Queue
    from amqpbroker.model.stored_runs import StoredRuns
    from amqpbroker.model.vhost import VirtualHost


class Deadline(Protocol):
    """Something to be done at a time."""

    def cancel(self) -> None:
        """It will not be done."""


class Clock(Protocol):
    """The time, and who calls when it has come."""

    def now_s(self) -> float:
        """Seconds from anywhere, never backwards."""

    def unix_ms(self) -> int:
        """Milliseconds of Unix time, never backwards while the broker runs: what deadlines on disk are told in."""

    def seconds_at(self, unix_ms: int) -> float:
        """What `now_s` is as soon as `unix_ms` is this."""

    def at(self, when_s: float, callback: Callable[[], None]) -> Deadline:
        """Calls callback when `now_s` has come so far."""


class Client(NamedTuple):
    """Who publishes or is delivered to: the connection's name, the number of its channel, its user."""

    connection: str
    channel: int
    user: str


class LiveConnection(Protocol):
    """A client that has logged in and is in a virtual host. vhost: set before anybody sees it."""

    vhost: "VirtualHost"

    @property
    def user_name(self) -> str:
        """Who has logged in."""

    def force_close(self, reason: str) -> None:
        """The client is told that the connection is closed from here, and why: 320."""


class Sink(Protocol):
    """Where a consumer's messages go: a channel of a connection."""

    @property
    def counters(self) -> Counters:
        """What it counts in."""

    def deliver(
        self,
        consumer: "Consumer",
        positions: Sequence[int],
        messages: Sequence[Message],
        redelivered: bool,
    ) -> None:
        """Takes messages that the queue gives to the consumer, with their positions in the queue."""

    def cancelled(self, consumer: "Consumer") -> None:
        """The queue is gone, and the consumer with it: the client is told if it asked for that."""

    def outlet(self) -> object:
        """The connection behind it: consumers with one outlet see each other's deliveries in order."""

    def client(self) -> Client:
        """Who it is, for those who watch."""


class Uncounted(Protocol):
    """What has gone by and is not counted yet: adding it up now and then is cheaper than for each run."""

    def count_up(self) -> None:
        """Everybody whom it concerns counts it."""


class Tap:
    """Watches the traffic, a call for each run: firehose, live inbox, history, faults and measuring hang here.

    in_order: whether it has to be told of messages in the order in which they came, also where nobody else can tell.
    Who derives from it is told of everything, and has to answer only what it wants to know.
    """

    in_order: bool = True

    def published(
        self, sink: Sink, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Message]
    ) -> None:
        """Messages of a client, sink, were routed, to no queue perhaps; they are not in the queues yet."""

    def returned(self, messages: Sequence[Message]) -> None:
        """Messages that were published just now found no queue, and go back to their publisher."""

    def forwarded(self, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Message]) -> None:
        """The broker itself sends messages on: dead letters, delayed ones. They are not in the queues yet."""

    def delivered(
        self, consumer: "Consumer", positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        """Messages were given to a consumer, from these positions in its queue or in parts of it.

        Below 0: none; the message went straight on to its consumer.
        """

    def settled(self, consumer: "Consumer", entries: "Sequence[Entry]", how: str) -> None:
        """Messages left the hands of a consumer's client; how: 'ack', 'requeue' or 'discard'."""

    def given_up(self, queue: "Queue", reason: str, messages: Sequence[Message]) -> None:
        """A queue has dropped messages by its rules, whether they become dead letters or not; reason: as x-death's."""


class RecordedQueue(Protocol):
    """What the journal knows of a queue. tail: the position that the next message gets. counters: it counts, too."""

    counters: Counters
    log: "QueueJournal | None"
    tail: int

    @property
    def waits_for_disk(self) -> bool:
        """Whether it holds anything only until that is on disk."""

    def moment_ms(self, messages: Sequence[Message]) -> int:
        """What is recorded with messages that are about to be put in, in Unix milliseconds; 0: nothing."""

    def restore(self, runs: "StoredRuns", tail: int, *, timed: bool) -> None:
        """What a restart has found of it. timed: some of the records have a moment."""

    def stored(self, first: int, count: int, place: int) -> None:
        """A run is on disk at this place."""

    def relocate(self, first: int, count: int, place: int) -> None:
        """A run has moved on disk."""

    def redelivered_runs(self) -> list[tuple[int, int]]:
        """The runs of what waits that may have been with a client: (first, end)."""

    def drain(self) -> None:
        """It may hand out messages again."""


class QueueJournal(Protocol):
    """What a durable queue tells the journal. id: what records call the queue.

    renew_at: when positions from here on are handed out, `handed_out` is to be called.
    """

    id: int
    renew_at: int

    def settle(self, positions: Sequence[int]) -> None:
        """Messages are acknowledged, dropped or purged; those that were never recorded are no matter."""

    def settle_run(self, first: int, end: int) -> None:
        """The same, of the positions first to end, end not included."""

    def allowance(self, head: int) -> int:
        """How many messages from the position head on may be given to clients now; 0 or less: none."""

    def handed_out(self, end: int) -> None:
        """All before the position end were given to clients."""

    def ask_for(self, head: int) -> None:
        """The queue would go on at head: it is drained when it may."""

    def wake_when_committed(self) -> None:
        """The queue is drained when all that is recorded by now is on disk."""


class Store(Protocol):
    """Where a queue puts what does not fit into memory."""

    def page(self, queue: "RecordedQueue", first: int, messages: Sequence[Message]) -> None:
        """A run that is not recorded is to go to disk; the queue is told with `stored`."""

    def read(self, place: int, queue: int, first: int, count: int) -> list[Message | None]:
        """Messages of a queue (its id) from the position first on; None for what is damaged, which the store tells."""

    def release(self, place: int, count: int) -> None:
        """Messages of a run are waited for no more."""


class Journal(Store, Protocol):
    """What survives a restart.

    open_number: of what is recorded now; done_number: of what is on disk. defined_number: of the last definition.
    pending_bytes: about how much is recorded and not on disk.
    """

    open_number: int
    done_number: int
    defined_number: int
    pending_bytes: int

    @property
    def is_paging(self) -> bool:
        """Whether anything is about to leave memory under the open number."""

    @property
    def is_recording(self) -> bool:
        """Whether anything is recorded under the open number."""

    def define(self, kind: str, vhost: str, name: str, content: dict[str, Any]) -> None:
        """From now on this is true of the thing."""

    def undefine(self, kind: str, vhost: str, name: str) -> None:
        """The thing is gone, if it was ever defined."""

    def new_queue(self, queue: "RecordedQueue") -> QueueJournal:
        """A durable queue is declared."""

    def forget_queue(self, log: QueueJournal) -> None:
        """A durable queue was deleted, with all that was in it or with clients."""

    def publish(self, queues: Sequence["RecordedQueue"], messages: Sequence[Message]) -> None:
        """A run of persistent messages is about to be put into these durable queues."""

    def when_committed(self, callback: Callable[[], None]) -> None:
        """Calls callback when all that is recorded by now is on disk."""
