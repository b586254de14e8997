"""What of a queue waits on disk: runs of positions and where they are, 24 octets a run.

A backlog of ten million messages must fit into memory beside the rest, so that nothing here is an object: three arrays,
which the collector does not walk. What goes from the front only moves an offset; the arrays are cut when over half of
them is dead.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import islice

StoredRun = tuple[int, int, int, bool]
"""(first position, how many positions in a row, location, whether they count as delivered before)

location: what the journal finds the record by; below 2**64, nothing here looks into it.
"""


class StoredRuns:
    """Runs in order of position, each beyond the one before.

    message_count: how many positions are in all of them.
    """

    __slots__ = ("_counts_and_flags", "_firsts", "_head", "_locations", "message_count")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.message_count = 0
        # Runs below _head are dead. The arrays are empty when there is no run.
        self._firsts = array("Q")
        self._counts_and_flags = array("Q")  # count << 1 | redelivered
        self._locations = array("Q")
        self._head = 0

    def __len__(self) -> int:
        """How many runs."""
        return len(self._firsts) - self._head

    def append(self, first: int, count: int, location: int, redelivered: bool = False) -> None:
        """Adds a run of at least one position, beyond the last one."""
        self._firsts.append(first)
        self._counts_and_flags.append(count << 1 | redelivered)
        self._locations.append(location)
        self.message_count += count

    def peek(self) -> StoredRun:
        """The front run.

        Raises IndexError: there is none.
        """
        return self._run(self._head)

    def at(self, index: int) -> StoredRun:
        """The run with so many before it. Raises IndexError."""
        return self._run(self._head + index)

    def following(self, position: int) -> Iterator[StoredRun]:
        """The run with this position, if there is one, and all behind it; none may be added or taken meanwhile."""
        index = bisect_right(self._firsts, position, self._head) - 1
        if index < self._head or self._firsts[index] + (self._counts_and_flags[index] >> 1) <= position:
            index += 1
        return map(self._run, range(index, len(self._firsts)))

    def pop(self) -> StoredRun:
        """Takes the front run.

        Raises IndexError: there is none.
        """
        head = self._head
        run = self._run(head)
        self.message_count -= run[1]
        self._head = head = head + 1
        # Cut once the dead are more than the others, so that each run is moved about once.
        if head * 2 > len(self._firsts):
            del self._firsts[:head], self._counts_and_flags[:head], self._locations[:head]
            self._head = 0
        return run

    def shorten(self, count: int) -> None:
        """Takes the first count messages off the front run, or all of it."""
        first, there, _, _ = self.peek()
        if count >= there:
            self.pop()
            return
        self._firsts[self._head] = first + count
        self._counts_and_flags[self._head] -= count << 1
        self.message_count -= count

    def relocate(self, first: int, count: int, location: int) -> None:
        """Compaction: those of the positions [first, first + count) that are here have this location now.

        A run that is only partly among them is split, which moves all runs after it; others change where they are.
        """
        firsts, head = self._firsts, self._head
        at = bisect_left(firsts, first, head)
        if at < len(firsts) and firsts[at] == first and self._counts_and_flags[at] >> 1 == count:
            # The record moved as it was, which is what nearly always happens.
            self._locations[at] = location
            return
        at = self._boundary(first, head, len(firsts))
        # As many positions are in as many runs at most.
        after = self._boundary(first + count, at, min(at + count, len(firsts)))
        for index in range(at, after):
            self._locations[index] = location

    def __iter__(self) -> Iterator[StoredRun]:
        """All runs in order; none may be added or taken meanwhile."""
        return map(self._run, range(self._head, len(self._firsts)))

    def positions(self) -> list[tuple[int, int]]:
        """All positions as (first, end), ascending; runs without a gap between them are one."""
        merged: list[tuple[int, int]] = []
        begin = end = 0
        runs = zip(self._firsts, self._counts_and_flags, strict=True)
        for first, count_and_flag in islice(runs, self._head, None):
            if first != end:
                if end > begin:
                    merged.append((begin, end))
                begin = first
            end = first + (count_and_flag >> 1)
        if end > begin:
            merged.append((begin, end))
        return merged

    def _run(self, index: int) -> StoredRun:
        count_and_flag = self._counts_and_flags[index]
        return self._firsts[index], count_and_flag >> 1, self._locations[index], count_and_flag & 1 == 1

    def _boundary(self, position: int, low: int, high: int) -> int:
        """The index of the first run from this position on, between low and high; a run around it is split there."""
        index = bisect_left(self._firsts, position, low, high)
        if index > self._head:
            first, count, location, redelivered = self._run(index - 1)
            if position < first + count:
                self._counts_and_flags[index - 1] = (position - first) << 1 | redelivered
                self._firsts.insert(index, position)
                self._counts_and_flags.insert(index, (first + count - position) << 1 | redelivered)
                self._locations.insert(index, location)
        return index
