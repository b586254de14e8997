"""What is to be done at which time: a heap, for whoever has a clock.

What falls due at one time is done in the order in which it was asked for, so that a run can be repeated.
"""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Final

# Below this the cancelled are not worth looking for.
_SWEEP_MIN: Final = 1_024


class Deadline:
    """Something to be done at a time; `cancel` is all that can be done with it."""

    __slots__ = ("callback", "when_s")

    def __init__(self, when_s: float, callback: Callable[[], None] | None) -> None:
        self.when_s = when_s
        self.callback = callback

    def cancel(self) -> None:
        """It will not be done. It stays in the heap until its time or a sweep, so it costs nothing to cancel."""
        self.callback = None


class Deadlines:
    """Those of one clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Deadline]] = []
        self._sweep_at = _SWEEP_MIN
        self._order = count()

    def __len__(self) -> int:
        """How many are not cancelled."""
        return sum(deadline.callback is not None for _, _, deadline in self._heap)

    @property
    def first(self) -> Deadline | None:
        """The one whose time comes first, cancelled or not."""
        return self._heap[0][2] if self._heap else None

    def add(self, when_s: float, callback: Callable[[], None]) -> Deadline:
        """From now on callback is to be called at that time."""
        if len(self._heap) >= self._sweep_at:
            self._sweep()
        deadline = Deadline(when_s, callback)
        heapq.heappush(self._heap, (when_s, next(self._order), deadline))
        return deadline

    def take_due(self, now_s: float) -> Deadline | None:
        """Takes out the first, if its time has come and it is not cancelled."""
        while self._heap and self._heap[0][0] <= now_s:
            deadline = heapq.heappop(self._heap)[2]
            if deadline.callback is not None:
                return deadline
        return None

    def do_due(self, now_s: float, comes: Callable[[float], None] | None = None) -> None:
        """Does all whose time has come, in order, and what that asks for. comes: told the time of each before it."""
        while (deadline := self.take_due(now_s)) is not None:
            if comes is not None:
                comes(deadline.when_s)
            assert deadline.callback is not None
            deadline.callback()

    def clear(self) -> None:
        """Nothing is to be done any more."""
        self._heap.clear()

    def _sweep(self) -> None:
        """Drops the cancelled: clients come and go, and may ask for heartbeats hours apart."""
        self._heap = [entry for entry in self._heap if entry[2].callback is not None]
        heapq.heapify(self._heap)
        self._sweep_at = max(_SWEEP_MIN, 2 * len(self._heap))
