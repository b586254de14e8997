"""The wait against the load is drawn for each kind of model, next to its bound and beyond it."""

from functools import partial

import pytest

from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.limited import m_m_c_k
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.models.plot import write_waits


@pytest.mark.parametrize(
    ("model", "load", "limited"),
    [
        (m_m_c, Load(8, 1.0, 10), False),
        (m_m_c, Load(9.99, 1.0, 10), False),
        (partial(m_m_c_k, max_length=5), Load(30, 1.0, 10), True),
    ],
)
def test_mean_and_percentiles_are_there(tmp_path, model, load, limited):
    write_waits(tmp_path / "waits.svg", model, load, [50, 99], limited=limited)
    drawn = (tmp_path / "waits.svg").read_text(encoding="utf-8")
    assert all(f">{label}</text>" in drawn for label in ("mean", "p50", "p99", "wait, s"))
    assert f"{model(load).model}, 10 × 1 s" in drawn
