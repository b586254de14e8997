"""M/M/1 and M/M/c: textbook figures, and what has to hold between them."""

import ciw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.capacity.errors import Unstable, WrongInput
from amqpbroker.capacity.models.exponential import m_m_1, m_m_c
from amqpbroker.capacity.models.load import Load
from tests.helpers.queue_oracle import interval, served, share, waits

utilisations = st.floats(0.001, 0.999)
consumers = st.integers(1, 200)


def load(utilisation: float, consumers: int) -> Load:
    return Load(utilisation * consumers * 5, 0.2, consumers)


def test_one_server_as_gross_has_it():
    # Gross et al. 2008, example 2.1: five customers an hour, ten minutes each: ρ = 5/6, Lq = 25/6, Wq = 5/6 h.
    forecast = m_m_1(Load(5 / 3600, 600.0))
    assert forecast.wait_probability == pytest.approx(5 / 6)
    assert forecast.ready_mean == pytest.approx(25 / 6)
    assert forecast.wait_mean_s == pytest.approx(3000)


def test_three_servers_as_gross_has_them():
    # Gross et al. 2008, example 2.3: six an hour, twenty minutes each, three physicians: Lq = 8/9, Wq = 8.88… min.
    forecast = m_m_c(Load(6 / 3600, 1200.0, 3))
    assert forecast.ready_mean == pytest.approx(8 / 9)
    assert forecast.wait_mean_s == pytest.approx(8 / 54 * 3600)
    assert forecast.latency_mean_s == pytest.approx(26 / 54 * 3600)


@given(utilisations)
def test_one_consumer_is_both_models(utilisation):
    one, several = m_m_1(load(utilisation, 1)), m_m_c(load(utilisation, 1))
    assert one.wait_probability == pytest.approx(several.wait_probability)
    assert one.wait_mean_s == pytest.approx(several.wait_mean_s)


@given(utilisations, consumers)
def test_littles_law(utilisation, consumers):
    forecast = m_m_c(load(utilisation, consumers))
    assert forecast.messages_mean == pytest.approx(forecast.ready_mean + forecast.load.offered)


@given(st.floats(0.01, 0.98), consumers)
def test_more_load_waits_longer_and_one_consumer_more_waits_less(utilisation, consumers):
    forecast = m_m_c(load(utilisation, consumers))
    busier = m_m_c(load(utilisation * 1.01, consumers))
    relieved = m_m_c(Load(forecast.load.arrivals_per_s, 0.2, consumers + 1))
    assert relieved.wait_mean_s <= forecast.wait_mean_s <= busier.wait_mean_s
    assert relieved.wait_percentile_s(99) <= forecast.wait_percentile_s(99) <= busier.wait_percentile_s(99)


def test_what_is_unstable_has_no_forecast():
    with pytest.raises(Unstable, match="8/s need at least 9 consumers at 1 s each"):
        m_m_c(Load(8, 1.0, 8))
    with pytest.raises(Unstable):
        m_m_1(Load(1, 1.0))


def test_m_m_1_has_one_consumer():
    with pytest.raises(WrongInput, match="use M/M/c"):
        m_m_1(Load(1, 0.1, 2))


def test_three_consumers_that_are_played_through_wait_as_m_m_c_says():
    records = served(
        25_000,
        arrival_distributions=[ciw.dists.Exponential(2.1)],
        service_distributions=[ciw.dists.Exponential(1)],
        number_of_servers=[3],
    )
    forecast = m_m_c(Load(2.1, 1.0, 3))
    for figure, (least, most) in [
        (forecast.wait_mean_s, interval(waits(records))),
        (forecast.wait_probability, share(waits(records), 0)),
        (0.01, share(waits(records), forecast.wait_percentile_s(99))),
    ]:
        assert least < figure < most
