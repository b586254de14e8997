"""`amqpbroker capacity plan`: what to expect of a load, from numbers alone; no broker is asked."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.draining import Drain, drain
from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.general import g_g_c
from amqpbroker.capacity.models.limited import DROP_HEAD, REJECT_PUBLISH, m_m_c_k
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.models.plot import write_waits
from amqpbroker.capacity.models.prefetch import m_m_c_prefetch
from amqpbroker.capacity.models.sizing import Model, Sensitivity, consumers_needed, sensitivity
from amqpbroker.capacity.plotting import check_name
from amqpbroker.capacity.units import parse_duration_s, show_duration
from amqpbroker.cli.capacity.asking import add_load, answer, load_of
from amqpbroker.cli.capacity.telling import (
    add_percentile,
    forecast_document,
    forecast_pairs,
    name_of,
    read_percentiles,
)
from amqpbroker.cli.tables import say_json, say_pairs
from amqpbroker.model.dispatch import RANDOM, ROUND_ROBIN


def run(arguments: list[str]) -> int:
    """Forecast, say it, and give the exit code: 0 fine, 1 unstable, 2 wrong input."""
    parser = ArgumentParser(
        "amqpbroker capacity plan",
        description="What to expect of a load: the chance of waiting, waits, utilisation, consumers needed.",
        epilog="exit codes: 0 fine, 1 unstable: more arrives than the consumers get done, 2 usage",
        allow_abbrev=False,
    )
    add_load(parser)
    add = parser.add_argument
    add_percentile(parser)
    add("--target-wait", metavar="TIME", help="tell how many consumers bring the wait down to this: 200ms")
    add("--backlog", type=int, metavar="N", help="tell how long until so many messages that wait are gone")
    add("--plot", type=Path, metavar="FILE", help="the wait against the load, as svg, png or pdf")
    how = parser.add_argument_group("what the load is like, if not Poisson arrivals and exponential service")
    cv = "standard deviation over mean of the {}: 0 regular, 1 {} (if not named), above it bursts"
    how.add_argument("--cv-arrivals", type=float, metavar="CV", help=cv.format("times between messages", "Poisson"))
    how.add_argument("--cv-service", type=float, metavar="CV", help=cv.format("service times", "exponential"))
    how.add_argument("--prefetch", type=int, metavar="N", help="how many messages a consumer takes; 1 if not named")
    how.add_argument("--dispatch", choices=(ROUND_ROBIN, RANDOM), help="which consumer gets them; in turn if not named")
    how.add_argument("--max-length", type=int, metavar="N", help="of the queue, as x-max-length")
    how.add_argument("--overflow", choices=(REJECT_PUBLISH, DROP_HEAD), help="what goes then; what comes if not named")
    return answer(parser, arguments, _plan)


def _plan(options: Namespace) -> None:
    load = load_of(options)
    model = _model(options)
    percentiles = read_percentiles(options)
    if options.plot is not None:
        check_name(options.plot)
    plan = _Plan(
        model(load),
        percentiles,
        sensitivity(model, load),
        _needed(options, model, load, percentiles),
        _drain(options, load),
    )
    if options.json:
        say_json(plan.document())
    else:
        say_pairs(plan.pairs(options))
    if options.plot is not None:
        write_waits(options.plot, model, load, percentiles, limited=options.max_length is not None)


def _model(options: Namespace) -> Model:
    """The one for what was said of the load. WrongInput: there is none for all of that."""
    said = [
        name
        for name in ("cv_arrivals", "cv_service", "prefetch", "dispatch", "max_length", "overflow")
        if getattr(options, name) is not None
    ]
    if len({_KINDS[name] for name in said}) > 1:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in said)
        raise WrongInput(f"{flags}: no model has all of them; ask with one, then with the other")
    if options.overflow is not None and options.max_length is None:
        raise WrongInput("--overflow: say with --max-length how many messages the queue may hold")
    match _KINDS[said[0]] if said else "":
        case "variation":
            return partial(g_g_c, arrivals_cv=_or_1(options.cv_arrivals), service_cv=_or_1(options.cv_service))
        case "prefetch":
            prefetch = 1 if options.prefetch is None else options.prefetch
            return partial(m_m_c_prefetch, prefetch=prefetch, dispatch=options.dispatch or ROUND_ROBIN)
        case "length":
            return partial(m_m_c_k, max_length=options.max_length, overflow=options.overflow or REJECT_PUBLISH)
        case _:
            return m_m_c


# Which model an option asks for.
_KINDS: Final = {
    "cv_arrivals": "variation",
    "cv_service": "variation",
    "prefetch": "prefetch",
    "dispatch": "prefetch",
    "max_length": "length",
    "overflow": "length",
}


def _or_1(cv: float | None) -> float:
    return 1.0 if cv is None else cv


def _needed(options: Namespace, model: Model, load: Load, percentiles: list[float]) -> dict[str, int]:
    """Consumers for the target, if there is one: for the mean of the wait, and for each percentile."""
    if options.target_wait is None:
        return {}
    target_s = parse_duration_s(options.target_wait, "--target-wait")
    return {name_of(one): consumers_needed(model, load, target_s, one) for one in (None, *percentiles)}


def _drain(options: Namespace, load: Load) -> Drain | None:
    if options.backlog is None:
        return None
    return drain(load, options.backlog, _or_1(options.cv_arrivals), _or_1(options.cv_service))


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that is told."""

    forecast: Forecast
    percentiles: list[float]
    changes: Sensitivity
    needed: dict[str, int]
    drain: Drain | None

    def document(self) -> dict[str, Any]:
        document = forecast_document(self.forecast, self.percentiles)
        document["consumers_min"] = self.forecast.load.consumers_min
        document["mean_wait_changes"] = asdict(self.changes)
        if self.needed:
            document["consumers_needed"] = self.needed
        if self.drain is not None:
            percentiles = {name_of(one): self.drain.percentile_s(one) for one in self.percentiles}
            document["drain"] = {"mean_s": self.drain.mean_s, "percentiles_s": percentiles}
        return document

    def pairs(self, options: Namespace) -> list[tuple[str, str]]:
        load, changes = self.forecast.load, self.changes
        pairs = [
            *forecast_pairs(self.forecast, self.percentiles),
            ("mean wait, arrivals 1% up", _difference(changes.per_arrival_s * load.arrivals_per_s / 100)),
            ("mean wait, service 1% slower", _difference(changes.per_service_s * load.service_s / 100)),
            ("mean wait, one consumer more", _difference(changes.per_consumer_s)),
            ("consumers that just keep up", f"{load.consumers_min:,}"),
        ]
        for name, needed in self.needed.items():
            waiting = "a mean wait" if name == "mean" else f"{name} of 100"
            pairs.append((f"consumers for {waiting} within {options.target_wait}", f"{needed:,}"))
        if self.drain is not None:
            pairs.append((f"until {options.backlog:,} are gone, mean", show_duration(self.drain.mean_s)))
            for one in self.percentiles:
                within = show_duration(self.drain.percentile_s(one))
                pairs.append((f"until they are gone, {one:g} of 100 times within", within))
        return pairs


def _difference(seconds: float) -> str:
    return f"{'-' if seconds < 0 else '+'}{show_duration(abs(seconds))}"
