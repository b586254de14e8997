"""The clients of one run: publishers of every kind, consumers of every kind, each with its connection and its thread.

They go on until the broker is killed. All of them keep the ledger.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from benchmark.wire import BASIC_ACK, BASIC_DELIVER, CHANNEL, CONFIRM_SELECT, CONFIRM_SELECT_OK, BenchmarkError, method
from crashing.bodies import Label, encode
from crashing.client import (
    BASIC_GET_EMPTY,
    TX_COMMIT,
    TX_COMMIT_OK,
    TX_ROLLBACK,
    TX_ROLLBACK_OK,
    TX_SELECT,
    TX_SELECT_OK,
    Client,
)
from crashing.definitions import Definitions
from crashing.ledger import Delivered, Ledger, QueueBooks

FANOUT: Final = "crash.fanout"
IN_TURN, REJECTED, AUTOMATIC, GOT, IN_TX, PILE, SPARSE, RECEIPTS = (
    f"crash.{word}" for word in ("in-turn", "rejected", "automatic", "got", "in-tx", "pile", "sparse", "receipts")
)
_LAST: Final = "crash.last"
FANNED: Final = (IN_TURN, REJECTED, SPARSE)
_JOIN_S: Final = 25.0
# A queue that nobody empties fills at some 20 MB a second; and an empty one is not asked all the time.
_PILE_REST_S: Final = 0.005
_GET_REST_S: Final = 0.005


def all_queues() -> list[QueueBooks]:
    return [
        QueueBooks(IN_TURN, in_turn=True),
        QueueBooks(REJECTED),
        QueueBooks(AUTOMATIC, in_turn=True, automatic=True),
        QueueBooks(GOT, in_turn=True),
        QueueBooks(IN_TX),
        QueueBooks(PILE, in_turn=True),
        QueueBooks(SPARSE),
        QueueBooks(RECEIPTS, in_turn=True),
    ]


def declare(port: int) -> None:
    """The queues and the exchange, as they are for the whole of a loop."""
    client = Client(port)
    client.declare_durable_exchange(FANOUT, "fanout")
    for queue in all_queues():
        client.declare_durable(queue.name)
    for name in FANNED:
        client.bind_queue(name, FANOUT, "")
    client.hang_up()


class ConfirmedPublisher:
    """Publishes on a client's channel in confirm mode; confirms are taken as they come among its events.

    waiting: what is not confirmed yet, in order. refused: the broker has answered something with basic.nack.
    """

    def __init__(self, ledger: Ledger, client: Client) -> None:
        self.ledger = ledger
        self.client = client
        self.number = ledger.new_publisher()
        self.waiting: deque[tuple[Label, Sequence[str]]] = deque()
        self.refused = False
        self._first_tag = 1
        self._settled_ahead: dict[int, bool] = {}
        client.call(CONFIRM_SELECT, b"\0", CONFIRM_SELECT_OK)

    def encode(
        self, exchange: str, key: str, queues: Sequence[str], size_bytes: int, *, persistent: bool = True
    ) -> bytes:
        """The next message, as good as sent."""
        label = self.ledger.sending(self.number, queues, persistent=persistent)
        self.waiting.append((label, queues))
        return self.client.encode(exchange, key, encode(label, size_bytes), persistent=persistent)

    def take(self, name: tuple[int, int], tag: int, multiple: bool) -> None:
        """basic.ack or basic.nack."""
        for one in range(self._first_tag, tag + 1) if multiple else (tag,):
            self._settled_ahead[one] = name == BASIC_ACK
        confirmed = []
        while (acked := self._settled_ahead.pop(self._first_tag, None)) is not None:
            self._first_tag += 1
            message = self.waiting.popleft()
            if acked:
                confirmed.append(message)
            else:
                # The disk has failed: the broker is about to end.
                self.refused = True
        self.ledger.confirmed(confirmed)

    def wait(self, down_to: int = 0) -> None:
        """Until no more than so many messages wait for their confirms."""
        while len(self.waiting) > down_to:
            event = self.client.event()
            self.take(event.name, event.tag, event.flag)


class Workload:
    """All clients of one run. heavy: the share of large bodies, 0 to 1."""

    def __init__(self, ledger: Ledger, port: int, seed: int, definitions: Definitions, *, heavy: float = 0.02) -> None:
        self._ledger = ledger
        self._port = port
        self._seed = seed
        self._definitions = definitions
        self._heavy = heavy
        self._threads: list[threading.Thread] = []
        self._broken: list[str] = []

    def start(self) -> None:
        clients: list[Callable[[random.Random], None]] = [
            self._flood,
            self._one_by_one,
            self._several,
            self._pile,
            self._transactions,
            self._consume_in_turn,
            self._consume_and_reject,
            self._consume_and_reject,
            self._consume_automatically,
            self._get,
            self._consume_in_transactions,
            self._consume_sparsely,
            self._define,
        ]
        for number, client in enumerate(clients):
            name = client.__name__.strip("_")
            run = threading.Thread(target=self._run, args=(client, name, f"{self._seed}.{number}"), daemon=True)
            self._threads.append(run)
            run.start()

    def _run(self, client: Callable[[random.Random], None], name: str, seed: str) -> None:
        try:
            client(random.Random(seed))
        except (OSError, BenchmarkError) as error:
            self._broken.append(f"{name}: {error}")

    def broken(self) -> list[str]:
        """Clients that have ended so far, and why."""
        return list(self._broken)

    def join(self) -> list[str]:
        """Waits for the clients, which end soon after the broker, and returns how; and those that do not."""
        for one in self._threads:
            one.join(_JOIN_S)
        return [*self._broken, *(f"{one.name} hangs" for one in self._threads if one.is_alive())]

    def _size_bytes(self, source: random.Random) -> int:
        if source.random() < self._heavy:
            return source.choice((40_000, 130_000, 131_072, 300_000))
        return source.choice((64, 200, 1_000, 4_000))

    # Publishers

    def _flood(self, source: random.Random) -> None:
        """Many in flight, each to several queues."""
        client = Client(self._port)
        publisher = ConfirmedPublisher(self._ledger, client)
        while True:
            count = source.choice((1, 20, 100))
            block = [publisher.encode(FANOUT, "", FANNED, self._size_bytes(source)) for _ in range(count)]
            client.send(b"".join(block))
            publisher.wait(source.choice((100, 200, 300)))

    def _one_by_one(self, source: random.Random) -> None:
        """One in flight."""
        client = Client(self._port)
        publisher = ConfirmedPublisher(self._ledger, client)
        while True:
            client.send(publisher.encode("", IN_TURN, (IN_TURN,), source.choice((40, 500, 20_000))))
            publisher.wait()

    def _several(self, source: random.Random) -> None:
        """Now to this queue, now to that, some of it transient."""
        client = Client(self._port)
        publisher = ConfirmedPublisher(self._ledger, client)
        while True:
            block = []
            for _ in range(source.randrange(1, 40)):
                queue = source.choice((AUTOMATIC, GOT))
                persistent = source.random() < 0.9
                block.append(publisher.encode("", queue, (queue,), self._size_bytes(source), persistent=persistent))
            client.send(b"".join(block))
            publisher.wait(60)

    def _pile(self, source: random.Random) -> None:
        """Large ones, for a queue that nobody consumes in a run: it has to leave memory. Some are transient, and at
        times one is larger than a segment."""
        client = Client(self._port)
        publisher = ConfirmedPublisher(self._ledger, client)
        giant_at = source.randrange(60) if source.random() < 0.1 else -1
        number = 0
        while True:
            size_bytes = 16_777_216 if number == giant_at else source.choice((2_000, 30_000, 100_000, 250_000))
            persistent = source.random() < 0.8
            client.send(publisher.encode("", PILE, (PILE,), size_bytes, persistent=persistent))
            publisher.wait(8)
            number += 1
            time.sleep(_PILE_REST_S)

    def _transactions(self, source: random.Random) -> None:
        """Each over several queues; some are rolled back."""
        client = Client(self._port)
        number = self._ledger.new_publisher()
        client.call(TX_SELECT, b"", TX_SELECT_OK)
        while True:
            published: list[tuple[Label, Sequence[str]]] = []
            block = []
            for _ in range(source.randrange(1, 20)):
                queues = source.choice(((IN_TX,), (IN_TURN,), FANNED))
                label = self._ledger.sending(number, queues)
                published.append((label, queues))
                exchange, key = (FANOUT, "") if queues is FANNED else ("", queues[0])
                block.append(client.encode(exchange, key, encode(label, self._size_bytes(source)), persistent=True))
            committing = source.random() < 0.9
            try:
                client.send(b"".join(block))
            except (OSError, BenchmarkError):
                committing = False
                raise
            finally:
                if not committing:
                    self._ledger.rolled_back(published)
            if not committing:
                client.call(TX_ROLLBACK, b"", TX_ROLLBACK_OK)
                continue
            try:
                client.call(TX_COMMIT, b"", TX_COMMIT_OK)
            except (OSError, BenchmarkError):
                self._ledger.unanswered(published)
                raise
            self._ledger.confirmed(published)

    def _define(self, source: random.Random) -> None:
        self._definitions.change(self._port, source)

    # Consumers

    def _consume_in_turn(self, source: random.Random) -> None:
        """One consumer, acknowledgements of many at once, and receipts: what was acknowledged before a message that is
        confirmed is settled for certain."""
        client = Client(self._port)
        receipts = _Receipts(self._ledger, client, IN_TURN)
        client.set_prefetch(300)
        client.consume(IN_TURN, no_ack=False)
        delivered = Delivered(IN_TURN)
        held: list[tuple[int, Label]] = []
        ack_at = 1
        while True:
            event = client.event()
            if event.name != BASIC_DELIVER:
                receipts.take(event.name, event.tag, event.flag)
                continue
            label = self._ledger.received(delivered, event.body, event.flag)
            if label is not None:
                held.append((event.tag, label))
            if len(held) >= ack_at:
                ack_at = source.choice((1, 10, 50, 200))
                self._ledger.acked(IN_TURN, [label.key for _, label in held])
                client.ack(held[-1][0], multiple=True)
                receipts.acked([label for _, label in held])
                held.clear()

    def _consume_and_reject(self, source: random.Random) -> None:
        """One of several consumers: takes, gives back, takes for good, in any order."""
        client = Client(self._port)
        receipts = _Receipts(self._ledger, client, REJECTED)
        client.set_prefetch(20)
        client.consume(REJECTED, no_ack=False)
        delivered = Delivered(REJECTED)
        held: list[tuple[int, Label]] = []
        while True:
            event = client.event()
            if event.name != BASIC_DELIVER:
                receipts.take(event.name, event.tag, event.flag)
                continue
            label = self._ledger.received(delivered, event.body, event.flag)
            if label is not None:
                held.append((event.tag, label))
            while len(held) > source.randrange(1, 15):
                self._settle_somehow(source, client, receipts, held)

    def _settle_somehow(
        self, source: random.Random, client: Client, receipts: "_Receipts", held: list[tuple[int, Label]]
    ) -> None:
        chance = source.random()
        at = source.randrange(len(held))
        tag, label = held[at]
        if chance < 0.06:
            client.reject(tag, requeue=True)
            del held[at]
        elif chance < 0.09:
            client.nack(tag, multiple=True, requeue=True)
            del held[: at + 1]
        elif chance < 0.12:
            self._ledger.acked(REJECTED, [label.key])
            client.reject(tag, requeue=False)
            receipts.acked([label])
            del held[at]
        elif chance < 0.5:
            self._ledger.acked(REJECTED, [label.key])
            client.ack(tag)
            receipts.acked([label])
            del held[at]
        else:
            settled = [label for _, label in held[: at + 1]]
            self._ledger.acked(REJECTED, [label.key for label in settled])
            client.ack(tag, multiple=True)
            receipts.acked(settled)
            del held[: at + 1]

    def _consume_automatically(self, _source: random.Random) -> None:
        client = Client(self._port)
        client.consume(AUTOMATIC, no_ack=True)
        delivered = Delivered(AUTOMATIC)
        while True:
            event = client.event()
            self._ledger.received(delivered, event.body, event.flag)

    def _get(self, source: random.Random) -> None:
        client = Client(self._port)
        delivered = Delivered(GOT)
        while True:
            event = client.get(GOT)
            if event.name == BASIC_GET_EMPTY:
                time.sleep(_GET_REST_S)
                continue
            label = self._ledger.received(delivered, event.body, event.flag)
            if label is None or source.random() < 0.02:
                continue
            self._ledger.acked(GOT, [label.key])
            client.ack(event.tag)

    def _consume_in_transactions(self, source: random.Random) -> None:
        """Acknowledges in transactions, of which some are rolled back."""
        client = Client(self._port)
        client.call(TX_SELECT, b"", TX_SELECT_OK)
        client.set_prefetch(50)
        client.consume(IN_TX, no_ack=False)
        delivered = Delivered(IN_TX)
        held: list[tuple[int, Label]] = []
        while True:
            event = client.event()
            label = self._ledger.received(delivered, event.body, event.flag)
            if label is not None:
                held.append((event.tag, label))
            if len(held) < source.randrange(1, 40):
                continue
            keys = [label.key for _, label in held if label.persistent]
            client.ack(held[-1][0], multiple=True)
            if source.random() < 0.1:
                # The acknowledgements are taken back, and follow in the next transaction.
                self._answered(client, delivered, held, TX_ROLLBACK, TX_ROLLBACK_OK)
                continue
            self._ledger.acked(IN_TX, keys)
            held.clear()
            self._answered(client, delivered, held, TX_COMMIT, TX_COMMIT_OK)
            self._ledger.settled(IN_TX, keys)

    def _answered(
        self,
        client: Client,
        delivered: Delivered,
        held: list[tuple[int, Label]],
        name: tuple[int, int],
        answer: tuple[int, int],
    ) -> None:
        """Says something that is answered; what is delivered meanwhile is held."""
        client.send(method(CHANNEL, name))
        while True:
            event = client.event()
            if event.name == answer:
                return
            label = self._ledger.received(delivered, event.body, event.flag)
            if label is not None:
                held.append((event.tag, label))

    def _consume_sparsely(self, source: random.Random) -> None:
        """Keeps one of many for the whole run: what is kept is spread over all segments, and has to be copied."""
        client = Client(self._port)
        client.consume(SPARSE, no_ack=False)
        delivered = Delivered(SPARSE)
        while True:
            event = client.event()
            label = self._ledger.received(delivered, event.body, event.flag)
            if label is not None and source.random() < 0.97:
                self._ledger.acked(SPARSE, [label.key])
                client.ack(event.tag)


class _Receipts:
    """Messages that follow acknowledgements on the same channel. When one is confirmed, they are on disk too."""

    def __init__(self, ledger: Ledger, client: Client, queue: str) -> None:
        self._ledger = ledger
        self._client = client
        self._queue = queue
        self._publisher = ConfirmedPublisher(ledger, client)
        self._open: list[int] = []
        self._waiting: deque[list[int]] = deque()

    def acked(self, labels: Iterable[Label]) -> None:
        self._open += [label.key for label in labels if label.persistent]
        if len(self._open) >= 100:
            self.send()

    def send(self) -> None:
        self._waiting.append(self._open)
        self._open = []
        self._client.send(self._publisher.encode("", RECEIPTS, (RECEIPTS,), 100))

    def take(self, name: tuple[int, int], tag: int, multiple: bool) -> None:
        self._publisher.take(name, tag, multiple)
        while not self._publisher.refused and len(self._waiting) > len(self._publisher.waiting):
            self._ledger.settled(self._queue, self._waiting.popleft())


def drain(ledger: Ledger, port: int) -> None:
    """Empties every queue, to the end, and does not return before that is on disk."""
    for queue in ledger.queues.values():
        client = Client(port)
        left = client.message_count(queue.name)
        delivered = Delivered(queue.name)
        if left:
            client.set_prefetch(500)
            client.consume(queue.name, no_ack=queue.automatic)
        keys: list[int] = []
        while left:
            event = client.event()
            left -= 1
            label = ledger.received(delivered, event.body, event.flag)
            if label is not None:
                keys.append(label.key)
            if not queue.automatic and (left == 0 or len(keys) >= 200):
                ledger.acked(queue.name, keys)
                client.ack(event.tag, multiple=True)
                keys.clear()
        client.hang_up()
    # What is answered once it is on disk, and said after all that: so all of it is there.
    client = Client(port)
    for queue in ledger.queues.values():
        if count := client.message_count(queue.name):
            ledger.fault("count", f"{queue.name}: {count} messages after all that it told of were acknowledged")
    client.declare_durable(_LAST)
    client.delete_queue(_LAST)
    client.hang_up()
    ledger.drained()
