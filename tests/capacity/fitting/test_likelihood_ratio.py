"""The test accepts what is Poisson as often as its level says, and rejects what is not."""

from collections.abc import Callable

import numpy
import pytest
from numpy.random import Generator, default_rng
from scipy.stats import binom, kstest, power_divergence

from amqpbroker.capacity.fitting.likelihood_ratio import (
    TIMES_MIN,
    GTest,
    Numbers,
    exponential_times,
    poisson_counts,
)

TRIALS = 200
TESTS = pytest.mark.parametrize("test", [exponential_times, poisson_counts])
Test = Callable[[Numbers], GTest | None]


def p_values(test: Test, draw: Callable[[Generator], Numbers]) -> Numbers:
    """Of seeded trials."""
    found = [test(draw(default_rng(seed))) for seed in range(TRIALS)]
    return numpy.array([one.p for one in found if one is not None])


def bursts(chance: Generator, count: int) -> Numbers:
    """Five at once each time."""
    gaps = chance.exponential(1.0, count)
    gaps[numpy.arange(count) % 5 != 0] = 0.0
    return gaps


def fast_and_slow(chance: Generator, count: int) -> Numbers:
    """Exponential every one of them, but for a while three times as fast: a process that is switched."""
    return numpy.repeat([1.0, 3.0], 50)[numpy.arange(count) % 100] * chance.exponential(1.0, count)


@TESTS
@pytest.mark.parametrize("count", [TIMES_MIN, 1_000])
@pytest.mark.parametrize("level", [0.01, 0.05, 0.1])
def test_poisson_is_rejected_as_often_as_the_level_says(test: Test, count: int, level: float) -> None:
    p = p_values(test, lambda chance: chance.exponential(0.02, count))
    least, most = binom.interval(0.99, TRIALS, level)
    assert len(p) == TRIALS
    assert least <= numpy.sum(p < level) <= most


@TESTS
def test_the_p_of_poisson_is_anything_alike(test: Test) -> None:
    p = p_values(test, lambda chance: chance.exponential(3.0, 1_000))
    assert kstest(p, "uniform").pvalue > 0.01


@TESTS
@pytest.mark.parametrize(
    "draw",
    [
        lambda chance: numpy.full(500, 0.1),
        lambda chance: 0.1 + chance.normal(0.0, 0.01, 500),
        lambda chance: chance.gamma(4.0, 1.0, 500),
        lambda chance: bursts(chance, 500),
        lambda chance: chance.choice([0.1, 2.0], 500) * chance.exponential(1.0, 500),
    ],
    ids=["deterministic", "nearly deterministic", "Erlang", "bursts", "hyperexponential"],
)
def test_what_is_regular_or_comes_in_bursts_is_always_rejected(
    test: Test, draw: Callable[[Generator], Numbers]
) -> None:
    assert numpy.all(p_values(test, draw) < 0.01)


def test_a_rate_that_changes_is_seen_in_the_counts() -> None:
    p = p_values(poisson_counts, lambda chance: fast_and_slow(chance, 2_000))
    assert numpy.all(p < 0.01)


def test_the_statistic_is_scipys_but_for_the_correction() -> None:
    times = default_rng(1).exponential(1.0, 1_000)
    edges = times.mean() * -numpy.log(1 - numpy.arange(11) / numpy.array([10.0] * 10 + [10.0 + 1e-12]))
    edges[-1] = numpy.inf
    observed, _ = numpy.histogram(times, edges)
    found = exponential_times(times)
    expected = power_divergence(observed, ddof=1, lambda_="log-likelihood")
    assert found is not None and found.degrees_of_freedom == 8
    assert found.g == pytest.approx(expected.statistic / (1 + 99 / (6 * 1_000 * 9)))
    assert found.p == pytest.approx(expected.pvalue, rel=0.05)


@TESTS
@pytest.mark.parametrize("times", [[], [0.0] * 1_000, [1.0] * (TIMES_MIN - 1)], ids=["none", "zeros", "too few"])
def test_of_too_little_nothing_is_said(test: Test, times: list[float]) -> None:
    assert test(numpy.array(times)) is None


@TESTS
def test_the_fewest_and_the_strangest_are_still_answered(test: Test) -> None:
    none = [0.0] * TIMES_MIN
    for times in ([*none, 1.0], [1.0, *none], [1e-9, *none], [1e-9] * TIMES_MIN, [1e9] * TIMES_MIN):
        found = test(numpy.array(times))
        assert found is not None and found.p < 0.01
