"""Which model is asked about a cell."""

import pytest

from amqpbroker.capacity.errors import Unstable
from amqpbroker.capacity.simulation.cell import Cell
from amqpbroker.capacity.simulation.prediction import forecast_of
from amqpbroker.capacity.simulation.spread import DETERMINISTIC


@pytest.mark.parametrize(
    ("model", "how"),
    [
        ("M/M/c", {}),
        ("M/M/c", {"dispatch": "weighted", "weights": (3, 1)}),
        ("M/M/c", {"dispatch": "least-unacked", "prefetch": 10}),
        ("M/M/c with prefetch", {"prefetch": 2}),
        ("M/M/c with prefetch", {"prefetch": 2, "dispatch": "random"}),
        ("G/G/c", {"service_spread": DETERMINISTIC}),
        ("G/G/c", {"arrival_spread": DETERMINISTIC, "prefetch": 2}),
    ],
)
def test_each_cell_has_the_model_that_knows_most_of_it(model, how):
    assert forecast_of(Cell(1, 1, 2, 100, **how)).model == model


def test_of_more_than_the_consumers_get_done_there_is_no_forecast():
    with pytest.raises(Unstable):
        forecast_of(Cell(3, 1, 2, 100))
