"""Availability: textbook figures, and that parts put together one way or another are the same."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.availability import Availability, k_of_n, node, parallel, series

times = st.floats(1, 1e8)
counts = st.integers(1, 12)


def test_one_node():
    # Trivedi 2002, section 6.7: 1000 h between failures and 1 h of repair are 0.999000999…
    found = node(1000 * 3600, 3600)
    assert found.up == pytest.approx(1000 / 1001)
    assert found.outage_s == pytest.approx(3600)
    assert found.between_outages_s == pytest.approx(1000 * 3600)


def test_two_of_three():
    # 3A²(1 − A) + A³ with A = 0.9: 0.972.
    assert k_of_n(9, 1, 3, 2).up == pytest.approx(0.972)


def test_one_repairman_is_the_machine_interference_problem():
    # Two machines, ratio r: one repairman leaves both down with 2r²/(1 + 2r + 2r²), two with r²/(1 + r)².
    assert k_of_n(10, 1, 2, 1, crews=1).down == pytest.approx(0.02 / 1.22)
    assert k_of_n(10, 1, 2, 1).down == pytest.approx(0.01 / 1.21)


@given(times, times, counts, counts)
def test_independent_repairs_are_a_binomial_distribution(mtbf_s, mttr_s, nodes, needed):
    needed = min(needed, nodes)
    up = mtbf_s / (mtbf_s + mttr_s)
    expected = sum(comb(nodes, n) * up**n * (1 - up) ** (nodes - n) for n in range(needed))
    assert k_of_n(mtbf_s, mttr_s, nodes, needed).down == pytest.approx(expected, rel=1e-6, abs=1e-300)


@given(times, times, counts)
def test_all_of_n_are_a_series_and_one_of_n_is_parallel(mtbf_s, mttr_s, nodes):
    parts = [node(mtbf_s, mttr_s)] * nodes
    for found, expected in [
        (series(parts), k_of_n(mtbf_s, mttr_s, nodes, nodes)),
        (parallel(parts), k_of_n(mtbf_s, mttr_s, nodes, 1)),
    ]:
        assert found.down == pytest.approx(expected.down)
        assert found.outages_per_s == pytest.approx(expected.outages_per_s)


@given(times, times, counts, counts)
def test_fewer_repairmen_are_down_longer(mtbf_s, mttr_s, nodes, crews):
    few = k_of_n(mtbf_s, mttr_s, nodes, 1, min(crews, nodes))
    assert few.down >= k_of_n(mtbf_s, mttr_s, nodes, 1).down * (1 - 1e-9)


def test_many_nines_are_not_rounded_to_one():
    found = parallel([node(1e6, 1)] * 5)
    assert found.down == pytest.approx(1e-30, rel=1e-3)
    assert series([found, found]).down == pytest.approx(2e-30, rel=1e-3)


def test_many_nodes_neither_overflow_nor_vanish():
    assert k_of_n(1, 1e6, 10_000, 1).down == pytest.approx(0.99, rel=0.01)
    assert k_of_n(1e6, 1, 10_000, 9_999).down < 1e-3


def test_what_is_always_down_takes_the_series_with_it():
    assert series([Availability(1.0, 0.0), node(10, 1)]).down == 1
    assert Availability(1.0, 0.0).outage_s == 0


@pytest.mark.parametrize("time_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(time_s):
    with pytest.raises(WrongInput, match="mtbf"):
        node(time_s, 1)
    with pytest.raises(WrongInput, match="mttr"):
        k_of_n(1, time_s, 3, 2)


@pytest.mark.parametrize(("nodes", "needed", "crews"), [(0, 1, None), (3, 4, None), (3, 0, None), (3, 2, 0), (3, 2, 4)])
def test_counts_that_do_not_fit_together_are_refused(nodes, needed, crews):
    with pytest.raises(WrongInput, match=r"nodes|repaired"):
        k_of_n(10, 1, nodes, needed, crews)


def test_nothing_put_together_is_refused():
    with pytest.raises(WrongInput, match="name one part"):
        series([])
    with pytest.raises(WrongInput, match="name one part"):
        parallel([])
