"""A clock turned by hand: what falls due is done when its owner says so, in order. For simulations and tests."""

from collections.abc import Callable

from amqpbroker.model.deadlines import Deadline, Deadlines


class HandClock:
    """seconds: since anywhere."""

    def __init__(self, seconds: float = 1_000.0, unix_offset_s: float = 1_700_000_000.0) -> None:
        self.seconds = seconds
        self._unix_offset_s = unix_offset_s
        self._deadlines = Deadlines()

    def now_s(self) -> float:
        """See `ports.Clock`, as the others."""
        return self.seconds

    def unix_ms(self) -> int:
        """Milliseconds of Unix time."""
        return int((self.seconds + self._unix_offset_s) * 1000)

    def seconds_at(self, unix_ms: int) -> float:
        """When the clock is turned so far that `unix_ms` is this."""
        return self.seconds + (unix_ms - self.unix_ms()) / 1000

    def at(self, when_s: float, callback: Callable[[], None]) -> Deadline:
        """Calls callback when the clock is turned so far."""
        return self._deadlines.add(when_s, callback)

    def advance(self, seconds: float) -> None:
        """Turns the clock on; everything finds the time at which it was due."""
        end = self.seconds + seconds
        self._deadlines.do_due(end, self._turn_to)
        self.seconds = end

    def _turn_to(self, when_s: float) -> None:
        self.seconds = max(self.seconds, when_s)

    def forget(self) -> None:
        """Nothing falls due any more: who has asked for it is gone."""
        self._deadlines.clear()

    @property
    def waiting(self) -> int:
        """How many deadlines are not cancelled."""
        return len(self._deadlines)
