"""The interop tests against this broker and a real RabbitMQ at the same time, the results side by side.

Both runs take the profile that is nearest to Debian's RabbitMQ, 3.13. Ends with 1 if a test failed on either.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from xml.etree import ElementTree

from interop_tests.rabbitmq import PLUGINS, free_ports, installed, rabbitmq

RUN_TIMEOUT_S = 600
OURS, THEIRS = "amqpbroker", "RabbitMQ"


def start(name: str, directory: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start pytest; what it prints and its results go to files named after the broker."""
    command = [sys.executable, "-m", "pytest", "interop_tests", "-p", "no:cacheprovider", "--profile", "3.13"]
    command += [f"--junitxml={directory / name}.xml", "-o", "junit_family=xunit1", *arguments]
    with (directory / f"{name}.txt").open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)


def outcomes(results: Path) -> dict[str, dict[str, str]]:
    """By test file, by test: passed, failed, error or skipped."""
    files: dict[str, dict[str, str]] = defaultdict(dict)
    for case in ElementTree.parse(results).iter("testcase"):
        found = {child.tag for child in case} & {"failure", "error", "skipped"}
        outcome = {"failure": "failed", "": "passed"}.get(kind := next(iter(sorted(found)), ""), kind)
        files[case.attrib["classname"].rpartition(".")[2]][case.attrib["name"]] = outcome
    return files


def summary(tests: dict[str, str]) -> str:
    """How many tests had which outcome."""
    counts = Counter(tests.values())
    return ", ".join(f"{counts[kind]} {kind}" for kind in ("passed", "failed", "error", "skipped") if counts[kind])


def row(*cells: str) -> str:
    """A line of the table."""
    return "".join(f"{cell:<38}" for cell in cells).rstrip()


def report(results: dict[str, dict[str, dict[str, str]]]) -> None:
    """Print a line for each test file, a column for each broker; then every test that did not end the same or well."""
    print(row("", *results))
    for file in sorted({file for files in results.values() for file in files}):
        print(row(file, *(summary(files.get(file, {})) for files in results.values())))
    totals = {
        name: {f"{file} {test}": outcome for file in files for test, outcome in files[file].items()}
        for name, files in results.items()
    }
    print(row("all", *map(summary, totals.values())))
    for test in sorted({test for total in totals.values() for test in total}):
        ended = {name: total.get(test, "did not run") for name, total in totals.items()}
        if len(set(ended.values())) > 1 or not set(ended.values()) <= {"passed", "skipped"}:
            print(f"{test}: " + ", ".join(f"{name} {outcome}" for name, outcome in ended.items()))


def main(arguments: list[str]) -> int:
    """Run, report, and return the exit code."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="interop-")))
        runs = {OURS: start(OURS, directory, arguments)}
        if installed():
            (port,) = free_ports(1)
            config = f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {port}\n"
            url = stack.enter_context(rabbitmq((*PLUGINS, "rabbitmq_management"), config))
            where = ["--amqpbroker-url", url, "--amqpbroker-management-url", f"http://127.0.0.1:{port}"]
            runs[THEIRS] = start(THEIRS, directory, [*where, *arguments])
        else:
            print("rabbitmq-server is not installed: this broker alone")
        codes = {name: run.wait(RUN_TIMEOUT_S) for name, run in runs.items()}
        for name, code in codes.items():
            if code != 0:
                print((directory / f"{name}.txt").read_text(errors="replace"))
        report({name: outcomes(directory / f"{name}.xml") for name in runs if (directory / f"{name}.xml").exists()})
    return int(any(codes.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
