"""What was measured of a queue, as it is at one moment: copies, to be looked at while the traffic goes on."""

from dataclasses import dataclass

from amqpbroker.capacity.measuring.sample import Sample
from amqpbroker.capacity.measuring.traffic import QueueTraffic
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.queues.priority import PriorityQueue


@dataclass(frozen=True, slots=True)
class Times:
    """Times of one kind, in seconds. count, mean_s, cv: of all of them. last_s: the last ones, in order."""

    count: int
    mean_s: float
    cv: float
    last_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen of a queue, and how it is set up; see `QueueTraffic`.

    since_s: for how long it is measured; watched_s: in so much of that all was seen. consumers: those that get messages
    and acknowledge them; silent_consumers: those that acknowledge nothing. prefetch: of the consumers, on average; 0:
    without a limit. dispatch: the name of the strategy, empty for round robin. keeps_messages: it is a stream, or
    something else that takes nothing off. by_priority: messages of several priorities have come. ready: messages that
    wait.
    """

    since_s: float
    watched_s: float
    stretches: int
    arrived: int
    bursts: int
    together: int
    unacknowledged: int
    fetched: int
    returned: int
    given_up: int
    gaps: Times
    services: Times
    waits: Times
    starts: Times
    consumers: int
    silent_consumers: int
    prefetch: int
    dispatch: str
    keeps_messages: bool
    by_priority: bool
    ready: int


def measured(traffic: QueueTraffic, now_s: float) -> Measured:
    """What is known of a queue now."""
    queue = traffic.queue
    working = [consumer for consumer in queue.consumers if not consumer.waits]
    workers = [consumer for consumer in working if not consumer.no_ack]
    return Measured(
        since_s=now_s - traffic.begun_s,
        watched_s=traffic.watched_s(now_s),
        stretches=traffic.stretches,
        arrived=traffic.arrived,
        bursts=traffic.bursts,
        together=traffic.together,
        unacknowledged=traffic.unacknowledged,
        fetched=traffic.fetched,
        returned=traffic.returned,
        given_up=traffic.given_up,
        gaps=_times(traffic.gaps),
        services=_times(traffic.services),
        waits=_times(traffic.waits),
        starts=_times(traffic.starts),
        consumers=len(workers),
        silent_consumers=len(working) - len(workers),
        prefetch=_prefetch([consumer.prefetch for consumer in workers]),
        dispatch=queue.settings.dispatch_strategy or "",
        keeps_messages=not isinstance(queue, PagedQueue | PriorityQueue),
        by_priority=_is_by_priority(queue),
        ready=queue.message_count,
    )


def _times(sample: Sample) -> Times:
    return Times(sample.count, sample.mean_s, sample.cv, tuple(sample.last_s))


def _prefetch(each: list[int]) -> int:
    return 0 if not each or 0 in each else round(sum(each) / len(each))


def _is_by_priority(queue: Queue) -> bool:
    """Whether messages of several priorities have come to it."""
    return isinstance(queue, PriorityQueue) and len(queue.parts) > 1
