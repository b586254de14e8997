"""Priorities: Cobham's queue. Messages of higher priority leave first, and none that is being served is interrupted.

In AMQP's terms: a queue with x-max-priority and consumers with prefetch 1; what a consumer has, nothing overtakes.
"""

from cmath import sqrt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb, exp, pi
from typing import Final

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.erlang import erlang_c
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.load import Load, check_not_negative, check_positive
from amqpbroker.capacity.models.waits import found_percentile_s

# Of the inversion of a transform: terms before the averaging, how many are averaged, and the error, which is exp(−A).
_TERMS: Final = 40
_AVERAGED: Final = 12
_ERROR: Final = 18.4


def cobham(
    arrivals_per_s: Sequence[float], service_s: float, consumers: int = 1, service_cv: float = 1.0
) -> list[Forecast]:
    """One forecast for each priority: Wq = W0 / ((1 − σ above)(1 − σ)), σ being the utilisation by it and those above.

    W0 = (1 + cs²)/2 · C/(cμ): how long until a consumer is free, with the C of all messages together. The mean is
    exact for exponential service with any number of consumers, and for any service with one. Percentiles are exact for
    exponential service; for another they are an approximation, those scaled to its mean.

    arrivals_per_s: λ of each priority, the highest first. service_s, service_cv: the same for all of them.
    Errors: Unstable if they are too much together; WrongInput for numbers that no load has, or no priority at all.
    Source: Cobham 1954, Operations Research 2; Kella and Yechiali 1985, Stochastic Models 1, for the distribution with
    several consumers; Gross et al. 2008, section 3.4.
    """
    if not arrivals_per_s:
        raise WrongInput("priorities: name one or more")
    for one in arrivals_per_s:
        check_positive("arrivals", one, "a second")
    check_not_negative("service cv", service_cv)
    together = Load(sum(arrivals_per_s), service_s, consumers)
    together.demand_stable()
    waiting = erlang_c(together.offered, consumers)
    served_per_s = consumers / service_s
    varied = (1 + service_cv**2) / 2
    forecasts = []
    above_per_s = 0.0
    for one in arrivals_per_s:
        waits = _Waits(waiting, above_per_s / served_per_s, (above_per_s + one) / served_per_s, served_per_s / varied)
        forecasts.append(
            Forecast(
                "M/M/c with priorities" if service_cv == 1 else "M/G/c with priorities",
                Load(one, service_s, consumers),
                waits,
                mean_is_exact=service_cv == 1 or consumers == 1,
                percentiles_are_exact=service_cv == 1,
            )
        )
        above_per_s += one
    return forecasts


@dataclass(frozen=True, slots=True)
class _Waits:
    """Who waits, waits for a geometric number of busy periods of those above him.

    above, until: the utilisation by higher priorities, and by them and this one. served_per_s: by all consumers.
    """

    probability: float
    above: float
    until: float
    served_per_s: float

    @property
    def mean_s(self) -> float:
        """The mean over all, in seconds."""
        return self.probability / self.served_per_s / ((1 - self.above) * (1 - self.until))

    def exceeds(self, wait_s: float) -> float:
        """The chance of a wait above this. WrongInput: below zero."""
        check_not_negative("wait", wait_s)
        if wait_s == 0:
            return self.probability
        return min(1.0, max(0.0, self.probability * _inverted(self._longer, wait_s * self.served_per_s)))

    def percentile_s(self, percentile: float) -> float:
        """The wait that so many of a hundred messages do not exceed, in seconds. WrongInput: not in 0 … 100."""
        return found_percentile_s(self, percentile)

    def _longer(self, s: complex) -> complex:
        """The Laplace transform of the chance to wait longer, of those who wait, in services."""
        half = 1 + self.above + s
        busy = 2 / (half + sqrt(half * half - 4 * self.above))
        return (1 - (1 - self.until) * busy / (1 - self.until * busy)) / s


def _inverted(transform: Callable[[complex], complex], at: float) -> float:
    """The function of which this is the Laplace transform, at a point above zero.

    Abate and Whitt 1995, ORSA Journal on Computing 7: the algorithm Euler.
    """
    total = transform(_ERROR / (2 * at)).real / 2
    sums = []
    for number in range(1, _TERMS + _AVERAGED + 1):
        total += (-1) ** number * transform(complex(_ERROR, 2 * pi * number) / (2 * at)).real
        if number >= _TERMS:
            sums.append(total)
    averaged = sum(comb(_AVERAGED, number) * one for number, one in enumerate(sums)) / 2**_AVERAGED
    return float(exp(_ERROR / 2) / at * averaged)
