"""A queue's measured traffic, the model for it, and what that forecasts, side by side with what was measured.

Which model: M/M/c where messages come as a Poisson process has them and take exponential times; with prefetch above 1
its approximation for that, also where they do nearly. Otherwise G/G/c, by the variation that was measured.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

from amqpbroker.capacity.errors import CapacityError
from amqpbroker.capacity.fitting.verdict import Kind, Verdict, of_arrivals, of_services
from amqpbroker.capacity.measuring.measured import Measured, Times
from amqpbroker.capacity.models.draining import Drain, drain
from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.general import g_g_c
from amqpbroker.capacity.models.load import Load, check_positive
from amqpbroker.capacity.models.prefetch import m_m_c_prefetch
from amqpbroker.capacity.models.sizing import Model, consumers_needed
from amqpbroker.capacity.models.waits import share_above
from amqpbroker.capacity.observing.obstacles import obstacle
from amqpbroker.limits import FORECAST_PREFETCH_MAX
from amqpbroker.model.dispatch import LEAST_UNACKED, RANDOM, ROUND_ROBIN

PERCENTILE: Final = 99.0
AS_MODELLED: Final = (Kind.AS_ASSUMED, Kind.NEARLY)


@dataclass(frozen=True, slots=True)
class Sized:
    """How many consumers it takes that so many of a hundred messages wait at most target_s; None: no number does."""

    target_s: float
    percentile: float
    consumers: int | None


@dataclass(frozen=True, slots=True)
class Observation:
    """waits: as measured, until a consumer begins with a message.

    obstacle: a sentence why there is no forecast; load and needed are told all the same where they are known. drain: of
    what waits now.
    """

    measured: Measured
    arrivals: Verdict
    services: Verdict
    waits: Times
    obstacle: str
    load: Load | None = None
    forecast: Forecast | None = None
    needed: Sized | None = None
    drain: Drain | None = None

    @property
    def arrivals_per_s(self) -> float:
        """λ, as measured."""
        return self.measured.arrived / self.measured.watched_s if self.measured.watched_s else 0.0

    @property
    def ahead(self) -> bool:
        """Whether consumers take messages ahead."""
        return self.measured.prefetch != 1


def observe(measured: Measured, target_s: float | None = None, percentile: float = PERCENTILE) -> Observation:
    """What was measured says so much. target_s: the wait that is wanted; None: no longer than a service takes.

    Errors: WrongInput for a target or a percentile that is none.
    """
    share_above(percentile)
    if target_s is not None:
        check_positive("target", target_s, "s")
    at_once = measured.arrived / measured.bursts if measured.bursts else 1.0
    arrivals, services = of_arrivals(measured.gaps, at_once), of_services(measured.services)
    waits = measured.starts if measured.prefetch != 1 and measured.starts.count else measured.waits
    reason = obstacle(measured)
    if reason:
        return Observation(measured, arrivals, services, waits, reason)
    # What was given back has to be done again.
    asked_per_s = (measured.arrived + measured.returned) / measured.watched_s
    load = Load(asked_per_s, measured.services.mean_s, measured.consumers)
    model = _model(measured, arrivals, services)
    needed = _needed(model, load, load.service_s if target_s is None else target_s, percentile)
    try:
        forecast = model(load)
        drained = drain(load, measured.ready, arrivals.variation, services.variation)
    except CapacityError as error:
        return Observation(measured, arrivals, services, waits, str(error), load, needed=needed)
    return Observation(measured, arrivals, services, waits, "", load, forecast, needed, drained)


def _model(measured: Measured, arrivals: Verdict, services: Verdict) -> Model:
    known = [verdict.kind for verdict in (arrivals, services) if verdict.kind is not Kind.UNKNOWN]
    # Who has the fewest gets the next one: hardly anybody waits at one while another has nothing to do.
    ahead = measured.prefetch != 1 and measured.dispatch != LEAST_UNACKED
    if not ahead and all(kind is Kind.AS_ASSUMED for kind in known):
        return m_m_c
    if not ahead or not all(kind in AS_MODELLED for kind in known):
        return partial(g_g_c, arrivals_cv=arrivals.variation, service_cv=services.variation)
    prefetch = min(measured.prefetch or FORECAST_PREFETCH_MAX, FORECAST_PREFETCH_MAX)
    dispatch = RANDOM if measured.dispatch == RANDOM else ROUND_ROBIN
    return partial(m_m_c_prefetch, prefetch=prefetch, dispatch=dispatch)


def _needed(model: Model, load: Load, target_s: float, percentile: float) -> Sized:
    try:
        return Sized(target_s, percentile, consumers_needed(model, load, target_s, percentile))
    except CapacityError:
        return Sized(target_s, percentile, None)
