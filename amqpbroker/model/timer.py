"""One call at a time of the Unix clock, for whoever waits for the first of several things to be due."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amqpbroker.model.ports import Clock, Deadline


class Timer:
    """due_ms: when it rings, in Unix milliseconds; 0: it does not."""

    __slots__ = ("_call", "_clock", "_deadline", "due_ms")

    def __init__(self, clock: "Clock", call: Callable[[], None]) -> None:
        self._clock = clock
        self._call = call
        self._deadline: Deadline | None = None
        self.due_ms = 0

    def set(self, due_ms: int) -> None:
        """Rings once, at this time and no other; what is past is due at once. 0: does not ring."""
        if due_ms == self.due_ms:
            return
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.due_ms = due_ms
        if due_ms:
            when_s = max(self._clock.now_s(), self._clock.seconds_at(due_ms))
            self._deadline = self._clock.at(when_s, self._ring)

    def _ring(self) -> None:
        self._deadline = None
        self.due_ms = 0
        self._call()
