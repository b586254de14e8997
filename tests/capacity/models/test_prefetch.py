"""Prefetch: M/M/c at one end, an own queue for each consumer at the other; between them, what is played through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.capacity.errors import Unstable, WrongInput
from amqpbroker.capacity.models.exponential import m_m_1, m_m_c
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.models.prefetch import m_m_c_prefetch
from amqpbroker.model.dispatch import RANDOM, ROUND_ROBIN
from tests.helpers.queue_oracle import interval, prefetched, share

utilisations = st.floats(0.01, 0.98)
consumers = st.integers(2, 50)


@given(utilisations, consumers)
def test_prefetch_1_is_m_m_c(utilisation, consumers):
    load = Load(utilisation * consumers, 1.0, consumers)
    assert m_m_c_prefetch(load, 1) == m_m_c(load)


@given(utilisations, consumers)
def test_a_random_share_without_limit_is_an_m_m_1_for_each(utilisation, consumers):
    found, own = m_m_c_prefetch(Load(utilisation * consumers, 1.0, consumers), 65_535, RANDOM), Load(utilisation, 1.0)
    assert found.wait_mean_s == pytest.approx(m_m_1(own).wait_mean_s, rel=1e-6)
    assert found.wait_percentile_s(99) == pytest.approx(m_m_1(own).wait_percentile_s(99), rel=1e-6, abs=1e-9)


def test_every_second_message_is_e_2_m_1():
    # Gross et al. 2008, section 4.3: σ of E_2/M/1 with ρ = 0.5 is the root of σ = (1/(2 − σ))² in 0 … 1, (3 − √5)/2.
    forecast = m_m_c_prefetch(Load(1.0, 1.0, 2), 65_535)
    root = (3 - 5**0.5) / 2
    assert forecast.wait_probability == pytest.approx(root)
    assert forecast.wait_mean_s == pytest.approx(root / (1 - root))


@given(utilisations, consumers, st.integers(1, 500))
def test_more_prefetch_waits_longer_and_turns_wait_less_than_chance(utilisation, consumers, prefetch):
    load = Load(utilisation * consumers, 1.0, consumers)
    found, more = m_m_c_prefetch(load, prefetch), m_m_c_prefetch(load, prefetch + 1)
    assert found.wait_mean_s <= more.wait_mean_s * (1 + 1e-9)
    assert found.wait_mean_s <= m_m_c_prefetch(load, prefetch, RANDOM).wait_mean_s * (1 + 1e-9)


def test_one_consumer_has_nobody_to_wait_for():
    assert m_m_c_prefetch(Load(0.8, 1.0), 100) == m_m_c(Load(0.8, 1.0))


@pytest.mark.parametrize("arrivals_per_s", [1e-17, 8 - 1e-9])
def test_extremes_have_numbers(arrivals_per_s):
    forecast = m_m_c_prefetch(Load(arrivals_per_s, 1.0, 8), 65_535)
    assert 0 <= forecast.wait_probability <= 1 and 0 <= forecast.wait_mean_s < 1e11


def test_wrong_input_is_named():
    for prefetch in (0, -1, 2.5, 65_536):
        with pytest.raises(WrongInput, match="prefetch"):
            m_m_c_prefetch(Load(1, 0.1), prefetch)
    with pytest.raises(WrongInput, match="nothing is known of weighted; known are round-robin and random"):
        m_m_c_prefetch(Load(1, 0.1), 2, "weighted")
    with pytest.raises(Unstable):
        m_m_c_prefetch(Load(8, 1.0, 8), 2)


@pytest.mark.parametrize(("consumers", "prefetch"), [(2, 3), (8, 2), (8, 5), (8, 50)])
def test_consumers_that_are_played_through_wait_about_as_it_says(consumers, prefetch):
    forecast = m_m_c_prefetch(Load(0.7 * consumers, 1.0, consumers), prefetch, ROUND_ROBIN)
    waited = prefetched(0.7 * consumers, 1.0, consumers, prefetch, 60_000)
    least, most = interval(waited)
    assert 0.93 * least < forecast.wait_mean_s < 1.07 * most
    least, most = share(waited, 0)
    assert 0.93 * least < forecast.wait_probability < 1.1 * most
    # The 99th percentile is on the safe side.
    assert share(waited, forecast.wait_percentile_s(99))[0] < 0.01
