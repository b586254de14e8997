"""`amqpbroker install-shims DIR`: programs with the names of RabbitMQ's, for what calls those."""

import os
import sys
from pathlib import Path
from typing import Final

import amqpbroker
from amqpbroker.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say
from amqpbroker.cli.shims.entry import PROGRAMS
from amqpbroker.cli.tables import say_json

# A shell starts this Python on the rest of the file: its path may be longer, or have blanks, than `#!` can take.
_PROGRAM: Final = """\
#!/bin/sh
'''exec' {python} "$0" "$@"
'''
# Written by amqpbroker install-shims.
import sys

sys.path.insert(0, {package!r})
from amqpbroker.cli.shims.entry import run

sys.exit(run({name!r}))
"""
_MARK: Final = "# Written by amqpbroker install-shims."


def run(arguments: list[str]) -> int:
    """Write them, and give the exit code."""
    import argparse

    parser = argparse.ArgumentParser(
        "amqpbroker install-shims",
        description=f"Write {', '.join(PROGRAMS)} into a directory. They do with this broker what scripts and test "
        "suites ask of RabbitMQ's programs; put the directory first on PATH.",
        allow_abbrev=False,
    )
    parser.add_argument("directory", metavar="DIR", help="where they are written to; made if it is not there")
    parser.add_argument("--force", action="store_true", help="replace programs of these names that somebody else wrote")
    parser.add_argument("--json", action="store_true", help="print one JSON document, for programs")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:  # argparse's way to end
        return EXIT_USAGE if end.code else EXIT_OK
    if sys.platform == "win32":
        complain("there are no shims for Windows yet")
        return EXIT_FAILED
    directory = Path(options.directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if foreign := [name for name in PROGRAMS if not options.force and _is_foreign(directory / name)]:
            complain(f"{directory}: {', '.join(foreign)} there is somebody else's; replace it with --force")
            return EXIT_FAILED
        for name in PROGRAMS:
            _write(directory / name, name)
    except OSError as error:
        complain(f"{error.filename or directory}: {error.strerror}; name a directory that can be written to")
        return EXIT_FAILED
    if options.json:
        say_json({"programs": [str(directory / name) for name in PROGRAMS]})
    else:
        say(f"{', '.join(PROGRAMS)} are in {directory}; put it first on PATH")
    return EXIT_OK


def _is_foreign(path: Path) -> bool:
    if path.is_symlink():
        return True
    return path.exists() and _MARK not in path.read_text(encoding="utf-8", errors="replace")


def _write(path: Path, name: str) -> None:
    """All of it or nothing: a test suite may be calling it."""
    import shlex

    package = str(Path(amqpbroker.__file__).parent.parent)
    half_written = path.with_name(f".{name}.{os.getpid()}")
    half_written.write_text(
        _PROGRAM.format(python=shlex.quote(sys.executable), package=package, name=name), encoding="utf-8"
    )
    half_written.chmod(0o755)
    half_written.replace(path)
