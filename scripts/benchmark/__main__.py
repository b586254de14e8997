"""Measures this broker and, where installed, a real RabbitMQ beside it; prints the table. See docs/benchmark.md."""

import argparse
import contextlib
import fnmatch
import json
import signal
import sys
import tempfile
from pathlib import Path

from benchmark.brokers import AMQPBROKER, ROOT, rabbitmq_kinds, rabbitmq_server
from benchmark.plot import write_plot
from benchmark.report import Report, about_machine, failures, replace_between_markers, table
from benchmark.rows import ROWS, Row
from benchmark.runner import Runner
from benchmark.wire import BenchmarkError

README = ROOT / "README.md"
DOCUMENT = ROOT / "docs" / "benchmark.md"
PLOT = ROOT / "docs" / "benchmark.svg"


def say(text: str) -> None:
    """Progress and failures go to stderr; the table alone goes to stdout."""
    print(text, file=sys.stderr, flush=True)


def parse_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rows", metavar="PATTERN", help="only rows whose name or tool matches, as *flood* or latency")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long a timed measurement takes (default 5)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each row runs; medians are shown (default 3)")
    parser.add_argument("--only-ours", action="store_true", help="without RabbitMQ")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure of every round there")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="write the ratios as SVG there")
    parser.add_argument("--update-readme", action="store_true", help="table and plot into README.md and docs/")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and end")
    options = parser.parse_args(arguments)
    if options.seconds <= 0 or options.rounds < 1:
        parser.error("--seconds and --rounds must be positive")
    if options.update_readme and (options.rows or options.only_ours):
        parser.error("--update-readme is for the whole table: without --rows and --only-ours")
    if options.update_readme:
        for path in (README, DOCUMENT):  # before half an hour of measuring, not after it
            try:
                replace_between_markers(path.read_text("utf-8"), "")
            except (OSError, ValueError) as error:
                parser.error(f"--update-readme: {path}: {error}")
    options.selected = [row for row in ROWS if options.rows is None or _matches(row, options.rows)]
    if not options.selected:
        parser.error(f"no row matches {options.rows!r}; --list prints them")
    return options


def _matches(row: Row, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for name in (row.name, row.tool))


def run(options: argparse.Namespace) -> Report:
    """Starts the brokers, measures the selected rows and ends everything again."""
    with contextlib.ExitStack() as stack:
        kinds = [AMQPBROKER]
        server = rabbitmq_server()
        if server and not options.only_ours:
            kinds += stack.enter_context(rabbitmq_kinds(server))
        elif not options.only_ours:
            say("RabbitMQ is not installed (Debian: apt install rabbitmq-server): this broker is measured alone")
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="amqpbroker-bench-"))
        runner = stack.enter_context(Runner(kinds, Path(directory), options.seconds, say))
        settings = f"Median of {options.rounds} rounds of {options.seconds:g} s."
        about = [about_machine(), f"{'; '.join(runner.versions())}. {settings}"]
        report = Report([kind.label for kind in kinds], about)
        for row in options.selected:
            runner.run(row, options.rounds, report)
        return report


def publish(report: Report, options: argparse.Namespace) -> None:
    """Puts the report where the options want it."""
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    for line in [*report.about, "", table(report, with_cpu=True)]:
        print(line)
    for failure in failures(report):
        say(f"failed: {failure}")
    if options.plot:
        _plot(report, options.plot)
    if options.update_readme:
        about = "\n".join(report.about)
        for path, with_cpu in ((README, False), (DOCUMENT, True)):
            content = f"{about}\n\n{table(report, with_cpu)}"
            path.write_text(replace_between_markers(path.read_text("utf-8"), content), "utf-8")
        _plot(report, PLOT)


def _plot(report: Report, path: Path) -> None:
    if len(report.columns) == 1:
        say("no plot: there is nothing to compare with")
    else:
        write_plot(report, path)


def main(arguments: list[str]) -> int:
    options = parse_options(arguments)
    if options.list:
        print("\n".join(row.name for row in ROWS))
        return 0
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(143))  # so that the brokers are ended too
    try:
        report = run(options)
    except BenchmarkError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    publish(report, options)
    return 1 if report.failed() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
