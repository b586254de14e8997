"""Consumers needed, and what a wait depends on."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpbroker.capacity.errors import CapacityError, Unstable, WrongInput
from amqpbroker.capacity.models.exponential import m_m_1, m_m_c
from amqpbroker.capacity.models.general import g_g_c
from amqpbroker.capacity.models.limited import m_m_c_k
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.models.prefetch import m_m_c_prefetch
from amqpbroker.capacity.models.sizing import consumers_needed, sensitivity, wait_of

MODELS = [
    m_m_c,
    partial(g_g_c, arrivals_cv=2.0, service_cv=0.5),
    partial(m_m_c_k, max_length=50),
    partial(m_m_c_prefetch, prefetch=4),
]


@settings(max_examples=20)
@given(st.sampled_from(MODELS), st.floats(0.1, 500), st.floats(0.001, 10), st.sampled_from([None, 50, 99]))
def test_they_are_enough_and_one_less_is_not(model, arrivals_per_s, target_s, percentile):
    load = Load(arrivals_per_s, 1.0)
    needed = consumers_needed(model, load, target_s, percentile)
    assert wait_of(model(Load(arrivals_per_s, 1.0, needed)), percentile) <= target_s
    if needed > 1:
        try:
            assert wait_of(model(Load(arrivals_per_s, 1.0, needed - 1)), percentile) > target_s
        except Unstable:
            pass


def test_eight_a_second_need_eleven_consumers_for_a_fifth_of_a_second():
    assert consumers_needed(m_m_c, Load(8, 1.0), 0.2) == 11
    assert consumers_needed(m_m_c, Load(8, 1.0), 0.2, 99) == 15


def test_a_target_that_no_number_of_consumers_meets_is_an_answer_in_words():
    with pytest.raises(CapacityError, match="not even 100,000 consumers bring the wait down to 1 ms"):
        consumers_needed(m_m_c, Load(200_000, 1.0), 0.001)


@pytest.mark.parametrize("target_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_target_that_is_none_is_refused(target_s):
    with pytest.raises(WrongInput, match="target"):
        consumers_needed(m_m_c, Load(8, 1.0), target_s)


@given(st.floats(0.01, 0.999))
def test_derivatives_are_those_of_m_m_1(arrivals_per_s):
    # Wq = λs²/(1 − λs): by λ s²/(1 − λs)², by s λs(2 − λs)/(1 − λs)².
    found = sensitivity(m_m_c, Load(arrivals_per_s, 1.0))
    idle = 1 - arrivals_per_s
    assert found.per_arrival_s == pytest.approx(1 / idle**2, rel=1e-5)
    assert found.per_service_s == pytest.approx(arrivals_per_s * (2 - arrivals_per_s) / idle**2, rel=1e-5)
    assert found.per_consumer_s < 0


def test_one_consumer_more_is_its_difference():
    found = sensitivity(m_m_c, Load(8, 1.0, 9), 99)
    difference = m_m_c(Load(8, 1.0, 10)).wait_percentile_s(99) - m_m_c(Load(8, 1.0, 9)).wait_percentile_s(99)
    assert found.per_consumer_s == pytest.approx(difference)


def test_a_full_queue_has_its_sensitivity_too():
    found = sensitivity(partial(m_m_c_k, max_length=10), Load(10, 1.0, 2))
    assert found.per_service_s == pytest.approx(5, rel=0.1)
    assert found.per_consumer_s == pytest.approx(11 / 3 - 11 / 2, rel=0.1)


def test_next_to_the_bound_the_model_says_that_it_is_too_much():
    with pytest.raises(Unstable):
        sensitivity(m_m_1, Load(1, 1.0))
