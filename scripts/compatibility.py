"""The compatibility tables of README.md and docs/compatibility.md: what interop_tests found, by feature.

The tests run against this broker in each profile, and against a real RabbitMQ where it is installed: a test that
RabbitMQ fails is no evidence. No number is typed. A test that no feature claims ends the run, and so does a feature
without tests.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- compatibility:begin -->", "<!-- compatibility:end -->"
PROFILES = ("3.13", "4.2", "4.3")
RABBITMQ = "RabbitMQ"
# Its nearest profile: Debian's RabbitMQ is 3.10.
RABBITMQ_PROFILE = "3.13"
RUN_TIMEOUT_S = 900
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
NOTHING_RAN = "–"


@dataclass(frozen=True, slots=True)
class Feature:
    """patterns: of `file::test` without `test_`, as in a shell. package: the client's, whose version is named."""

    name: str
    patterns: tuple[str, ...]
    package: str | None = None


# In groups, in the order of the table; the first pattern that fits a test claims it.
FEATURES: Mapping[str, Sequence[Feature]] = {
    "Clients, unchanged": (
        Feature("pika BlockingConnection", ("pika_blocking::*", "classic_pair::*"), "pika"),
        Feature("pika SelectConnection", ("pika_select::*",), "pika"),
        Feature("pika on asyncio", ("pika_asyncio::*",), "pika"),
        Feature("aio-pika", ("aio_pika::*",), "aio-pika"),
        Feature("aiormq", ("aiormq::*",), "aiormq"),
        Feature("kombu", ("kombu::*",), "kombu"),
        Feature("py-amqp", ("py_amqp::*",), "amqp"),
        Feature("AMQPStorm", ("amqpstorm::*",), "AMQPStorm"),
        Feature("Celery: tasks, results, chains, groups, chords, revoke, events", ("celery::*",), "celery"),
    ),
    "AMQP 0-9-1 and RabbitMQ's extensions": (
        Feature("Handshake, PLAIN and AMQPLAIN, heartbeats, channels", ("semantics_connection::*",)),
        Feature("TLS, client certificates, EXTERNAL", ("tls::*",)),
        Feature("Alternate exchanges", ("semantics_publish::*alternate_exchange*",)),
        Feature("Direct, fanout, topic, headers; exchange to exchange", ("semantics_exchanges::*",)),
        Feature("Queues: exclusive, auto-delete, server-named, counts", ("semantics_queues::*",)),
        Feature("Prefetch, consumer priorities, cancel notices", ("semantics_consumers::*",)),
        Feature("Ack, nack, reject, recover: back to the old place", ("semantics_requeue::*",)),
        Feature("Publisher confirms", ("semantics_publish::*confirm*", "semantics_publish::*acked*")),
        Feature("Transactions", ("semantics_publish::*transaction*",)),
        Feature("Mandatory, CC, BCC, user-id", ("semantics_publish::*",)),
        Feature("Direct reply-to", ("semantics_reply_to::*",)),
        Feature("Memory and disk alarms, connection.blocked", ("alarms::*",)),
        Feature("Durable queues, exchanges, bindings and messages over a restart", ("durable::*",)),
        Feature("A kill, a power cut, a full and a failing disk", ("crashes::*", "durable_disk::*")),
        Feature("Properties, headers and names, octet by octet", ("semantics_content::*",)),
    ),
    "Queues that do more": (
        Feature("Message TTL, expiration, x-expires", ("ttl::*",)),
        Feature("Length limits: drop-head, reject-publish, reject-publish-dlx", ("queue_limits::*",)),
        Feature("Dead letters, x-death, cycles", ("dead_letters::*",)),
        Feature("Priorities", ("priorities::*",)),
        Feature("TTL, limits, dead letters, priorities, requeues together", ("queue_combinations::*",)),
        Feature("The same over a restart", ("durable_rules::*",)),
        Feature("Single active consumer, consumer timeout, exclusive consumers", ("consumer_rules::*",)),
        Feature("Quorum queues: delivery limit, counts, delayed retry", ("quorum::*",)),
        Feature("Streams: offsets, retention, filters", ("streams::*",)),
    ),
    "Exchanges that are plugins elsewhere": (
        Feature("Consistent hash, random, modulus hash, recent history", ("exchange_types::*",)),
        Feature("Delayed messages", ("delayed::*",)),
        Feature("Message deduplication", ("deduplication::*",)),
        Feature("Events, firehose, log exchange", ("observing::*",)),
    ),
    "What operators have": (
        Feature("Permissions and topic permissions, method by method", ("permissions::*",)),
        Feature("Definitions from a RabbitMQ, and back to it", ("definitions::*",)),
        Feature("The HTTP API: what is changed over it", ("management_changes::*",)),
        Feature("Its clients: pyrabbit2, AMQPStorm, rabbitmqadmin", ("management_clients::*", "pytest_plugin::*")),
        Feature("Connections that operators look at and close", ("management_connections::*",)),
        Feature("Flower's broker page", ("flower::*",)),
        Feature("The command line, at either broker", ("cli::*", "recording::*")),
        Feature("rabbitmqctl and the like, beside RabbitMQ's own", ("shims::*",)),
    ),
    "The very answer of RabbitMQ": (
        Feature("Error replies", ("errors::fault_*", "errors::message_*")),
        Feature("Methods in every state", ("states::method_in_state*",)),
        Feature("Octets that no client should send", ("bad_input::bad_input_*", "bad_input::table_*")),
        Feature("The same in pieces of any size", ("bad_input::octets_in_pieces*",)),
    ),
}
# Tests of the recorded answers themselves.
OF_OURSELVES = ("*::every_*",)


