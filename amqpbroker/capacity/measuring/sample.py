"""Times of one kind as they were measured: how many, how long, how different, and the last of them one by one."""

from collections import deque
from itertools import repeat
from math import sqrt
from typing import Final

# Enough to see one message in a hundred 80 times; the floats and their places are a quarter of a megabyte.
KEPT_MAX: Final = 8_192


class Sample:
    """count, total_s: of all that were ever added. last_s: the last of them, in the order in which they came."""

    __slots__ = ("_squares", "count", "last_s", "total_s")

    def __init__(self) -> None:
        self.count = 0
        self.total_s = 0.0
        self._squares = 0.0
        self.last_s: deque[float] = deque(maxlen=KEPT_MAX)

    def add(self, value_s: float, times: int = 1) -> None:
        """One time, or the same so many times over."""
        self.count += times
        self.total_s += value_s * times
        self._squares += value_s * value_s * times
        if times == 1:
            self.last_s.append(value_s)
        else:
            self.last_s.extend(repeat(value_s, times))

    @property
    def mean_s(self) -> float:
        """0 if there are none."""
        return self.total_s / self.count if self.count else 0.0

    @property
    def cv(self) -> float:
        """The coefficient of variation: standard deviation by mean; 0 where all are alike or nothing is known."""
        mean_s = self.mean_s
        if not mean_s:
            return 0.0
        return sqrt(max(self._squares / self.count - mean_s * mean_s, 0.0)) / mean_s
