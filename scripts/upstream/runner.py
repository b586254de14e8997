"""Gets a suite's source, runs it in the suites' own environment, and reads what became of each test."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from environment import describe, find_python, install_command, make_commands
from upstream.suites import REQUIREMENTS, Suite, Target

PLUGINS = Path(__file__).resolve().parent / "plugins"
STAMP = "upstream.stamp"
TRY_AGAIN_MAX_TESTS = 50
"""More failures than this are no accident: they are not tried again."""
TRIES = 3
DETAIL_MAX_LINES = 40


class SuiteError(Exception):
    """A suite cannot be had or its environment cannot be made; the text says why."""


@dataclass(slots=True)
class SuiteResult:
    """What became of one suite's tests against one broker.

    failed: by node id, the end of what pytest said. unsteady: those that failed at first and passed alone.
    left_out: how many tests each pattern took out. passed counts the unsteady too. build: what the broker was.
    """

    passed: int = 0
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    unsteady: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    duration_s: float = 0.0
    timed_out: bool = False
    build: str = ""

    def to_json(self) -> dict[str, object]:
        return asdict(self)


class SuiteEnvironment:
    """A virtual environment for all suites under the cache directory, made anew when the requirements change."""

    def __init__(self, cache: Path) -> None:
        self.directory = cache / "environment"
        self._scripts = self.directory / ("Scripts" if os.name == "nt" else "bin")
        self.python = str(self._scripts / "python")

    def ensure(self) -> None:
        """Raises SuiteError when it cannot be made."""
        stamp = self.directory / STAMP
        digest = hashlib.sha256("\n".join(REQUIREMENTS).encode()).hexdigest()
        if stamp.exists() and stamp.read_text() == digest and describe(self.python):
            return
        shutil.rmtree(self.directory, ignore_errors=True)
        for command in make_commands(find_python(), self.directory):
            if subprocess.call(command) == 0:
                break
        else:
            raise SuiteError(
                "no virtual environment can be made: venv lacks ensurepip, and neither uv nor virtualenv is here"
            )
        _call([*install_command(self.python, rehearse=False), *REQUIREMENTS])
        stamp.write_text(digest)

    def variables(self) -> dict[str, str]:
        """The caller's environment with this one's programs first and our plugins importable."""
        return os.environ | {
            "PATH": f"{self._scripts}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(PLUGINS),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def source(self, suite: Suite, pika_checkout: Path | None) -> Path:
        """The directory that a suite runs in: its source distribution unpacked, or the checkout. Raises SuiteError."""
        if suite.distribution is None:
            if pika_checkout is None or not (pika_checkout / "tests" / "acceptance").is_dir():
                raise SuiteError(
                    "its tests are in no source distribution: --pika-checkout names a checkout that has them"
                )
            return pika_checkout
        sources = self.directory.parent / "sources"
        directory = sources / f"{suite.distribution.replace('-', '_')}-{suite.version}"
        if not directory.exists():
            sources.mkdir(parents=True, exist_ok=True)
            project = f"{suite.distribution}=={suite.version}"
            options = ["--no-deps", "--no-binary", suite.distribution, "--dest", str(sources)]
            _call([self.python, "-m", "pip", "download", "--quiet", *options, project])
            shutil.unpack_archive(directory.with_name(f"{directory.name}.tar.gz"), sources)
        return directory


def run_suite(
    suite: Suite, target: Target, environment: SuiteEnvironment, source: Path, directory: Path
) -> SuiteResult:
    """Runs a suite, and what failed again by itself. directory: for the log and the raw results."""
    directory.mkdir(parents=True, exist_ok=True)
    variables = environment.variables() | dict(suite.variables(target))
    variables["UPSTREAM_LEFT_OUT"] = json.dumps([entry.pattern for entry in suite.left_out])
    started_s = time.monotonic()
    tests, timed_out = _pytest(suite, suite.arguments, environment.python, variables, source, directory / suite.name)
    result = _sum_up(tests, timed_out)
    _try_again(result, suite, environment, variables, source, directory)
    result.duration_s = round(time.monotonic() - started_s, 1)
    return result


def _try_again(
    result: SuiteResult,
    suite: Suite,
    environment: SuiteEnvironment,
    variables: Mapping[str, str],
    source: Path,
    directory: Path,
) -> None:
    """Moves what passes on another try from failed to unsteady."""
    options = [argument for argument in suite.arguments if argument.startswith("-p")]
    for attempt in range(1, TRIES + 1):
        if not result.failed or result.timed_out or len(result.failed) > TRY_AGAIN_MAX_TESTS:
            return
        stem = directory / f"{suite.name}-again-{attempt}"
        tests, _ = _pytest(suite, (*options, *result.failed), environment.python, variables, source, stem)
        for test, line in tests.items():
            if line["outcome"] == "passed" and test in result.failed:
                result.unsteady[test] = result.failed.pop(test)
                result.passed += 1


def _pytest(
    suite: Suite, arguments: tuple[str, ...], python: str, variables: Mapping[str, str], source: Path, stem: Path
) -> tuple[dict[str, dict[str, str]], bool]:
    """The last line that the recording plugin wrote of each test, and whether the time was up before the end."""
    results = stem.with_suffix(".jsonl")
    results.unlink(missing_ok=True)
    command = [python, "-m", "pytest", "-p", "upstream_recording", "-p", "no:cacheprovider", "-q", "--tb=short"]
    command += ["-o", "log_cli=false", f"--timeout={suite.test_timeout_s:g}", *arguments]
    timed_out = False
    with stem.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**variables, "UPSTREAM_RESULTS": str(results)},
            cwd=source,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that workers which a test leaves behind end with it
        )
        try:
            process.wait(suite.timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            _end_group(process)
    if not results.exists():
        words = stem.with_suffix(".log").read_text(errors="replace").strip()[-2000:]
        raise SuiteError(f"pytest ended with {process.returncode} before any test:\n{words}")
    lines = (json.loads(line) for line in results.read_text(encoding="utf-8").splitlines())
    return {line["test"]: line for line in lines}, timed_out


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all of it has ended
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _sum_up(tests: Mapping[str, Mapping[str, str]], timed_out: bool) -> SuiteResult:
    result = SuiteResult(timed_out=timed_out)
    for test, line in tests.items():
        match line["outcome"]:
            case "passed":
                result.passed += 1
            case "skipped":
                result.skipped += 1
            case "left out":
                result.left_out[line["detail"]] = result.left_out.get(line["detail"], 0) + 1
            case "started":
                result.failed[test] = "it had not ended when the suite's time was up or its process died"
            case _:
                result.failed[test] = "\n".join(line["detail"].splitlines()[-DETAIL_MAX_LINES:])
    return result


def _call(command: list[str]) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        raise SuiteError(f"{' '.join(command[:6])} …: {done.stdout.decode(errors='replace').strip()[-1500:]}")
