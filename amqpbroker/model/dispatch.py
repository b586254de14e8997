"""Dispatch strategies: which consumer of a queue gets the next message. RabbitMQ has one, round robin, only.

Round robin is built into the queue and costs nothing here. The others plan a run of messages at once: for each message
the consumer that gets it. What a consumer may have (prefetch, a prefetch shared by its channel, a full connection) and
the priorities of consumers keep their meaning: a strategy is asked about consumers of one priority, and passes over
those that can take no more.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heapreplace
from math import gcd
from operator import add
from random import Random
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from amqpbroker.model.consumer import ChannelBudget, Consumer

ROUND_ROBIN: Final = "round-robin"
RANDOM: Final = "random"
WEIGHTED: Final = "weighted"
LEAST_UNACKED: Final = "least-unacked"
STRATEGY_NAMES: Final = (ROUND_ROBIN, RANDOM, WEIGHTED, LEAST_UNACKED)

WEIGHT_MAX: Final = 1_000


class Strategy(Protocol):
    """Who is next, among consumers that all can take a message."""

    def attend(self, consumers: Sequence["Consumer"]) -> None:
        """These stand in the round now. Who was not there the last time begins anew, and nothing is made up for."""

    def pick(self, consumers: Sequence["Consumer"], count: int) -> list["Consumer"]:
        """Who gets each of the next `count` messages; consumers, some of those that attend: each could take all."""


def new_strategy(name: str | None, random_bytes: Callable[[int], bytes]) -> Strategy | None:
    """The strategy of a queue, by its name; None is round robin. random_bytes: what seeds the random one."""
    if name == RANDOM:
        return RandomChoice(Random(random_bytes(16)))
    if name == WEIGHTED:
        return Weighted()
    if name == LEAST_UNACKED:
        return LeastUnacked()
    return None


def plan(strategy: Strategy, level: Iterable["Consumer"], count: int) -> list["Consumer"]:
    """Who gets each of the next messages: at most `count`, and fewer only if the level can take no more.

    level: the consumers of one priority.
    """
    attending = list(level)
    strategy.attend(attending)
    room = {consumer: room for consumer in attending if (room := consumer.capacity) > 0}
    budgets: dict[ChannelBudget, int] = {}
    planned: list[Consumer] = []
    while room:
        missing = count - len(planned)
        # So many can be given out before anybody has all it may have.
        share = min(missing, *room.values())
        picked = strategy.pick(list(room), share)
        planned += picked
        if share == missing:
            break
        for consumer, times in Counter(picked).items():
            if not consumer.no_ack:
                room[consumer] -= times
                budget = consumer.budget
                budgets[budget] = budgets.get(budget, budget.credit) - times
        room = {
            consumer: left
            for consumer, own in room.items()
            if (left := own if consumer.no_ack else min(own, budgets.get(consumer.budget, own))) > 0
        }
    return planned


class RandomChoice:
    """Each message goes to anybody, with equal chances."""

    __slots__ = ("_random",)

    def __init__(self, random: Random) -> None:
        self._random = random

    def attend(self, consumers: Sequence["Consumer"]) -> None:
        pass

    def pick(self, consumers: Sequence["Consumer"], count: int) -> list["Consumer"]:
        return self._random.choices(consumers, k=count)


class Weighted:
    """Shares by weight, spread evenly: 3 to 1 is a a b a, not a a a b.

    Each message adds to everybody's score its weight; the highest score, the first of equals, gets the message and pays
    for it with the sum of the weights. Source: nginx's smooth weighted balancing (ngx_http_upstream_round_robin.c).
    """

    __slots__ = ("_scores",)

    def __init__(self) -> None:
        self._scores: dict[Consumer, int] = {}

    def attend(self, consumers: Sequence["Consumer"]) -> None:
        known = self._scores
        self._scores = {consumer: known.get(consumer, 0) for consumer in consumers}

    def pick(self, consumers: Sequence["Consumer"], count: int) -> list["Consumer"]:
        weights = [consumer.weight for consumer in consumers]
        scores = [self._scores[consumer] for consumer in consumers]
        cycle = sum(weights) // gcd(*weights)
        before = scores.copy()
        picked = _smooth(weights, scores, min(count, cycle))
        if count > cycle and scores == before:
            # After a whole cycle all stands as before: what follows is known.
            picked *= count // cycle
        picked += _smooth(weights, scores, count - len(picked))
        self._scores.update(zip(consumers, scores, strict=True))
        return [consumers[place] for place in picked]


def _smooth(weights: list[int], scores: list[int], count: int) -> list[int]:
    """The places of the next `count`; scores change with them."""
    total = sum(weights)
    places = range(len(weights))
    picked = []
    for _ in range(count):
        scores[:] = map(add, scores, weights)
        place = max(places, key=scores.__getitem__)
        scores[place] -= total
        picked.append(place)
    return picked


class LeastUnacked:
    """Who has the fewest messages unacknowledged is next; equals take turns.

    A consumer without acknowledgements has nothing unacknowledged, ever: such ones take turns.
    """

    __slots__ = ("_last_turns", "_turn", "_unacked")

    def __init__(self) -> None:
        self._turn = 0
        self._last_turns: dict[Consumer, int] = {}
        self._unacked: dict[Consumer, int] = {}

    def attend(self, consumers: Sequence["Consumer"]) -> None:
        known = self._last_turns
        self._last_turns = {consumer: known.get(consumer, self._turn) for consumer in consumers}
        self._unacked = {consumer: consumer.outstanding for consumer in consumers}

    def pick(self, consumers: Sequence["Consumer"], count: int) -> list["Consumer"]:
        # The place decides between those that came since the last time.
        heap = [(self._unacked[one], self._last_turns[one], place) for place, one in enumerate(consumers)]
        heapify(heap)
        picked = []
        for _ in range(count):
            unacked, _, place = heap[0]
            consumer = consumers[place]
            picked.append(consumer)
            self._turn += 1
            heapreplace(heap, (unacked if consumer.no_ack else unacked + 1, self._turn, place))
        for unacked, turn, place in heap:
            self._unacked[consumers[place]] = unacked
            self._last_turns[consumers[place]] = turn
        return picked
