"""A geometric distribution that is cut off: what a queue with room for so many has in it."""

from dataclasses import dataclass
from math import expm1, log
from typing import Any


@dataclass(frozen=True, slots=True)
class CutOffGeometric:
    """Chances in proportion to ratio^n on n = 0 … size − 1; the ratio may be above 1."""

    ratio: float
    size: int

    @property
    def first(self) -> float:
        """The chance of 0."""
        if self.ratio > 1:
            return self.ratio ** (1 - self.size) / total_weight(1 / self.ratio, self.size)
        return 1 / total_weight(self.ratio, self.size)

    @property
    def mean(self) -> float:
        """The mean of n."""
        if self.ratio > 1:
            return self.size - 1 - CutOffGeometric(1 / self.ratio, self.size).mean
        step = -log(self.ratio)
        if step * self.size < 1e-4:  # next to uniform the two parts of the formula cancel
            return (self.size - 1) / 2 - (self.size**2 - 1) * step / 12
        cut_off = self.size / expm1(step * self.size) if step * self.size < 700 else 0.0
        return self.ratio / (1 - self.ratio) - cut_off

    def at_least(self, numbers: Any) -> Any:
        """The chance of each of these numbers or more: arrays of NumPy."""
        import numpy as np

        if self.ratio == 1:
            return 1 - numbers / self.size
        step = log(self.ratio)
        if step > 0:
            return np.expm1((numbers - self.size) * step) / np.expm1(-self.size * step)
        return np.exp(numbers * step) * np.expm1((self.size - numbers) * step) / np.expm1(self.size * step)


def total_weight(ratio: float, size: int) -> float:
    """1 + ratio + … + ratio^(size − 1), for a ratio of 0 to 1."""
    return float(size) if ratio == 1 else expm1(size * log(ratio)) / (ratio - 1)
