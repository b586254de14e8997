"""The runs of a backlog on disk, beside a plain dict of positions."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.stored_runs import StoredRun, StoredRuns

LOCATION = 7 << 34 | 512


def stored(*runs: StoredRun) -> StoredRuns:
    made = StoredRuns()
    for run in runs:
        made.append(*run)
    return made


def test_runs_come_out_in_order_as_they_went_in() -> None:
    runs = [(0, 3, LOCATION, False), (3, 1, 2**64 - 1, True), (9, 5, 0, False)]
    backlog = stored(*runs)
    assert (len(backlog), backlog.message_count) == (3, 9)
    assert backlog.peek() == runs[0]
    assert [backlog.pop(), backlog.pop(), backlog.pop()] == runs
    assert (len(backlog), backlog.message_count, bool(backlog)) == (0, 0, False)


def test_where_nothing_waits_there_is_no_front() -> None:
    backlog = stored((0, 1, LOCATION, False))
    backlog.pop()
    for front in backlog.peek, backlog.pop:
        with pytest.raises(IndexError):
            front()
    assert (len(backlog), backlog.message_count) == (0, 0)


def test_what_is_cleared_is_empty_and_can_be_filled_again() -> None:
    backlog = stored((0, 3, LOCATION, False), (3, 1, LOCATION, True))
    backlog.clear()
    assert (list(backlog), backlog.message_count) == ([], 0)
    backlog.append(8, 2, LOCATION)
    assert (list(backlog), backlog.message_count) == ([(8, 2, LOCATION, False)], 2)


def test_a_run_that_is_moved_stays_one_run() -> None:
    backlog = stored((0, 3, 10, False), (5, 2, 20, True), (7, 4, 30, False))
    backlog.relocate(5, 2, 99)
    assert list(backlog) == [(0, 3, 10, False), (5, 2, 99, True), (7, 4, 30, False)]
    backlog.relocate(3, 100, 88)
    assert list(backlog) == [(0, 3, 10, False), (5, 2, 88, True), (7, 4, 88, False)]


def test_a_run_that_is_moved_in_part_is_split_and_keeps_its_flag() -> None:
    backlog = stored((0, 10, 10, True), (10, 10, 20, False))
    backlog.relocate(8, 4, 99)
    assert list(backlog) == [(0, 8, 10, True), (8, 2, 99, True), (10, 2, 99, False), (12, 8, 20, False)]
    backlog.relocate(14, 2, 88)
    assert list(backlog)[3:] == [(12, 2, 20, False), (14, 2, 88, False), (16, 4, 20, False)]
    assert backlog.message_count == 20


def test_a_run_that_only_begins_where_the_moved_ones_do_is_split() -> None:
    backlog = stored((0, 4, 10, False), (4, 1, 20, False))
    backlog.relocate(0, 2, 99)
    assert list(backlog) == [(0, 2, 99, False), (2, 2, 10, False), (4, 1, 20, False)]
    backlog.relocate(3, 2, 88)
    assert list(backlog)[1:] == [(2, 1, 10, False), (3, 1, 88, False), (4, 1, 88, False)]


def test_what_is_not_here_moves_nothing() -> None:
    backlog = stored((4, 2, 10, False), (9, 2, 20, False))
    for first in 2, 6, 7, 11, 12:
        backlog.relocate(first, 2, 99)
    assert list(backlog) == [(4, 2, 10, False), (9, 2, 20, False)]


@pytest.mark.parametrize("first", [0, 1, 5])
def test_runs_without_a_gap_are_told_as_one(first: int) -> None:
    assert StoredRuns().positions() == []
    backlog = stored((first, 3, 10, False), (first + 3, 2, 20, True), (first + 7, 4, 30, False))
    assert backlog.positions() == [(first, first + 5), (first + 7, first + 11)]
    backlog.pop()
    assert backlog.positions() == [(first + 3, first + 5), (first + 7, first + 11)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 3), st.integers(1, 6), st.booleans()),
        st.tuples(st.just("pop"), st.integers(1, 4), st.just(0), st.booleans()),
        st.tuples(st.just("relocate"), st.integers(-1, 12), st.integers(1, 8), st.booleans()),
    ),
    max_size=40,
)


@given(STEPS)
def test_each_position_keeps_its_flag_and_has_its_newest_location(steps: list[tuple[str, int, int, bool]]) -> None:
    backlog, naive, end = StoredRuns(), dict[int, tuple[int, bool]](), 0
    for location, (step, first, count, redelivered) in enumerate(steps):
        if step == "append":
            first += end
            end = first + count
            backlog.append(first, count, location, redelivered)
            naive.update(dict.fromkeys(range(first, end), (location, redelivered)))
        elif step == "relocate":
            first = max(0, first + min(naive, default=0))
            backlog.relocate(first, count, location)
            naive.update({at: (location, naive[at][1]) for at in range(first, first + count) if at in naive})
        else:
            for _ in range(min(first, len(backlog))):
                front = backlog.peek()
                assert backlog.pop() == front
                for position in range(front[0], front[0] + front[1]):
                    assert naive.pop(position) == front[2:]
        runs = list(backlog)
        assert {at: run[2:] for run in runs for at in range(run[0], run[0] + run[1])} == naive
        assert [run[0] for run in runs] == sorted(run[0] for run in runs)
        assert (len(backlog), backlog.message_count) == (len(runs), len(naive))
        assert [at for first, end_ in backlog.positions() for at in range(first, end_)] == sorted(naive)


def test_ten_thousand_runs_take_24_octets_each_and_give_them_back() -> None:
    tracemalloc.start()
    try:
        backlog = StoredRuns()
        for number in range(10_000):
            backlog.append(2 * number, 1, LOCATION)
        # An array that grows keeps a sixteenth in reserve.
        assert tracemalloc.get_traced_memory()[0] < 10_000 * 24 * 17 / 16 + 2000
        for _ in range(9_900):
            backlog.pop()
        assert tracemalloc.get_traced_memory()[0] < 100 * 24 * 2 + 2000
    finally:
        tracemalloc.stop()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=8), st.integers(0, 3), st.integers(0, 60))
def test_what_follows_a_position_is_the_run_with_it_and_all_behind(
    gaps_and_counts: list[tuple[int, int]], taken: int, position: int
) -> None:
    backlog = StoredRuns()
    runs: list[StoredRun] = []
    end = 1
    for gap, count in gaps_and_counts:
        runs.append((end + gap, count, LOCATION, False))
        backlog.append(*runs[-1])
        end += gap + count
    for _ in range(min(taken, len(runs))):
        backlog.pop()
        del runs[0]
    assert list(backlog.following(position)) == [run for run in runs if run[0] + run[1] > position]
    assert [backlog.at(index) for index in range(len(backlog))] == runs
