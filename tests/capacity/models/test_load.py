"""A load refuses what no load has, and says which consumers it needs."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.capacity.errors import Unstable, WrongInput
from amqpbroker.capacity.models.load import Load


@pytest.mark.parametrize("rate", [0.0, -1.0, inf, -inf, nan])
def test_a_rate_that_is_none_is_refused_by_its_name(rate):
    with pytest.raises(WrongInput, match=r"arrivals: "):
        Load(rate, 1.0)
    with pytest.raises(WrongInput, match=r"service: "):
        Load(1.0, rate)


@pytest.mark.parametrize("consumers", [0, -1, 2.5, 2.0, nan, "2", 100_001])
def test_consumers_are_counted(consumers):
    with pytest.raises(WrongInput, match=r"consumers: "):
        Load(1.0, 1.0, consumers)


@pytest.mark.parametrize(("arrivals_per_s", "service_s"), [(1e308, 10.0), (1.0, 1e-300)])
def test_what_nobody_means_is_refused(arrivals_per_s, service_s):
    with pytest.raises(WrongInput, match="is not between 1e-18 and 1e"):
        Load(arrivals_per_s, service_s)


@pytest.mark.parametrize(
    ("load", "needed"),
    [(Load(8, 1.0, 8), 9), (Load(8, 1.0, 3), 9), (Load(10, 0.3, 3), 4), (Load(0.1, 30.0, 3), 4), (Load(1, 1.0), 2)],
)
def test_an_unstable_load_says_how_many_consumers_it_needs(load, needed):
    with pytest.raises(Unstable, match=f"need at least {needed} consumers") as refused:
        load.demand_stable()
    assert refused.value.consumers_needed == load.consumers_min == needed


def test_the_sentence_has_the_load_in_it():
    with pytest.raises(Unstable) as refused:
        Load(8, 1.0, 1).demand_stable()
    assert str(refused.value) == "unstable: 8/s need at least 9 consumers at 1 s each, and there is 1"


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_the_fewest_consumers_keep_up_and_one_less_does_not(arrivals_per_s, service_s):
    needed = Load(arrivals_per_s, service_s).consumers_min
    if needed <= 100_000:
        assert Load(arrivals_per_s, service_s, needed).is_stable
        assert needed == 1 or not Load(arrivals_per_s, service_s, needed - 1).is_stable


def test_a_backlog_shrinks_by_what_the_consumers_have_left():
    assert Load(8, 1.0, 10).drained_per_s == pytest.approx(2.0)
