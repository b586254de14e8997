"""The page that compares the brokers: counts, what fails on ours alone, what is left out and what turns it on."""

import re
from collections.abc import Iterable, Mapping

from upstream.runner import SuiteResult
from upstream.suites import SUITES, Suite
from upstream.target import BROKERS, RABBITMQ

Results = Mapping[str, Mapping[str, SuiteResult]]
"""By broker, by suite."""


def failures_of_ours(results: Results, broker: str) -> dict[str, list[str]]:
    """By suite, what fails on a broker of ours, not on RabbitMQ, and is not known to be no fault of ours."""
    return {
        suite.name: [test for test in _not_on_rabbitmq(results, broker, suite) if known_reason(suite, test) is None]
        for suite in SUITES
        if suite.name in results.get(broker, {})
    }


def known_reason(suite: Suite, test: str) -> str | None:
    """Why it is understood that a test fails; None when it is not."""
    return next((known.reason for known in suite.known if matches(known.pattern, test)), None)


def matches(pattern: str, test: str) -> bool:
    """Whether a node id is meant by a pattern, in which `*` matches anything and nothing else is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), test) is not None


def markdown(results: Results) -> str:
    """The whole page."""
    brokers = [broker.name for broker in BROKERS if broker.name in results]
    parts = [
        "# The clients' own test suites\n\n"
        "`scripts/upstream_suites` wrote this page. It runs the suites of the clients' source distributions, and\n"
        "pika's acceptance tests from a checkout of its repository, each against a fresh broker. What fails is tried\n"
        "up to three times more by itself, and has failed when it never passes; *unsteady* tests passed only then.\n"
        "Every line says which build of the broker it was measured on.\n",
        "## Results\n\n" + _counts(results, brokers),
        "## Fails here and not on RabbitMQ\n\n" + _on_ours_alone(results, brokers),
        "## Fails on RabbitMQ\n\n" + _on_rabbitmq(results),
        "## Left out\n\n" + _left_out(results),
    ]
    return "\n".join(parts)


def _counts(results: Results, brokers: list[str]) -> str:
    lines = ["| suite | broker | build | passed | of these unsteady | failed | skipped by the suite | left out | s |"]
    lines.append("|---|---|---|---:|---:|---:|---:|---:|---:|")
    for suite in SUITES:
        for broker in brokers:
            result = results[broker].get(suite.name)
            if result is not None:
                numbers = (result.passed, len(result.unsteady), len(result.failed), result.skipped)
                left_out, time_up = sum(result.left_out.values()), " (time was up)" if result.timed_out else ""
                cells = " | ".join(str(number) for number in (*numbers, left_out))
                head = f"{suite.name} {suite.version} | {broker} | {result.build}"
                lines.append(f"| {head} | {cells} | {result.duration_s:.0f}{time_up} |")
    return "\n".join(lines) + "\n"


def _on_ours_alone(results: Results, brokers: Iterable[str]) -> str:
    lines = []
    for broker in brokers:
        for suite in SUITES:
            tests = [] if broker == RABBITMQ.name else _not_on_rabbitmq(results, broker, suite)
            grouped: dict[str, list[str]] = {}
            for test in tests:
                grouped.setdefault(known_reason(suite, test) or "", []).append(test)
            for reason, members in grouped.items():
                if reason:
                    lines.append(f"- {broker}, {suite.name}, {len(members)} tests (`{_common(members)}`): {reason}")
                else:
                    lines.extend(f"- {broker}, {suite.name}: `{test}`" for test in members)
    return "\n".join(lines or ["Nothing."]) + "\n"


def _on_rabbitmq(results: Results) -> str:
    lines = [
        f"- {suite.name}: `{test}`{_because(suite, test)}"
        for suite in SUITES
        if (result := results.get(RABBITMQ.name, {}).get(suite.name))
        for test in sorted(result.failed)
    ]
    return "\n".join(lines or ["Nothing, or it was not run."]) + "\n"


def _because(suite: Suite, test: str) -> str:
    reason = known_reason(suite, test)
    return f": {reason}" if reason else ""


def _left_out(results: Results) -> str:
    lines = ["| suite | tests | number | why | turned on by |", "|---|---|---:|---|---|"]
    for suite in SUITES:
        ran = [by_suite[suite.name] for by_suite in results.values() if suite.name in by_suite]
        for entry in suite.left_out if ran else ():
            count = max(result.left_out.get(entry.pattern, 0) for result in ran)
            issue = f"issue {entry.issue}" if entry.issue else "–"
            lines.append(f"| {suite.name} | `{entry.pattern}` | {count} | {entry.reason} | {issue} |")
    return "\n".join(lines) + "\n"


def _not_on_rabbitmq(results: Results, broker: str, suite: Suite) -> list[str]:
    ours, theirs = (results.get(name, {}).get(suite.name) for name in (broker, RABBITMQ.name))
    return sorted(set(ours.failed) - set(theirs.failed if theirs else ())) if ours else []


def _common(tests: list[str]) -> str:
    names = {test.rpartition("::")[2].partition("[")[0] for test in tests}
    return "`, `".join(sorted(names))
