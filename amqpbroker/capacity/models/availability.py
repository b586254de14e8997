"""The chance that something is up, from how often it fails and how fast it is repaired.

Chances of being down are kept, not those of being up: 0.999999999999999999 is 1 to a computer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1, inf, log1p, prod

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.load import check_count, check_positive
from amqpbroker.limits import FORECAST_NODES_MAX


@dataclass(frozen=True, slots=True)
class Availability:
    """How much of the time something is down, and how often it goes down.

    down: the part of the time, 0 … 1. outages_per_s: how many outages begin a second, on average.
    """

    down: float
    outages_per_s: float

    @property
    def up(self) -> float:
        """The chance that it is up."""
        return 1 - self.down

    @property
    def outage_s(self) -> float:
        """How long an outage lasts on average, in seconds."""
        return self.down / self.outages_per_s if self.outages_per_s else 0.0

    @property
    def between_outages_s(self) -> float:
        """From the end of an outage to the next, on average, in seconds."""
        return self.up / self.outages_per_s if self.outages_per_s else inf


def node(mtbf_s: float, mttr_s: float) -> Availability:
    """One thing that fails and is repaired. Up: MTBF/(MTBF + MTTR).

    mtbf_s: how long it is up before it fails, on average: 1/failure rate. mttr_s: how long it is down: 1/repair rate.
    Errors: WrongInput for what is not above zero. Source: Trivedi 2002, Probability and Statistics with Reliability,
    Queueing, and Computer Science Applications, 2nd ed., section 6.7.
    """
    check_positive("mtbf", mtbf_s, "s")
    check_positive("mttr", mttr_s, "s")
    return Availability(mttr_s / (mtbf_s + mttr_s), 1 / (mtbf_s + mttr_s))


def k_of_n(mtbf_s: float, mttr_s: float, nodes: int, needed: int, crews: int | None = None) -> Availability:
    """Several nodes of a kind that fail independently, of which so many have to be up.

    A birth-death chain of i that are down: another fails at (n − i)/MTBF, one is repaired at min(i, crews)/MTTR.
    crews: how many can be repaired at a time; all of them if not given, which makes it a binomial distribution.
    Errors: WrongInput for times that are not above zero, and counts that do not fit together.
    Source: Trivedi 2002, section 8.2.3; Kleinrock 1975, section 3.8 (M/M/c//n, the machines that wait for a repairman).
    """
    check_positive("mtbf", mtbf_s, "s")
    check_positive("mttr", mttr_s, "s")
    check_count("nodes", nodes, FORECAST_NODES_MAX)
    check_count("nodes needed", needed, nodes)
    check_count("repaired at a time", nodes if crews is None else crews, nodes)
    ratio = mttr_s / mtbf_s
    chances = [1.0]
    for down in range(1, nodes + 1):
        chances.append(chances[-1] * (nodes - down + 1) * ratio / min(down, crews or nodes))
        if chances[-1] > 1e250:  # only ratios matter; all of them are kept in reach
            chances = [chance * 1e-250 for chance in chances]
    total = sum(chances)
    spare = nodes - needed
    return Availability(sum(chances[spare + 1 :]) / total, chances[spare] / total * needed / mtbf_s)


def series(parts: Sequence[Availability]) -> Availability:
    """What needs all of its parts, which fail independently: up = ∏ up. WrongInput: there is none.

    Source: Barlow and Proschan 1975, Statistical Theory of Reliability and Life Testing, chapter 2; so for `parallel`.
    """
    _demand_some(parts)
    down = 1.0 if any(part.down >= 1 for part in parts) else -expm1(sum(log1p(-part.down) for part in parts))
    outages = (
        part.outages_per_s * prod(other.up for other in [*parts[:number], *parts[number + 1 :]])
        for number, part in enumerate(parts)
    )
    return Availability(down, sum(outages))


def parallel(parts: Sequence[Availability]) -> Availability:
    """What needs any one of its parts, which fail independently: down = ∏ down. WrongInput: there is none."""
    _demand_some(parts)
    outages = (
        part.outages_per_s * prod(other.down for other in [*parts[:number], *parts[number + 1 :]])
        for number, part in enumerate(parts)
    )
    return Availability(prod(part.down for part in parts), sum(outages))


def _demand_some(parts: Sequence[Availability]) -> None:
    if not parts:
        raise WrongInput("nothing is put together: name one part or more")
