"""M/M/c/K: Erlang's loss system without room to wait, M/M/c with endless room, and queues that are played through."""

import ciw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.erlang import erlang_b
from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.limited import DROP_HEAD, m_m_c_k
from amqpbroker.capacity.models.load import Load
from tests.helpers.queue_oracle import dropped_from_head, interval, served, share, waits

consumers = st.integers(1, 50)
any_load = st.builds(lambda utilisation, c: Load(utilisation * c, 1.0, c), st.floats(0.01, 20), consumers)
lengths = st.integers(0, 500)


def test_one_server_with_room_for_four_as_gross_has_it():
    # Gross et al. 2008, section 2.4: p_n = (1 − ρ)ρⁿ/(1 − ρ^(K + 1)); here ρ = 0.8, K = 4.
    forecast = m_m_c_k(Load(0.8, 1.0), 3)
    states = [0.2 * 0.8**number / (1 - 0.8**5) for number in range(5)]
    assert forecast.loss_probability == pytest.approx(states[4])
    assert forecast.messages_mean == pytest.approx(sum(number * chance for number, chance in enumerate(states)))
    assert forecast.wait_probability == pytest.approx(sum(states[1:4]) / sum(states[:4]))


@given(any_load)
def test_without_room_to_wait_it_is_erlangs_loss_system(load):
    forecast = m_m_c_k(load, 0)
    assert forecast.loss_probability == pytest.approx(erlang_b(load.offered, load.consumers))
    assert forecast.wait_probability == forecast.wait_mean_s == forecast.wait_percentile_s(99.9) == 0


@given(st.floats(0.01, 0.98), consumers)
def test_with_endless_room_it_is_m_m_c(utilisation, consumers):
    load = Load(utilisation * consumers, 1.0, consumers)
    found, expected = m_m_c_k(load, 10_000), m_m_c(load)
    assert found.loss_probability < 1e-12
    assert found.wait_mean_s == pytest.approx(expected.wait_mean_s)
    assert found.wait_percentile_s(99) == pytest.approx(expected.wait_percentile_s(99), abs=1e-9)


@given(any_load, lengths)
def test_more_room_loses_less_and_waits_longer(load, length):
    found, more = m_m_c_k(load, length), m_m_c_k(load, length + 1)
    assert 0 <= more.loss_probability <= found.loss_probability * (1 + 1e-9) <= 1 + 1e-9
    assert found.wait_mean_s <= more.wait_mean_s * (1 + 1e-9)
    assert found.utilisation <= 1 + 1e-9


@given(any_load, st.integers(1, 500), st.floats(1, 99.9))
def test_percentile_and_chance_are_each_others_inverse(load, length, percentile):
    waits = m_m_c_k(load, length).waits
    found = waits.exceeds(waits.percentile_s(percentile))
    assert found == pytest.approx(min(1 - percentile / 100, waits.probability), rel=1e-6)


@given(any_load, st.integers(1, 500))
def test_what_is_dropped_from_the_head_is_as_much_and_leaves_as_much_ready(load, length):
    refused, dropped = m_m_c_k(load, length), m_m_c_k(load, length, DROP_HEAD)
    assert dropped.loss_probability == refused.loss_probability
    assert dropped.ready_mean == pytest.approx(refused.ready_mean)
    assert dropped.wait_mean_s <= refused.wait_mean_s * (1 + 1e-9)


@pytest.mark.parametrize(("arrivals_per_s", "length"), [(1e17, 7), (5.0, 10**8), (1e-17, 10**8), (2.0, 10**8)])
def test_extremes_have_numbers(arrivals_per_s, length):
    forecast = m_m_c_k(Load(arrivals_per_s, 1.0, 2), length)
    assert 0 <= forecast.loss_probability <= 1 and 0 <= forecast.wait_probability <= 1
    assert 0 <= forecast.ready_mean <= length and 0 <= forecast.utilisation <= 1 + 1e-12


def test_a_full_queue_waits_for_all_that_is_before_it():
    forecast = m_m_c_k(Load(100, 1.0, 4), 1_000_000)
    assert forecast.wait_percentile_s(50) == pytest.approx(250_000, rel=1e-3)
    assert m_m_c_k(Load(100, 1.0, 4), 1_000_000, DROP_HEAD).wait_percentile_s(50) == pytest.approx(10_000, rel=1e-3)


@pytest.mark.parametrize("length", [-1, 2.5, 10**8 + 1])
def test_a_length_that_is_none_is_refused(length):
    with pytest.raises(WrongInput, match="max-length"):
        m_m_c_k(Load(1, 1.0), length)


def test_an_overflow_that_does_not_exist_is_refused():
    with pytest.raises(WrongInput, match="drop-tail; known are reject-publish and drop-head"):
        m_m_c_k(Load(1, 1.0), 1, "drop-tail")


def test_a_queue_that_is_played_through_loses_and_waits_as_it_says():
    records = served(
        25_000,
        arrival_distributions=[ciw.dists.Exponential(2.2)],
        service_distributions=[ciw.dists.Exponential(1)],
        number_of_servers=[2],
        queue_capacities=[8],
    )
    lost = [float(record.record_type == "rejection") for record in records]
    forecast = m_m_c_k(Load(2.2, 1.0, 2), 8)
    for figure, (least, most) in [
        (forecast.loss_probability, interval(lost)),
        (forecast.wait_mean_s, interval(waits(records))),
        (0.01, share(waits(records), forecast.wait_percentile_s(99))),
        (0.5, share(waits(records), forecast.wait_percentile_s(50))),
    ]:
        assert least < figure < most


@pytest.mark.parametrize(("arrivals_per_s", "length"), [(1.9, 20), (2.4, 10), (6.0, 5)])
def test_a_queue_that_drops_its_head_and_is_played_through_waits_as_it_says(arrivals_per_s, length):
    forecast = m_m_c_k(Load(arrivals_per_s, 1.0, 2), length, DROP_HEAD)
    waited, dropped = dropped_from_head(arrivals_per_s, 1.0, 2, length, 50_000)
    assert dropped / 50_000 == pytest.approx(forecast.loss_probability, rel=0.1)
    least, most = interval(waited)
    assert least < forecast.wait_mean_s < most
    # Percentiles are on the safe side, and not far off.
    assert (
        share(waited, forecast.wait_percentile_s(99))[0] < 0.01 < share(waited, 0.7 * forecast.wait_percentile_s(99))[1]
    )
