"""The program finds its verb, says what it can do, and loads nothing that a quick start does not need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from amqpbroker import __version__
from amqpbroker.cli.main import VERBS, main

PROJECT = Path(__file__).parents[2]


def modules_after(statement: str) -> set[str]:
    """What a fresh interpreter has loaded after this statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    return set(subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).split())


@pytest.fixture
def served(monkeypatch):
    """The arguments that serve is called with, instead of running it."""
    calls: list[list[str]] = []
    monkeypatch.setattr("amqpbroker.cli.serve.run", lambda arguments, _started_s: calls.append(arguments) or 0)
    return calls


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_the_version_is_printed(capsys, arguments):
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"amqpbroker {__version__}\n"


@pytest.mark.parametrize("arguments", [["help"], ["--help"], ["-h"]])
def test_the_help_names_every_verb_and_exit_code(capsys, arguments):
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert all(f"  {verb} " in text for verb in VERBS)
    assert "0 fine, 1 could not start, refused, or a check failed, 2 usage or configuration" in text


@pytest.mark.parametrize(
    ("arguments", "passed_on"),
    [([], []), (["serve"], []), (["serve", "--port", "0"], ["--port", "0"]), (["--port", "0"], ["--port", "0"])],
)
def test_without_a_verb_the_broker_is_served(served, arguments, passed_on):
    assert main(arguments) == 0
    assert served == [passed_on]


def test_the_arguments_are_the_processes_own_unless_given(served, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["amqpbroker", "--memory"])
    main()
    assert served == [["--memory"]]


def test_an_unknown_verb_is_refused_with_the_nearest(capsys):
    assert main(["sreve"]) == 2
    assert capsys.readouterr().err == "amqpbroker: unknown verb sreve; did you mean serve?\n"


def test_ctrl_c_during_the_start_is_no_error(monkeypatch):
    def interrupted(_arguments: list[str], _started_s: float) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("amqpbroker.cli.serve.run", interrupted)
    assert main([]) == 0


def test_finding_the_verb_loads_no_event_loop_and_no_parser():
    assert not modules_after("import amqpbroker.cli.main") & {"asyncio", "argparse", "logging", "yaml", "uvloop"}


def test_serving_without_a_file_or_a_mistake_loads_neither_yaml_nor_what_compares_words():
    unneeded = {"yaml", "difflib", "logging.config", "urllib.request", "http.client", "importlib.metadata"}
    assert not modules_after("import amqpbroker.cli.serve") & unneeded


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe's end is no signal there")
@pytest.mark.parametrize("verb", ["--help", "version"])
def test_a_reader_that_has_gone_is_no_error(verb):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "amqpbroker", verb]
    buffered = os.environ | {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": ""}
    done = subprocess.run(command, env=buffered, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
