"""Confidence intervals that hold as often as they say, of waits that depend on each other."""

from math import log

import numpy
import pytest
from scipy.stats import binomtest

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.simulation.estimates import (
    BATCHES,
    LEVEL,
    Estimate,
    Estimates,
    check_enough,
    customers_needed,
    warm_up_customers,
)

LOAD = 0.8
TRIALS = 100


def waits(seed: int) -> numpy.ndarray:
    """Of M/M/1 with service times of a second, by Lindley's recursion: the walk above its lowest point so far."""
    count = customers_needed(Load(LOAD, 1), 0.2)
    random = numpy.random.default_rng(seed)
    steps = random.exponential(1, count) - random.exponential(1 / LOAD, count)
    walk = numpy.cumsum(steps)
    return walk - numpy.minimum.accumulate(numpy.minimum(walk, 0))


@pytest.mark.parametrize(
    ("statistic", "true"),
    [
        (Estimates.mean, LOAD / (1 - LOAD)),
        (lambda estimates: estimates.percentile(90), log(LOAD / 0.1) / (1 - LOAD)),
        (Estimates.share_waiting, LOAD),
    ],
)
def test_intervals_hold_as_often_as_they_say(statistic, true):
    held = sum(statistic(Estimates(waits(seed), warm_up_customers(LOAD))).holds(true) for seed in range(TRIALS))
    assert binomtest(held, TRIALS, LEVEL).pvalue > 0.01, held


def test_as_many_customers_as_are_said_to_be_needed_give_the_precision_that_was_asked_for():
    mean = Estimates(waits(1), warm_up_customers(LOAD)).mean()
    assert mean.half_width / mean.value == pytest.approx(0.2, rel=0.5)


def test_an_interval_of_the_same_value_again_and_again_is_that_value():
    assert Estimates([0.0] * 100 + [2.0] * 10_000, 100).mean() == Estimate(2.0, 0.0)


def test_more_load_takes_more_customers_and_a_longer_warm_up():
    assert warm_up_customers(0.3) == 1_000 < warm_up_customers(0.9) < warm_up_customers(0.95)
    assert customers_needed(Load(0.5, 1)) < customers_needed(Load(0.9, 1)) < customers_needed(Load(0.95, 1))
    assert customers_needed(Load(0.9, 1), 0.1) < customers_needed(Load(0.9, 1), 0.05)


def test_where_few_have_to_wait_it_takes_more_customers_to_know_how_long():
    assert customers_needed(Load(0.5, 1, 1)) < customers_needed(Load(4, 1, 8))
    assert customers_needed(Load(1e-5, 1, 100)) == customers_needed(Load(1 - 1e-9, 1, 1)) == 1_000_000_000


def test_too_few_for_an_interval_are_refused_with_how_many_it_takes():
    check_enough(1_000 + BATCHES * 500, 1_000)
    with pytest.raises(WrongInput, match=r"customers: 10,999 are too few .* 11,000 at least"):
        check_enough(10_999, 1_000)
    with pytest.raises(WrongInput, match="too few"):
        Estimates([1.0] * 10, 0)
