"""A clock turned by hand: what falls due is done when a test says so, in order."""

import heapq
from collections.abc import Callable
from itertools import count


class HandDeadline:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class HandClock:
    """seconds: since anywhere. What falls due at one time is done in the order in which it was asked for."""

    def __init__(self, seconds: float = 1_000.0, unix_offset_s: float = 1_700_000_000.0) -> None:
        self.seconds = seconds
        self._unix_offset_s = unix_offset_s
        self._heap: list[tuple[float, int, HandDeadline]] = []
        self._order = count()

    def now_s(self) -> float:
        return self.seconds

    def unix_ms(self) -> int:
        return int((self.seconds + self._unix_offset_s) * 1000)

    def at(self, when_s: float, callback: Callable[[], None]) -> HandDeadline:
        deadline = HandDeadline(callback)
        heapq.heappush(self._heap, (when_s, next(self._order), deadline))
        return deadline

    def advance(self, seconds: float) -> None:
        """Turns the clock on; everything finds the time at which it was due."""
        end = self.seconds + seconds
        while self._heap and self._heap[0][0] <= end:
            when_s, _, deadline = heapq.heappop(self._heap)
            self.seconds = max(self.seconds, when_s)
            if deadline.callback is not None:
                deadline.callback()
        self.seconds = end

    @property
    def waiting(self) -> int:
        """How many deadlines are not cancelled."""
        return sum(deadline.callback is not None for _, _, deadline in self._heap)
