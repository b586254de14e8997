"""How many consumers a wait needs, and what a wait depends on: of any model."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from amqpbroker.capacity.errors import CapacityError, Unstable
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.load import Load, check_positive
from amqpbroker.capacity.units import show_duration
from amqpbroker.limits import FORECAST_CONSUMERS_MAX

# A load to its forecast; what else a model takes is bound: `partial(g_g_c, arrivals_cv=2.0, service_cv=0.5)`.
Model: TypeAlias = Callable[[Load], Forecast]


def wait_of(forecast: Forecast, percentile: float | None) -> float:
    """That percentile of the wait, or without one its mean, in seconds."""
    return forecast.wait_mean_s if percentile is None else forecast.wait_percentile_s(percentile)


def consumers_needed(model: Model, load: Load, target_s: float, percentile: float | None = None) -> int:
    """The fewest consumers with which the wait is at most the target.

    load: its own consumers count for nothing. percentile: which of the wait is meant; without one, its mean.
    Errors: WrongInput for a target that is not above zero; CapacityError where no number of consumers is enough.
    """
    check_positive("target", target_s, "s")

    def is_enough(consumers: int) -> bool:
        try:
            forecast = model(replace(load, consumers=consumers))
        except Unstable:
            return False
        return wait_of(forecast, percentile) <= target_s

    too_few, step = 0, 1
    while not is_enough(enough := min(too_few + step, FORECAST_CONSUMERS_MAX)):
        if enough == FORECAST_CONSUMERS_MAX:
            raise CapacityError(f"not even {enough:,} consumers bring the wait down to {show_duration(target_s)}")
        too_few, step = enough, step * 2
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        if is_enough(middle):
            enough = middle
        else:
            too_few = middle
    return enough


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How the wait changes with what it depends on.

    per_arrival_s: seconds of wait for one more message a second. per_service_s: for one more second of service.
    per_consumer_s: the difference that one more consumer makes, below zero as it helps.
    """

    per_arrival_s: float
    per_service_s: float
    per_consumer_s: float


def sensitivity(model: Model, load: Load, percentile: float | None = None) -> Sensitivity:
    """The derivatives of the wait by arrivals and service, and its difference for a consumer more.

    percentile: which of the wait is meant; without one, its mean. Derivatives are central differences, good to six
    digits. Errors: those of the model.
    """

    def wait_s(changed: Load) -> float:
        return wait_of(model(changed), percentile)

    # Next to ρ = 1 everything changes faster: a step is a small part of the way there.
    idle = 1 - load.utilisation
    part = min(max(1e-4 * idle, 1e-8), idle / 2) if load.is_stable else 1e-4
    one_more = min(load.consumers + 1, FORECAST_CONSUMERS_MAX)
    arrivals_step, service_step = load.arrivals_per_s * part, load.service_s * part
    more = wait_s(replace(load, arrivals_per_s=load.arrivals_per_s + arrivals_step))
    fewer = wait_s(replace(load, arrivals_per_s=load.arrivals_per_s - arrivals_step))
    slower = wait_s(replace(load, service_s=load.service_s + service_step))
    faster = wait_s(replace(load, service_s=load.service_s - service_step))
    return Sensitivity(
        (more - fewer) / (2 * arrivals_step),
        (slower - faster) / (2 * service_step),
        wait_s(replace(load, consumers=one_more)) - wait_s(load),
    )
