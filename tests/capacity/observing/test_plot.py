"""The plot of waits, measured and forecast."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.measuring.measured import Times
from amqpbroker.capacity.observing.document import document
from amqpbroker.capacity.observing.observation import observe
from amqpbroker.capacity.observing.plot import write_observed
from tests.helpers.measured_traffic import played


def answer(**changes: Any) -> dict[str, Any]:
    return {"queue": "orders", **document(observe(replace(played().seen, **changes)))}


def drawn(tmp_path: Path, **changes: Any) -> str:
    write_observed(tmp_path / "waits.svg", answer(**changes))
    return (tmp_path / "waits.svg").read_text("utf-8")


def test_both_are_drawn(tmp_path: Path) -> None:
    found = drawn(tmp_path)
    assert all(text in found for text in (">orders, 10 consumers<", ">p99.9<", ">measured, mean ", ">M/M/c, mean "))


def test_what_is_not_known_is_not_drawn(tmp_path: Path) -> None:
    assert "M/M/c" not in (found := drawn(tmp_path, consumers=7)) and "measured" in found
    assert "mean" not in drawn(tmp_path, consumers=0, waits=Times(0, 0.0, 0.0, ()))


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match=r"^--plot: "):
        write_observed(tmp_path / "nowhere" / "waits.svg", answer())
