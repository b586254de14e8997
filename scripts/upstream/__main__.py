"""`python -m upstream`: what `scripts/upstream_suites` runs. Exit code 1: a test fails on ours, not on RabbitMQ."""

import argparse
import contextlib
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmark.wire import HOST, BenchmarkError
from environment import ROOT
from upstream.report import Results, failures_of_ours, markdown
from upstream.runner import SuiteEnvironment, SuiteError, SuiteResult, run_suite
from upstream.suites import SUITES, Suite, Target
from upstream.target import (
    BROKERS,
    OURS,
    Broker,
    TargetError,
    checkout_build,
    running_broker,
    started_broker,
    started_redis,
)

RESULTS_FILE = "results.json"
NOT_USED_PORT = 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("scripts/upstream_suites", description=__doc__)
    names = [broker.name for broker in BROKERS]
    parser.add_argument(
        "--broker", action="append", choices=names, help=f"which to start and test (default {OURS.name})"
    )
    parser.add_argument("--url", help="instead of starting one: test the broker at amqp://guest:guest@HOST:PORT/")
    parser.add_argument("--suite", action="append", choices=[suite.name for suite in SUITES], help="default: all")
    parser.add_argument("--pika-checkout", type=Path, help="a checkout of pika's repository, for its acceptance tests")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "amqpbroker-upstream-suites")
    parser.add_argument(
        "--jobs", type=int, default=2, help="suites at a time, each with a broker of its own (default 2)"
    )
    parser.add_argument("--report", type=Path, default=ROOT / "docs" / "upstream_suites.md", help="the page to write")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Runs what was asked for, keeps it beside what was found before, and writes the page from all of it."""
    options = parse(arguments)
    options.cache.mkdir(parents=True, exist_ok=True)
    environment = SuiteEnvironment(options.cache)
    results = _load(options.cache)
    brokers = [broker for broker in BROKERS if broker.name in (options.broker or [OURS.name])]
    chosen = [suite for suite in SUITES if not options.suite or suite.name in options.suite]
    try:
        environment.ensure()
        sources = _sources(chosen, environment, options.pika_checkout)
        url = running_broker(options.url) if options.url else None
    except (SuiteError, TargetError) as error:
        print(error, file=sys.stderr)
        return 2
    incomplete = len(sources) < len(chosen)
    for broker in brokers[:1] if url else brokers:
        with ThreadPoolExecutor(1 if url else max(options.jobs, 1)) as pool:
            runs = {
                suite.name: pool.submit(_run, suite, broker, url, environment, source, options.cache)
                for suite, source in sources.items()
            }
        for name, run in runs.items():
            try:
                result = run.result()
            except (SuiteError, TargetError, BenchmarkError) as error:
                print(f"{broker.name}: {name}: not run: {error}", file=sys.stderr)
                incomplete = True
                continue
            results.setdefault(broker.name, {})[name] = result
        _save(options.cache, results)
    options.report.write_text(markdown(results), encoding="utf-8")
    return _say(results, brokers, incomplete)


def _sources(suites: list[Suite], environment: SuiteEnvironment, pika_checkout: Path | None) -> dict[Suite, Path]:
    """Where each suite lies; one that cannot be had is named and not in it."""
    sources = {}
    for suite in suites:
        try:
            sources[suite] = environment.source(suite, pika_checkout)
        except SuiteError as error:
            print(f"{suite.name}: not run: {error}", file=sys.stderr)
    return sources


def _run(
    suite: Suite, broker: Broker, url: tuple[str, int] | None, environment: SuiteEnvironment, source: Path, cache: Path
) -> SuiteResult:
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="amqpbroker-upstream-")))
        if url:
            (host, port), build = url, "at the given URL"
        else:
            host = HOST
            port, version = stack.enter_context(started_broker(broker, directory / "broker"))
            build = version if broker.profile is None else checkout_build()
        redis_port = stack.enter_context(started_redis(directory / "redis")) if suite.needs_redis else NOT_USED_PORT
        result = run_suite(suite, Target(host, port, redis_port), environment, source, cache / "logs" / broker.name)
    result.build = build
    counts = f"{result.passed} passed, {len(result.failed)} failed, {result.skipped} skipped"
    print(
        f"{broker.name}: {suite.name}: {counts}, {sum(result.left_out.values())} left out, {result.duration_s:.0f} s",
        flush=True,
    )
    return result


def _say(results: Results, brokers: list[Broker], incomplete: bool) -> int:
    wrong = False
    for broker in brokers:
        if broker.profile is not None:
            for suite, tests in failures_of_ours(results, broker.name).items():
                for test in tests:
                    wrong = True
                    print(f"fails here and not on RabbitMQ: {broker.name}: {suite}: {test}")
                    print(results[broker.name][suite].failed[test])
    return 1 if wrong else 2 if incomplete else 0


def _load(cache: Path) -> dict[str, dict[str, SuiteResult]]:
    path = cache / RESULTS_FILE
    if not path.exists():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {
        broker: {suite: SuiteResult(**fields) for suite, fields in by_suite.items()}
        for broker, by_suite in kept.items()
    }


def _save(cache: Path, results: Results) -> None:
    by_broker = {
        broker: {name: result.to_json() for name, result in found.items()} for broker, found in results.items()
    }
    (cache / RESULTS_FILE).write_text(json.dumps(by_broker, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