class Case(NamedTuple):
    """name: `file::test`, without `test_` and with its parameters. outcome: PASSED, FAILED or SKIPPED, and why so."""

    name: str
    outcome: str
    reason: str = ""


class CompatibilityError(Exception):
    """The tables cannot be written; the text says why."""


def read(results: Path) -> list[Case]:
    """The cases of a junit file. Raises CompatibilityError."""
    try:
        found = ElementTree.parse(results).iter("testcase")
    except (OSError, ElementTree.ParseError) as error:
        raise CompatibilityError(f"no results: {error}") from error
    cases = {}
    for element in found:
        file = element.attrib["classname"].rpartition(".")[2]
        name = f"{file.removeprefix('test_')}::{element.attrib['name'].removeprefix('test_')}"
        case = Case(name, *_outcome(element))
        # A test that passes and whose clean-up fails stands there twice.
        if name not in cases or case.outcome == FAILED:
            cases[name] = case
    return list(cases.values())


def _outcome(case: ElementTree.Element) -> tuple[str, str]:
    for child in case:
        if child.tag in ("failure", "error"):
            return FAILED, child.get("message", "")
        if child.tag == "skipped":
            return SKIPPED, child.get("message", "")
    return PASSED, ""


def by_feature(cases: Iterable[Case]) -> dict[str, list[Case]]:
    """Feature's name → its cases. Raises CompatibilityError for a test that none claims."""
    found: dict[str, list[Case]] = {feature.name: [] for features in FEATURES.values() for feature in features}
    for case in cases:
        if not _fits(case.name, OF_OURSELVES):
            found[feature_of(case.name)].append(case)
    return found


def feature_of(name: str) -> str:
    """The name of the feature that a test is of. Raises CompatibilityError."""
    for features in FEATURES.values():
        for feature in features:
            if _fits(name, feature.patterns):
                return feature.name
    raise CompatibilityError(f"no feature in scripts/compatibility.py claims the test {name}")


def _fits(name: str, patterns: Iterable[str]) -> bool:
    # A parameter may hold anything, also what means something in a pattern.
    return any(fnmatchcase(name.partition("[")[0], pattern) for pattern in patterns)


def cell(cases: Sequence[Case]) -> str:
    """How many of those that ran have passed."""
    counts = Counter(case.outcome for case in cases)
    ran = counts[PASSED] + counts[FAILED]
    return f"{counts[PASSED]} of {ran}" if ran else NOTHING_RAN


Runs = Mapping[str, Mapping[str, Sequence[Case]]]
"""By run (a profile or RABBITMQ), by feature."""


def table(runs: Runs, headings: Sequence[str]) -> str:
    """A line for each feature, a column for each run; the sums last."""
    lines = [_line(["", *headings]), _line(["---", *["---:"] * len(headings)])]
    for group, features in FEATURES.items():
        lines.append(_line([f"**{group}**", *[""] * len(headings)]))
        lines += [_line([feature.name, *(cell(run[feature.name]) for run in runs.values())]) for feature in features]
    totals = [[case for cases in run.values() for case in cases] for run in runs.values()]
    return "\n".join([*lines, _line(["**all**", *map(cell, totals)])])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def short(runs: Runs) -> str:
    """What README.md shows: this broker alone."""
    ours = {name: run for name, run in runs.items() if name != RABBITMQ}
    lines = table(ours, [f"as {name}" for name in ours])
    return (
        f"{lines}\n\n{NOTHING_RAN}: that version of RabbitMQ refuses what these tests use."
        if NOTHING_RAN in lines
        else lines
    )


