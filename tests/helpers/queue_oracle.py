"""Queues played through, customer by customer, that forecasts are held against: ciw's, and one with prefetch.

A figure is as good as its interval: the customers are cut into batches, whose means are nearly independent.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable, Sequence
from statistics import mean, stdev
from typing import Any

import ciw

# Of the first customers the queue is emptier than usual.
WARM_UP = 0.05
BATCHES = 20
# Student's t for 19 degrees of freedom, 99 %. The seed is one, so that what holds once holds always.
T = 2.86


def interval(values: Sequence[float], figure: Callable[[Sequence[float]], float] = mean) -> tuple[float, float]:
    """From where to where the figure of all customers is, as told by batches of those that were played through."""
    kept = values[int(len(values) * WARM_UP) :]
    size = len(kept) // BATCHES
    found = [figure(kept[number * size : (number + 1) * size]) for number in range(BATCHES)]
    half = T * stdev(found) / BATCHES**0.5
    return mean(found) - half, mean(found) + half


def share(values: Sequence[float], above: float) -> tuple[float, float]:
    """The interval of the share of customers that waited longer than this."""
    return interval([float(value > above) for value in values])


def served(customers: int, **network: Any) -> list[Any]:
    """ciw's records of so many customers, in the order of their arrival; always the same ones."""
    ciw.seed(7)
    simulation = ciw.Simulation(ciw.create_network(**network))
    simulation.simulate_until_max_customers(customers, method="Arrive")
    return sorted(simulation.get_all_records(), key=lambda record: record.arrival_date)


def waits(records: list[Any]) -> list[float]:
    """How long each of those that were served waited."""
    return [record.waiting_time for record in records if record.record_type == "service"]


def prefetched(arrivals_per_s: float, service_s: float, consumers: int, prefetch: int, customers: int) -> list[float]:
    """How long until a consumer begins with a message, if they take turns and have up to `prefetch` each."""
    draws = random.Random(7)
    came: list[float] = []
    waited: dict[int, float] = {}
    ready: deque[int] = deque()
    held: list[deque[int]] = [deque() for _ in range(consumers)]
    done: list[tuple[float, int]] = []

    def give(number: int, to: int, now: float) -> None:
        held[to].append(number)
        if len(held[to]) == 1:
            begin(to, now)

    def begin(consumer: int, now: float) -> None:
        number = held[consumer][0]
        waited[number] = now - came[number]
        heapq.heappush(done, (now + draws.expovariate(1 / service_s), consumer))

    turn, now = 0, 0.0
    for number in range(customers):
        now += draws.expovariate(arrivals_per_s)
        while done and done[0][0] <= now:
            then, consumer = heapq.heappop(done)
            held[consumer].popleft()
            if held[consumer]:
                begin(consumer, then)
            if ready:
                give(ready.popleft(), consumer, then)
        came.append(now)
        order = [(turn + step) % consumers for step in range(consumers)]
        free = next((consumer for consumer in order if len(held[consumer]) < prefetch), None)
        if free is None:
            ready.append(number)
        else:
            turn = free + 1
            give(number, free, now)
    return [waited[number] for number in sorted(waited)]


def dropped_from_head(
    arrivals_per_s: float, service_s: float, consumers: int, max_length: int, customers: int
) -> tuple[list[float], int]:
    """How long each message was ready, delivered or dropped, and how many were dropped."""
    draws = random.Random(7)
    ready: deque[tuple[int, float]] = deque()
    free_at: list[float] = []
    waited: dict[int, float] = {}
    dropped, now = 0, 0.0
    for number in range(customers):
        now += draws.expovariate(arrivals_per_s)
        while free_at and free_at[0] <= now:
            then = heapq.heappop(free_at)
            if ready:
                first, came = ready.popleft()
                waited[first] = then - came
                heapq.heappush(free_at, then + draws.expovariate(1 / service_s))
        if len(free_at) < consumers:
            waited[number] = 0.0
            heapq.heappush(free_at, now + draws.expovariate(1 / service_s))
            continue
        ready.append((number, now))
        if len(ready) > max_length:
            first, came = ready.popleft()
            waited[first] = now - came
            dropped += 1
    return [waited[number] for number in sorted(waited)], dropped
