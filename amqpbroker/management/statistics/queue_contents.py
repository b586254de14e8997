"""What waits in a queue, and what its clients have, in messages and octets.

Counts of messages are exact. So are octets of what waits, except right after a restart, when nobody has looked yet at
what is on disk; what would take a look at every message is told by some of them: how many are persistent, and octets of
what clients have.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final, NamedTuple

from amqpbroker.limits import MESSAGE_OVERHEAD_BYTES
from amqpbroker.model.consumer import Consumer
from amqpbroker.model.message import PERSISTENT, Message
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.queues.priority import Level, PriorityQueue
from amqpbroker.model.queues.quorum import QuorumQueue
from amqpbroker.model.queues.stream import StreamQueue
from amqpbroker.session.channel import Channel

# So many messages stand for all of a queue's.
_SAMPLE_MESSAGES: Final = 100


class Contents(NamedTuple):
    """ready, unacked: messages; ram: of those that wait, the ones in memory; persistent: of all. The same in octets."""

    ready: int
    ram: int
    unacked: int
    persistent: int
    ready_bytes: int
    ram_bytes: int
    unacked_bytes: int
    persistent_bytes: int

    @property
    def messages(self) -> int:
        """All that is in the queue or with clients."""
        return self.ready + self.unacked

    @property
    def message_bytes(self) -> int:
        """The octets of these."""
        return self.ready_bytes + self.unacked_bytes


def contents_of(queue: Queue) -> Contents:
    """What a queue holds now; nothing is read from disk for it."""
    ready, ram, ready_bytes, ram_bytes = _waiting(queue)
    sample = list(islice(_in_memory(queue), _SAMPLE_MESSAGES))
    unacked_bytes = _unacked_bytes(queue, ready_bytes // ready if ready else 0)
    all_persistent = isinstance(queue, QuorumQueue | StreamQueue)
    persistent_share = 1.0 if all_persistent else _persistent_share(queue, sample)
    return Contents(
        ready=ready,
        ram=ram,
        unacked=queue.unacked,
        persistent=round((ready + queue.unacked) * persistent_share),
        ready_bytes=ready_bytes,
        ram_bytes=ram_bytes,
        unacked_bytes=unacked_bytes,
        persistent_bytes=round((ready_bytes + unacked_bytes) * persistent_share),
    )


def waiting_bytes(queue: Queue) -> int:
    """Octets of what waits, as far as they are known."""
    return _waiting(queue)[2]


def head_of(queue: Queue) -> Message | None:
    """The message at the head of a queue, if it is in memory."""
    return next(_in_memory(queue), None)


def _waiting(queue: Queue) -> tuple[int, int, int, int]:
    """Messages, those in memory, octets of their bodies, of those in memory."""
    match queue:
        case PriorityQueue():
            parts = [_waiting(part) for part in _parts(queue)]
            ready, ram, ready_bytes, ram_bytes = map(sum, zip((0, 0, 0, 0), *parts, strict=True))
            return ready, ram, ready_bytes, ram_bytes
        case PagedQueue():
            ram = len(queue.ready) + len(queue.requeued) + queue.held_count
            ram_bytes = queue.held_bytes - MESSAGE_OVERHEAD_BYTES * ram
            return queue.message_count, ram, ram_bytes + (queue.disk_bytes or 0), ram_bytes
        case StreamQueue():
            return queue.message_count, 0, queue.ready_bytes, 0
        case _:
            return queue.message_count, queue.message_count, queue.ready_bytes, queue.ready_bytes


def _parts(queue: PriorityQueue) -> list[Level]:
    return [part for _, part in queue.waiting()] if isinstance(queue, QuorumQueue) else list(queue.parts.values())


def _in_memory(queue: Queue) -> Iterator[Message]:
    """What waits and is in memory, the head first."""
    if isinstance(queue, PriorityQueue):
        return chain.from_iterable(map(_in_memory, _parts(queue)))
    # What came back is a heap: its first is the head, and the others come in some order.
    return chain((message for _, message in queue.requeued), queue.ready)


def _persistent_share(queue: Queue, sample: Sequence[Message]) -> float:
    """Which share of the messages is persistent; in a queue that is not durable, none."""
    if not queue.durable or not sample:
        return 1.0 if queue.durable and queue.log is not None else 0.0
    return sum(1 for message in sample if message[3] & PERSISTENT) / len(sample)


def _unacked_bytes(queue: Queue, mean_bytes: int) -> int:
    """What clients have, by the mean of what consumers have; of what was got, by the mean of what waits."""
    if not queue.unacked:
        return 0
    sample = list(islice(chain.from_iterable(map(_outstanding, queue.consumers)), _SAMPLE_MESSAGES))
    if sample:
        mean_bytes = sum(len(message[2]) for message in sample) // len(sample)
    return mean_bytes * queue.unacked


def _outstanding(consumer: Consumer) -> Iterator[Message]:
    channel = consumer.sink
    if not consumer.outstanding or not isinstance(channel, Channel):
        return iter(())
    entries = islice(channel.unacked.entries.values(), _SAMPLE_MESSAGES)
    return (message for _, message, number in entries if number == consumer.number)
