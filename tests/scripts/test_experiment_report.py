"""The tables of the experiment: as its results have them, and the models as right as they have to be."""

from pathlib import Path

import pytest

from experiment import results
from experiment.cells import apart, grid
from experiment.real_time import live_cells
from experiment.report import Figure, farthest_off, figure, replace_tables

DOCS = Path(__file__).resolve().parents[2] / "docs"
RESULTS = results.read(DOCS / "capacity.json")


def of(prefix: str) -> results.Results:
    return {name: result for name, result in RESULTS.items() if name.startswith(prefix)}


def test_every_cell_was_run_as_it_is_now():
    assert set(RESULTS) == {one.name for one in [*grid(), *apart(), *live_cells()]}
    run = {name: (result["customers"], result["seed"]) for name, result in RESULTS.items() if "seed" in result}
    assert run == {one.name: (one.cell.customers, one.cell.seed) for one in [*grid(), *apart()]}
    assert all(RESULTS[one.name]["customers"] == one.customers for one in live_cells())


def test_the_tables_of_the_page_are_those_of_the_results():
    page = (DOCS / "capacity.md").read_text("utf-8")
    assert replace_tables(page, RESULTS) == page


def test_up_to_a_load_of_nine_tenths_the_model_is_right():
    assert farthest_off(of("grid/"), "mean") < 0.15
    assert farthest_off(of("grid/"), "p99") < 0.25


def test_the_intervals_of_the_grid_hold_about_as_often_as_they_say():
    held = sum(figure(result, "mean").holds for result in of("grid/").values())
    assert held >= 47  # 54 times 95 %, less two standard deviations


@pytest.mark.parametrize("result", of("real-time/").values(), ids=of("real-time/"))
def test_in_real_time_the_model_is_right_but_for_the_latency_of_broker_and_clients(result):
    mean = figure(result, "mean")
    assert abs(mean._replace(measured=mean.measured - result["latency_s"]).off) < 0.15
    assert abs(figure(result, "p99").off) < 0.25


def test_off_and_holds():
    assert Figure(2.0, 3.0, 0.9).off == 0.5
    assert not Figure(2.0, 3.0, 0.9).holds
    assert Figure(0.0, 0.0, 0.0).off is None


def test_a_page_without_a_place_for_a_table_is_refused():
    with pytest.raises(ValueError, match="consumers:begin"):
        replace_tables("nothing", RESULTS)
