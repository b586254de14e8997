"""How long until a backlog is gone."""

from dataclasses import dataclass
from math import exp, sqrt

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.load import Load, check_not_negative, check_number
from amqpbroker.capacity.models.waits import share_above


@dataclass(frozen=True, slots=True)
class Drain:
    """The time until nothing waits any more. mean_s and deviation_s: its mean and standard deviation, in seconds."""

    mean_s: float
    deviation_s: float

    def percentile_s(self, percentile: float) -> float:
        """The time by which it is gone in so many of a hundred cases, in seconds: inverse Gaussian. Needs SciPy.

        Errors: WrongInput for what is not in 0 … 100. Source: Cox and Miller 1965, The Theory of Stochastic Processes,
        section 5.7: how long a Brownian motion with drift takes to a barrier.
        """
        above = share_above(percentile)
        if self.deviation_s == 0 or above == 1:
            return 0.0 if above == 1 else self.mean_s
        from scipy.optimize import brentq

        latest_s = self.mean_s
        while self._gone(latest_s) < 1 - above:
            latest_s *= 2
        return float(brentq(lambda at_s: self._gone(at_s) - (1 - above), 0, latest_s, xtol=latest_s * 1e-12))

    def _gone(self, at_s: float) -> float:
        """The chance that it is gone by then: Φ(x) + exp(2λ/μ)Φ(−y), the second part so that nothing overflows."""
        if at_s == 0:
            return 0.0
        from scipy.special import erfcx, ndtr

        deviations = self.mean_s / self.deviation_s * sqrt(self.mean_s / at_s)
        late, both = deviations * (at_s / self.mean_s - 1), deviations * (at_s / self.mean_s + 1)
        return float(ndtr(late) + exp(-late * late / 2) * erfcx(both / sqrt(2)) / 2)


def drain(load: Load, backlog: int, arrivals_cv: float = 1.0, service_cv: float = 1.0) -> Drain:
    """How long the consumers need for a backlog while messages go on arriving: N/(cμ − λ) on average.

    The fluid limit gives the mean, the diffusion limit the deviation, √(N(λca² + cμcs²)/(cμ − λ)³). For Poisson
    arrivals and exponential service both are exact, as all consumers are busy until then.

    backlog: N, messages that wait. arrivals_cv, service_cv: coefficients of variation, as for G/G/c.
    Errors: Unstable if the consumers do not keep up; WrongInput for a backlog or a cv below zero.
    Source: Newell 1982, Applications of Queueing Theory, 2nd ed., chapter 2; Kleinrock 1976, Queueing Systems II,
    chapter 2.
    """
    check_number("backlog", backlog)
    if backlog < 0 or backlog != int(backlog):
        raise WrongInput(f"backlog: {backlog} is no number of messages")
    check_not_negative("arrivals cv", arrivals_cv)
    check_not_negative("service cv", service_cv)
    load.demand_stable()
    served_per_s = load.consumers / load.service_s
    varied_per_s = load.arrivals_per_s * arrivals_cv**2 + served_per_s * service_cv**2
    mean_s = backlog / load.drained_per_s
    return Drain(mean_s, sqrt(mean_s * varied_per_s) / load.drained_per_s)
