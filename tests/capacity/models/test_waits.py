"""Exponential waits, and percentiles that are found from chances alone."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.waits import ExponentialWaits, found_percentile_s

waits = st.builds(ExponentialWaits, st.floats(1e-6, 1), st.floats(1e-9, 1e9))
percentiles = st.floats(0, 99.999)


@given(waits, percentiles)
def test_percentile_and_chance_are_each_others_inverse(waits, percentile):
    found = waits.exceeds(waits.percentile_s(percentile))
    assert found == pytest.approx(min(1 - percentile / 100, waits.probability), rel=1e-6)


@given(waits, percentiles)
def test_a_percentile_is_found_from_chances_alone(waits, percentile):
    assert found_percentile_s(waits, percentile) == pytest.approx(waits.percentile_s(percentile), rel=1e-6)


def test_half_of_those_who_wait_wait_for_longer_than_the_median():
    assert ExponentialWaits(0.5, 1.0).exceeds(2.0) == pytest.approx(0.5 * exp(-1))


def test_whoever_never_waits_does_not_wait_long():
    never = ExponentialWaits(0.0, 0.0)
    assert never.percentile_s(99.9) == never.exceeds(0) == 0
    assert ExponentialWaits(0.5, 0.0).exceeds(0) == 0


@pytest.mark.parametrize("percentile", [-1.0, 100.0, 101.0, float("nan")])
def test_a_percentile_that_is_none_is_refused(percentile):
    with pytest.raises(WrongInput, match="percentile"):
        ExponentialWaits(0.5, 1.0).percentile_s(percentile)


@pytest.mark.parametrize("wait_s", [-1.0, float("inf"), float("nan")])
def test_a_wait_that_is_none_is_refused(wait_s):
    with pytest.raises(WrongInput, match="wait"):
        ExponentialWaits(0.5, 1.0).exceeds(wait_s)
