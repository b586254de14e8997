"""How a forecast is told: to a person as a line for each figure, to a program as a document."""

from argparse import ArgumentParser, Namespace
from typing import Any, Final

from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.waits import share_above
from amqpbroker.capacity.units import show_duration, show_rate

_PERCENTILES: Final = (50.0, 95.0, 99.0)


def add_percentile(parser: ArgumentParser) -> None:
    """The option for which percentiles are told."""
    parser.add_argument(
        "--percentile", type=float, action="append", metavar="P", help="of the wait; 50, 95 and 99 if none is named"
    )


def read_percentiles(options: Namespace) -> list[float]:
    """Those that were named. WrongInput: one is none."""
    percentiles = sorted(set(options.percentile or _PERCENTILES))
    for percentile in percentiles:
        share_above(percentile)
    return percentiles


def name_of(percentile: float | None) -> str:
    """In a document: `99.9`; without one it is the `mean`."""
    return "mean" if percentile is None else f"{percentile:g}"


def forecast_document(forecast: Forecast, percentiles: list[float]) -> dict[str, Any]:
    """For programs: seconds, rates a second, chances of 0 to 1."""
    return {
        "model": forecast.model,
        "mean_is_exact": forecast.mean_is_exact,
        "percentiles_are_exact": forecast.percentiles_are_exact,
        "arrivals_per_s": forecast.load.arrivals_per_s,
        "service_s": forecast.load.service_s,
        "consumers": forecast.load.consumers,
        "utilisation": forecast.utilisation,
        "loss_probability": forecast.loss_probability,
        "wait_probability": forecast.wait_probability,
        "wait_mean_s": forecast.wait_mean_s,
        "wait_percentiles_s": {name_of(one): forecast.wait_percentile_s(one) for one in percentiles},
        "latency_mean_s": forecast.latency_mean_s,
        "ready_mean": forecast.ready_mean,
        "messages_mean": forecast.messages_mean,
    }


def forecast_pairs(forecast: Forecast, percentiles: list[float]) -> list[tuple[str, str]]:
    """For a person."""
    lost_per_s = forecast.load.arrivals_per_s * forecast.loss_probability
    lost = [("messages lost", f"{share(forecast.loss_probability)}, {show_rate(lost_per_s)}")] if lost_per_s else []
    return [
        ("model", f"{forecast.model}{_caution(forecast)}"),
        ("utilisation", share(forecast.utilisation)),
        *lost,
        ("messages that wait", share(forecast.wait_probability)),
        ("wait, mean", show_duration(forecast.wait_mean_s)),
        *((f"wait, {one:g} of 100 at most", show_duration(forecast.wait_percentile_s(one))) for one in percentiles),
        ("until acknowledged, mean", show_duration(forecast.latency_mean_s)),
        ("ready, mean", f"{forecast.ready_mean:,.3g}"),
    ]


def share(chance: float) -> str:
    """A chance in percent: three digits of it, so that a small one is not nothing."""
    return f"{chance * 100:.3g}%"


def _caution(forecast: Forecast) -> str:
    if not forecast.mean_is_exact:
        return ", an approximation"
    return "" if forecast.percentiles_are_exact else ", its percentiles an approximation"
