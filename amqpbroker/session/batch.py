"""What one turn of the server's loop has touched: every connection is written once.

A big read is flushed at once. After a small one the rest of the turn is waited for, so that two hundred connections
with a message each cost few writes.
"""

from collections.abc import Callable
from typing import Protocol


class Flushable(Protocol):
    """A connection with something to write."""

    def flush(self) -> None:
        """Writes it."""


class Batch:
    """The connections that hold something to write. turn_ended: called when all of them are written."""

    __slots__ = ("_touched", "turn_ended")

    def __init__(self) -> None:
        self._touched: list[Flushable] = []
        self.turn_ended: Callable[[], None] | None = None

    def touch(self, connection: Flushable) -> None:
        """A connection has something to write."""
        self._touched.append(connection)

    def finish(self) -> None:
        """Writes to every touched connection; one that fails keeps none of the others from it."""
        while True:
            while self._touched:
                self._touched.pop().flush()
            if self.turn_ended is not None:
                self.turn_ended()
            if not self._touched:
                break
