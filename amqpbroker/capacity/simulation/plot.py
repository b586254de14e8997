"""Percentiles of a wait as a plot: what was measured, and what was predicted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.forecast import Forecast

_SUFFIXES: Final = (".svg", ".png", ".pdf")
# Of a hundred messages, so many wait longer.
_ABOVE: Final = [10 ** (2 - number / 20) for number in range(1, 61)]
_SHOWN: Final = (50.0, 90.0, 99.0, 99.9)


def check_name(path: Path) -> None:
    """Raises WrongInput: no kind of picture is known by the name."""
    if path.suffix not in _SUFFIXES:
        raise WrongInput(f"--plot: {path.name} does not end with {', '.join(_SUFFIXES)}")


def write_percentiles(path: Path, forecast: Forecast, waits_s: Sequence[float]) -> None:
    """Writes the plot. Raises WrongInput: as `check_name`, or it cannot be written there."""
    check_name(path)
    import matplotlib as mpl
    import numpy
    from matplotlib.figure import Figure

    percentiles = [100 - above for above in _ABOVE]
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "percentiles"}):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        axes.plot(_ABOVE, [forecast.wait_percentile_s(one) for one in percentiles], "--", label=forecast.model)
        axes.plot(_ABOVE, numpy.percentile(waits_s, percentiles), label="measured")
        axes.set_xscale("log")
        axes.invert_xaxis()
        axes.set_xticks([100 - one for one in _SHOWN], [f"p{one:g}" for one in _SHOWN], minor=False)
        axes.set_xlabel("messages that wait no longer")
        axes.set_ylabel("wait from publishing to delivery, s")
        axes.grid(alpha=0.3)
        axes.legend()
        try:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
        except OSError as error:
            raise WrongInput(f"--plot: {path} cannot be written ({error.strerror})") from None
