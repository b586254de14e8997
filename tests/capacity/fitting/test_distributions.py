"""What times were drawn from is found again, with its parameters."""

from collections.abc import Callable

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import Generator, default_rng
from scipy import stats

from amqpbroker.capacity.fitting.distributions import TIME_MIN_S, Fit, ranked
from amqpbroker.capacity.fitting.likelihood_ratio import Numbers

COUNT = 2_000


def mixed(chance: Generator) -> Numbers:
    return numpy.where(chance.random(COUNT) < 0.8, chance.exponential(0.1, COUNT), chance.exponential(2.0, COUNT))


@pytest.mark.parametrize(
    ("name", "draw", "parameters"),
    [
        ("exponential", lambda chance: chance.exponential(2.0, COUNT), {"mean_s": 2.0}),
        ("gamma", lambda chance: chance.gamma(4.0, 0.5, COUNT), {"shape": 4.0, "mean_s": 2.0}),
        ("gamma", lambda chance: chance.gamma(0.4, 1.0, COUNT), {"shape": 0.4, "mean_s": 0.4}),
        ("deterministic", lambda chance: chance.normal(3.0, 0.3, COUNT), {"mean_s": 3.0, "deviation_s": 0.3}),
        ("lognormal", lambda chance: chance.lognormal(1.0, 0.8, COUNT), {"median_s": numpy.e, "deviation_of_log": 0.8}),
        ("hyperexponential", mixed, {"share_of_short": 0.8, "short_mean_s": 0.1, "long_mean_s": 2.0}),
    ],
)
def test_the_distribution_is_found(
    name: str, draw: Callable[[Generator], Numbers], parameters: dict[str, float]
) -> None:
    best = ranked(draw(default_rng(7)))[0]
    assert best.name == name
    assert best.parameters == pytest.approx(parameters, rel=0.15)


def test_times_that_are_all_the_same_are_deterministic() -> None:
    assert ranked(numpy.full(200, 0.02))[0].name == "deterministic"


def test_bursts_are_a_mixture() -> None:
    gaps = default_rng(1).exponential(1.0, 1_000)
    gaps[numpy.arange(1_000) % 10 != 0] = 0.0
    best = ranked(gaps)[0]
    assert best.name == "hyperexponential"
    assert best.parameters == pytest.approx(
        {"share_of_short": 0.9, "short_mean_s": TIME_MIN_S, "long_mean_s": gaps[gaps > 0].mean()}, rel=0.05
    )


def fit(name: str, times: Numbers) -> Fit:
    return next(fit for fit in ranked(times) if fit.name == name)


def test_likelihoods_are_those_of_scipy() -> None:
    times = default_rng(3).gamma(16.0, 1.0, 300) / 16
    gamma, lognormal, exponential = (fit(name, times) for name in ("gamma", "lognormal", "exponential"))
    shape, _, scale = stats.gamma.fit(times, floc=0)
    deviation, _, median = stats.lognorm.fit(times, floc=0)
    assert gamma.log_likelihood == pytest.approx(stats.gamma.logpdf(times, shape, scale=scale).sum())
    assert lognormal.log_likelihood == pytest.approx(stats.lognorm.logpdf(times, deviation, scale=median).sum())
    assert exponential.log_likelihood == pytest.approx(stats.expon.logpdf(times, scale=times.mean()).sum())
    assert fit("deterministic", times).log_likelihood == pytest.approx(
        stats.norm.logpdf(times, *stats.norm.fit(times)).sum()
    )
    assert gamma.aic == 4 - 2 * gamma.log_likelihood


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=50))
def test_whatever_is_measured_has_an_answer(times: list[float]) -> None:
    for fit in ranked(numpy.array(times)):
        assert numpy.isfinite(fit.aic)
        assert all(numpy.isfinite(value) and value >= 0 for value in fit.parameters.values())


def test_of_nothing_there_is_none() -> None:
    assert ranked(numpy.array([])) == []
