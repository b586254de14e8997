"""What arrivals and services are like, in numbers and in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy

from amqpbroker.capacity.fitting.coarse_clock import gaps_as_they_may_be, times_as_they_may_be
from amqpbroker.capacity.fitting.distributions import Fit, ranked
from amqpbroker.capacity.fitting.likelihood_ratio import TIMES_MIN, GTest, exponential_times, poisson_counts
from amqpbroker.capacity.fitting.variation import dispersion
from amqpbroker.capacity.measuring.measured import Times

# What is like Poisson and exponential is told to be otherwise once in a hundred times.
LEVEL: Final = 0.01
# So far from 1, that of Poisson and exponential times, a forecast by the variation is as good as one for them.
_NEARLY: Final = 0.2


class Kind(StrEnum):
    """As the models assume: Poisson arrivals, exponential services; or by the variation what differs from that.

    nearly: it differs, by so little that a forecast can take that into account. unknown: there is too little to tell.
    """

    AS_ASSUMED = "as assumed"
    NEARLY = "nearly"
    STEADIER = "steadier"
    MORE_VARIED = "more varied"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """p: the chance of such data if it is as the models assume, by all tests together; None: too little is known.

    cv: coefficient of variation of the times. variation: the one to forecast with: of arrivals it has in it what they
    have to do with each other. tests: by what was tested. fits: distributions of the times, the best first.
    """

    kind: Kind
    p: float | None
    cv: float
    variation: float
    tests: dict[str, GTest]
    fits: Sequence[Fit]
    words: str


def of_arrivals(gaps: Times, at_once: float) -> Verdict:
    """Of the times between arrivals. at_once: how many come at a moment, on average."""
    last = numpy.array(gaps.last_s)
    moved = gaps_as_they_may_be(last)
    tests = _known(times=exponential_times(moved), counts=poisson_counts(moved))
    p = _together(tests)
    index = dispersion(last)
    variation = gaps.cv if index is None else float(numpy.sqrt(index))
    kind = _kind(p, variation)
    match kind:
        case Kind.UNKNOWN:
            words = f"too few messages came to tell how they come: {gaps.count:,} of {TIMES_MIN:,}"
        case Kind.AS_ASSUMED:
            words = f"messages come as a Poisson process has them ({_show(p)})"
        case Kind.NEARLY:
            words = f"messages come nearly as a Poisson process has them (variation {variation:.2f}, {_show(p)})"
        case Kind.STEADIER:
            words = f"messages come more evenly than at random (variation {variation:.2g}, {_show(p)})"
        case Kind.MORE_VARIED:
            how = f", {at_once:.2g} at once" if at_once >= 1.1 else ""
            words = f"messages come in bursts{how} (variation {variation:.2g}, {_show(p)})"
    fits = ranked(last) if p is not None else []
    return Verdict(kind, p, gaps.cv, 1.0 if kind is Kind.AS_ASSUMED else variation, tests, fits, words)


def of_services(services: Times) -> Verdict:
    """Of the times that consumers take."""
    last = numpy.array(services.last_s)
    tests = _known(times=exponential_times(times_as_they_may_be(last)))
    p = _together(tests)
    kind = _kind(p, services.cv)
    fits = ranked(last) if p is not None else []
    match kind:
        case Kind.UNKNOWN:
            words = f"too few were acknowledged to tell how long they take: {services.count:,} of {TIMES_MIN:,}"
        case Kind.AS_ASSUMED:
            words = f"the times that consumers take are exponential ({_show(p)})"
        case Kind.NEARLY:
            words = f"the times that consumers take are nearly exponential (variation {services.cv:.2f}, {_show(p)})"
        case Kind.STEADIER:
            words = f"the times that consumers take vary less than exponential ones ({_describe(services.cv, fits, p)})"
        case Kind.MORE_VARIED:
            words = f"the times that consumers take vary more than exponential ones ({_describe(services.cv, fits, p)})"
    return Verdict(kind, p, services.cv, 1.0 if kind is Kind.AS_ASSUMED else services.cv, tests, fits, words)


def _describe(variation: float, fits: Sequence[Fit], p: float | None) -> str:
    likeliest = "" if fits[0].name == "exponential" else f"likeliest {fits[0].name}, "
    return f"variation {variation:.2g}, {likeliest}{_show(p)}"


def _known(**tests: GTest | None) -> dict[str, GTest]:
    return {name: test for name, test in tests.items() if test is not None}


def _together(tests: dict[str, GTest]) -> float | None:
    """One p for several tests, of which any may reject. Source: Bonferroni."""
    return min(1.0, min(test.p for test in tests.values()) * len(tests)) if tests else None


def _kind(p: float | None, variation: float) -> Kind:
    if p is None:
        return Kind.UNKNOWN
    if p >= LEVEL:
        return Kind.AS_ASSUMED
    if abs(variation - 1) <= _NEARLY:
        return Kind.NEARLY
    return Kind.STEADIER if variation < 1 else Kind.MORE_VARIED


def _show(p: float | None) -> str:
    assert p is not None
    return f"p = {p:.2f}" if p >= 0.01 else f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"
