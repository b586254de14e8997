"""How waits are distributed: from publishing to the moment that a consumer has the message and begins with it."""

from dataclasses import dataclass
from math import exp, log
from typing import Protocol

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.load import check_not_negative


class Waits(Protocol):
    """The distribution of the wait of one message."""

    @property
    def probability(self) -> float:
        """The chance that a message waits at all."""

    @property
    def mean_s(self) -> float:
        """The mean over all messages, those that do not wait among them, in seconds."""

    def exceeds(self, wait_s: float) -> float:
        """The chance of a wait above this. WrongInput: below zero."""

    def percentile_s(self, percentile: float) -> float:
        """The wait that so many of a hundred messages do not exceed, in seconds. WrongInput: not in 0 … 100."""


@dataclass(frozen=True, slots=True)
class ExponentialWaits:
    """Those who wait, wait exponentially: P(W > t) = p·exp(−p·t/mean).

    Exact for M/M/1 and M/M/c (Gross, Shortle, Thompson, Harris 2008, Fundamentals of Queueing Theory, 4th ed., eq. 2.41
    and section 2.3) and for GI/M/1; where a model only knows probability and mean it is the usual approximation.
    """

    probability: float
    mean_s: float

    def exceeds(self, wait_s: float) -> float:
        """The chance of a wait above this. WrongInput: below zero."""
        check_not_negative("wait", wait_s)
        if self.mean_s == 0 or self.probability == 0:
            return 0.0
        return self.probability * exp(-self.probability * wait_s / self.mean_s)

    def percentile_s(self, percentile: float) -> float:
        """The wait that so many of a hundred messages do not exceed, in seconds. WrongInput: not in 0 … 100."""
        above = share_above(percentile)
        if above >= self.probability:
            return 0.0
        return self.mean_s / self.probability * log(self.probability / above)


def share_above(percentile: float) -> float:
    """1 − percentile/100. WrongInput: not in 0 … 100, or 100 itself, as no wait is sure not to be exceeded."""
    if not 0 <= percentile < 100:
        raise WrongInput(f"percentile: {percentile:g} is not from 0 to below 100")
    return 1 - percentile / 100


def found_percentile_s(waits: Waits, percentile: float) -> float:
    """The percentile of a wait that only has its chances, found by bisection and secants (Brent 1973). Needs SciPy."""
    above = share_above(percentile)
    if above >= waits.probability:
        return 0.0
    from scipy.optimize import brentq

    longest_s = waits.mean_s / waits.probability
    while waits.exceeds(longest_s) > above:
        longest_s *= 2
    return float(brentq(lambda wait_s: waits.exceeds(wait_s) - above, 0, longest_s, xtol=longest_s * 1e-12))
