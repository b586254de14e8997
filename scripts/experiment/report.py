"""The tables of docs/capacity.md, made of the results alone: what is there and not made of them fails a test."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.simulation.prediction import forecast_of
from amqpbroker.capacity.units import show_duration
from experiment.cells import CONSUMERS, DISPATCH, LOADS, apart
from experiment.real_time import SERVICE_S
from experiment.results import Results

# Up to this load the model has to be right.
LOAD_MAX = 0.9


class Figure(NamedTuple):
    """What was predicted and measured of a wait, in seconds, ± half_width."""

    predicted: float
    measured: float
    half_width: float

    @property
    def off(self) -> float | None:
        """By which part of the prediction the measured is above it; None where no wait was predicted."""
        return self.measured / self.predicted - 1 if self.predicted else None

    @property
    def holds(self) -> bool:
        """Whether the interval holds the prediction."""
        return abs(self.measured - self.predicted) <= self.half_width


def figure(result: dict[str, Any], name: str, of: str = "figures") -> Figure:
    """A figure of a cell by its name."""
    [found] = [one for one in result[of] if one["name"] == name]
    return Figure(found["predicted"], found["measured"], found["half_width"])


def replace_tables(text: str, results: Results) -> str:
    """The page with every table as the results have it. Raises ValueError: it has no place for one."""
    for name, made in (
        ("consumers", _consumers),
        ("grid", _grid),
        ("real-time", _real_time),
        ("observed", _observed),
        ("apart", _apart),
    ):
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise ValueError(f"needs {begin} and {end}, once each and in this order")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{made(results)}\n{end}{rest.partition(end)[2]}"
    return text


def _consumers(_: Results) -> str:
    """What the model says of 8 messages a second of a second each."""
    rows = [["8", "100%", "all", "the queue grows for ever", ""]]
    for consumers in (9, 10, 11, 12, 14, 16):
        forecast = m_m_c(Load(8.0, 1.0, consumers))
        row = [str(consumers), f"{forecast.utilisation:.0%}", f"{forecast.wait_probability:.1%}"]
        rows.append([*row, show_duration(forecast.wait_mean_s), show_duration(forecast.wait_percentile_s(99))])
    return _markdown(["consumers", "busy", "messages that wait", "mean wait", "99 of 100 wait at most"], rows, 0)


def _grid(results: Results) -> str:
    head = ["consumers", "ρ"]
    for what in ("mean", "p99"):
        head += [f"{what}: model", *DISPATCH]
    rows = []
    for consumers in CONSUMERS:
        for load in LOADS:
            cells = [results[f"grid/{consumers}/{load:g}/{dispatch}"] for dispatch in DISPATCH]
            row = [str(consumers), f"{load:g}"]
            for what in ("mean", "p99"):
                figures = [figure(cell, what) for cell in cells]
                row += [_digits(figures[0].predicted), *(_interval(one) for one in figures)]
            rows.append(row)
    grid = {name: result for name, result in results.items() if name.startswith("grid/")}
    return f"{_markdown(head, rows, 0)}\n\n{_verdict(grid)}"


def _verdict(grid: Results) -> str:
    """How often the intervals hold what they should, and what is farthest off where the model has to be right."""
    customers = sum(result["customers"] for result in grid.values())
    held = {what: sum(figure(result, what).holds for result in grid.values()) for what in ("mean", "p99")}
    worst = {what: farthest_off(grid, what) for what in ("mean", "p99")}
    return (
        f"{customers:,} messages in {len(grid)} cells. The 95 % interval holds the model's mean in {held['mean']} of "
        f"them, and its 99th percentile in {held['p99']}. Up to ρ = {LOAD_MAX:g} no mean is farther off than "
        f"{worst['mean']:.1%}, and no 99th percentile than {worst['p99']:.1%}."
    )


def farthest_off(results: Results, what: str, load_max: float = LOAD_MAX) -> float:
    """The greatest part, either way, by which a figure is off in any cell up to a load."""
    figures = [figure(result, what) for result in results.values() if result["load"] <= load_max]
    return max(abs(one.off) for one in figures if one.off is not None)


def _apart(results: Results) -> str:
    head = ["two consumers and …", "ρ", "mean: M/M/2", "measured", "off", "p99: M/M/2", "measured", "off"]
    head += ["better model", "its mean", "off", "its p99", "off"]
    rows = []
    for named in apart():
        result = results[named.name]
        row = [named.note, f"{named.load:g}"]
        # What a prefetch takes from the queue waits with a consumer: it is its wait all the same.
        of = "until_begun" if "until_begun" in result else "figures"
        mean, p99 = figure(result, "mean", of), figure(result, "p99", of)
        for one in (mean, p99):
            row += [_digits(one.predicted), _interval(one), _percent(one.off)]
        better = forecast_of(named.cell)
        if better == m_m_c(named.cell.load):
            row += [""] * 5
        else:
            row.append(better.model)
            for one, predicted_s in ((mean, better.wait_mean_s), (p99, better.wait_percentile_s(99))):
                row += [_digits(predicted_s), _percent(one._replace(predicted=predicted_s).off)]
        rows.append(row)
    return _markdown(head, rows, 1)


def _real_time(results: Results) -> str:
    head = ["consumers", "ρ", "mean: model, ms", "measured", "off", "without latency", "p99: model, ms", "measured"]
    head += ["off", "latency", "found all busy: model", "measured"]
    rows = []
    for result in sorted(_of(results, "real-time/"), key=lambda one: (one["consumers"], one["load"])):
        row = [str(result["consumers"]), f"{result['load']:g}"]
        latency_s = result["latency_s"]
        mean, p99 = figure(result, "mean"), figure(result, "p99")
        row += [_milliseconds(mean.predicted), _interval(_in_ms(mean)), _percent(mean.off)]
        row.append(_percent(mean._replace(measured=mean.measured - latency_s).off))
        row += [_milliseconds(p99.predicted), _interval(_in_ms(p99)), _percent(p99.off), _milliseconds(latency_s)]
        row += [f"{result['found_all_busy_predicted']:.1%}", f"{result['found_all_busy']:.1%}"]
        rows.append(row)
    return _markdown(head, rows, 0)


def _observed(results: Results) -> str:
    head = [
        "consumers",
        "ρ",
        "λ/s",
        "seen",
        "μ/s",
        "seen",
        "ρ seen",
        "its model",
        "mean: its forecast, ms",
        "its measurement",
    ]
    head += ["the clients’", "consumers for p99 ≤ 20 ms", "trust"]
    rows = []
    for result in sorted(_of(results, "real-time/"), key=lambda one: (one["consumers"], one["load"])):
        seen, service_s = result["observed"], SERVICE_S
        row = [str(result["consumers"]), f"{result['load']:g}"]
        row += [_digits(result["load"] * result["consumers"] / service_s), _digits(seen["arrivals_per_s"])]
        row += [_digits(1 / service_s), _digits(seen["services_per_s"]), f"{seen['utilisation']:.3f}", seen["model"]]
        row += [_milliseconds(seen["wait_mean_s"]), _milliseconds(seen["measured_mean_s"])]
        row += [_milliseconds(figure(result, "mean").measured), str(seen["consumers_needed"]), seen["trust"]]
        rows.append(row)
    return _markdown(head, rows, 0)


def _of(results: Results, prefix: str) -> Iterator[dict[str, Any]]:
    return (result for name, result in results.items() if name.startswith(prefix))


def _in_ms(one: Figure) -> Figure:
    return Figure(*(value * 1_000 for value in one))


def _milliseconds(seconds: float) -> str:
    return _digits(seconds * 1_000)


def _interval(one: Figure) -> str:
    return f"{_digits(one.measured)} ± {one.half_width:.2g}" if one.half_width else _digits(one.measured)


def _digits(value: float) -> str:
    return f"{value:.3g}"


def _percent(part: float | None) -> str:
    return "" if part is None else f"{part:+.1%}"


def _markdown(head: list[str], rows: list[list[str]], words: int) -> str:
    """A table that reads as plain text, too. words: so many columns are text, from the left; the others are numbers."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def padded(cells: list[str]) -> str:
        texts = (
            text.ljust(width) if number < words else text.rjust(width)
            for number, (text, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(texts)} |"

    rule = ("-" * width if number < words else "-" * (width - 1) + ":" for number, width in enumerate(widths))
    return "\n".join([padded(head), f"| {' | '.join(rule)} |", *map(padded, rows)])
