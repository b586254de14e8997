"""A queue with a limit to its length: M/M/c/K, as `x-max-length` makes one.

x-max-length counts the messages that are ready, not those with consumers. So with consumers that have one message each
(prefetch 1) K, which counts all that are in the system, is x-max-length + c. A limit of 0 leaves what is handed over at
once, Erlang's loss system M/M/c/c; that is drop-head's, while reject-publish with length 0 takes nothing at all.
"""

from dataclasses import dataclass
from typing import NamedTuple

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.erlang import erlang_b
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.geometric import CutOffGeometric, total_weight
from amqpbroker.capacity.models.load import Load, check_count, check_not_negative
from amqpbroker.capacity.models.waits import found_percentile_s
from amqpbroker.limits import FORECAST_LENGTH_MAX

REJECT_PUBLISH = "reject-publish"
DROP_HEAD = "drop-head"


def m_m_c_k(load: Load, max_length: int, overflow: str = REJECT_PUBLISH) -> Forecast:
    """M/M/c/K with K = c + max_length: what finds the queue full costs a message. Any utilisation has an answer.

    max_length: x-max-length, how many messages may be ready. overflow: reject-publish (and reject-publish-dlx) loses
    the message that comes; mean and percentiles of the wait of the others are exact. drop-head loses the oldest that is
    ready, exactly as often; the wait is that of all messages, delivered or dropped: its mean is exact by Little's law,
    its percentiles are an approximation, those of reject-publish scaled to this mean.
    Errors: WrongInput for a length that no queue has, or an overflow that does not exist.
    Source: Kleinrock 1975, section 3.6; Gross et al. 2008, section 2.4, and 2.5 for K = c.
    """
    check_count("max-length", max_length, FORECAST_LENGTH_MAX, least=0)
    if overflow not in (REJECT_PUBLISH, DROP_HEAD):
        raise WrongInput(f"overflow: there is no {overflow}; known are {REJECT_PUBLISH} and {DROP_HEAD}")
    states = _states(load, max_length)
    delivered = states.fewer + states.waiting
    if states.waiting == 0:
        return Forecast("M/M/c/K", load, _Waits(0.0, CutOffGeometric(1.0, 1), 1.0), states.full, delivered)
    positions = CutOffGeometric(load.utilisation, max_length)
    served_per_s = load.consumers / load.service_s
    if overflow == REJECT_PUBLISH:
        waits = _Waits(states.waiting / delivered, positions, served_per_s)
        return Forecast("M/M/c/K", load, waits, states.full, delivered)
    # As many are ready on average, and all messages share that wait: those that find the queue full, too.
    finding_busy = states.waiting + states.full
    waits = _Waits(finding_busy, positions, served_per_s * (finding_busy / states.waiting))
    return Forecast("M/M/c/K", load, waits, states.full, delivered, percentiles_are_exact=False, lost_have_waited=True)


class _States(NamedTuple):
    """The chances that a message finds a consumer idle, all busy and room to wait, and the queue full."""

    fewer: float
    waiting: float
    full: float


def _states(load: Load, max_length: int) -> _States:
    ratio = load.utilisation
    # Weights: with n messages ready and all consumers busy ρⁿ, with fewer consumers busy 1/B − 1 together.
    if ratio <= 1:
        blocked = erlang_b(load.offered, load.consumers)
        fewer, waiting, full = 1 - blocked, blocked * total_weight(ratio, max_length), blocked * ratio**max_length
    else:  # divided by ρ to the max-length, so that no power is too large
        # 1/B − 1, from the B of one consumer less, so that nothing cancels where nearly all is lost.
        fewer = ratio**-max_length / (ratio * erlang_b(load.offered, load.consumers - 1))
        waiting, full = total_weight(1 / ratio, max_length) / ratio, 1.0
    total = fewer + waiting + full
    return _States(fewer / total, waiting / total, full / total)


@dataclass(frozen=True, slots=True)
class _Waits:
    """Who waits, waits for one service more than he finds ready: a mixture of Erlang distributions. Needs SciPy."""

    probability: float
    positions: CutOffGeometric
    served_per_s: float

    @property
    def mean_s(self) -> float:
        """The mean over all, in seconds."""
        return self.probability * (self.positions.mean + 1) / self.served_per_s

    def exceeds(self, wait_s: float) -> float:
        """The chance of a wait above this. WrongInput: below zero."""
        check_not_negative("wait", wait_s)
        if self.probability == 0:
            return 0.0
        import numpy as np
        from scipy.special import gammaln, xlogy

        # Over the number of services until then, Poisson: more than ten deviations off it is never.
        mean = wait_s * self.served_per_s
        first = max(0, int(mean - 10 * mean**0.5 - 30))
        numbers = np.arange(first, min(self.positions.size, int(mean + 10 * mean**0.5 + 30)), dtype=float)
        chances = np.exp(xlogy(numbers, mean) - gammaln(numbers + 1) - mean)
        return self.probability * float(np.sum(chances * self.positions.at_least(numbers)))

    def percentile_s(self, percentile: float) -> float:
        """The wait that so many of a hundred messages do not exceed, in seconds. WrongInput: not in 0 … 100."""
        return found_percentile_s(self, percentile)
