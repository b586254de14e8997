"""Cells: a small one is where queueing theory puts it, and the same one comes to the same."""

from dataclasses import replace

import pytest

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.simulation.cell import Cell, simulate
from amqpbroker.capacity.simulation.comparison import compare
from amqpbroker.capacity.simulation.spread import DETERMINISTIC

CELL = Cell(arrivals_per_s=1.2, service_s=1, consumers=2, customers=11_000, seed=8)


@pytest.mark.parametrize("dispatch", ["round-robin", "random", "weighted", "least-unacked"])
def test_poisson_traffic_waits_as_the_model_says_however_it_is_dispatched(dispatch):
    cell = replace(CELL, dispatch=dispatch, weights=(3, 1) if dispatch == "weighted" else ())
    outcome = simulate(cell)
    compared = compare(m_m_c(cell.load), outcome.waits.until_delivered_s, 1_000)
    figures = {one.name: one for one in compared}
    assert figures["mean"].measured.holds(figures["mean"].predicted)
    assert figures["p90"].measured.holds(figures["p90"].predicted)


def test_messages_that_come_like_clockwork_and_take_as_long_each_wait_for_nothing():
    outcome = simulate(replace(CELL, customers=100, arrival_spread=DETERMINISTIC, service_spread=DETERMINISTIC))
    assert max(outcome.waits.until_delivered_s) == 0
    assert outcome.elapsed_s == pytest.approx(100 / 1.2 + 1)


def test_the_same_cell_comes_to_the_same_and_another_seed_to_another():
    cell = replace(CELL, customers=200, dispatch="random")
    assert simulate(cell).waits.until_begun_s == simulate(cell).waits.until_begun_s
    assert simulate(cell).shares == simulate(cell).shares
    assert simulate(cell).waits.until_begun_s != simulate(replace(cell, seed=9)).waits.until_begun_s


def test_of_two_that_are_free_the_heavier_one_works_more_and_all_of_the_time_is_accounted_for():
    outcome = simulate(replace(CELL, arrivals_per_s=0.2, customers=2_000, dispatch="weighted", weights=(4, 1)))
    assert sum(outcome.shares) == 2_000
    assert outcome.shares[0] / 2_000 == pytest.approx(0.7, abs=0.03)
    assert sum(outcome.busy) == pytest.approx(0.2, rel=0.1)


def test_a_slow_consumer_is_slower():
    outcome = simulate(replace(CELL, customers=2_000, speeds=(1.6, 0.4)))
    assert outcome.shares[0] > 2 * outcome.shares[1]
    assert replace(CELL, speeds=(1.6, 0.4)).load.utilisation == CELL.load.utilisation


@pytest.mark.parametrize(
    ("named", "wrong"),
    [
        ("customers", {"customers": 0}),
        ("consumers", {"consumers": 0}),
        ("prefetch", {"prefetch": 65_536}),
        ("dispatch", {"dispatch": "fair"}),
        ("weights", {"weights": (1,)}),
        ("weights", {"weights": (0, 1)}),
        ("speeds", {"speeds": (1, 0)}),
    ],
)
def test_a_cell_that_cannot_be_is_refused_by_name(named, wrong):
    with pytest.raises(WrongInput, match=rf"^{named}: "):
        replace(CELL, **wrong)
