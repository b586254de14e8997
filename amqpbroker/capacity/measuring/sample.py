"""Times of one kind as they were measured: how many, how long, how different, and the last of them one by one."""

from collections import deque
from math import sqrt
from typing import Final

# Enough to see one message in a hundred 80 times; at most half a megabyte.
KEPT_MAX: Final = 8_192


class Sample:
    """count, total_s: of all that were ever added."""

    __slots__ = ("_runs", "_squares", "count", "total_s")

    def __init__(self) -> None:
        self.count = 0
        self.total_s = 0.0
        self._squares = 0.0
        # (time, how many times over)
        self._runs: deque[tuple[float, int]] = deque(maxlen=KEPT_MAX)

    def add(self, value_s: float, times: int = 1) -> None:
        """One time, or the same so many times over, which costs no more."""
        self.count += times
        self.total_s += value_s * times
        self._squares += value_s * value_s * times
        self._runs.append((value_s, times))

    @property
    def last_s(self) -> list[float]:
        """The last of the times, in the order in which they came."""
        last_s: list[float] = []
        for value_s, times in reversed(self._runs):
            last_s += [value_s] * min(times, KEPT_MAX - len(last_s))
            if len(last_s) == KEPT_MAX:
                break
        return last_s[::-1]

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
