"""What the log knows of one durable queue: which positions are live, where their records are, what was handed out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from amqpbroker.journal.extents import Extents
from amqpbroker.journal.format import Run
from amqpbroker.journal.intervals import Intervals, runs_of
from amqpbroker.journal.segment import Segment

if TYPE_CHECKING:
    from amqpbroker.journal.log import Log
    from amqpbroker.model.ports import RecordedQueue

# No position is ever as high: nothing of the queue is in the open list.
NOTHING: Final = 1 << 62
# How far ahead of what was handed out the mark is set: all below it comes back flagged as redelivered after a crash. It
# begins short, so that a queue that was hardly touched is hardly over-flagged, and doubles while the queue is busy.
_LEASE_FIRST: Final = 16
_LEASE_MAX: Final = 8_192


class QueueLog:
    """id: of the queue, for all time. live: positions that are recorded and not settled.

    open_from: the first position whose record is in the list that is still open. mark: below it messages may have been
    handed out, as far as it is recorded; durable_mark: as far as that is on disk. flagged: runs that came flagged out
    of a clean stop. mark_segment: where the last mark stands.
    """

    __slots__ = (
        "_journal",
        "_lease",
        "_waiting",
        "_wakes_at",
        "durable_mark",
        "extents",
        "flagged",
        "id",
        "live",
        "mark",
        "mark_segment",
        "open_from",
        "queue",
        "renew_at",
    )

    def __init__(self, journal: "Log", number: int) -> None:
        self._journal = journal
        self.id = number
        self.queue: RecordedQueue
        self.live = Intervals()
        self.extents: Extents[Segment] = Extents()
        self.open_from = NOTHING
        self.mark = 0
        self.durable_mark = 0
        self.renew_at = 0
        self.flagged: list[Run] = []
        self.mark_segment: Segment | None = None
        self._lease = _LEASE_FIRST
        self._waiting = False
        self._wakes_at = 0

    # Called by the queue

    def settle(self, positions: Sequence[int]) -> None:
        """These are acknowledged, dropped or purged; those that were never recorded are no matter."""
        for first, end in runs_of(positions):
            self.settle_run(first, end)

    def settle_run(self, first: int, end: int) -> None:
        """The positions first to end, end not included, are settled."""
        removed = self.live.removed(first, end)
        if removed:
            self._journal.settled(self, removed)
            for start, stop in removed:
                self.count_out(start, min(stop, self.open_from))

    def allowance(self, head: int) -> int:
        """How many messages from the position head on may be handed out now; at 0 or less the queue has to wait.

        Whoever is given a message may keep it over a crash, so what says that it was given has to be on disk no later
        than the message itself.
        """
        if head >= self.open_from:
            return NOTHING
        return self.durable_mark - head

    def handed_out(self, end: int) -> None:
        """All below end were handed out. Called when end is beyond `renew_at`."""
        self.mark = max(self.mark, end + self._lease)
        self._journal.marked(self)
        self._lease = min(2 * self._lease, _LEASE_MAX)
        self.renew_at = self.mark - self._lease // 2

    def ask_for(self, head: int) -> None:
        """The queue would hand out the position head and may not yet: it is drained as soon as it may."""
        if head >= self.mark:
            self.handed_out(head)
        if not self._waiting:
            self._waiting = True
            self._journal.when_committed(self._go_on)

    def wake_when_committed(self) -> None:
        """The queue is drained when all that is recorded by now is on disk."""
        if self._wakes_at != self._journal.open_number:
            self._wakes_at = self._journal.open_number
            self._journal.when_committed(self._wake)

    def _wake(self) -> None:
        self.queue.drain()

    def _go_on(self) -> None:
        self._waiting = False
        self.queue.drain()

    # Called by the log

    def count_out(self, first: int, end: int) -> None:
        """The records of these positions are needed no more."""
        if first < end:
            for segment, start, stop in self.extents.spans(first, end):
                if segment is not None:
                    segment.live -= stop - start

    def count_out_live(self, first: int, end: int) -> None:
        """The records of what is live of these positions have copies elsewhere."""
        for start, stop in self.live.within(first, end):
            self.count_out(start, stop)

    def still_flagged(self) -> list[Run]:
        """Of the runs that were flagged at the start, what is still live."""
        if self.flagged:
            self.flagged = [part for first, end in self.flagged for part in self.live.within(first, end)]
        return self.flagged
