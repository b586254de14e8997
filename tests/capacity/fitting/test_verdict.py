"""What arrivals and services are like, in one word and in a sentence."""

import numpy
import pytest
from numpy.random import default_rng

from amqpbroker.capacity.fitting.likelihood_ratio import TIMES_MIN, Numbers
from amqpbroker.capacity.fitting.verdict import LEVEL, Kind, of_arrivals, of_services
from amqpbroker.capacity.measuring.measured import Times

COUNT = 1_000


def times(values: Numbers) -> Times:
    mean_s = float(values.mean())
    return Times(len(values), mean_s, float(values.std()) / mean_s if mean_s else 0.0, tuple(values.tolist()))


def bursts(count: int = COUNT) -> Numbers:
    gaps = default_rng(1).exponential(1.0, count)
    gaps[numpy.arange(count) % 5 != 0] = 0.0
    return gaps


def test_a_poisson_process_is_taken_for_one_as_often_as_the_level_says() -> None:
    kinds = [of_arrivals(times(default_rng(seed).exponential(0.1, COUNT)), 1.0).kind for seed in range(200)]
    assert 200 - kinds.count(Kind.AS_ASSUMED) <= 7  # of 200, the most in 99 of 100 cases at a level of 0.01
    assert LEVEL == 0.01


@pytest.mark.parametrize(
    ("gaps", "kind", "words"),
    [
        (numpy.full(COUNT, 0.125), Kind.STEADIER, "messages come more evenly than at random (variation 0, p < 0.001)"),
        (bursts(), Kind.MORE_VARIED, "messages come in bursts, 5 at once (variation 2, p < 0.001)"),
    ],
    ids=["deterministic", "bursts"],
)
def test_arrivals_in_words(gaps: Numbers, kind: Kind, words: str) -> None:
    verdict = of_arrivals(times(gaps), 5.0 if kind is Kind.MORE_VARIED else 1.0)
    assert (verdict.kind, verdict.words) == (kind, words)


def test_what_is_as_assumed_is_forecast_without_the_chance_of_a_sample() -> None:
    verdict = of_arrivals(times(default_rng(2).exponential(0.1, COUNT)), 1.0)
    assert (verdict.kind, verdict.variation) == (Kind.AS_ASSUMED, 1.0)
    assert verdict.words.startswith("messages come as a Poisson process has them (p = ")
    assert verdict.cv == pytest.approx(1.0, abs=0.1) and verdict.cv != 1.0


def test_a_little_otherwise_is_nearly() -> None:
    services = of_services(times(default_rng(4).gamma(1.15, 1.0, 8_000)))
    assert services.kind is Kind.NEARLY
    assert services.words.startswith("the times that consumers take are nearly exponential (variation 0.9")


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (
            default_rng(1).exponential(1.0, COUNT),
            Kind.AS_ASSUMED,
            "the times that consumers take are exponential (p = 0",
        ),
        (
            default_rng(1).gamma(9.0, 1.0, COUNT),
            Kind.STEADIER,
            "vary less than exponential ones (variation 0.33, likeliest",
        ),
        (
            default_rng(1).gamma(0.2, 1.0, COUNT),
            Kind.MORE_VARIED,
            "vary more than exponential ones (variation 2.4, likeliest",
        ),
    ],
    ids=["exponential", "Erlang", "varied"],
)
def test_services_in_words(values: Numbers, kind: Kind, words: str) -> None:
    verdict = of_services(times(values))
    assert verdict.kind is kind
    assert words in verdict.words


@pytest.mark.parametrize("count", [1, TIMES_MIN - 1])
def test_of_too_few_it_is_said_how_many_it_takes(count: int) -> None:
    few = times(default_rng(1).exponential(1.0, count))
    arrivals, services = of_arrivals(few, 1.0), of_services(few)
    assert (arrivals.kind, arrivals.p, list(arrivals.fits)) == (Kind.UNKNOWN, None, [])
    assert arrivals.words == f"too few messages came to tell how they come: {count} of {TIMES_MIN}"
    assert services.words == f"too few were acknowledged to tell how long they take: {count} of {TIMES_MIN}"


def test_of_nothing_there_is_an_answer_too() -> None:
    none = Times(0, 0.0, 0.0, ())
    assert of_arrivals(none, 1.0).kind is of_services(none).kind is Kind.UNKNOWN
