"""The clock of a broker in a test suite: it goes as the real one does, until it is stopped or turned on by hand."""

import asyncio
from collections.abc import Callable

from amqpbroker.server.ticker import ROUNDING_S, Ticker


class VirtualTicker(Ticker):
    """A ticker that may be frozen and advanced; what it is ahead of the loop's clock it stays ahead.

    What falls due while it is advanced finds the very time at which it was due, in order; what that asks for in turn is
    done in the same advance if its time has come by then.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ticked: Callable[[], None] = lambda: None) -> None:
        super().__init__(loop, ticked)
        self._ahead_s = 0.0
        self._stands_at_s: float | None = None
        self._stopped_at_s: float | None = None

    @property
    def is_frozen(self) -> bool:
        """Whether time stands still."""
        return self._stands_at_s is not None

    def now_s(self) -> float:
        return self._loop.time() + self._ahead_s if self._stands_at_s is None else self._stands_at_s

    def freeze(self) -> None:
        """Time stands still: nothing falls due but by `advance`."""
        self._stands_at_s = self.now_s()
        self._arm()

    def stop(self) -> None:
        if self._stopped_at_s is None:
            self._stopped_at_s = self.now_s()
        super().stop()

    def go_on_from(self, other: "VirtualTicker") -> None:
        """As if it was that one, which has been stopped, and no time had gone by since."""
        stopped_at_s = other._stopped_at_s if other._stopped_at_s is not None else other.now_s()
        self._unix_offset_s = other._unix_offset_s
        self._ahead_s = stopped_at_s - self._loop.time()
        if other.is_frozen:
            self._stands_at_s = stopped_at_s

    def resume(self) -> None:
        """Time goes on from where it stands."""
        if self._stands_at_s is not None:
            self._ahead_s = self._stands_at_s - self._loop.time()
            self._stands_at_s = None
            self._arm()

    def advance(self, seconds: float) -> None:
        """Turns the time on; whether it was frozen or not, it is afterwards."""
        was_frozen = self.is_frozen
        begin_s = self.now_s()
        self._stands_at_s = begin_s
        try:
            # Who published and advanced at the same frozen moment is not to be late by what `seconds_at` rounds.
            self._do_due(begin_s + seconds + ROUNDING_S)
            self._stands_at_s = max(self._stands_at_s, begin_s + seconds)
        finally:
            if not was_frozen:
                self.resume()
            self._ticked()

    def _do_due(self, now_s: float) -> None:
        self._deadlines.do_due(now_s, self._stand_at)

    def _stand_at(self, when_s: float) -> None:
        if self._stands_at_s is not None:
            self._stands_at_s = max(self._stands_at_s, when_s)

    def _arm(self) -> None:
        if self._stands_at_s is None:
            super()._arm()
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _loop_time_of(self, when_s: float) -> float:
        return when_s - self._ahead_s
