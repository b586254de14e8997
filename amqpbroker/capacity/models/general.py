"""Arrivals and services of any regularity, by their coefficients of variation: M/G/1, exact in the mean, and G/G/c."""

from math import exp

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.erlang import erlang_c
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.load import Load, check_not_negative
from amqpbroker.capacity.models.waits import ExponentialWaits


def m_g_1(load: Load, service_cv: float) -> Forecast:
    """M/G/1: Pollaczek–Khinchine. Wq = (1 + cs²)/2 · ρ/(μ − λ), and a message waits with the chance ρ.

    service_cv: cs, standard deviation over mean of the service times: 0 if all take the same, 1 if exponential.
    Percentiles are an approximation: those who wait are taken to wait exponentially.
    Errors: Unstable for ρ ≥ 1; WrongInput for a load of several consumers, or a cv below zero.
    Source: Pollaczek 1930; Khinchine 1932; Kleinrock 1975, section 5.6; Gross et al. 2008, section 5.1.
    """
    if load.consumers != 1:
        raise WrongInput(f"consumers: M/G/1 has one, not {load.consumers:,}; use G/G/c")
    check_not_negative("service cv", service_cv)
    load.demand_stable()
    mean_s = (1 + service_cv**2) / 2 * load.utilisation / load.drained_per_s
    waits = ExponentialWaits(load.utilisation, mean_s)
    return Forecast("M/G/1", load, waits, percentiles_are_exact=service_cv == 1)


def g_g_c(load: Load, arrivals_cv: float, service_cv: float) -> Forecast:
    """G/G/c: Allen–Cunneen, with Krämer and Langenbach-Belz's correction for arrivals steadier than Poisson's.

    Wq ≈ (ca² + cs²)/2 · g · C/(cμ − λ), g = exp(−2(1 − ρ)(1 − ca²)²/(3ρ(ca² + cs²))) for ca < 1, else 1; the chance of
    waiting ≈ g·C, which those who wait do exponentially. All of it is an approximation but for ca = 1 and cs = 1, which
    is M/M/c, and the mean of ca = 1 and c = 1, which is M/G/1.

    arrivals_cv: ca, standard deviation over mean of the times between arrivals: 0 if regular, 1 if Poisson.
    service_cv: cs, that of the service times. Independent of each other, and each of the one before it: bursts that
    last are not in them.
    Errors: Unstable for ρ ≥ 1; WrongInput for a cv below zero.
    Source: Allen 1990, Probability, Statistics, and Queueing Theory, 2nd ed., section 5.3.5; Krämer and Langenbach-Belz
    1976, 8th International Teletraffic Congress; Bolch et al. 2006, Queueing Networks and Markov Chains, 2nd ed.,
    section 6.3.6; Whitt 1993, Production and Operations Management 2, on how good it is.
    """
    check_not_negative("arrivals cv", arrivals_cv)
    check_not_negative("service cv", service_cv)
    load.demand_stable()
    varied = arrivals_cv**2 + service_cv**2
    waiting = erlang_c(load.offered, load.consumers) * _steadied(load.utilisation, arrivals_cv**2, varied)
    waits = ExponentialWaits(waiting, waiting * varied / 2 / load.drained_per_s)
    is_m_m_c = arrivals_cv == 1 and service_cv == 1
    is_m_g_1 = arrivals_cv == 1 and load.consumers == 1
    return Forecast("G/G/c", load, waits, mean_is_exact=is_m_m_c or is_m_g_1, percentiles_are_exact=is_m_m_c)


def _steadied(utilisation: float, arrivals_scv: float, varied: float) -> float:
    """g: what of the wait is left if arrivals are steadier than Poisson's. scv: squared coefficient of variation."""
    if arrivals_scv >= 1:
        return 1.0
    if utilisation * varied == 0:
        return 0.0
    return exp(-2 * (1 - utilisation) * (1 - arrivals_scv) ** 2 / (3 * utilisation * varied))
