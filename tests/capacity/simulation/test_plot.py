"""The plot of percentiles."""

from pathlib import Path

import pytest

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.simulation.plot import write_percentiles

FORECAST = m_m_c(Load(8, 0.1, 1))
WAITS_S = [number / 1_000 for number in range(1_000)]


def test_both_are_drawn_and_the_same_figures_are_the_same_file(tmp_path):
    for name in ("one.svg", "other.svg"):
        write_percentiles(tmp_path / name, FORECAST, WAITS_S)
    drawn = (tmp_path / "one.svg").read_text("utf-8")
    assert all(f">{text}<" in drawn for text in ("M/M/c", "measured", "p99", "p99.9"))
    assert drawn == (tmp_path / "other.svg").read_text("utf-8")


@pytest.mark.parametrize("name", ["waits.txt", "waits", "nowhere/waits.svg"])
def test_what_cannot_be_written_is_told(tmp_path: Path, name: str):
    with pytest.raises(WrongInput, match=r"^--plot: "):
        write_percentiles(tmp_path / name, FORECAST, WAITS_S)
