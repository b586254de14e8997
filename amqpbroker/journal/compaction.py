"""Copying forward what is still live in a segment that is mostly dead, so that the disk gets its space back.

The emptiest segment goes first. One that holds nothing but acknowledgements for messages in an older segment has to
stay as long as that does, so then the older one goes first: chains end at their oldest link. A step copies a bounded
number of octets, as part of a commit that is written anyway.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from amqpbroker.journal import format
from amqpbroker.journal.format import Content, FormatError, Key, Publish
from amqpbroker.journal.segment import Segment, free_segments

if TYPE_CHECKING:
    from amqpbroker.journal.log import Log
    from amqpbroker.journal.queue_log import QueueLog

# A step copies at least so much, and twice what is published with it: it has to be quicker than what fills the disk.
_STEP_MIN_BYTES: Final = 262_144
_STEP_SHARE: Final = 2
# Nor does it read more: others wait meanwhile.
_STEP_READ_BYTES: Final = 262_144
# Less would be copied over and over for little.
_DEAD_SHARE: Final = 0.25
_SMALL_SHARE: Final = 0.45


@dataclass(slots=True)
class Copy:
    """A record of a segment, to be written again. targets: (log, first position, messages) of each queue that still
    needs it.
    """

    victim: Segment
    pieces: list[bytes]
    size_bytes: int
    targets: list[tuple["QueueLog", int, int]]


class Compactor:
    """One segment at a time."""

    def __init__(self, log: "Log") -> None:
        self._log = log
        self._frames: Iterator[tuple[bytes, list[Publish]]] | None = None
        self._victim: Segment | None = None
        self._look = False
        self._newest = 0

    def look(self) -> None:
        """The log has grown by a segment: next time it is seen whether it takes too much space.

        Of the segments that are there by now, each is copied once at most: what copies are written to has its turn when
        others have made the log grow again.
        """
        self._look = True
        self._newest = self._log.segments[-1].id

    def stop(self) -> None:
        """No more of this: the broker is about to end."""
        self._victim = self._frames = None
        self._look = False

    @property
    def has_work(self) -> bool:
        """Whether `take` may have anything to give."""
        return self._look or self._victim is not None

    def take(self, published_bytes: int, definitions: dict[Key, Content | None], marks: set["QueueLog"]) -> list[Copy]:
        """The next step: copies for a commit; definitions and marks that the segment has the last record of join it."""
        if self._victim is not None and not self._victim.holds_something:
            # All that was left in it was acknowledged meanwhile.
            self._victim = None
        if self._victim is None and not (self._look and self._begin()):
            self._look = False
            return []
        victim = self._victim
        assert victim is not None and self._frames is not None
        left_bytes = max(_STEP_MIN_BYTES, _STEP_SHARE * published_bytes)
        left_to_read_bytes = _STEP_READ_BYTES
        copies: list[Copy] = []
        try:
            for payload, publishes in self._frames:
                left_to_read_bytes -= len(payload)
                for publish in publishes:
                    for copy in self._copies(victim, payload, publish):
                        copies.append(copy)
                        left_bytes -= copy.size_bytes
                if left_bytes <= 0 or left_to_read_bytes <= 0:
                    return copies
        except FormatError:
            # It was told. What cannot be read stays where it is, for `journal salvage`.
            victim.damaged = True
            self._victim = None
            return copies
        for key in victim.definitions.keys() - definitions.keys():
            definitions[key] = self._log.contents[key]
        marks |= victim.marks
        self._victim = self._frames = None
        return copies

    def _begin(self) -> bool:
        """Chooses a segment if the log takes more than it should, and there is one whose end makes room."""
        log = self._log
        free = free_segments(log.segments)
        there = [one for one in log.segments if one not in free]
        if not self.takes_too_much(there):
            return False
        sealed = [one for one in there if one.sealed and one.id <= self._newest]
        pinned = [one for one in sealed if not one.holds_something]
        victim = _root(pinned[0], free) if pinned else None
        if victim is None or victim.damaged:
            copyable = [one for one in sealed if one.holds_something and not one.damaged and _is_worth_it(one)]
            victim = min(copyable, key=_fullness, default=None)
            if victim is None:
                return False
        self._victim = victim
        self._frames = log.pages.walk(victim)
        return True

    def takes_too_much(self, segments: Sequence[Segment]) -> bool:
        """Whether so many segments are more than what is live in them allows."""
        log = self._log
        total_bytes = sum(one.size_bytes for one in segments)
        live_bytes = sum(one.live_bytes for one in segments)
        floor_bytes = 0 if log.is_short else log.space_floor_bytes
        # One less than allowed: by the time that a copy is done another segment has begun.
        return total_bytes > max(2 * live_bytes, floor_bytes) - log.segment_bytes

    def _copies(self, victim: Segment, payload: bytes, publish: Publish) -> Iterator[Copy]:
        """What is live of a record: in as few records as hold it, each message with the queues that still have it."""
        count = publish.message_count
        live: list[tuple[QueueLog, int, list[tuple[int, int]]]] = []
        for number, first in publish.queues:
            log = self._log.queues.get(number)
            if log is not None and (parts := _live_in(log, victim, first, first + count)):
                live.append((log, first, [(start - first, end - first) for start, end in parts]))
        places = format.content_places(payload, publish) if live else ()
        for start, end, holders in _shares([parts for _, _, parts in live]):
            targets = [(live[one][0], live[one][1] + start, end - start) for one in holders]
            queues = [(log.id, first) for log, first, _ in targets]
            pieces, size_bytes = format.copy_publish(payload, publish, places, start, end, queues)
            yield Copy(victim, pieces, size_bytes, targets)


def _shares(lists: list[list[tuple[int, int]]]) -> Iterator[tuple[int, int, list[int]]]:
    """Of several lists of intervals: the stretches (start, end) in which the same lists have something, and which."""
    if len(lists) == 1:
        yield from ((start, end, [0]) for start, end in lists[0])
        return
    cuts = sorted((at, one) for one, parts in enumerate(lists) for part in parts for at in part)
    inside: set[int] = set()
    last = 0
    for at, one in cuts:
        if inside and at > last:
            yield last, at, sorted(inside)
        inside ^= {one}
        last = at


def _root(segment: Segment, free: set[Segment]) -> Segment:
    """The oldest segment that keeps this one from going."""
    while pinning := segment.cancels - free:
        segment = min(pinning, key=lambda one: one.id)
    return segment


def _fullness(segment: Segment) -> tuple[float, int]:
    """By which the emptiest comes first, and of equals the oldest."""
    return segment.live_bytes / segment.size_bytes, segment.id


def _is_worth_it(segment: Segment) -> bool:
    """Whether copying it gains anything: enough of it is dead, or two such go into one."""
    dead_share = 1 - segment.live_bytes / (segment.end - format.BLOCK_BYTES)
    return dead_share >= _DEAD_SHARE or _fullness(segment)[0] <= _SMALL_SHARE


def _live_in(log: "QueueLog", victim: Segment, first: int, end: int) -> list[tuple[int, int]]:
    """Which of these positions are live, and have their record in this segment and no later copy."""
    return [
        (max(start, part_start), min(stop, part_end))
        for part_start, part_end in log.live.within(first, end)
        for segment, start, stop in log.extents.spans(part_start, part_end)
        if segment is victim
    ]
