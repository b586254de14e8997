"""Every deadline of the broker, in one heap: heartbeats, handshakes, messages that expire or are delayed."""

import asyncio
import heapq
import time
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


class Ticker:
    """The only clock of the server. What falls due at one time is done in the order in which it was asked for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ticked: Callable[[], None] = lambda: None) -> None:
        """ticked: called when what was due is done."""
        self._loop = loop
        self._ticked = ticked
        self._heap: list[tuple[float, int, Deadline]] = []
        self._sweep_at = _SWEEP_MIN
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        # Taken once: whoever sets the system's clock moves no deadline.
        self._unix_offset_s = time.time() - loop.time()

    def now_s(self) -> float:
        """Seconds from anywhere, never backwards."""
        return self._loop.time()

    def unix_ms(self) -> int:
        """Milliseconds of Unix time, as it was at the start and has gone on since."""
        return int((self._loop.time() + self._unix_offset_s) * 1000)

    def at(self, when_s: float, callback: Callable[[], None]) -> Deadline:
        """Calls callback when the time has come."""
        if len(self._heap) >= self._sweep_at:
            self._sweep()
        deadline = Deadline(when_s, callback)
        heapq.heappush(self._heap, (when_s, next(self._order), deadline))
        if self._heap[0][2] is deadline:
            self._arm()
        return deadline

    def stop(self) -> None:
        """Nothing falls due any more."""
        self._heap.clear()
        self._arm()

    def _sweep(self) -> None:
        """Drops the cancelled: clients come and go, and may ask for heartbeats hours apart."""
        self._heap = [entry for entry in self._heap if entry[2].callback is not None]
        heapq.heapify(self._heap)
        self._sweep_at = max(_SWEEP_MIN, 2 * len(self._heap))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._timer = self._loop.call_at(self._heap[0][0], self._tick)

    def _tick(self) -> None:
        self._timer = None
        now_s = self.now_s()
        try:
            while self._heap and self._heap[0][0] <= now_s:
                _, _, deadline = heapq.heappop(self._heap)
                if deadline.callback is not None:
                    deadline.callback()
        finally:
            # A fault in one callback is for the loop's log; the other deadlines are still kept.
            if self._timer is None:
                self._arm()
            self._ticked()
