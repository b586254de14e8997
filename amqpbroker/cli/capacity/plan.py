"""`amqpbroker capacity plan`: what to expect of a load, from numbers alone; no broker is asked."""

from argparse import ArgumentParser, Namespace
from typing import Any, Final

from amqpbroker.capacity.errors import CapacityError, Unstable, WrongInput
from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.units import parse_duration_s, parse_rate_per_s, show_duration
from amqpbroker.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain
from amqpbroker.cli.tables import printable, say_json, say_pairs

_PERCENTILES: Final = (50.0, 95.0, 99.0)


def run(arguments: list[str]) -> int:
    """Forecast, say it, and give the exit code: 0 fine, 1 unstable, 2 wrong input."""
    parser = ArgumentParser(
        "amqpbroker capacity plan",
        description="What to expect of a load: the chance of waiting, waits, utilisation.",
        epilog="exit codes: 0 fine, 1 unstable: more arrives than the consumers get done, 2 usage",
        allow_abbrev=False,
    )
    parser.add_argument("--arrivals", required=True, metavar="RATE", help="messages published: 8/s, 480/min")
    parser.add_argument("--service", required=True, metavar="TIME", help="mean time a consumer takes for one: 1s, 20ms")
    parser.add_argument("--consumers", required=True, type=int, metavar="N", help="how many there are")
    parser.add_argument("--json", action="store_true", help="print one JSON document, for programs")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:  # argparse's way to end
        return EXIT_USAGE if end.code else EXIT_OK
    try:
        forecast = m_m_c(_load(options))
    except CapacityError as error:
        return _refuse(options, error)
    if options.json:
        say_json(_document(forecast))
    else:
        _say(forecast)
    return EXIT_OK


def _load(options: Namespace) -> Load:
    return Load(
        parse_rate_per_s(options.arrivals, "--arrivals"),
        parse_duration_s(options.service, "--service"),
        options.consumers,
    )


def _refuse(options: Namespace, error: CapacityError) -> int:
    complain(printable(str(error)))
    if options.json:
        needed = {"consumers_needed": error.consumers_needed} if isinstance(error, Unstable) else {}
        say_json({"error": str(error), **needed})
    return EXIT_USAGE if isinstance(error, WrongInput) else EXIT_FAILED


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
