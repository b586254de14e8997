"""`amqpbroker capacity plan`: what to expect of a load, from numbers alone; no broker is asked."""

from argparse import ArgumentParser, Namespace
from typing import Any, Final

from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.units import show_duration
from amqpbroker.cli.capacity.asking import add_load, answer, load_of
from amqpbroker.cli.tables import say_json, say_pairs

_PERCENTILES: Final = (50.0, 95.0, 99.0)


def run(arguments: list[str]) -> int:
    """Forecast, say it, and give the exit code: 0 fine, 1 unstable, 2 wrong input."""
    parser = ArgumentParser(
        "amqpbroker capacity plan",
        description="What to expect of a load: the chance of waiting, waits, utilisation.",
        epilog="exit codes: 0 fine, 1 unstable: more arrives than the consumers get done, 2 usage",
        allow_abbrev=False,
    )
    add_load(parser)
    return answer(parser, arguments, _plan)


def _plan(options: Namespace) -> None:
    forecast = m_m_c(load_of(options))
    if options.json:
        say_json(_document(forecast))
    else:
        _say(forecast)


def _document(forecast: Forecast) -> dict[str, Any]:
    return {
        "model": forecast.model,
        "utilisation": forecast.utilisation,
        "wait_probability": forecast.wait_probability,
        "wait_mean_s": forecast.wait_mean_s,
        "wait_percentiles_s": {f"{one:g}": forecast.wait_percentile_s(one) for one in _PERCENTILES},
        "latency_mean_s": forecast.latency_mean_s,
        "ready_mean": forecast.ready_mean,
    }


def _say(forecast: Forecast) -> None:
    percentiles = [
        (f"wait, {one:g} of 100 at most", show_duration(forecast.wait_percentile_s(one))) for one in _PERCENTILES
    ]
    say_pairs(
        [
            ("model", forecast.model),
            ("utilisation", f"{forecast.utilisation:.1%}"),
            ("messages that wait", f"{forecast.wait_probability:.1%}"),
            ("wait, mean", show_duration(forecast.wait_mean_s)),
            *percentiles,
            ("until acknowledged, mean", show_duration(forecast.latency_mean_s)),
            ("ready, mean", f"{forecast.ready_mean:.3g}"),
        ]
    )
