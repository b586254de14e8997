"""What is Poisson and exponential is taken for it though the clock counts whole milliseconds, and nothing else is."""

import numpy
import pytest
from numpy.random import default_rng

from amqpbroker.capacity.fitting.coarse_clock import gaps_as_they_may_be, times_as_they_may_be
from amqpbroker.capacity.fitting.likelihood_ratio import Numbers, exponential_times, poisson_counts

TRIALS = 100
# Of 100, the most in 99 of 100 cases at a level of 0.01.
REJECTED_MAX = 4


def moments_in_ms(seed: int, mean_s: float = 0.02, count: int = 8_192) -> Numbers:
    """Of a Poisson process, by a clock that counts milliseconds and has run for a year."""
    return numpy.floor((3e7 + numpy.cumsum(default_rng(seed).exponential(mean_s, count))) * 1_000) / 1_000


@pytest.mark.parametrize("mean_s", [0.02, 0.004])
@pytest.mark.parametrize("test", [exponential_times, poisson_counts])
def test_a_poisson_process_is_taken_for_one_as_often_as_the_level_says(mean_s, test):
    gaps = [gaps_as_they_may_be(numpy.diff(moments_in_ms(seed, mean_s))) for seed in range(TRIALS)]
    assert sum(test(one).p < 0.01 for one in gaps) <= REJECTED_MAX


def test_exponential_times_are_taken_for_such():
    times = []
    for seed in range(TRIALS):
        chance = default_rng(seed)
        begun_s = chance.random(8_192)
        ended_s = begun_s + chance.exponential(0.02, 8_192)
        times.append(times_as_they_may_be(numpy.floor(ended_s * 1_000) / 1_000 - numpy.floor(begun_s * 1_000) / 1_000))
    assert sum(exponential_times(one).p < 0.01 for one in times) <= REJECTED_MAX


def test_without_it_they_would_be_rejected_each_time():
    assert all(exponential_times(numpy.diff(moments_in_ms(seed))).p < 0.01 for seed in range(10))


def test_what_is_regular_or_comes_in_bursts_is_still_rejected():
    bursts = default_rng(1).exponential(0.1, 5_000).round(3)
    bursts[numpy.arange(5_000) % 5 != 0] = 0.0
    for gaps in (numpy.full(1_000, 0.02), bursts):
        assert exponential_times(gaps_as_they_may_be(gaps)).p < 1e-6
        assert exponential_times(times_as_they_may_be(gaps)).p < 1e-6


@pytest.mark.parametrize("moved", [gaps_as_they_may_be, times_as_they_may_be])
def test_times_of_a_finer_clock_and_no_times_at_all_stay_as_they_are(moved):
    for times in (default_rng(1).exponential(0.02, 300), numpy.zeros(300), numpy.array([])):
        assert moved(times) is times


@pytest.mark.parametrize("moved", [gaps_as_they_may_be, times_as_they_may_be])
def test_the_same_times_are_moved_the_same_way_and_by_a_millisecond_at_most(moved):
    times = numpy.diff(moments_in_ms(1))
    assert numpy.array_equal(moved(times), moved(times))
    assert moved(times).min() >= 0
    assert moved(times).mean() == pytest.approx(times.mean(), abs=1e-5)