def long(runs: Runs, rabbitmq_version: str | None) -> str:
    """What docs/compatibility.md shows: RabbitMQ beside it, the clients' versions, what did not run and what failed."""
    headings = [f"as {name}" if name != RABBITMQ else f"{RABBITMQ} {rabbitmq_version}" for name in runs]
    packages = sorted({feature.package for features in FEATURES.values() for feature in features if feature.package})
    parts = [table(runs, headings), f"With {', '.join(f'{package} {version(package)}' for package in packages)}."]
    if RABBITMQ not in runs:
        parts.append("RabbitMQ was not installed where this was written.")
    for outcome, heading in ((SKIPPED, "Not asked"), (FAILED, "Failed")):
        if lines := _told(runs, headings, outcome):
            parts.append(f"{heading}:\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _told(runs: Runs, headings: Sequence[str], outcome: str) -> list[str]:
    """A line for each feature and run that has such cases."""
    lines = []
    for heading, run in zip(headings, runs.values(), strict=True):
        for feature, cases in run.items():
            reasons = Counter(case.reason.partition("\n")[0][:200] for case in cases if case.outcome == outcome)
            lines += [f"- {heading}, {feature}, {count}: {reason}" for reason, count in reasons.items()]
    return lines


def replace_between_markers(text: str, content: str) -> str:
    """`text` with `content` between its two markers. Raises CompatibilityError if they are not there once each."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise CompatibilityError(f"needs {BEGIN} and {END}, once each and in this order")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{content.strip()}\n{END}{rest.partition(END)[2]}"


def run_all(directory: Path) -> None:
    """Leaves a junit file of each run in a directory, and RabbitMQ's version where there is one."""
    sys.path.insert(0, str(ROOT))
    from interop_tests.rabbitmq import PLUGINS, free_ports, installed, rabbitmq

    for profile in PROFILES:
        _run(directory / f"{profile}.xml", ["--profile", profile])
    if not installed():
        return
    import amqp

    (http_port,) = free_ports(1)
    management = f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {http_port}\n"
    with rabbitmq((*PLUGINS, "rabbitmq_management"), management) as url:
        with amqp.Connection(url.removeprefix("amqp://guest:guest@").rstrip("/")) as connection:
            properties = connection.server_properties
        asked = ["--amqpbroker-url", url, "--amqpbroker-management-url", f"http://127.0.0.1:{http_port}"]
        _run(directory / f"{RABBITMQ}.xml", ["--profile", RABBITMQ_PROFILE, *asked])
    (directory / f"{RABBITMQ}.version").write_text(properties["version"])


def _run(results: Path, arguments: list[str]) -> None:
    print(f"interop_tests {' '.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "pytest", "interop_tests", "-q", "-p", "no:cacheprovider", *arguments]
    command += [f"--junitxml={results}", "-o", "junit_family=xunit1"]
    # A failure is told by the results.
    subprocess.run(command, cwd=ROOT, timeout=RUN_TIMEOUT_S, check=False)


def collect(directory: Path) -> tuple[Runs, str | None]:
    """The runs whose junit files are in a directory, and RabbitMQ's version. Raises CompatibilityError."""
    runs = {profile: by_feature(read(directory / f"{profile}.xml")) for profile in PROFILES}
    empty = [feature for feature in runs[PROFILES[0]] if not any(run[feature] for run in runs.values())]
    if empty:
        raise CompatibilityError(f"no tests of: {', '.join(empty)}")
    version_file = directory / f"{RABBITMQ}.version"
    if not version_file.exists():
        return runs, None
    return runs | {RABBITMQ: by_feature(read(directory / f"{RABBITMQ}.xml"))}, version_file.read_text()


def main(arguments: Sequence[str]) -> int:
    """Write both tables; the exit code is 1 if a test failed or nothing could be written."""
    parser = argparse.ArgumentParser("compatibility", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, metavar="DIR", help="read the results that are there; run nothing")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="run, and leave the results there for --results")
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        directory = options.results or options.keep
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="compatibility-")))
        try:
            if options.results is None:
                directory.mkdir(parents=True, exist_ok=True)
                run_all(directory.resolve())
            runs, rabbitmq_version = collect(directory)
            for file, content in (("README.md", short(runs)), ("docs/compatibility.md", long(runs, rabbitmq_version))):
                path = ROOT / file
                path.write_text(replace_between_markers(path.read_text(encoding="utf-8"), content), encoding="utf-8")
        except CompatibilityError as error:
            print(error, file=sys.stderr)
            return 1
    print("wrote README.md and docs/compatibility.md")
    return int(any(case.outcome == FAILED for run in runs.values() for cases in run.values() for case in cases))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
