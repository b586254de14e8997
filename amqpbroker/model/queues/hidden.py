"""What the journal keeps like a queue though it is none: nobody can name it, consume from it or see it listed.

An exchange that has to remember something over a restart has one. All of it is in memory too, so that nothing is read
from disk but once, at the start.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.model.counters import Counters
from amqpbroker.model.message import DEADLINE_SHIFT, Message
from amqpbroker.model.stored_runs import StoredRuns

if TYPE_CHECKING:
    from amqpbroker.model.ports import Journal, QueueJournal


class HiddenQueue(ABC):
    """log: what is recorded of it, None if nothing survives a restart. tail: the position of the next message.

    held_bytes: about what it keeps in memory.
    """

    # Nothing is held only until it is on disk.
    waits_for_disk: Final = False

    def __init__(self) -> None:
        self.log: QueueJournal | None = None
        self.counters = Counters()
        self.tail = 1
        self.held_bytes = 0
        self._runs = StoredRuns()

    @abstractmethod
    def load(self, journal: "Journal") -> None:
        """Takes back, at the start, what `restore` was told of."""

    @abstractmethod
    def discard(self) -> None:
        """Nothing of it is needed any more."""

    @abstractmethod
    def contents(self) -> Any:
        """What it keeps, which does not change any more: for `take_over`."""

    @abstractmethod
    def take_over(self, contents: Any, later_ms: int) -> None:
        """It keeps what another one of its kind has kept, and each thing falls due so much later. Records nothing."""

    def restore(self, runs: StoredRuns, tail: int, *, timed: bool) -> None:
        """What a restart has found of it."""
        self._runs = runs
        self.tail = tail

    def _read(self, journal: "Journal") -> Iterator[tuple[int, Message]]:
        """What is on disk, each message with its position; what is damaged was told by the journal."""
        assert self.log is not None
        for first, count, place, _ in self._runs:
            for position, message in enumerate(journal.read(place, self.log.id, first, count), first):
                if message is not None:
                    yield position, message
            journal.release(place, count)
        self._runs.clear()

    # What the journal asks of a queue

    def moment_ms(self, messages: Sequence[Message]) -> int:
        """What is recorded with messages: here the time that stands in their flags."""
        return messages[0][3] >> DEADLINE_SHIFT

    def stored(self, first: int, count: int, place: int) -> None:  # noqa: B027 (nothing waits for it)
        """A run is on disk."""

    def relocate(self, first: int, count: int, place: int) -> None:  # noqa: B027 (nothing reads it again)
        """A run has moved on disk."""

    def redelivered_runs(self) -> list[tuple[int, int]]:
        """Nothing was ever with a client."""
        return []

    def drain(self) -> None:  # noqa: B027
        """There are no consumers."""
