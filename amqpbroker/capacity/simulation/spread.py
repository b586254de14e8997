"""How times are spread around their mean: between two messages, or what a consumer works on one."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from amqpbroker.capacity.errors import WrongInput

# Of a time with a greater one nothing is learnt from as many customers as anybody can wait for.
_VARIATION_MAX: Final = 20.0
# Of gamma times with a smaller one nearly all are the same: deterministic says that.
_VARIATION_MIN: Final = 0.01


@dataclass(frozen=True, slots=True)
class Spread:
    """name: of the distribution. variation: the standard deviation as a multiple of the mean."""

    name: str
    variation: float

    def __str__(self) -> str:
        return self.name if self in _FIXED else f"{self.name}:{self.variation:g}"


EXPONENTIAL: Final = Spread("exponential", 1.0)
DETERMINISTIC: Final = Spread("deterministic", 0.0)
_FIXED: Final = (EXPONENTIAL, DETERMINISTIC)
_GAMMA: Final = "gamma"
_HYPEREXPONENTIAL: Final = "hyperexponential"


def read_spread(text: str, name: str) -> Spread:
    """What a text says: exponential, deterministic, gamma:0.5, hyperexponential:2, the number being the variation.

    name: what it is of, for the error. Raises WrongInput: it is none of them, or the variation is none they can have.
    """
    for spread in _FIXED:
        if text == spread.name:
            return spread
    kind, _, number = text.partition(":")
    if kind not in (_GAMMA, _HYPEREXPONENTIAL):
        raise WrongInput(f"{name}: {text!r} is none of exponential, deterministic, gamma:0.5, hyperexponential:2")
    least = _VARIATION_MIN if kind == _GAMMA else 1.0
    try:
        variation = float(number)
    except ValueError:
        variation = math.nan
    if not least <= variation <= _VARIATION_MAX:
        most = f"{least:g} to {_VARIATION_MAX:g}"
        raise WrongInput(f"{name}: {text!r}: after {kind}: comes its coefficient of variation, a number from {most}")
    return Spread(kind, variation)


def sampler(spread: Spread, mean_s: float, random: Random) -> Callable[[], float]:
    """Gives one time after the other, in seconds.

    Gamma times have the shape 1 / variation². Hyperexponential ones are a mixture of two exponential ones with balanced
    means. Source: Tijms, A First Course in Stochastic Models, appendix B.
    """
    if spread == DETERMINISTIC:
        return lambda: mean_s
    if spread.name == _GAMMA:
        shape = spread.variation**-2
        return lambda: random.gammavariate(shape, mean_s / shape)
    if spread.name == _HYPEREXPONENTIAL:
        square = spread.variation**2
        often = (1 + math.sqrt((square - 1) / (square + 1))) / 2
        short, long = 2 * often / mean_s, 2 * (1 - often) / mean_s
        return lambda: random.expovariate(short if random.random() < often else long)
    rate = 1 / mean_s
    return lambda: random.expovariate(rate)
