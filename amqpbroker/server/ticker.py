"""Every deadline of the broker, in one heap: heartbeats, handshakes, messages that expire or are delayed."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from amqpbroker.model.deadlines import Deadline, Deadlines

# Seconds of Unix time are told apart by a quarter of this, so that `unix_ms` has surely come so far.
ROUNDING_S: Final = 1e-6


class Ticker:
    """The only clock of the server. What falls due at one time is done in the order in which it was asked for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ticked: Callable[[], None] = lambda: None) -> None:
        """ticked: called when what was due is done."""
        self._loop = loop
        self._ticked = ticked
        self._deadlines = Deadlines()
        self._timer: asyncio.TimerHandle | None = None
        # Taken once: whoever sets the system's clock moves no deadline.
        self._unix_offset_s = time.time() - loop.time()

    def now_s(self) -> float:
        """Seconds from anywhere, never backwards."""
        return self._loop.time()

    def unix_ms(self) -> int:
        """Milliseconds of Unix time, as it was at the start and has gone on since."""
        return int((self.now_s() + self._unix_offset_s) * 1000)

    def seconds_at(self, unix_ms: int) -> float:
        """When `unix_ms` is this, or a microsecond later."""
        return unix_ms / 1000 - self._unix_offset_s + ROUNDING_S

    def at(self, when_s: float, callback: Callable[[], None]) -> Deadline:
        """Calls callback when the time has come."""
        deadline = self._deadlines.add(when_s, callback)
        if self._deadlines.first is deadline:
            self._arm()
        return deadline

    def stop(self) -> None:
        """Nothing falls due any more."""
        self._deadlines.clear()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        first = self._deadlines.first
        if first is not None:
            self._timer = self._loop.call_at(self._loop_time_of(first.when_s), self._tick)

    def _loop_time_of(self, when_s: float) -> float:
        """When that is by the clock of the loop."""
        return when_s

    def _tick(self) -> None:
        self._timer = None
        try:
            self._do_due(self.now_s())
        finally:
            # A fault in one callback is for the loop's log; the other deadlines are still kept.
            if self._timer is None:
                self._arm()
            self._ticked()

    def _do_due(self, now_s: float) -> None:
        self._deadlines.do_due(now_s)
