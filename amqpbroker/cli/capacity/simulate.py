"""`amqpbroker capacity simulate`: a load played through the broker's own code, beside what a model says of it."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.plotting import check_name
from amqpbroker.capacity.simulation.cell import Cell, Outcome, simulate
from amqpbroker.capacity.simulation.comparison import Compared, compare
from amqpbroker.capacity.simulation.estimates import (
    LEVEL,
    Estimate,
    Estimates,
    check_enough,
    customers_needed,
    warm_up_customers,
)
from amqpbroker.capacity.simulation.prediction import forecast_of
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
    add(
        "--customers",
        type=int,
        metavar="N",
        help="messages in all; as many as it takes to know the mean wait to a tenth",
    )
    add("--seed", type=int, default=1, metavar="N", help="the same one, the same run; 1 if not named")
    add("--plot", type=Path, metavar="FILE", help="the percentiles, measured and predicted, as svg, png or pdf")
    return answer(parser, arguments, _simulate)


def _simulate(options: Namespace) -> None:
    load = load_of(options)
    load.demand_stable()
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
    simulated = _Simulated(cell, forecast_of(cell), simulate(cell), warm_up)
    if options.json:
        say_json(simulated.document())
    else:
        simulated.say()
    if options.plot is not None:
        from amqpbroker.capacity.simulation.plot import write_percentiles

        write_percentiles(options.plot, simulated.forecast, simulated.outcome.waits.until_begun_s[warm_up:])


def _weights(text: str) -> Sequence[int]:
    try:
        return [int(part) for part in text.split(",")] if text else []
    except ValueError:
        raise WrongInput(f"--weights: {text!r} is not whole numbers with commas between, such as 3,1") from None


class _Simulated:
    """All that is told of a cell."""

    def __init__(self, cell: Cell, forecast: Forecast, outcome: Outcome, warm_up: int) -> None:
        self.cell = cell
        self.forecast = forecast
        self.outcome = outcome
        self.warm_up = warm_up
        self.compared = compare(forecast, outcome.waits.until_begun_s, warm_up)
        # With a prefetch above 1 a message is with a consumer some time before that begins with it.
        self.delivered = Estimates(outcome.waits.until_delivered_s, warm_up) if cell.prefetch > 1 else None

    def document(self) -> dict[str, Any]:
        """For programs."""
        document = {
            "model": self.forecast.model,
            "utilisation": self.forecast.utilisation,
            "customers": self.cell.customers,
            "warm_up": self.warm_up,
            "seed": self.cell.seed,
            "confidence": LEVEL,
            "wait": {
                one.name: {
                    "predicted": one.predicted,
                    "simulated": one.measured.value,
                    "half_width": one.measured.half_width,
                    "off": one.off,
                }
                for one in self.compared
            },
            "consumers": [
                {"share": count / self.cell.customers, "busy": busy}
                for count, busy in zip(self.outcome.shares, self.outcome.busy, strict=True)
            ],
        }
        if self.delivered is not None:
            document["until_delivered"] = {
                name: {"simulated": one.value, "half_width": one.half_width}
                for name, one in (("mean", self.delivered.mean()), ("p99", self.delivered.percentile(99)))
            }
        return document

    def say(self) -> None:
        """For a person."""
        cell = self.cell
        say(f"{cell.customers:,} messages, the first {self.warm_up:,} not counted, seed {cell.seed}")
        wait = "wait until delivered" if self.delivered is None else "wait until worked on"
        say_table([wait, self.forecast.model, "simulated", "off"], [_row(one) for one in self.compared])
        if self.delivered is not None:
            mean, slow = _interval(self.delivered.mean()), _interval(self.delivered.percentile(99))
            say(f"\nOf that in the queue, until a consumer has it: {mean} on average, 99 of 100 at most {slow}.")
        if len(set(cell.weights)) > 1:
            shares = ", ".join(f"{count / cell.customers:.1%}" for count in self.outcome.shares)
            say(f"\nshares of the consumers: {shares}")
        say(f"\n{_verdict(self.compared)}")


def _row(one: Compared) -> list[str]:
    name = {"waiting": "messages that wait", "mean": "mean"}.get(one.name, f"{one.name[1:]} of 100 at most")
    off = "" if one.off is None else f"{one.off:+.1%}"
    if one.name == "waiting":
        return [name, f"{one.predicted:.1%}", f"{one.measured.value:.1%} ± {one.measured.half_width:.1%}", off]
    return [name, show_duration(one.predicted), _interval(one.measured), off]


def _interval(one: Estimate) -> str:
    return f"{show_duration(one.value)} ± {show_duration(one.half_width)}"


def _verdict(compared: list[Compared]) -> str:
    """What a reader may conclude of the mean wait."""
    [mean] = [one for one in compared if one.name == "mean"]
    measured, predicted_s = mean.measured, mean.predicted
    if measured.value == 0:
        return "Nobody waited: what is so rare is not found by a simulation of this length."
    if measured.holds(predicted_s):
        return (
            f"The forecast of the mean wait is within what the simulation can tell: {LEVEL:.0%} of such intervals hold."
        )
    direction = "short" if measured.value > predicted_s else "long"
    return (
        f"The forecast of the mean wait is too {direction}: {show_duration(predicted_s)} where "
        f"{_interval(measured)} were simulated."
    )
