"""Traffic that is played through the broker on a virtual clock, and measured meanwhile.

So what is found can be held against what was done.
"""

from dataclasses import dataclass
from functools import cache
from random import Random

from amqpbroker.capacity.measuring.measured import Measured, measured
from amqpbroker.capacity.measuring.traffic import QueueTraffic
from amqpbroker.capacity.measuring.watching import Measuring
from amqpbroker.capacity.simulation.broker import SimulatedBroker, SimulatedClient
from amqpbroker.capacity.simulation.clients import Consumer, Publisher
from amqpbroker.capacity.simulation.spread import EXPONENTIAL, Spread, sampler
from amqpbroker.capacity.simulation.waits import Waits
from amqpbroker.wire.methods import Queue


@dataclass(frozen=True)
class Played:
    """traffic: what was measured; seen: the same when the last message had come. waits, busy_s: what was done."""

    traffic: QueueTraffic
    seen: Measured
    waits: Waits
    busy_s: float


@cache
def played(
    *,
    arrivals_per_s: float = 8.0,
    service_s: float = 1.0,
    consumers: int = 10,
    customers: int = 4_000,
    prefetch: int = 1,
    arrivals: Spread = EXPONENTIAL,
    services: Spread = EXPONENTIAL,
    seed: int = 2,
) -> Played:
    """So many messages, each of which takes such a time. The same traffic is played once for all tests."""
    random = Random(seed)
    server = SimulatedBroker(random)
    SimulatedClient(server).call(Queue.Declare(queue="tasks"))
    waits = Waits(customers)
    workers = [
        Consumer(server, "tasks", sampler(services, service_s, Random(random.random())), waits, prefetch=prefetch)
        for _ in range(consumers)
    ]
    measuring = Measuring(server.clock)
    traffic = measuring.of(server.vhost, server.vhost.queues["tasks"])
    Publisher(server, "tasks", sampler(arrivals, 1 / arrivals_per_s, Random(random.random())), customers)
    seen = None
    while waits.left or any(one.is_busy for one in workers):
        if traffic.arrived == customers and seen is None:
            seen = measured(traffic, server.clock.seconds)
        server.clock.advance(10 / arrivals_per_s)
        measuring.of(server.vhost, server.vhost.queues["tasks"])
    return Played(traffic, seen or measured(traffic, server.clock.seconds), waits, sum(one.busy_s for one in workers))
