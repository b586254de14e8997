"""Sets of positions, beside plain sets of numbers."""

import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.journal.intervals import Intervals, runs_of

Run = tuple[int, int]

NUMBERS = range(24)
# Bits of an integer: half of all numbers, in many runs.
SETS = st.integers(0, 2 ** len(NUMBERS) - 1).map(lambda bits: {number for number in NUMBERS if bits >> number & 1})
RUNS = st.tuples(st.sampled_from(NUMBERS), st.integers(0, 6)).map(lambda run: (run[0], run[0] + run[1]))


def naive_runs(numbers: Iterable[int]) -> list[Run]:
    """A run begins where the number before is not there, and ends where the next is not."""
    there = set(numbers)
    firsts = sorted(number for number in there if number - 1 not in there)
    ends = sorted(number + 1 for number in there if number + 1 not in there)
    return list(zip(firsts, ends, strict=True))


def intervals(*runs: Run) -> Intervals:
    made = Intervals()
    for first, end in runs:
        made.add(first, end)
    return made


def test_what_is_added_in_a_row_is_one_run() -> None:
    live = intervals((1, 4), (4, 5), (5, 9), (12, 13))
    assert list(live) == [(1, 9), (12, 13)]
    assert live.count == 9


def test_what_is_already_there_is_counted_once() -> None:
    live = intervals((1, 4), (10, 12), (3, 10), (2, 3))
    assert list(live) == [(1, 12)]
    assert live.count == 11


def test_what_touches_becomes_one_run() -> None:
    live = intervals((0, 2), (4, 6), (8, 9), (20, 30))
    live.add(2, 3)
    live.add(7, 8)
    assert list(live) == [(0, 3), (4, 6), (7, 9), (20, 30)]
    live.add(3, 4)
    assert list(live) == [(0, 6), (7, 9), (20, 30)]


def test_exactly_what_was_there_is_removed() -> None:
    live = intervals((1, 5), (7, 9), (12, 20))
    assert live.removed(3, 15) == [(3, 5), (7, 9), (12, 15)]
    assert list(live) == [(1, 3), (15, 20)]
    assert live.remove(2, 16) == 2
    assert live.removed(2, 16) == []


def test_a_run_from_within_leaves_both_sides() -> None:
    live = intervals((0, 10))
    assert live.remove(4, 6) == 2
    assert list(live) == [(0, 4), (6, 10)]
    assert live.within(3, 7) == [(3, 4), (6, 7)]
    assert live.count_within(3, 7) == 2


def test_what_is_cleared_has_nothing_and_can_be_filled_again() -> None:
    live = intervals((0, 10), (12, 13))
    live.clear()
    assert (live.count, list(live)) == (0, [])
    live.add(5, 6)
    assert (live.count, list(live)) == (1, [(5, 6)])


def test_what_was_emptied_from_the_front_and_then_at_once_can_be_filled_again() -> None:
    live = intervals((0, 1), (2, 3), (4, 5))
    assert (live.remove(0, 1), live.remove(0, 9), live.remove(0, 9)) == (1, 2, 0)
    live.add(1, 2)
    assert (live.count, list(live)) == (1, [(1, 2)])


def test_a_walk_sees_what_was_there_when_it_began() -> None:
    live = intervals((0, 1), (2, 3), (4, 5))
    for first, end in live:
        live.remove(first, end)
        live.add(first + 100, end + 100)
    assert list(live) == [(100, 101), (102, 103), (104, 105)]


@pytest.mark.parametrize(("first", "end"), [(-1, 3), (3, 2**64)])
def test_what_is_no_position_is_refused(first: int, end: int) -> None:
    with pytest.raises(OverflowError):
        Intervals().add(first, end)


STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove", "removed"]), RUNS), max_size=30)


@given(SETS, STEPS)
def test_it_is_what_a_set_would_be(naive: set[int], steps: list[tuple[str, Run]]) -> None:
    live = intervals(*naive_runs(naive))
    for step, (first, end) in steps:
        met = naive & set(range(first, end))
        assert live.within(first, end) == naive_runs(met)
        assert live.count_within(first, end) == len(met)
        if step == "add":
            live.add(first, end)
            naive |= set(range(first, end))
        else:
            assert getattr(live, step)(first, end) == (len(met) if step == "remove" else naive_runs(met))
            naive -= met
        assert list(live) == naive_runs(naive)
        assert live.count == len(naive)
        assert [number for number in range(40) if number in live] == sorted(naive)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_a_queue_adds_at_the_end_and_settles_near_the_front(rounds: list[tuple[int, int, int, int]]) -> None:
    live, naive, end = Intervals(), set[int](), 0
    for gap, count, before, settled in rounds:
        live.add(end + gap, end + gap + count)
        naive |= set(range(end + gap, end + gap + count))
        end += gap + count
        first = min(naive) + before if naive else 0
        gone = naive & set(range(first, first + settled))
        assert live.removed(first, first + settled) == naive_runs(gone)
        naive -= gone
        assert list(live) == naive_runs(naive)
        assert live.count == len(naive)


def test_what_is_settled_from_the_front_gives_its_memory_back() -> None:
    tracemalloc.start()
    try:
        live = Intervals()
        for number in range(0, 20_000, 2):
            live.add(number, number + 1)
        assert tracemalloc.get_traced_memory()[0] > 10_000 * 16
        for number in range(0, 19_800, 2):
            live.remove(number, number + 1)
        assert tracemalloc.get_traced_memory()[0] < 100 * 16 * 2 + 2000
    finally:
        tracemalloc.stop()


@given(st.lists(st.integers(0, 40)))
def test_numbers_in_any_order_are_merged_into_runs(numbers: list[int]) -> None:
    assert runs_of(numbers) == naive_runs(numbers)
    assert runs_of(sorted(numbers)) == naive_runs(numbers)
    assert runs_of(tuple(numbers)) == naive_runs(numbers)


@given(st.integers(0, 9), st.integers(0, 30), st.sampled_from([-3, -2, -1, 1, 2, 3]))
def test_a_range_is_what_its_numbers_are(start: int, stop: int, step: int) -> None:
    numbers = range(start, stop, step) if step > 0 else range(stop, start, step)
    assert runs_of(numbers) == naive_runs(numbers)


def test_a_range_in_a_row_is_not_walked() -> None:
    assert runs_of(range(10**15)) == [(0, 10**15)]
    assert runs_of(range(10**15, 0, -1)) == [(1, 10**15 + 1)]


@pytest.mark.parametrize("numbers", [[3, 5, 4, 6], [3, 3, 5, 6], [3, 9, 2, 6]])
def test_ends_of_a_row_with_something_else_between_are_not_taken_for_one(numbers: list[int]) -> None:
    assert runs_of(numbers) == naive_runs(numbers)
