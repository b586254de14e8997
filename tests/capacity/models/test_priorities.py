"""Cobham's queue: textbook figures, what priorities leave as it is, and queues that are played through."""

import ciw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.capacity.errors import Unstable, WrongInput
from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.general import m_g_1
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.models.priorities import cobham
from tests.helpers.queue_oracle import interval, served, share, waits

shares = st.lists(st.floats(0.01, 1), min_size=1, max_size=6)


def rates(shares: list[float], utilisation: float, consumers: int) -> list[float]:
    return [share / sum(shares) * utilisation * consumers for share in shares]


def test_two_priorities_at_one_server():
    # Kleinrock 1976, section 3.3: W0/((1 − σ above)(1 − σ)); here λ = 0.3 and 0.4, μ = 1, so W0 = 0.7.
    urgent, other = cobham([0.3, 0.4], 1.0)
    assert urgent.wait_mean_s == pytest.approx(0.7 / 0.7)
    assert other.wait_mean_s == pytest.approx(0.7 / (0.7 * 0.3))


@given(st.floats(0.05, 0.95), st.integers(1, 50), st.floats(0, 99.9))
def test_one_priority_is_m_m_c(utilisation, consumers, percentile):
    load = Load(utilisation * consumers, 1.0, consumers)
    (found,) = cobham([load.arrivals_per_s], 1.0, consumers)
    assert found.wait_mean_s == pytest.approx(m_m_c(load).wait_mean_s)
    assert found.wait_percentile_s(percentile) == pytest.approx(m_m_c(load).wait_percentile_s(percentile), abs=1e-6)


@given(shares, st.floats(0.05, 0.95), st.integers(1, 50))
def test_priorities_move_waits_and_add_none(shares, utilisation, consumers):
    # Kleinrock's conservation law: Σ ρₖWₖ does not depend on the order.
    forecasts = cobham(rates(shares, utilisation, consumers), 1.0, consumers)
    found = sum(forecast.ready_mean for forecast in forecasts)
    assert found == pytest.approx(m_m_c(Load(utilisation * consumers, 1.0, consumers)).ready_mean)


@given(shares, st.floats(0.05, 0.95), st.integers(1, 50))
def test_higher_waits_less(shares, utilisation, consumers):
    forecasts = cobham(rates(shares, utilisation, consumers), 1.0, consumers)
    means = [forecast.wait_mean_s for forecast in forecasts]
    assert means == sorted(means)
    percentiles = [forecast.wait_percentile_s(99) for forecast in forecasts]
    assert percentiles == pytest.approx(sorted(percentiles), abs=1e-7)


@given(shares, st.floats(0.05, 0.95), st.floats(0, 5))
def test_the_mean_of_all_is_that_of_m_g_1(shares, utilisation, service_cv):
    forecasts = cobham(rates(shares, utilisation, 1), 1.0, 1, service_cv)
    found = sum(forecast.ready_mean for forecast in forecasts)
    assert found == pytest.approx(m_g_1(Load(utilisation, 1.0), service_cv).ready_mean)
    assert all(forecast.mean_is_exact for forecast in forecasts)


@given(shares, st.floats(0.05, 0.95), st.integers(1, 20), st.floats(0, 99.9))
def test_percentile_and_chance_are_each_others_inverse(shares, utilisation, consumers, percentile):
    for forecast in cobham(rates(shares, utilisation, consumers), 1.0, consumers):
        found = forecast.waits.exceeds(forecast.wait_percentile_s(percentile))
        assert found == pytest.approx(min(1 - percentile / 100, forecast.wait_probability), abs=1e-7)


def test_wrong_input_is_named():
    with pytest.raises(WrongInput, match="name one or more"):
        cobham([], 1.0)
    with pytest.raises(WrongInput, match="arrivals"):
        cobham([1.0, 0.0], 0.1)
    with pytest.raises(Unstable, match="need at least 4 consumers"):
        cobham([1.0, 2.0], 1.0, 3)


def test_two_consumers_that_are_played_through_wait_as_cobham_says():
    records = served(
        25_000,
        arrival_distributions={name: [ciw.dists.Exponential(0.75)] for name in ("urgent", "other")},
        service_distributions={name: [ciw.dists.Exponential(1)] for name in ("urgent", "other")},
        priority_classes={"urgent": 0, "other": 1},
        number_of_servers=[2],
    )
    for name, forecast in zip(("urgent", "other"), cobham([0.75, 0.75], 1.0, 2), strict=True):
        waited = waits([record for record in records if record.customer_class == name])
        for figure, (least, most) in [
            (forecast.wait_mean_s, interval(waited)),
            (forecast.wait_probability, share(waited, 0)),
            (0.02, share(waited, forecast.wait_percentile_s(98))),
        ]:
            assert least < figure < most
