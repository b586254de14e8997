"""What a simulation has measured, and how far it may be off: means and percentiles with confidence intervals.

Waits that follow each other are alike, the more so the higher the load, so they are no sample of independent ones. They
are cut into a few long batches, whose own means and percentiles nearly are; their spread says how far the whole is off.
Source: batch means, Law 2015, Simulation Modeling and Analysis, section 9.5.3; the same for percentiles, "sectioning",
Asmussen and Glynn 2007, Stochastic Simulation, section III.5.
"""

from collections.abc import Callable, Sequence
from math import ceil, sqrt
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.erlang import erlang_c
from amqpbroker.capacity.models.load import Load

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Sample: TypeAlias = NDArray[numpy.float64]

# Enough that Student's t is near the normal distribution, and few enough that each batch is long.
BATCHES: Final = 20
LEVEL: Final = 0.95
_WARM_UP_MIN: Final = 1_000
# Of a hundred messages the slowest is to be seen a few times in each batch.
_BATCH_MIN: Final = 500
# Where so few wait, or waits go on for so long, that more would be needed, nobody waits for them.
_NEEDED_MAX: Final = 1_000_000_000


class Estimate(NamedTuple):
    """value ± half_width holds what is estimated with a confidence of `LEVEL`."""

    value: float
    half_width: float

    def holds(self, value: float) -> bool:
        """Whether a value is in the interval."""
        return abs(value - self.value) <= self.half_width


class Estimates:
    """Of waits in the order of the customers, the first `warm_up` left out.

    Raises WrongInput: too few for a confidence interval.
    """

    def __init__(self, waits_s: Sequence[float], warm_up: int) -> None:
        import numpy

        check_enough(len(waits_s), warm_up)
        sample = numpy.asarray(waits_s)[warm_up:]
        self.sample: Sample = sample
        self._batches = numpy.array_split(sample, BATCHES)

    def mean(self) -> Estimate:
        """Of all waits, those of nothing among them."""
        return self._estimate(lambda sample: float(sample.mean()))

    def percentile(self, percentile: float) -> Estimate:
        """The wait that so many of a hundred did not exceed."""
        import numpy

        return self._estimate(lambda sample: float(numpy.percentile(sample, percentile)))

    def share_waiting(self) -> Estimate:
        """Which part of them waited at all."""
        return self._estimate(lambda sample: float((sample > 0).mean()))

    def _estimate(self, statistic: "Callable[[Sample], float]") -> Estimate:
        from scipy.special import stdtrit

        whole = statistic(self.sample)
        squares = sum((statistic(batch) - whole) ** 2 for batch in self._batches)
        student_t = float(stdtrit(BATCHES - 1, (1 + LEVEL) / 2))
        return Estimate(whole, student_t * sqrt(squares / (BATCHES * (BATCHES - 1))))


def check_enough(customers: int, warm_up: int) -> None:
    """Raises WrongInput: nobody could say how far off a result of so few is."""
    needed = warm_up + BATCHES * _BATCH_MIN
    if customers < needed:
        raise WrongInput(
            f"customers: {customers:,} are too few to say how far the result is off, it takes {needed:,} at least"
        )


def warm_up_customers(utilisation: float) -> int:
    """How many come until a queue that was empty has forgotten it: ten of its relaxation times, and 1,000 at least.

    The relaxation time of M/M/1 is 1 / (1 − √ρ)² times between two customers that consumers without a pause would end.
    Source: Cohen 1982, The Single Server Queue, section II.2.
    """
    return max(_WARM_UP_MIN, ceil(10 / (1 - sqrt(utilisation)) ** 2))


def customers_needed(load: Load, precision: float = 0.05) -> int:
    """So many that the interval of the mean wait in M/M/c is about ± `precision` of it, warm-up included.

    Source: Whitt 1989, Planning Queueing Simulations, Management Science 35: in M/M/1 each customer tells as much as
    one of 2(1 + ρ) / (ρ (1 − ρ)²) values that do not depend on each other and differ as much as their mean. Where there
    are more consumers those who wait, wait as in M/M/1, but they are fewer, and come together: with eight the interval
    is up to twice as wide. At most a thousand millions. Raises Unstable.
    """
    load.demand_stable()
    normal = 1.96
    utilisation = load.utilisation
    waiting = erlang_c(load.offered, load.consumers)
    customers = (normal / precision) ** 2 * 2 * (1 + utilisation) / (1 - utilisation) ** 2
    if customers >= _NEEDED_MAX * waiting:
        return _NEEDED_MAX
    return warm_up_customers(utilisation) + ceil(customers / waiting)
