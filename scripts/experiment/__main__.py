"""Holds queueing models against simulated queues, and against those of a broker that runs. See docs/capacity.md."""

import argparse
import fnmatch
import signal
import sys
from pathlib import Path

from benchmark.wire import BenchmarkError
from experiment import results
from experiment.cells import apart, grid
from experiment.plot import write_plot
from experiment.real_time import live_cells, run_live
from experiment.report import replace_tables
from experiment.simulated import run_all

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "capacity.json"
DOCUMENT = ROOT / "docs" / "capacity.md"
PLOT = ROOT / "docs" / "capacity.svg"


def say(text: str) -> None:
    """Progress, as it comes."""
    print(text, flush=True)


def parse_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/capacity_experiment", description=__doc__)
    add = parser.add_argument
    add("--cells", metavar="PATTERN", default="*", help="only those whose name matches, as grid/8/* or real-time/*")
    add("--customers", type=int, metavar="N", help="in each cell; as many as its interval needs by default")
    add("--workers", type=int, default=2, metavar="N", help="cells that are simulated at a time (default 2)")
    add("--json", type=Path, metavar="FILE", help="put each result there as it comes; those of other cells stay")
    add("--update-docs", action="store_true", help="put them into docs/capacity.json, renew its tables and its plot")
    add("--list", action="store_true", help="print the names of the cells and end")
    options = parser.parse_args(arguments)
    if options.workers < 1 or (options.customers is not None and options.customers < 1):
        parser.error("--workers and --customers must be positive")
    if options.update_docs and (options.customers or options.json):
        parser.error(
            "--update-docs is for cells as they are, and has a file of its own: without --customers and --json"
        )
    return options


def main(arguments: list[str]) -> int:
    options = parse_options(arguments)
    simulated, live = ([*grid(options.customers), *apart(options.customers)], [*live_cells(options.customers)])
    simulated = [one for one in simulated if fnmatch.fnmatchcase(one.name, options.cells)]
    live = [one for one in live if fnmatch.fnmatchcase(one.name, options.cells)]
    if options.list:
        print("\n".join(one.name for one in [*simulated, *live]))
        return 0
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(143))  # so that all processes are ended, too
    path = RESULTS if options.update_docs else options.json
    found = results.read(path) if path else {}
    try:
        # First those that need the machine for themselves.
        for run in (lambda: run_live(live, say), lambda: run_all(simulated, options.workers, say)):
            for name, result in run():
                found[name] = result
                if path:
                    results.write(path, found)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if options.update_docs:
        DOCUMENT.write_text(replace_tables(DOCUMENT.read_text("utf-8"), found), "utf-8")
        write_plot(found, PLOT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
