"""Publisher and consumers of a simulation, one message after the other, with times that are known."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpbroker.capacity.simulation.broker import SimulatedBroker, SimulatedClient
from amqpbroker.capacity.simulation.clients import Consumer, Publisher
from amqpbroker.capacity.simulation.waits import Waits
from amqpbroker.wire.methods import Queue


def played(
    arrivals_every_s: float, service_s: float, *, customers: int = 4, prefetch: int = 1
) -> tuple[Waits, Consumer]:
    """A queue with one consumer, until all is done."""
    server = SimulatedBroker(Random(1))
    SimulatedClient(server).call(Queue.Declare(queue="tasks"))
    waits = Waits(customers)
    consumer = Consumer(server, "tasks", lambda: service_s, waits, prefetch=prefetch)
    Publisher(server, "tasks", lambda: arrivals_every_s, customers)
    server.clock.advance(1_000)
    return waits, consumer


TIMES_S = st.lists(st.tuples(st.floats(0.01, 5), st.floats(0.01, 5)), min_size=1, max_size=50)


@given(TIMES_S)
@settings(max_examples=30)
def test_with_one_consumer_every_wait_is_that_of_lindleys_recursion(times_s):
    """Each waits as long as the one before waited and was served, less the time between the two; Lindley 1952."""
    server = SimulatedBroker(Random(1))
    SimulatedClient(server).call(Queue.Declare(queue="tasks"))
    waits = Waits(len(times_s))
    services_s = iter([service_s for _, service_s in times_s])
    Consumer(server, "tasks", lambda: next(services_s), waits)
    between_s = iter([between_s for between_s, _ in times_s])
    Publisher(server, "tasks", lambda: next(between_s), len(times_s))
    server.clock.advance(1_000)
    expected_s = [0.0]
    for (_, service_s), (between_s, _) in pairwise(times_s):
        expected_s.append(max(0.0, expected_s[-1] + service_s - between_s))
    assert list(waits.until_delivered_s) == pytest.approx(expected_s, abs=1e-9)


def test_who_comes_while_nobody_is_served_does_not_wait():
    waits, consumer = played(10, 3)
    assert list(waits.until_delivered_s) == [0, 0, 0, 0]
    assert (consumer.count, consumer.busy_s, consumer.ended_s, waits.left) == (4, 12, 43, 0)


def test_who_comes_too_soon_waits_until_those_before_are_acknowledged():
    waits, consumer = played(1, 3)
    assert list(waits.until_delivered_s) == pytest.approx([0, 2, 4, 6])
    assert waits.until_begun_s == waits.until_delivered_s
    assert consumer.ended_s == pytest.approx(13)


def test_with_a_prefetch_messages_wait_with_the_consumer_and_not_in_the_queue():
    waits, consumer = played(1, 3, prefetch=3)
    assert list(waits.until_delivered_s) == pytest.approx([0, 0, 0, 0])
    assert list(waits.until_begun_s) == pytest.approx([0, 2, 4, 6])
    assert not consumer.is_busy
