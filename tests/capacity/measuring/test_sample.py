"""Times that were measured: their number, mean and variation, and the last of them."""

from itertools import repeat
from statistics import fmean, pstdev

from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from amqpbroker.capacity.measuring.sample import KEPT_MAX, Sample

TIMES_S = st.lists(st.tuples(st.floats(1e-6, 1e3), st.integers(1, 5)), min_size=1)


def sample(*times_s: float) -> Sample:
    taken = Sample()
    for time_s in times_s:
        taken.add(time_s)
    return taken


@given(TIMES_S)
def test_mean_and_variation_are_those_of_all_times(runs: list[tuple[float, int]]) -> None:
    taken = Sample()
    for time_s, times in runs:
        taken.add(time_s, times)
    every = [one for time_s, times in runs for one in repeat(time_s, times)]
    assert taken.last_s == every
    assert (taken.count, taken.mean_s) == (len(every), approx(fmean(every)))
    assert taken.cv == approx(pstdev(every) / fmean(every), rel=1e-5, abs=1e-6)


def test_of_many_the_last_are_kept_and_all_are_counted() -> None:
    taken = sample(7.0)
    taken.add(1.0, KEPT_MAX)
    assert (taken.count, len(taken.last_s), max(taken.last_s)) == (KEPT_MAX + 1, KEPT_MAX, 1.0)
    assert taken.total_s == KEPT_MAX + 7.0


def test_of_nothing_and_of_zeros_there_is_no_variation() -> None:
    assert (sample().mean_s, sample().cv) == (0.0, 0.0)
    assert (sample(0.0, 0.0).mean_s, sample(0.0, 0.0).cv) == (0.0, 0.0)
