"""What is simulated: the grid that the models have to be right about, and cells where they are not."""

from collections.abc import Iterator
from dataclasses import dataclass

from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.simulation.cell import Cell
from amqpbroker.capacity.simulation.estimates import customers_needed
from amqpbroker.capacity.simulation.spread import DETERMINISTIC, read_spread

LOADS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
CONSUMERS = (1, 2, 8)
DISPATCH = ("round-robin", "random", "weighted")
CUSTOMERS_MIN = 200_000
# Of the mean wait, either way. Above 0.9 it would take millions of customers more to know it as well as below.
PRECISION, PRECISION_ABOVE = 0.05, 0.08
# A consumer works a second on a message, so waits are multiples of that.
SERVICE_S = 1.0


@dataclass(frozen=True, slots=True)
class NamedCell:
    """name: what it is called in the results. load: ρ. note: what is special about it; nothing in the grid."""

    name: str
    load: float
    cell: Cell
    note: str = ""


def grid(customers: int | None = None) -> Iterator[NamedCell]:
    """Poisson arrivals, exponential service, prefetch 1: every load, number of consumers and strategy.

    Weights are 1, 2, 3 and so on. customers: in each cell; as many as it needs, if it is not given.
    """
    for count in CONSUMERS:
        for load in LOADS:
            for dispatch in DISPATCH:
                cell = Cell(
                    arrivals_per_s=load * count / SERVICE_S,
                    service_s=SERVICE_S,
                    consumers=count,
                    customers=customers or _customers(load, count),
                    seed=_seed(count, load, dispatch),
                    dispatch=dispatch,
                    weights=range(1, count + 1) if dispatch == "weighted" else (),
                )
                yield NamedCell(f"grid/{count}/{load:g}/{dispatch}", load, cell)


def apart(customers: int | None = None) -> Iterator[NamedCell]:
    """Two consumers that are not what M/M/2 takes them for, each at two loads."""
    for number, (name, note, changes) in enumerate(_changes()):
        for load in (0.5, 0.8):
            cell = Cell(
                **{
                    "arrivals_per_s": load * 2 / SERVICE_S,
                    "service_s": SERVICE_S,
                    "consumers": 2,
                    "customers": customers or _customers(load, 2),
                    "seed": 1_000 + number,
                    **changes,
                }
            )
            yield NamedCell(f"apart/{name}/{load:g}", load, cell, note)


def _changes() -> Iterator[tuple[str, str, dict[str, object]]]:
    uneven = {"speeds": (1.6, 0.4)}
    yield "speeds/round-robin", "one consumer four times as fast as the other, in turn", uneven
    weighted = uneven | {"dispatch": "weighted"}
    yield "speeds/weighted", "the same, weights 4 and 1: the fast one first", weighted | {"weights": (4, 1)}
    yield "speeds/reversed", "the same, weights 1 and 4: the slow one first", weighted | {"weights": (1, 4)}
    yield "prefetch/2", "prefetch 2", {"prefetch": 2}
    yield "prefetch/10", "prefetch 10", {"prefetch": 10}
    least = {"prefetch": 10, "dispatch": "least-unacked"}
    yield "prefetch/least-unacked", "prefetch 10, whoever has the fewest first", least
    yield "service/deterministic", "every message takes the same time", {"service_spread": DETERMINISTIC}
    bursty = read_spread("hyperexponential:2", "service")
    yield "service/hyperexponential", "service times twice as variable", {"service_spread": bursty}
    yield "arrivals/deterministic", "messages come like clockwork", {"arrival_spread": DETERMINISTIC}
    yield "arrivals/hyperexponential", "messages come in bursts, twice as variable", {"arrival_spread": bursty}


def _customers(load: float, consumers: int) -> int:
    precision = PRECISION if load <= 0.9 else PRECISION_ABOVE
    return max(CUSTOMERS_MIN, customers_needed(Load(load * consumers / SERVICE_S, SERVICE_S, consumers), precision))


def _seed(consumers: int, load: float, dispatch: str) -> int:
    """Of its own for each cell: cells agree because they are alike, not because their chances are the same."""
    return consumers * 10_000 + round(load * 100) * 10 + DISPATCH.index(dispatch)
