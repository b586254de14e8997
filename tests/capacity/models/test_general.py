"""M/G/1 and G/G/c: textbook figures, M/M/c where everything is exponential, and queues that are played through."""

from math import exp

import ciw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.capacity.errors import Unstable, WrongInput
from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.general import g_g_c, m_g_1
from amqpbroker.capacity.models.load import Load
from tests.helpers.queue_oracle import interval, served, share, waits

loads = st.builds(
    lambda utilisation, consumers: Load(utilisation * consumers * 5, 0.2, consumers),
    st.floats(0.01, 0.99),
    st.integers(1, 100),
)
cvs = st.floats(0, 10)


def test_regular_service_waits_half_as_long():
    # Kleinrock 1975, section 5.6: M/D/1 waits ρ/(2(1 − ρ)) services, half of M/M/1.
    assert m_g_1(Load(0.8, 1.0), 0.0).wait_mean_s == pytest.approx(2.0)


def test_service_of_two_kinds_waits_as_the_second_moment_says():
    # 2 s with the chance 0.9, 12 s with 0.1: mean 3, second moment 18; λE[S²]/(2(1 − ρ)) with λ = 0.2 is 4.5.
    assert m_g_1(Load(0.2, 3.0), 1.0).wait_mean_s == pytest.approx(4.5)
    assert m_g_1(Load(0.2, 3.0), 3**0.5).wait_mean_s == pytest.approx(9.0)


@pytest.mark.parametrize(("utilisation", "root"), [(0.5, 0.20319), (0.8, 0.62863)])
def test_regular_arrivals_wait_nearly_as_d_m_1_does(utilisation, root):
    # Gross et al. 2008, section 5.3: σ = exp(−(1 − σ)/ρ), and the wait is σ/(1 − σ) services.
    assert root == pytest.approx(exp(-(1 - root) / utilisation), abs=1e-4)
    assert g_g_c(Load(utilisation, 1.0), 0, 1).wait_mean_s == pytest.approx(root / (1 - root), rel=0.01)


@given(loads)
def test_what_varies_as_the_exponential_does_is_m_m_c(load):
    found, expected = g_g_c(load, 1, 1), m_m_c(load)
    assert found.wait_mean_s == pytest.approx(expected.wait_mean_s)
    assert found.wait_percentile_s(99) == pytest.approx(expected.wait_percentile_s(99))
    assert found.mean_is_exact and found.percentiles_are_exact


@given(st.floats(0.01, 0.99), cvs)
def test_poisson_arrivals_at_one_consumer_are_pollaczek_and_khinchine(utilisation, service_cv):
    found, expected = g_g_c(Load(utilisation, 1.0), 1, service_cv), m_g_1(Load(utilisation, 1.0), service_cv)
    assert found.wait_mean_s == pytest.approx(expected.wait_mean_s)
    assert found.wait_probability == pytest.approx(utilisation)
    assert found.mean_is_exact


@given(loads, cvs, cvs, st.floats(0, 1))
def test_less_regular_waits_longer(load, arrivals_cv, service_cv, more):
    forecast = g_g_c(load, arrivals_cv, service_cv)
    assert 0 <= forecast.wait_probability <= 1
    assert forecast.wait_mean_s <= g_g_c(load, arrivals_cv + more, service_cv).wait_mean_s * (1 + 1e-9)
    assert forecast.wait_mean_s <= g_g_c(load, arrivals_cv, service_cv + more).wait_mean_s * (1 + 1e-9)


@pytest.mark.parametrize("cv", [0.0, 1e-300, 1e-160])
def test_what_never_varies_never_waits(cv):
    assert g_g_c(Load(0.9, 1.0), cv, 0.0).wait_mean_s == pytest.approx(0)
    assert g_g_c(Load(0.9, 1.0), cv, 0.0).wait_percentile_s(99) == pytest.approx(0)


def test_wrong_input_is_named():
    for cv in (-1.0, float("nan"), float("inf")):
        with pytest.raises(WrongInput, match="arrivals cv"):
            g_g_c(Load(1, 0.1), cv, 1.0)
        with pytest.raises(WrongInput, match="service cv"):
            m_g_1(Load(1, 0.1), cv)
    with pytest.raises(WrongInput, match="use G/G/c"):
        m_g_1(Load(1, 0.1, 2), 1.0)
    with pytest.raises(Unstable):
        g_g_c(Load(8, 1.0, 8), 1.0, 0.0)


def test_regular_service_that_is_played_through_waits_as_m_g_1_says():
    records = served(
        25_000,
        arrival_distributions=[ciw.dists.Exponential(0.7)],
        service_distributions=[ciw.dists.Deterministic(1)],
        number_of_servers=[1],
    )
    least, most = interval(waits(records))
    assert least < m_g_1(Load(0.7, 1.0), 0.0).wait_mean_s < most


# What Allen and Cunneen promise; the correction is what makes it hold for regular arrivals.
@pytest.mark.parametrize(
    ("arrivals", "arrivals_cv", "services", "service_cv"),
    [
        (ciw.dists.Exponential(1.4), 1.0, ciw.dists.Gamma(4, 0.25), 0.5),
        (ciw.dists.Gamma(4, 1 / 5.6), 0.5, ciw.dists.Exponential(1), 1.0),
        (ciw.dists.HyperExponential([0.4507 * 2, 0.0493 * 2], [0.9013, 0.0987]), 2.0, ciw.dists.Exponential(1), 1.0),
    ],
    ids=["steady service", "steady arrivals", "bursts"],
)
def test_two_consumers_that_are_played_through_wait_about_as_allen_and_cunneen_say(
    arrivals, arrivals_cv, services, service_cv
):
    records = served(40_000, arrival_distributions=[arrivals], service_distributions=[services], number_of_servers=[2])
    arrivals_per_s = len(records) / records[-1].arrival_date
    forecast = g_g_c(Load(arrivals_per_s, 1.0, 2), arrivals_cv, service_cv)
    least, most = interval(waits(records))
    assert 0.8 * least < forecast.wait_mean_s < 1.2 * most
    _, chance = share(waits(records), forecast.wait_percentile_s(99))
    assert 0.001 < chance < 0.03
