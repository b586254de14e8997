"""How much arrivals vary over longer: with independent times between them their own variation, with bursts more."""

import numpy
import pytest
from numpy.random import default_rng

from amqpbroker.capacity.fitting.variation import dispersion

COUNT = 8_000


@pytest.mark.parametrize(("shape", "squared_cv"), [(1.0, 1.0), (4.0, 0.25), (0.25, 4.0)])
def test_of_independent_times_it_is_their_squared_variation(shape: float, squared_cv: float) -> None:
    assert dispersion(default_rng(5).gamma(shape, 1.0, COUNT)) == pytest.approx(squared_cv, rel=0.25)


def test_of_bursts_it_is_their_size() -> None:
    gaps = default_rng(5).exponential(1.0, COUNT)
    gaps[numpy.arange(COUNT) % 8 != 0] = 0.0
    assert dispersion(gaps) == pytest.approx(8.0, rel=0.25)


def test_what_follows_its_neighbour_varies_more_than_one_by_one() -> None:
    gaps = default_rng(5).exponential(1.0, COUNT)
    by_turns = gaps * numpy.where(numpy.arange(COUNT) // 100 % 2, 3.0, 1.0)
    found = dispersion(by_turns)
    assert found is not None and found > 5 * (by_turns.std() / by_turns.mean()) ** 2


@pytest.mark.parametrize("gaps", [[], [1.0] * 19, [0.0] * 100], ids=["none", "too few", "all at once"])
def test_of_too_little_nothing_is_said(gaps: list[float]) -> None:
    assert dispersion(numpy.array(gaps)) is None
