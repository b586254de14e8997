"""Predicted beside measured."""

import pytest

from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.simulation.comparison import Compared, compare
from amqpbroker.capacity.simulation.estimates import Estimate


def test_every_figure_has_its_prediction_and_its_measurement():
    compared = {one.name: one for one in compare(m_m_c(Load(0.5, 1)), [0.0, 2.0] * 5_000, 0)}
    assert list(compared) == ["waiting", "mean", "p50", "p90", "p99"]
    assert (compared["waiting"].predicted, compared["waiting"].measured.value) == (0.5, 0.5)
    assert (compared["mean"].predicted, compared["mean"].measured.value) == (1.0, 1.0)
    assert compared["p99"].measured.value == 2.0


def test_off_is_a_part_of_the_prediction_and_nothing_where_nothing_was_predicted():
    assert Compared("mean", 2.0, Estimate(2.5, 0.1)).off == pytest.approx(0.25)
    assert Compared("p50", 0.0, Estimate(0.0, 0.0)).off is None
