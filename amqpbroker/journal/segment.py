"""A segment of the log while the broker runs: where its next frame goes, and what of it is still needed."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from amqpbroker.journal.format import BLOCK_BYTES, Key, SegmentHeader
from amqpbroker.journal.manifest import SegmentEntry

if TYPE_CHECKING:
    from amqpbroker.journal.queue_log import QueueLog

FOLDER = "log"
# Of a queue without flagged messages, as most are.
_MARK_BYTES = 29


class Segment:
    """end: where the next frame goes. sealed: nothing is appended any more. damaged: a frame of it could not be read
    back, so it stays as it is.

    recorded, live: message records in it (one for each queue a message reached), and those that are not settled.
    cancels: the segments that hold what is settled by acknowledgements in this one; as long as one of them is there,
    these acknowledgements are needed, or what they settled would come back.
    defined: the definitions it has records of. definitions, marks: those of which the last record stands here; of
    definitions with its size. queues: that have records in it.
    """

    __slots__ = (
        "cancels",
        "damaged",
        "defined",
        "definitions",
        "end",
        "epoch",
        "id",
        "live",
        "marks",
        "queues",
        "recorded",
        "salt",
        "sealed",
        "size_bytes",
        "skip",
    )

    def __init__(self, number: int, epoch: int, salt: int, size_bytes: int) -> None:
        self.id = number
        self.epoch = epoch
        self.salt = salt
        self.size_bytes = size_bytes
        self.end = BLOCK_BYTES
        self.sealed = False
        self.skip: tuple[tuple[int, int], ...] = ()
        self.damaged = False
        self.recorded = 0
        self.live = 0
        self.cancels: set[Segment] = set()
        self.defined: set[Key] = set()
        self.definitions: dict[Key, int] = {}
        self.marks: set[QueueLog] = set()
        self.queues: set[QueueLog] = set()

    @property
    def name(self) -> str:
        """Its file."""
        return segment_name(self.id)

    @property
    def live_bytes(self) -> int:
        """About how many octets of it are still needed."""
        messages_bytes = (self.end - BLOCK_BYTES) * self.live // self.recorded if self.live else 0
        others_bytes = sum(self.definitions.values()) + _MARK_BYTES * len(self.marks)
        return max(messages_bytes, others_bytes)

    @property
    def holds_something(self) -> bool:
        """Whether it has anything that would have to be copied before it could go."""
        return bool(self.live or self.definitions or self.marks)

    @property
    def header(self) -> SegmentHeader:
        return SegmentHeader(self.epoch, self.id, self.salt)

    def entry(self) -> SegmentEntry:
        """Its line in the manifest."""
        sealed = self.end if self.sealed else None
        return SegmentEntry(self.id, self.epoch, self.salt, self.size_bytes, sealed, self.skip)


def free_segments(segments: Iterable[Segment]) -> set[Segment]:
    """Those of which nothing is needed, if all of them go at once. segments: oldest first, as in the log."""
    free: set[Segment] = set()
    for segment in segments:
        # What it cancels is always older.
        if segment.sealed and not segment.holds_something and segment.cancels <= free:
            free.add(segment)
    return free


def segment_name(number: int) -> str:
    """The file of a segment."""
    return f"{FOLDER}/{number:016x}.seg"


def spare_name(number: int) -> str:
    """The file of a segment to be: its space is allocated already."""
    return f"{FOLDER}/{number:016x}.spare"
