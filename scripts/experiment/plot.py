"""The plot: waits against load, the model's as lines and what was measured as points on them."""

from pathlib import Path
from typing import TYPE_CHECKING

from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.load import Load
from experiment import real_time
from experiment.cells import CONSUMERS, DISPATCH, SERVICE_S
from experiment.report import figure
from experiment.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIMULATED = {"round-robin": "o", "random": "s", "weighted": "^"}
LIVE = "x"
# Less than this is nothing that anybody would wait for, and a logarithm has no end.
WAIT_MIN = 1e-3


def write_plot(results: Results, path: Path) -> None:
    """Writes it as SVG, waits as multiples of the service time."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Text stays text, and the same figures give the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "capacity"}):
        drawing = Figure(figsize=(10, 4.5), layout="constrained")
        for axes, what, title in zip(
            drawing.subplots(1, 2, sharey=True), ("mean", "p99"), ("mean wait", "99th percentile"), strict=True
        ):
            for number, consumers in enumerate(CONSUMERS):
                colour = f"C{number}"
                loads = [load / 100 for load in range(20, 98)]
                waits = [_wait(m_m_c(Load(load * consumers, 1.0, consumers)), what) for load in loads]
                axes.plot(loads, [wait if wait >= WAIT_MIN else None for wait in waits], color=colour)
                for dispatch in DISPATCH:
                    _points(axes, results, f"grid/{consumers}/", dispatch, what, SERVICE_S, colour, SIMULATED[dispatch])
                _points(axes, results, f"real-time/{consumers}/", "", what, real_time.SERVICE_S, colour, LIVE)
                axes.plot([], [], color=colour, label=f"{consumers} consumer{'s' if consumers > 1 else ''}")
            for name, marker in [*SIMULATED.items(), ("real time", LIVE)]:
                axes.plot([], [], marker, color="grey", fillstyle="none", label=name)
            axes.set_yscale("log")
            axes.set_title(title)
            axes.set_xlabel("utilisation ρ")
            axes.grid(alpha=0.3)
        drawing.axes[0].set_ylabel("wait, in service times")
        drawing.axes[0].legend(fontsize=8)
        drawing.savefig(path, format="svg", metadata={"Date": None})


def _wait(forecast: Forecast, what: str) -> float:
    return forecast.wait_mean_s if what == "mean" else forecast.wait_percentile_s(99)


def _points(
    axes: "Axes", results: Results, prefix: str, suffix: str, what: str, service_s: float, colour: str, marker: str
) -> None:
    found = sorted(
        (result["load"], figure(result, what))
        for name, result in results.items()
        if name.startswith(prefix) and name.endswith(suffix)
    )
    seen = [(load, one) for load, one in found if one.measured / service_s >= WAIT_MIN]
    axes.errorbar(
        [load for load, _ in seen],
        [one.measured / service_s for _, one in seen],
        [one.half_width / service_s for _, one in seen],
        fmt=marker,
        color=colour,
        fillstyle="none",
        markersize=5,
        linewidth=0.8,
    )
