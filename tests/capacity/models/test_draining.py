"""Draining a backlog: the fluid mean, and a deviation that is a busy period's."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import invgauss

from amqpbroker.capacity.errors import Unstable, WrongInput
from amqpbroker.capacity.models.draining import drain
from amqpbroker.capacity.models.load import Load
from tests.helpers.queue_oracle import interval

LOAD = Load(8, 1.0, 10)


def test_a_backlog_goes_by_what_the_consumers_have_left():
    assert drain(LOAD, 1000).mean_s == pytest.approx(500)
    assert drain(LOAD, 0).mean_s == drain(LOAD, 0).percentile_s(99) == 0


def test_a_message_takes_the_busy_period_of_m_m_1():
    # Kleinrock 1975, section 5.8: mean 1/(μ − λ), variance (1 + ρ)/(μ²(1 − ρ)³).
    found = drain(Load(0.5, 1.0), 1)
    assert found.mean_s == pytest.approx(2)
    assert found.deviation_s**2 == pytest.approx(1.5 / 0.125)


def test_what_does_not_vary_takes_its_time():
    assert drain(LOAD, 1000, 0, 0).percentile_s(99) == drain(LOAD, 1000, 0, 0).percentile_s(1) == 500


@given(st.integers(1, 10**9), st.floats(1, 99.9))
def test_the_time_is_an_inverse_gaussian(backlog, percentile):
    found = drain(LOAD, backlog)
    shape_s = found.mean_s**3 / found.deviation_s**2
    expected = invgauss.cdf(found.percentile_s(percentile), found.mean_s / shape_s, scale=shape_s)
    assert expected == pytest.approx(percentile / 100, abs=1e-6)


@given(st.integers(1, 10**9), st.floats(1, 98))
def test_percentiles_rise(backlog, percentile):
    found = drain(LOAD, backlog)
    assert 0 < found.percentile_s(percentile) < found.percentile_s(percentile + 1)


@given(st.integers(10**6, 10**9))
def test_a_large_backlog_takes_about_its_mean(backlog):
    found = drain(LOAD, backlog)
    assert found.percentile_s(50) == pytest.approx(found.mean_s, rel=1e-3)
    assert found.percentile_s(99) == pytest.approx(found.mean_s + 2.326 * found.deviation_s, rel=1e-3)


@pytest.mark.parametrize("backlog", [-1, 2.5, float("nan"), float("inf")])
def test_a_backlog_that_is_none_is_refused(backlog):
    with pytest.raises(WrongInput, match="backlog"):
        drain(LOAD, backlog)


def test_a_backlog_that_grows_is_never_gone():
    with pytest.raises(Unstable, match="need at least 9 consumers"):
        drain(Load(8, 1.0, 8), 1)


def test_backlogs_that_are_played_through_are_gone_when_it_says():
    draws = random.Random(7)

    def played() -> float:
        waiting, now = 50, 0.0
        while waiting:
            now += draws.expovariate(8 + 10)
            waiting += 1 if draws.random() < 8 / 18 else -1
        return now

    found, times = drain(LOAD, 50), [played() for _ in range(2_000)]
    for figure, (least, most) in [
        (found.mean_s, interval(times)),
        (0.05, interval([float(time > found.percentile_s(95)) for time in times])),
    ]:
        assert least < figure < most
