"""A ticker whose time is turned by hand."""

from collections.abc import Callable, Iterator
from itertools import count

from amqpbroker.server.ticker import Deadline


class HandTurned:
    """Takes the place of `server.ticker.Ticker`. deadlines: (when, order, deadline)."""

    def __init__(self) -> None:
        self.time_s = 100.0
        self.deadlines: list[tuple[float, int, Deadline]] = []
        self._order: Iterator[int] = count()

    def now_s(self) -> float:
        return self.time_s

    def at(self, when_s: float, callback: Callable[[], None]) -> Deadline:
        deadline = Deadline(when_s, callback)
        self.deadlines.append((when_s, next(self._order), deadline))
        return deadline

    def advance(self, by_s: float) -> None:
        end_s = self.time_s + by_s
        while self.deadlines and min(self.deadlines)[0] <= end_s + 1e-9:
            self.deadlines.sort()
            self.time_s, _, deadline = self.deadlines.pop(0)
            if deadline.callback is not None:
                deadline.callback()
        self.time_s = end_s
