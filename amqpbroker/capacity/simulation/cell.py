"""One simulation: what comes in, who works on it, and how long everything waited."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.load import Load, check_count, check_positive
from amqpbroker.capacity.simulation.broker import SimulatedBroker, SimulatedClient
from amqpbroker.capacity.simulation.clients import Consumer, Publisher
from amqpbroker.capacity.simulation.spread import EXPONENTIAL, Spread, sampler
from amqpbroker.capacity.simulation.waits import Waits
from amqpbroker.model.dispatch import ROUND_ROBIN, STRATEGY_NAMES, WEIGHT_MAX
from amqpbroker.wire.methods import Queue
from amqpbroker.wire.tables import from_python

_QUEUE: Final = "customers"
# The clock is turned so far at a time, in mean times between two messages.
_TURN: Final = 1_000
# Some minutes and some hundred megabytes: who wants more wants a faster simulator.
_CUSTOMERS_MAX: Final = 20_000_000
_CONSUMERS_MAX: Final = 1_000
_PREFETCH_MAX: Final = 65_535


@dataclass(frozen=True, slots=True)
class Cell:
    """arrivals_per_s: messages published. service_s: how long a consumer works on one, the mean of all consumers.

    customers: messages in all. weights: of the consumers, with the dispatch strategy `weighted`; all 1 if none are
    given. speeds: how many times as fast as `service_s` each works; all as fast if none are given.
    Raises WrongInput: what no cell can have.
    """

    arrivals_per_s: float
    service_s: float
    consumers: int
    customers: int
    seed: int = 0
    prefetch: int = 1
    dispatch: str = ROUND_ROBIN
    weights: Sequence[int] = ()
    speeds: Sequence[float] = ()
    arrival_spread: Spread = EXPONENTIAL
    service_spread: Spread = EXPONENTIAL

    def __post_init__(self) -> None:
        check_count("customers", self.customers, _CUSTOMERS_MAX)
        check_count("consumers", self.consumers, _CONSUMERS_MAX)
        check_count("prefetch", self.prefetch, _PREFETCH_MAX)
        if self.dispatch not in STRATEGY_NAMES:
            raise WrongInput(f"dispatch: {self.dispatch} is none of {', '.join(STRATEGY_NAMES)}")
        for name, given in (("weights", self.weights), ("speeds", self.speeds)):
            if given and len(given) != self.consumers:
                raise WrongInput(f"{name}: {len(given)} for {self.consumers} consumers, there has to be one for each")
        if not all(1 <= weight <= WEIGHT_MAX for weight in self.weights):
            raise WrongInput(f"weights: each is from 1 to {WEIGHT_MAX:,}")
        for speed in self.speeds:
            check_positive("speeds", speed, "times as fast")

    @property
    def load(self) -> Load:
        """What the models are asked about: the consumers as if each were as fast as their mean."""
        mean_speed = sum(self.speeds) / self.consumers if self.speeds else 1.0
        return Load(self.arrivals_per_s, self.service_s / mean_speed, self.consumers)


@dataclass(frozen=True, slots=True)
class Outcome:
    """waits: of every message, in order. shares: how many each consumer had. busy: which part of the time it worked.

    elapsed_s: from the beginning to the end of the work, on the simulated clock.
    """

    waits: Waits
    shares: Sequence[int]
    busy: Sequence[float]
    elapsed_s: float


def simulate(cell: Cell) -> Outcome:
    """Runs a cell to its end. The same cell comes to the same outcome, to the last digit.

    A load that the consumers cannot take ends as well; its waits say nothing but how many customers there were.
    """
    random = Random(cell.seed)
    server = SimulatedBroker(random)
    operator = SimulatedClient(server)
    operator.call(Queue.Declare(queue=_QUEUE, arguments=from_python({"x-dispatch-strategy": cell.dispatch}).value))
    waits = Waits(cell.customers)
    consumers = [
        Consumer(
            server,
            _QUEUE,
            sampler(cell.service_spread, cell.service_s / speed, Random(random.random())),
            waits,
            prefetch=cell.prefetch,
            weight=weight,
        )
        for weight, speed in zip(
            cell.weights or [1] * cell.consumers, cell.speeds or [1.0] * cell.consumers, strict=True
        )
    ]
    between_s = sampler(cell.arrival_spread, 1 / cell.arrivals_per_s, Random(random.random()))
    Publisher(server, _QUEUE, between_s, cell.customers)
    while waits.left or any(one.is_busy for one in consumers):
        server.clock.advance(_TURN / cell.arrivals_per_s)
    elapsed_s = max(one.ended_s for one in consumers)
    return Outcome(waits, [one.count for one in consumers], [one.busy_s / elapsed_s for one in consumers], elapsed_s)
