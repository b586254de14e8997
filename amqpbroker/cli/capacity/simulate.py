"""`amqpbroker capacity simulate`: a load played through the broker's own code, beside what a model says of it."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.plotting import check_name
from amqpbroker.capacity.simulation.cell import Cell, Outcome, simulate
from amqpbroker.capacity.simulation.comparison import Compared, compare
from amqpbroker.capacity.simulation.estimates import LEVEL, check_enough, customers_needed, warm_up_customers
from amqpbroker.capacity.simulation.spread import read_spread
from amqpbroker.capacity.units import show_duration
from amqpbroker.cli import say
from amqpbroker.cli.capacity.asking import add_load, answer, load_of
from amqpbroker.cli.tables import say_json, say_table
from amqpbroker.model.dispatch import ROUND_ROBIN, STRATEGY_NAMES

# Half a minute or so: who has more time says so.
_CUSTOMERS_MAX: Final = 400_000


def run(arguments: list[str]) -> int:
    """Simulate, say what came of it, and give the exit code: 0 fine, 1 unstable, 2 wrong input."""
    parser = ArgumentParser(
        "amqpbroker capacity simulate",
        description="Play a load through the broker's own code on a virtual clock, and put what came of it beside the "
        "forecast. No broker is asked, and nobody waits: hours pass in seconds.",
        epilog="exit codes: 0 fine, 1 unstable: more arrives than the consumers get done, 2 usage",
        allow_abbrev=False,
    )
    add_load(parser)
    add = parser.add_argument
    add("--prefetch", type=int, default=1, metavar="N", help="of each consumer; 1 if not named")
    add("--dispatch", default=ROUND_ROBIN, metavar="NAME", help=f"{', '.join(STRATEGY_NAMES)}; the first if not named")
    add("--weights", default="", metavar="N,N", help="of the consumers, for weighted")
    spreads = "exponential, deterministic, gamma:0.5, hyperexponential:2 (the coefficient of variation)"
    add("--distribution", default="exponential", metavar="NAME", help=f"of the service times: {spreads}")
    add("--arrival-distribution", default="exponential", metavar="NAME", help="of the times between two messages")
    add("--customers", type=int, metavar="N", help="messages in all; as many as it takes to know the mean wait to 5 %%")
    add("--seed", type=int, default=1, metavar="N", help="the same one, the same run; 1 if not named")
    add("--plot", type=Path, metavar="FILE", help="the percentiles, measured and predicted, as svg, png or pdf")
    return answer(parser, arguments, _simulate)


def _simulate(options: Namespace) -> None:
    load = load_of(options)
    forecast = m_m_c(load)
    warm_up = warm_up_customers(load.utilisation)
    customers = options.customers
    if customers is None:
        customers = min(customers_needed(load), _CUSTOMERS_MAX)
    check_enough(customers, warm_up)
    if options.plot is not None:
        check_name(options.plot)
    cell = Cell(
        arrivals_per_s=load.arrivals_per_s,
        service_s=load.service_s,
        consumers=load.consumers,
        customers=customers,
        seed=options.seed,
        prefetch=options.prefetch,
        dispatch=options.dispatch,
        weights=_weights(options.weights),
        arrival_spread=read_spread(options.arrival_distribution, "--arrival-distribution"),
        service_spread=read_spread(options.distribution, "--distribution"),
    )
    outcome = simulate(cell)
    compared = compare(forecast, outcome.waits.until_delivered_s, warm_up)
    if options.json:
        say_json(_document(cell, forecast, outcome, compared, warm_up))
    else:
        _say(cell, forecast, outcome, compared, warm_up)
    if options.plot is not None:
        from amqpbroker.capacity.simulation.plot import write_percentiles

        write_percentiles(options.plot, forecast, outcome.waits.until_delivered_s[warm_up:])


def _weights(text: str) -> Sequence[int]:
    try:
        return [int(part) for part in text.split(",")] if text else []
    except ValueError:
        raise WrongInput(f"--weights: {text!r} is not whole numbers with commas between, such as 3,1") from None


def _document(
    cell: Cell, forecast: Forecast, outcome: Outcome, compared: list[Compared], warm_up: int
) -> dict[str, Any]:
    document = {
        "model": forecast.model,
        "utilisation": forecast.utilisation,
        "customers": cell.customers,
        "warm_up": warm_up,
        "seed": cell.seed,
        "confidence": LEVEL,
        "wait": _figures(compared),
        "consumers": [
            {"share": count / cell.customers, "busy": busy}
            for count, busy in zip(outcome.shares, outcome.busy, strict=True)
        ],
    }
    if cell.prefetch > 1:
        document["wait_until_worked_on"] = _figures(compare(forecast, outcome.waits.until_begun_s, warm_up))
    return document


def _figures(compared: list[Compared]) -> dict[str, Any]:
    return {
        one.name: {
            "predicted": one.predicted,
            "simulated": one.measured.value,
            "half_width": one.measured.half_width,
            "off": one.off,
        }
        for one in compared
    }


def _say(cell: Cell, forecast: Forecast, outcome: Outcome, compared: list[Compared], warm_up: int) -> None:
    say(f"{cell.customers:,} messages, the first {warm_up:,} not counted, seed {cell.seed}")
    say_table(["wait until delivered", forecast.model, "simulated", "off"], [_row(one) for one in compared])
    if cell.prefetch > 1:
        begun = compare(forecast, outcome.waits.until_begun_s, warm_up)
        say("")
        say_table(["wait until worked on", forecast.model, "simulated", "off"], [_row(one) for one in begun])
    if len(set(cell.weights)) > 1:
        shares = ", ".join(f"{count / cell.customers:.1%}" for count in outcome.shares)
        say(f"\nshares of the consumers: {shares}")
    say(f"\n{_verdict(compared)}")


def _row(one: Compared) -> list[str]:
    name = {"waiting": "messages that wait", "mean": "mean"}.get(one.name, f"{one.name[1:]} of 100 at most")
    show = (lambda part: f"{part:.1%}") if one.name == "waiting" else show_duration
    off = "" if one.off is None else f"{one.off:+.1%}"
    return [name, show(one.predicted), f"{show(one.measured.value)} ± {show(one.measured.half_width)}", off]


def _verdict(compared: list[Compared]) -> str:
    """What a reader may conclude of the mean wait."""
    [mean] = [one for one in compared if one.name == "mean"]
    measured, predicted_s = mean.measured, mean.predicted
    if measured.holds(predicted_s):
        return (
            f"The forecast of the mean wait is within what the simulation can tell: {LEVEL:.0%} of such intervals hold."
        )
    direction = "short" if measured.value > predicted_s else "long"
    return (
        f"The forecast of the mean wait is too {direction}: {show_duration(predicted_s)} where "
        f"{show_duration(measured.value)} ± {show_duration(measured.half_width)} were simulated."
    )
