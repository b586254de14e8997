"""Runs cells on the virtual clock, so many at a time, and says what was predicted and measured in each."""

import gc
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.simulation.cell import simulate
from amqpbroker.capacity.simulation.comparison import Compared, compare
from amqpbroker.capacity.simulation.estimates import warm_up_customers
from experiment.cells import NamedCell


def run_all(
    cells: Iterable[NamedCell], workers: int, say: Callable[[str], None]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, result) of each cell as it is done. say: is told of it."""
    # The long ones first: at the end nobody waits for one of them alone.
    ordered = sorted(cells, key=lambda one: -one.cell.customers)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for number, (name, result) in enumerate(pool.imap_unordered(run_one, ordered), 1):
            [mean] = [one for one in result["figures"] if one["name"] == "mean"]
            say(
                f"{number:3} of {len(ordered)}  {name:32} mean {mean['measured']:8.4f} ± {mean['half_width']:.4f}"
                f"  predicted {mean['predicted']:8.4f}  {result.pop('took_s'):6.0f} s"
            )
            yield name, result


def run_one(named: NamedCell) -> tuple[str, dict[str, Any]]:
    """(name, what came of it). took_s: how long it took here, which is of no interest later."""
    # No message leaves a cycle behind; looking for some would take a seventh of the time.
    gc.disable()
    began_s = time.perf_counter()
    cell = named.cell
    outcome = simulate(cell)
    warm_up = warm_up_customers(named.load)
    forecast = m_m_c(cell.load)
    compared = compare(forecast, outcome.waits.until_delivered_s, warm_up)
    result = {
        "consumers": cell.consumers,
        "load": named.load,
        "dispatch": cell.dispatch,
        "customers": cell.customers,
        "warm_up": warm_up,
        "seed": cell.seed,
        "model": forecast.model,
        "figures": [figure(one) for one in compared],
        "shares": [round(count / cell.customers, 4) for count in outcome.shares],
        "busy": [round(part, 4) for part in outcome.busy],
        "took_s": round(time.perf_counter() - began_s, 1),
    }
    if cell.prefetch > 1:
        begun = compare(forecast, outcome.waits.until_begun_s, warm_up)
        result["until_begun"] = [figure(one) for one in begun]
    return named.name, result


def figure(compared: Compared) -> dict[str, Any]:
    """As it is kept."""
    return {
        "name": compared.name,
        "predicted": rounded(compared.predicted),
        "measured": rounded(compared.measured.value),
        "half_width": rounded(compared.measured.half_width),
    }


def rounded(value: float) -> float:
    """To five digits, which is more than the intervals allow."""
    return float(f"{value:.5g}")
