"""What a model says of a simulated queue, beside what was measured there."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.simulation.estimates import Estimate, Estimates

PERCENTILES: Final = (50.0, 90.0, 99.0)


class Compared(NamedTuple):
    """One figure. name: `waiting`, which part waited at all; `mean` or `p99`, in seconds."""

    name: str
    predicted: float
    measured: Estimate

    @property
    def off(self) -> float | None:
        """By which part of the prediction the measured is above it. None: nothing was predicted."""
        return self.measured.value / self.predicted - 1 if self.predicted else None


def compare(forecast: Forecast, waits_s: Sequence[float], warm_up: int) -> list[Compared]:
    """The part that waited, the mean and the percentiles. Raises WrongInput: too few waits to say anything."""
    estimates = Estimates(waits_s, warm_up)
    compared = [
        Compared("waiting", forecast.wait_probability, estimates.share_waiting()),
        Compared("mean", forecast.wait_mean_s, estimates.mean()),
    ]
    for percentile in PERCENTILES:
        predicted_s = forecast.wait_percentile_s(percentile)
        compared.append(Compared(f"p{percentile:g}", predicted_s, estimates.percentile(percentile)))
    return compared
