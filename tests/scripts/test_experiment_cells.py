"""What the experiment runs."""

from experiment.cells import CUSTOMERS_MIN, apart, grid
from experiment.real_time import live_cells


def test_the_grid_is_every_load_with_every_number_of_consumers_and_every_strategy():
    cells = list(grid())
    assert len(cells) == 54
    assert {(one.cell.consumers, one.load, one.cell.dispatch) for one in cells} == {
        (consumers, load, dispatch)
        for consumers in (1, 2, 8)
        for load in (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
        for dispatch in ("round-robin", "random", "weighted")
    }


def test_each_cell_has_the_load_it_says_customers_enough_and_chances_of_its_own():
    cells = [*grid(), *apart()]
    assert all(abs(one.cell.load.utilisation - one.load) < 1e-9 for one in cells)
    assert min(one.cell.customers for one in cells) >= CUSTOMERS_MIN == 200_000
    seeds = [one.cell.seed for one in grid()]
    assert len(set(seeds)) == len(seeds)


def test_who_is_in_a_hurry_says_how_many_customers():
    assert {one.cell.customers for one in [*grid(11_000), *apart(11_000)]} == {11_000}


def test_in_real_time_there_are_six_cells_up_to_a_load_of_four_fifths():
    cells = list(live_cells())
    assert [(one.consumers, one.load) for one in cells] == [(1, 0.7), (1, 0.8), (2, 0.7), (2, 0.8), (8, 0.7), (8, 0.8)]
