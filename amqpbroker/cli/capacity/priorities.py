"""`amqpbroker capacity priorities`: what messages of each priority have to expect."""

from argparse import ArgumentParser, Namespace

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.priorities import cobham
from amqpbroker.capacity.units import parse_duration_s, parse_rate_per_s, show_duration, show_rate
from amqpbroker.cli import say
from amqpbroker.cli.capacity.asking import add_json, add_service, answer
from amqpbroker.cli.capacity.telling import add_percentile, forecast_document, read_percentiles, share
from amqpbroker.cli.tables import say_json, say_table


def run(arguments: list[str]) -> int:
    """Forecast, say it, and give the exit code: 0 fine, 1 unstable, 2 wrong input."""
    parser = ArgumentParser(
        "amqpbroker capacity priorities",
        description="What messages of each priority have to expect of a queue with x-max-priority, prefetch 1.",
        epilog="exit codes: 0 fine, 1 unstable: more arrives than the consumers get done, 2 usage",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--arrivals", required=True, action="append", metavar="P=RATE", help="of each priority: --arrivals 9=2/s")
    add_service(parser)
    add("--consumers", required=True, type=int, metavar="N", help="how many there are")
    add("--cv-service", type=float, default=1.0, metavar="CV", help="standard deviation over mean of the service times")
    add_percentile(parser)
    add_json(parser)
    return answer(parser, arguments, _forecast)


def _forecast(options: Namespace) -> None:
    rates = _read(options.arrivals)
    percentiles = read_percentiles(options)
    service_s = parse_duration_s(options.service, "--service")
    forecasts = cobham(list(rates.values()), service_s, options.consumers, options.cv_service)
    found = dict(zip(rates, forecasts, strict=True))
    if options.json:
        say_json([{"priority": one} | forecast_document(forecast, percentiles) for one, forecast in found.items()])
        return
    say(f"utilisation {share(sum(one.utilisation for one in forecasts))}, {forecasts[0].model}")
    say("")
    header = ["priority", "arrivals", "waiting", "mean", *(f"{one:g} of 100" for one in percentiles), "ready"]
    say_table(header, [[one, *_row(forecast, percentiles)] for one, forecast in found.items()])


def _read(given: list[str]) -> dict[int, float]:
    """Priority → messages a second, the highest first."""
    rates: dict[int, float] = {}
    for text in given:
        priority, equals, rate = text.partition("=")
        if not equals or not priority.isdecimal() or int(priority) > 255:
            raise WrongInput(f"--arrivals: {text!r} is not a priority from 0 to 255 and its rate, such as 9=2/s")
        if int(priority) in rates:
            raise WrongInput(f"--arrivals: priority {int(priority)} is there twice")
        rates[int(priority)] = parse_rate_per_s(rate, "--arrivals")
    return dict(sorted(rates.items(), reverse=True))


def _row(forecast: Forecast, percentiles: list[float]) -> list[str]:
    return [
        show_rate(forecast.load.arrivals_per_s),
        share(forecast.wait_probability),
        show_duration(forecast.wait_mean_s),
        *(show_duration(forecast.wait_percentile_s(one)) for one in percentiles),
        f"{forecast.ready_mean:,.3g}",
    ]
