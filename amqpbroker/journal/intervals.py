"""Sets of whole numbers that lie mostly in a row: the positions of a durable queue that are recorded and not settled.

A million positions without a gap are two numbers here, not a million entries of a set: acknowledgements come as runs,
and what is asked is which of a run are live. The intervals lie in two arrays, 16 octets each, so that the collector has
nothing to walk. What goes from the front only moves an offset; the arrays are cut when over half of them is dead.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

Run = tuple[int, int]
"""(first, end): the numbers from first up to, without, end."""


class Intervals:
    """A set of whole numbers below 2**64, kept as ascending runs with a gap between each and the next.

    count: how many numbers are in it.

    A range whose end is not above its first is empty, and is in every set.
    """

    __slots__ = ("_ends", "_firsts", "_head", "count")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.count = 0
        # Interval number i is [_firsts[i], _ends[i]); those below _head are dead. The arrays are empty when the set is.
        self._firsts = array("Q")
        self._ends = array("Q")
        self._head = 0

    def add(self, first: int, end: int) -> None:
        """Adds the numbers of a range. Quick beyond all that is there; any order, and what is there already, is right.

        Raises OverflowError: not within 0 … 2**64 - 1.
        """
        if end <= first:
            return
        ends = self._ends
        if ends and first == ends[-1]:
            ends[-1] = end
            self.count += end - first
        elif not ends or first > ends[-1]:
            self._firsts.append(first)
            ends.append(end)
            self.count += end - first
        else:
            self._merge(first, end)

    def remove(self, first: int, end: int) -> int:
        """Removes the numbers of a range; how many of them were in it."""
        before = self.count
        self.removed(first, end)
        return before - self.count

    def removed(self, first: int, end: int) -> list[Run]:
        """Removes the numbers of a range; exactly the runs of them that were in it, ascending. Quick at the front."""
        firsts, ends, head = self._firsts, self._ends, self._head
        if ends and firsts[head] == first < end <= ends[head]:
            self.count -= end - first
            if end < ends[head]:
                firsts[head] = end
            else:
                self._head = head + 1
                self._trim()
            return [(first, end)]
        at, after = self._meeting(first, end)
        if at == after:
            return []
        runs = self._clipped(at, after, first, end)
        self.count -= _total(runs)
        last_end = ends[after - 1]
        if firsts[at] < first:
            ends[at] = first
            at += 1
        if end < last_end:
            if at == after:
                self._put(at, end, last_end)
            else:
                after -= 1
                firsts[after] = end
        if at < after:
            self._drop(at, after)
        return runs

    def within(self, first: int, end: int) -> list[Run]:
        """The runs of a range that are in it, ascending. Quick within the first of all."""
        firsts, ends, head = self._firsts, self._ends, self._head
        if ends and firsts[head] <= first < end <= ends[head]:
            return [(first, end)]
        at, after = self._meeting(first, end)
        return self._clipped(at, after, first, end)

    def count_within(self, first: int, end: int) -> int:
        """How many numbers of a range are in it."""
        return _total(self.within(first, end))

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._ends, number, self._head)
        return at < len(self._ends) and self._firsts[at] <= number

    def __iter__(self) -> Iterator[Run]:
        """All runs, ascending, as they are now: the set may change meanwhile."""
        return zip(self._firsts[self._head :], self._ends[self._head :], strict=True)

    def _meeting(self, first: int, end: int) -> tuple[int, int]:
        """Which intervals have a number of a range: the index of the first, and the one after the last."""
        if end <= first:
            return 0, 0
        at = bisect_right(self._ends, first, self._head)
        return at, bisect_left(self._firsts, end, at)

    def _clipped(self, at: int, after: int, first: int, end: int) -> list[Run]:
        firsts, ends = self._firsts, self._ends
        return [(max(first, firsts[index]), min(end, ends[index])) for index in range(at, after)]

    def _merge(self, first: int, end: int) -> None:
        """Adds a range that may touch others: it and they become one."""
        firsts, ends = self._firsts, self._ends
        at = bisect_left(ends, first, self._head)
        after = bisect_right(firsts, end, at)
        if at == after:
            self._put(at, first, end)
            self.count += end - first
            return
        self.count -= sum(ends[at:after]) - sum(firsts[at:after])
        firsts[at] = min(first, firsts[at])
        ends[at] = max(end, ends[after - 1])
        self.count += ends[at] - firsts[at]
        if at + 1 < after:
            self._drop(at + 1, after)

    def _put(self, at: int, first: int, end: int) -> None:
        """Makes an interval before number `at`. The fewer of its neighbours move, if there is a dead place in front."""
        head = self._head
        if head and at - head < len(self._firsts) - at:
            for numbers, number in (self._firsts, first), (self._ends, end):
                numbers[head - 1 : at - 1] = numbers[head:at]
                numbers[at - 1] = number
            self._head = head - 1
        else:
            self._firsts.insert(at, first)
            self._ends.insert(at, end)

    def _drop(self, at: int, after: int) -> None:
        """Takes the intervals from number `at` up to `after` out. The fewer of their neighbours move."""
        head = self._head
        if at - head < len(self._firsts) - after:
            head_then = head + after - at
            for numbers in self._firsts, self._ends:
                numbers[head_then:after] = numbers[head:at]
            self._head = head_then
        else:
            del self._firsts[at:after], self._ends[at:after]
        self._trim()

    def _trim(self) -> None:
        """Gives dead intervals back once they are more than the others, so that each is moved about once."""
        head = self._head
        if head * 2 > len(self._firsts):
            del self._firsts[:head], self._ends[:head]
            self._head = 0


def runs_of(numbers: Sequence[int]) -> list[Run]:
    """The runs of some numbers, ascending; the numbers in any order, none counted twice.

    Quick for a range, and for ascending numbers without a gap.
    """
    if not numbers:
        return []
    first, last = numbers[0], numbers[-1]
    if isinstance(numbers, range):
        if abs(numbers.step) == 1:
            return [(min(first, last), max(first, last) + 1)]
    elif last - first + 1 == len(numbers) and (first == last or list(numbers) == list(range(first, last + 1))):
        return [(first, last + 1)]
    runs = []
    ascending = sorted(numbers)
    first = end = ascending[0]
    for number in ascending:
        if number > end:
            runs.append((first, end))
            first = number
        end = number + 1
    runs.append((first, end))
    return runs


def _total(runs: list[Run]) -> int:
    return sum([end - first for first, end in runs])
