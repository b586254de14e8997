"""`amqpbroker capacity observe`: how a live queue is used, what is forecast of it, and whether that can be trusted."""

import time
from argparse import Namespace
from pathlib import Path
from typing import Any, Final

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.observing.plot import write_observed
from amqpbroker.capacity.plotting import check_name
from amqpbroker.capacity.units import parse_duration_s, show_duration, show_rate
from amqpbroker.cli import EXIT_FAILED, EXIT_OK, say
from amqpbroker.cli.capacity.telling import share
from amqpbroker.cli.client import Client, Refused
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.tables import printable, say_json, say_pairs, say_table
from amqpbroker.cli.verb import SingleVerb, add_vhost, vhost_of

# A broker goes on measuring for a minute after each question.
_ASK_EVERY_S: Final = 20.0
_SHOWN: Final = ("50", "95", "99")


def run(arguments: list[str]) -> int:
    """Look for a while, say what was seen, and give the exit code: 0 fine, 1 no forecast."""
    verb = SingleVerb(
        "capacity observe",
        _observe,
        "Measure a live queue for a while: what arrives, how long consumers take, how long messages wait; beside the "
        "forecast for that. It ends early with Ctrl-C. This needs an amqpbroker, with SciPy where that runs.",
    )
    add = verb.parser.add_argument
    add("queue", metavar="QUEUE")
    add_vhost(verb.parser)
    add(
        "--seconds",
        type=float,
        default=10.0,
        metavar="N",
        help="how long to measure; 10 if not named, 0: what is known",
    )
    add("--target-wait", metavar="TIME", help="the wait that is wanted: 200ms; if not named as long as a service takes")
    add("--percentile", type=float, default=99.0, metavar="P", help="for how many of 100 messages; 99 if not named")
    add("--plot", type=Path, metavar="FILE", help="the waits, measured and forecast, as svg, png or pdf")
    return verb.run(arguments)


def _observe(client: Client, options: Namespace) -> int:
    _check(options)
    found = _look(client, options)
    if options.json:
        say_json(found)
    else:
        _say(found)
    if options.plot is not None:
        try:
            write_observed(options.plot, found)
        except WrongInput as error:
            raise UsageError(str(error)) from None
    return EXIT_OK if found["forecast"] is not None else EXIT_FAILED


def _check(options: Namespace) -> None:
    """UsageError: what is seen to be wrong before anybody has waited."""
    if not 0 <= options.seconds < float("inf"):
        raise UsageError("--seconds: it is a number of seconds, 0 or more")
    try:
        if options.target_wait is not None:
            parse_duration_s(options.target_wait, "--target-wait")
        if options.plot is not None:
            check_name(options.plot)
            import matplotlib as _  # noqa: F401  # whether it is there
    except WrongInput as error:
        raise UsageError(str(error)) from None
    except ImportError:
        raise UsageError("--plot: this needs matplotlib: pip install amqpbroker[capacity]") from None


def _look(client: Client, options: Namespace) -> dict[str, Any]:
    found = _ask(client, options)
    end_s = time.monotonic() + options.seconds
    try:
        while (left_s := end_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _ASK_EVERY_S))
            found = _ask(client, options)
    except KeyboardInterrupt:
        found = _ask(client, options)
    return found


def _ask(client: Client, options: Namespace) -> dict[str, Any]:
    vhost = vhost_of(options)
    query = {"percentile": options.percentile}
    if options.target_wait is not None:
        query["target"] = options.target_wait
    try:
        found: dict[str, Any] = client.get("queues", vhost, options.queue, "capacity", **query)
    except Refused as refusal:
        # A RabbitMQ of series 3 says 400 to a path below a queue that it does not know, and no more.
        if refusal.status == 404 or refusal.reason == "400 Bad Request":
            client.get("queues", vhost, options.queue)  # raises, if it is that which is not there
            raise Refused(404, "this broker does not measure queues: it is no amqpbroker, or an older one") from None
        raise
    return found


def _say(found: dict[str, Any]) -> None:
    arrivals, services, forecast, measured = (
        found[name] for name in ("arrivals", "services", "forecast", "measured_wait")
    )
    for sentence in found["in_words"]:
        say(printable(sentence))
    say("")
    say_pairs(
        [
            ("measured for", show_duration(found["watched_s"])),
            ("arrivals", _told(arrivals["per_s"], show_rate) + _varied(arrivals)),
            ("service", _time(services["mean_s"]) + _varied(services)),
            ("consumers", _consumers(found)),
            ("utilisation", _told(found["utilisation"], share)),
            ("consumers that just keep up", _told(found["consumers_min"], "{:,}".format)),
            _needed(found),
            ("ready", f"{found['ready']:,}"),
            ("until they are gone, mean", _time(found["drain_mean_s"])),
        ]
    )
    if measured is None and forecast is None:
        return
    rows = [["mean", _of(measured, "mean_s"), _of(forecast, "wait_mean_s")]]
    for one in _SHOWN:
        pair = (_of(measured, "percentiles_s", one), _of(forecast, "wait_percentiles_s", one))
        rows.append([f"{one} of 100 at most", *pair])
    model = f"forecast, {forecast['model']}" if forecast is not None else "forecast"
    say("")
    say_table(["wait", "measured", model], rows)


def _consumers(found: dict[str, Any]) -> str:
    silent = f", and {found['consumers_without_acks']:,} without acks" if found["consumers_without_acks"] else ""
    prefetch = f", prefetch {found['prefetch'] or 'without limit'}" if found["consumers"] else ""
    return f"{found['consumers']:,}{prefetch}{silent}"


def _needed(found: dict[str, Any]) -> tuple[str, str]:
    if found["target_wait_s"] is None:
        return "consumers needed", "?"
    enough = "no number is enough" if found["consumers_needed"] is None else f"{found['consumers_needed']:,}"
    return f"consumers for {found['target_percentile']:g} of 100 within {_time(found['target_wait_s'])}", enough


def _varied(side: dict[str, Any]) -> str:
    """How much it varies, as far as anything came."""
    return f", variation {side['variation']:.3g}" if side["count"] > 1 else ""


def _of(waits: dict[str, Any] | None, *names: str) -> str:
    value: Any = waits
    for name in names:
        value = None if value is None else value[name]
    return _time(value)


def _time(seconds: float | None) -> str:
    return "?" if seconds is None else show_duration(seconds)


def _told(value: float | None, show: Any) -> str:
    return "?" if value is None else str(show(value))
