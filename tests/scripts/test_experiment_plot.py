"""The plot of the experiment."""

from pathlib import Path

from experiment import results
from experiment.plot import write_plot

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_same_results_are_the_same_picture_with_every_number_of_consumers(tmp_path: Path):
    found = results.read(DOCS / "capacity.json")
    for name in ("one.svg", "other.svg"):
        write_plot(found, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text("utf-8")
    assert all(f">{text}<" in drawn for text in ("1 consumer", "2 consumers", "8 consumers", "real time", "weighted"))
    assert drawn == (tmp_path / "other.svg").read_text("utf-8")
