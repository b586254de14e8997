"""Times and how they are spread: what a text names, and that the times drawn are so."""

from random import Random
from statistics import fmean, pstdev

import pytest

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.simulation.spread import read_spread, sampler

NAMES = ["exponential", "deterministic", "gamma:0.5", "gamma:3", "hyperexponential:1", "hyperexponential:2"]


@pytest.mark.parametrize("text", NAMES)
def test_a_spread_is_read_as_it_is_written(text):
    assert str(read_spread(text, "service")) == text


@pytest.mark.parametrize("text", NAMES)
def test_times_have_the_mean_and_the_variation_that_were_asked_for(text):
    spread = read_spread(text, "service")
    draw = sampler(spread, 0.02, Random(1))
    times_s = [draw() for _ in range(50_000)]
    assert min(times_s) >= 0
    assert fmean(times_s) == pytest.approx(0.02, rel=0.05)
    assert pstdev(times_s) / fmean(times_s) == pytest.approx(spread.variation, rel=0.05, abs=1e-9)


@pytest.mark.parametrize(
    "text", ["", "normal", "gamma", "gamma:", "gamma:x", "gamma:0", "gamma:nan", "hyperexponential:0.5", "gamma:inf"]
)
def test_what_is_no_spread_is_refused_by_name(text):
    with pytest.raises(WrongInput, match=r"^service: "):
        read_spread(text, "service")
