"""Percentiles of a wait as a plot: what was measured, and what was predicted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.plotting import drawn

# Of a hundred messages, so many wait longer.
_ABOVE: Final = [10 ** (2 - number / 20) for number in range(1, 61)]
_SHOWN: Final = (50.0, 90.0, 99.0, 99.9)


def write_percentiles(path: Path, forecast: Forecast, waits_s: Sequence[float]) -> None:
    """Writes the plot. Raises WrongInput: the file's name ends with no kind of picture, or it cannot be written."""
    with drawn(path) as axes:
        import numpy

        percentiles = [100 - above for above in _ABOVE]
        axes.plot(_ABOVE, [forecast.wait_percentile_s(one) for one in percentiles], "--", label=forecast.model)
        axes.plot(_ABOVE, numpy.percentile(waits_s, percentiles), label="measured")
        axes.set_xscale("log")
        axes.invert_xaxis()
        axes.set_xticks([100 - one for one in _SHOWN], [f"p{one:g}" for one in _SHOWN], minor=False)
        axes.set_xlabel("messages that wait no longer")
        axes.set_ylabel("wait from publishing to delivery, s")
        axes.grid(alpha=0.3)
        axes.legend()
