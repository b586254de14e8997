"""An observation as a document for programs: plain numbers, times in seconds, None for what is not known."""

from typing import Any, Final

import numpy

from amqpbroker.capacity.fitting.verdict import Verdict
from amqpbroker.capacity.measuring.measured import Times
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.observing.observation import Observation
from amqpbroker.capacity.observing.words import sentences, trust_of

_PERCENTILES: Final = (10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9)


def document(seen: Observation) -> dict[str, Any]:
    """All that is told of a queue."""
    measured, load, needed = seen.measured, seen.load, seen.needed
    return {
        "measured_s": measured.since_s,
        "watched_s": measured.watched_s,
        "consumers": measured.consumers,
        "consumers_without_acks": measured.silent_consumers,
        "prefetch": measured.prefetch,
        "ready": measured.ready,
        "returned": measured.returned,
        "given_up": measured.given_up,
        "arrivals": {
            "count": measured.arrived,
            "per_s": seen.arrivals_per_s if measured.watched_s else None,
            **_verdict(seen.arrivals),
            "at_once_mean": measured.arrived / measured.bursts if measured.bursts else None,
        },
        "services": {
            "count": measured.services.count,
            "per_s": 1 / measured.services.mean_s if measured.services.mean_s else None,
            "mean_s": measured.services.mean_s if measured.services.count else None,
            **_verdict(seen.services),
            "acknowledged_together": measured.together,
        },
        "utilisation": load.utilisation if load is not None else None,
        "measured_wait": _waits(seen.waits),
        "measured_wait_until_delivery": _waits(measured.waits),
        "forecast": _forecast(seen.forecast),
        "consumers_min": load.consumers_min if load is not None else None,
        "consumers_needed": needed.consumers if needed is not None else None,
        "target_wait_s": needed.target_s if needed is not None else None,
        "target_percentile": needed.percentile if needed is not None else None,
        "drain_mean_s": seen.drain.mean_s if seen.drain is not None else None,
        "trust": str(trust_of(seen)),
        "in_words": sentences(seen),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    tests = {
        name: {"g": test.g, "degrees_of_freedom": test.degrees_of_freedom, "p": test.p}
        for name, test in verdict.tests.items()
    }
    fits = [{"name": fit.name, "aic": fit.aic, "parameters": dict(fit.parameters)} for fit in verdict.fits]
    return {
        "cv": verdict.cv,
        "variation": verdict.variation,
        "kind": str(verdict.kind),
        "p": verdict.p,
        "tests": tests,
        "distributions": fits,
        "in_words": verdict.words,
    }


def _waits(times: Times) -> dict[str, Any] | None:
    """As measured: the percentiles are of the last ones."""
    if not times.count:
        return None
    percentiles_s = numpy.percentile(times.last_s, _PERCENTILES)
    return {
        "count": times.count,
        "mean_s": times.mean_s,
        "percentiles_s": {f"{one:g}": float(wait_s) for one, wait_s in zip(_PERCENTILES, percentiles_s, strict=True)},
    }


def _forecast(forecast: Forecast | None) -> dict[str, Any] | None:
    if forecast is None:
        return None
    return {
        "model": forecast.model,
        "wait_probability": forecast.wait_probability,
        "wait_mean_s": forecast.wait_mean_s,
        "wait_percentiles_s": {f"{one:g}": forecast.wait_percentile_s(one) for one in _PERCENTILES},
        "latency_mean_s": forecast.latency_mean_s,
        "ready_mean": forecast.ready_mean,
    }
