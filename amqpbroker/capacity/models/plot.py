"""The wait against the load as a plot: what becomes of it as more arrives."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.models.sizing import Model, wait_of
from amqpbroker.capacity.plotting import drawn
from amqpbroker.capacity.units import show_duration

# Utilisations; the wait is endless at 1, or a queue is full there.
_STABLE: Final = [number / 200 for number in range(2, 197)]
_LIMITED: Final = [number / 100 for number in range(1, 201)]


def write_waits(path: Path, model: Model, load: Load, percentiles: Sequence[float], *, limited: bool) -> None:
    """Writes the plot: mean and percentiles over the arrivals, with the load's own marked.

    limited: the model has an answer at ρ ≥ 1, too.
    Raises WrongInput: the file's name ends with no kind of picture, or it cannot be written.
    """
    most_per_s = load.consumers / load.service_s
    arrivals_per_s = [utilisation * most_per_s for utilisation in (_LIMITED if limited else _STABLE)]
    forecasts = [model(replace(load, arrivals_per_s=one)) for one in arrivals_per_s]
    with drawn(path) as axes:
        for percentile in (None, *percentiles):
            label = "mean" if percentile is None else f"p{percentile:g}"
            waits_s = [wait_of(forecast, percentile) for forecast in forecasts]
            axes.plot(arrivals_per_s, waits_s, "--" if percentile is None else "-", label=label)
        axes.axvline(load.arrivals_per_s, color="grey", linewidth=1)
        axes.set_xlim(0, max(most_per_s, arrivals_per_s[-1]))
        # At nearly full load the wait is endless: what is asked about is to be seen.
        highest = max(wait_of(model(load), percentile) for percentile in (None, *percentiles))
        axes.set_ylim(0, 3 * max(highest, load.service_s))
        axes.set_title(f"{forecasts[0].model}, {load.consumers:,} × {show_duration(load.service_s)}")
        axes.set_xlabel("messages published a second")
        axes.set_ylabel("wait, s")
        axes.grid(alpha=0.3)
        axes.legend()
