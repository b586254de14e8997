"""What measured times look like: distributions fitted by likelihood, and ranked by Akaike's criterion.

Source: Akaike 1974, IEEE Transactions on Automatic Control 19; of the gamma distribution Minka 2002, Estimating a Gamma
distribution; of the hyperexponential one Dempster, Laird, Rubin 1977, Journal of the Royal Statistical Society B 39.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy
from scipy.special import digamma, gammaln, polygamma

from amqpbroker.capacity.fitting.likelihood_ratio import Numbers

# What comes in one read is no time apart, which no density can have: clocks tell no less than this.
TIME_MIN_S: Final = 1e-6
# Kinds are told apart by fewer, and who asks every few seconds costs the broker little.
_TIMES_MAX: Final = 2_048
# The coefficient of variation up to which times may be called the same.
_NEARLY_ALIKE: Final = 0.25
# Between criteria so close nothing tells. Source: Burnham, Anderson 2002, Model Selection, 2nd ed., section 2.6.
_NO_DIFFERENCE: Final = 2.0
# A gamma distribution that is nearer to one value than a hundredth of a percent is beyond the digits of a float.
_SPREAD_MIN: Final = 1e-8
_STEPS_MAX: Final = 200
_ENOUGH: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Fit:
    """A distribution with the parameters that make the times likeliest.

    parameters: times in seconds. log_likelihood: natural. aic: the lower, the better.
    """

    name: str
    parameters: Mapping[str, float]
    log_likelihood: float

    @property
    def aic(self) -> float:
        """Akaike's criterion: what the parameters are worth is counted against them."""
        return 2 * len(self.parameters) - 2 * self.log_likelihood


def ranked(times: Numbers) -> list[Fit]:
    """The distributions, the best one first, and of equals the simplest; of the last of the times. Of none: none."""
    if not len(times):
        return []
    times = numpy.maximum(times[-_TIMES_MAX:], TIME_MIN_S)
    kinds = _KINDS if times.std() > _NEARLY_ALIKE * times.mean() else (_deterministic, *_KINDS)
    fits = [fit(times) for fit in kinds]
    least = min(fit.aic for fit in fits)
    # What is as good as the best stands in the order of the kinds.
    return sorted(fits, key=lambda fit: max(fit.aic, least + _NO_DIFFERENCE))


def _exponential(times: Numbers) -> Fit:
    mean_s = float(times.mean())
    return Fit("exponential", {"mean_s": mean_s}, -len(times) * (float(numpy.log(mean_s)) + 1))


def _deterministic(times: Numbers) -> Fit:
    """Always the same, but for a little that is added or taken away by chance, normally."""
    mean_s, deviation_s = float(times.mean()), max(float(times.std()), TIME_MIN_S)
    log_likelihood = _normal(times, mean_s, deviation_s)
    return Fit("deterministic", {"mean_s": mean_s, "deviation_s": deviation_s}, log_likelihood)


def _lognormal(times: Numbers) -> Fit:
    logs = numpy.log(times)
    mean = float(logs.mean())
    deviation = max(float(logs.std()), TIME_MIN_S / float(numpy.exp(mean)))
    log_likelihood = _normal(logs, mean, deviation) - float(logs.sum())
    return Fit("lognormal", {"median_s": float(numpy.exp(mean)), "deviation_of_log": deviation}, log_likelihood)


def _normal(values: Numbers, mean: float, deviation: float) -> float:
    squares = float(((values - mean) ** 2).sum())
    return -len(values) * float(numpy.log(deviation * numpy.sqrt(2 * numpy.pi))) - squares / (2 * deviation**2)


def _gamma(times: Numbers) -> Fit:
    """Newton's steps from Minka's first guess. Shape 1 is exponential, a high one nearly constant."""
    mean_s, count = float(times.mean()), len(times)
    spread = max(float(numpy.log(mean_s) - numpy.log(times).mean()), _SPREAD_MIN)
    shape = (3 - spread + float(numpy.sqrt((spread - 3) ** 2 + 24 * spread))) / (12 * spread)
    for _ in range(_STEPS_MAX):
        step = (numpy.log(shape) - float(digamma(shape)) - spread) / (1 / shape - float(polygamma(1, shape)))
        # Halved rather than past zero.
        shape, before = max(shape - float(step), shape / 2), shape
        if abs(shape - before) < _ENOUGH * shape:
            break
    scale_s = mean_s / shape
    log_likelihood = (shape - 1) * float(numpy.log(times).sum()) - count * (
        shape + float(gammaln(shape)) + shape * float(numpy.log(scale_s))
    )
    return Fit("gamma", {"shape": shape, "mean_s": mean_s}, log_likelihood)


def _hyperexponential(times: Numbers) -> Fit:
    """A mixture of short and long ones, each exponential: what bursts look like. Expectation and maximisation."""
    mean_s, count = float(times.mean()), len(times)
    share, short_s, long_s = 0.5, mean_s / 4, mean_s * 7 / 4
    log_likelihood = -numpy.inf
    for _ in range(_STEPS_MAX):
        short = share / short_s * numpy.exp(-times / short_s)
        long = (1 - share) / long_s * numpy.exp(-times / long_s)
        both = numpy.maximum(short + long, numpy.finfo(float).tiny)
        log_likelihood, before = float(numpy.log(both).sum()), log_likelihood
        if log_likelihood - before < _ENOUGH * count:
            break
        is_short = short / both
        weight = float(is_short.sum())
        if not 0 < weight < count:
            break
        share = weight / count
        short_s = max(float((is_short * times).sum()) / weight, TIME_MIN_S)
        long_s = max(float(((1 - is_short) * times).sum()) / (count - weight), TIME_MIN_S)
    parameters = {"share_of_short": share, "short_mean_s": short_s, "long_mean_s": long_s}
    return Fit("hyperexponential", parameters, float(log_likelihood))


_KINDS: Final[tuple[Callable[[Numbers], Fit], ...]] = (
    _exponential,
    _gamma,
    _lognormal,
    _hyperexponential,
)
