"""The traffic of one queue: when messages come, how long they wait, and how long consumers take for them.

*Arrivals.* What comes in one read of a publisher's socket comes at once. So many messages at one moment are one time
between arrivals and as many zeros less one, for that is what they are to the queue: a burst.

*Waits*, from publishing to the first delivery. A message is known again by its position in the queue, so a purge,
what is dropped, and messages that share their octets do no harm. What is delivered again has waited before. *Starts*
are the waits until its consumer begins with a message, which with prefetch above 1 is later than the delivery.

*Services*, from the delivery to the acknowledgement, or to the rejection for good. A consumer that has several messages
works on one after the other: the service of one begins with its delivery, or when its consumer was done with the one
before, whichever is later. Those acknowledged together (`multiple`, or in one read) have shared the time evenly, as
nobody can tell what each of them took. With prefetch 1 it is simply the time from delivery to acknowledgement, the way
to the client and back in it. What is given back is no service, and a consumer without acknowledgements tells of none.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from amqpbroker.capacity.measuring.sample import KEPT_MAX, Sample
from amqpbroker.model.consumer import Consumer
from amqpbroker.model.message import Message
from amqpbroker.model.queue import Entry, Queue
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.queues.priority import PriorityQueue
from amqpbroker.wire.runs import UniformRun

# Runs that wait, and messages that a consumer has taken ahead, whose time of arrival is known: with more of them the
# queue is far from keeping up.
MARKS_MAX: Final = 20_000

_ONE_PART: Final = 0


class QueueTraffic:
    """What was measured of a queue since begun_s.

    gaps: the times between arrivals. waits, starts, services: see above; where the delivery is the start it is among
    the waits only. arrived: messages. bursts: the moments at which any came. together: of the services, those whose
    acknowledgements came with others. unacknowledged: given to consumers that acknowledge nothing. fetched: got one by
    one, with basic.get. returned: given back by clients, or by their end. given_up: expired, or dropped from a full
    queue. consumers: how many there were while waits and starts were measured, which begin anew with every change.
    stretches: in how many parts of the time it was watched. asked_s: when somebody last wanted to know.
    """

    def __init__(self, queue: Queue, now_s: float) -> None:
        self.queue = queue
        self.begun_s = now_s
        self.asked_s = now_s
        self.waits = Sample()
        self.starts = Sample()
        self.services = Sample()
        self.arrived = 0
        self.bursts = 0
        self.unacknowledged = 0
        self.fetched = 0
        self.returned = 0
        self.given_up = 0
        self.together = 0
        self.stretches = 1
        self.consumers = len(queue.consumers)
        self._watched_s = 0.0
        self._watching_since_s: float | None = now_s
        # When messages came, and how many at that time, of the last; None: nobody watched for a while.
        self._arrivals: deque[tuple[float, int] | None] = deque(maxlen=KEPT_MAX)
        # By the part of the queue: [first position, the one after the last, when they came], of what may still wait.
        self._marks: dict[int, deque[tuple[int, int, float]]] = {}
        self._busy_since_s: dict[Consumer, float] = {}
        # When what a consumer has taken ahead came, in order, and how many at that time; None: nobody knows.
        self._in_hand: dict[Consumer, deque[tuple[float | None, int]]] = {}

    # While it is not watched, nothing is known

    def watched_s(self, now_s: float) -> float:
        """For how many seconds all that came and went was seen."""
        since_s = self._watching_since_s
        return self._watched_s + (now_s - since_s if since_s is not None else 0.0)

    def pause(self, now_s: float) -> None:
        """From now on it is told of nothing."""
        self._watched_s = self.watched_s(now_s)
        self._watching_since_s = None
        self._arrivals.append(None)
        self._busy_since_s.clear()
        self._in_hand.clear()

    def resume(self, now_s: float) -> None:
        """It is told of everything again. Positions are known again, so what came before may go on to wait."""
        self._watching_since_s = now_s
        self.stretches += 1

    # Arrivals

    def came(self, messages: Sequence[Message], now_s: float) -> None:
        """Messages are about to be put in."""
        count = len(messages)
        self.arrived += count
        self.bursts += 1
        self._arrivals.append((now_s, count))
        queue = self.queue
        if isinstance(queue, PagedQueue):
            self._mark(_ONE_PART, queue, count, now_s)
        elif isinstance(queue, PriorityQueue):
            for level, own_count in _levels(queue, messages).items():
                self._mark(level, queue.parts.get(level), own_count, now_s)

    @property
    def gaps(self) -> Sample:
        """The times between the last arrivals."""
        gaps = Sample()
        last_s: float | None = None
        for arrival in self._arrivals:
            if arrival is None:
                last_s = None
                continue
            came_s, count = arrival
            if last_s is not None:
                gaps.add(came_s - last_s)
            if count > 1:
                gaps.add(0.0, count - 1)
            last_s = came_s
        return gaps

    def _mark(self, level: int, part: PagedQueue | None, count: int, now_s: float) -> None:
        marks = self._marks.get(level)
        if marks is None:
            marks = self._marks[level] = deque()
        head, first = (part.head, part.tail) if part is not None else (1, 1)
        while marks and marks[0][1] <= head:
            marks.popleft()
        if marks and marks[-1][1] > first:
            # Not all that came the last time was put in, such as duplicates.
            start, _, came_s = marks.pop()
            if start < first:
                marks.append((start, first, came_s))
        if len(marks) < MARKS_MAX:
            marks.append((first, first + count, now_s))

    # Waits

    def handed(
        self,
        consumer: Consumer,
        positions: Sequence[int],
        messages: Sequence[Message],
        redelivered: bool,
        now_s: float,
    ) -> None:
        """Messages were given to a consumer."""
        queue = self.queue
        count = len(messages)
        if len(queue.consumers) != self.consumers:
            self.consumers = len(queue.consumers)
            self.waits, self.starts = Sample(), Sample()
        came = [] if redelivered else self._came(positions, messages)
        for came_s, times in came:
            self.waits.add(now_s - came_s, times)
        if not consumer.tag:
            self.fetched += count
        elif consumer.no_ack:
            self.unacknowledged += count
        else:
            if consumer.outstanding == count:
                self._busy_since_s[consumer] = now_s
                self._in_hand.pop(consumer, None)
            if consumer.prefetch != 1:
                self._take_in_hand(consumer, came, count)

    def _came(self, positions: Sequence[int], messages: Sequence[Message]) -> list[tuple[float, int]]:
        """When messages came of which that is known, as (time, how many at that time)."""
        queue = self.queue
        if isinstance(queue, PagedQueue):
            return self._came_to(_ONE_PART, positions)
        if not isinstance(queue, PriorityQueue):
            return []
        if positions[0] < 0:
            last = self._arrivals[-1] if self._arrivals else None
            return [(last[0], len(messages))] if last is not None else []
        return [
            known
            for position, message in zip(positions, messages, strict=True)
            for known in self._came_to(queue.level_of(message[3]), (position,))
        ]

    def _came_to(self, level: int, positions: Sequence[int]) -> list[tuple[float, int]]:
        marks = self._marks.get(level)
        found: list[tuple[float, int]] = []
        if not marks:
            return found
        # Consumers that are served together get theirs from the first position on, one after the other.
        while marks and marks[0][1] <= positions[0]:
            marks.popleft()
        seen = 0
        for first, end, came_s in marks:
            seen = bisect_left(positions, first, seen)
            if seen == len(positions):
                break
            upto = bisect_left(positions, end, seen)
            if upto > seen:
                found.append((came_s, upto - seen))
            seen = upto
        return found

    # Services

    def _take_in_hand(self, consumer: Consumer, came: Sequence[tuple[float, int]], count: int) -> None:
        """A consumer that takes messages ahead begins with them later, in their order."""
        in_hand = self._in_hand.get(consumer)
        if in_hand is None:
            in_hand = self._in_hand[consumer] = deque()
            if before := consumer.outstanding - count:
                in_hand.append((None, before))
        if sum([times for _, times in came]) == count:
            in_hand.extend(came)
        else:
            in_hand.append((None, count))
        if len(in_hand) > MARKS_MAX:
            del self._in_hand[consumer]

    def settled(self, consumer: Consumer, entries: Sequence[Entry], how: str, now_s: float) -> None:
        """A consumer's client is done with messages. how: as taps are told."""
        if not consumer.tag:
            return
        count = len(entries)
        since_s = self._busy_since_s.pop(consumer, None)
        if how == "requeue":
            self.returned += count
        if how == "requeue" or since_s is None:
            # Which of those that it has these were is not looked for.
            self._in_hand.pop(consumer, None)
        else:
            took_s = (now_s - since_s) / count
            self.services.add(took_s, count)
            if count > 1:
                self.together += count
            self._began(consumer, count, since_s, took_s)
        if consumer.outstanding:
            self._busy_since_s[consumer] = now_s
        elif self._in_hand:
            self._in_hand.pop(consumer, None)

    def _began(self, consumer: Consumer, count: int, since_s: float, took_s: float) -> None:
        """A consumer has worked on the first that it had in hand since then, and for so long on each."""
        in_hand = self._in_hand.get(consumer)
        done = 0
        while in_hand and done < count:
            came_s, times = in_hand.popleft()
            taken = min(times, count - done)
            if taken < times:
                in_hand.appendleft((came_s, times - taken))
            if came_s is not None:
                # Of those that came together, and were done with together, the middle one stands for all.
                self.starts.add(since_s + (done + (taken - 1) / 2) * took_s - came_s, taken)
            done += taken


def _levels(queue: PriorityQueue, messages: Sequence[Message]) -> dict[int, int]:
    """How many of the messages go to which level of the queue."""
    if isinstance(messages, UniformRun):
        return {queue.level_of(messages.flags): len(messages)}
    return Counter([queue.level_of(message[3]) for message in messages])
