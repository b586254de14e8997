"""Which segment holds the records of a queue's positions: a handful of entries, however many positions there are.

Positions ascend as the log does, so that a segment holds a stretch of them; compaction moves some on to a later one.
An acknowledgement takes what it settles off the account of the segments that hold it, so it asks here first.
"""

from array import array
from bisect import bisect_left, bisect_right
from typing import Generic, TypeVar

S = TypeVar("S")


class Extents(Generic[S]):
    """The segment of each position of one queue; S is what stands for a segment, hashable."""

    # Entry i holds from position _firsts[i] up to the next entry's, the last one without end; None: not known.
    # Neighbours differ, and the first entry is known: each piece of an answer is one entry.
    __slots__ = ("_firsts", "_segments")

    def __init__(self) -> None:
        self._firsts = array("Q")
        self._segments: list[S | None] = []

    def append(self, first: int, segment: S) -> None:
        """All positions from first on are in this segment."""
        firsts, segments = self._firsts, self._segments
        if segments and segments[-1] == segment and first >= firsts[-1]:
            return
        # A move may have left an entry right here, for what comes after what it moved.
        at = bisect_left(firsts, first)
        del firsts[at:], segments[at:]
        if not segments or segments[-1] != segment:
            firsts.append(first)
            segments.append(segment)

    def spans(self, first: int, end: int) -> list[tuple[S | None, int, int]]:
        """The pieces (segment, first, end) of the positions [first, end), ascending; None: not known."""
        if end <= first:
            return []
        firsts, segments = self._firsts, self._segments
        if segments and first >= firsts[-1]:
            return [(segments[-1], first, end)]
        pieces = []
        at = bisect_right(firsts, first)
        segment = segments[at - 1] if at else None
        for index in range(at, bisect_left(firsts, end, at)):
            pieces.append((segment, first, firsts[index]))
            first, segment = firsts[index], segments[index]
        pieces.append((segment, first, end))
        return pieces

    def move(self, first: int, end: int, segment: S) -> None:
        """Compaction: the positions [first, end) are in this segment now, those around it where they were."""
        if end <= first:
            return
        firsts, segments = self._firsts, self._segments
        at = bisect_left(firsts, first)
        after = bisect_right(firsts, end, at)
        before = segments[at - 1] if at else None
        beyond = segments[after - 1] if after else None
        new: list[tuple[int, S | None]] = []
        if before != segment:
            new.append((first, segment))
        if beyond != segment:
            new.append((end, beyond))
        firsts[at:after] = array("Q", [position for position, _ in new])
        segments[at:after] = [held for _, held in new]

    def forget(self, segment: S) -> None:
        """The segment is gone: where its positions are is not known any more."""
        firsts = array("Q")
        segments: list[S | None] = []
        last = None
        for first, held in zip(self._firsts, self._segments, strict=True):
            if held == segment:
                held = None
            if held != last:
                firsts.append(first)
                segments.append(held)
            last = held
        self._firsts, self._segments = firsts, segments

    def segments(self) -> set[S]:
        """The segments that hold positions of the queue."""
        return {segment for segment in self._segments if segment is not None}
