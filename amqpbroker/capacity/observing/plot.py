"""The waits of a queue as a plot: as they were measured, and as they are forecast."""

from pathlib import Path
from typing import Any

from amqpbroker.capacity.plotting import drawn


def write_observed(path: Path, document: dict[str, Any]) -> None:
    """Writes the plot of an observation's document; what is not known is not drawn.

    Raises WrongInput: the file's name ends with no kind of picture, or it cannot be written.
    """
    measured, forecast = document["measured_wait"], document["forecast"]
    curves = [("measured", measured and measured["percentiles_s"], measured and measured["mean_s"], "o-")]
    if forecast is not None:
        curves.append((forecast["model"], forecast["wait_percentiles_s"], forecast["wait_mean_s"], "--"))
    with drawn(path) as axes:
        for name, percentiles_s, mean_s, style in curves:
            if percentiles_s:
                # One in a hundred and one in a thousand are as far apart as one in ten and one in a hundred.
                above = [100 - float(one) for one in percentiles_s]
                axes.plot(above, list(percentiles_s.values()), style, label=f"{name}, mean {mean_s:.3g} s")
        axes.set_xscale("log")
        axes.invert_xaxis()
        axes.set_xticks([50, 10, 5, 1, 0.1], ["p50", "p90", "p95", "p99", "p99.9"], minor=False)
        axes.set_ylim(bottom=0)
        axes.set_title(f"{document['queue']}, {document['consumers']:,} consumers")
        axes.set_xlabel("messages that wait no longer")
        axes.set_ylabel("wait until a consumer begins, s")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
