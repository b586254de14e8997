"""`amqpbroker journal`: what it says of a data directory, and that it changes nothing that it should not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amqpbroker.cli import journal
from amqpbroker.cli.main import main
from amqpbroker.journal.disk import FileDisk
from tests.helpers.durable import DurableServer, numbered
from tests.journal.mutations import files_of

PROJECT = Path(__file__).parents[2]
DEADLINE_S = 20.0
SEGMENT = "log/0000000000000001.seg"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no journal on disk there")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AMQPBROKER_", "RABBITMQ_")):
            monkeypatch.delenv(name)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """What a broker leaves that was killed: a queue 'tasks' with '1' to '5', then '6'."""
    server = DurableServer()
    server.put(numbered(5))
    server.commit()
    server.put(numbered(1, 6))
    server.commit()
    seal = server.log.close(seal=True)
    assert seal is not None
    server.writer.commit_once(seal)
    (tmp_path / "log").mkdir()
    for name, octets in files_of(server.disk).items():
        (tmp_path / name).write_bytes(octets)
    return tmp_path


def damage(directory: Path) -> None:
    """The third message is not what it was."""
    path = directory / SEGMENT
    octets = path.read_bytes()
    at = octets.index(b"3")
    path.write_bytes(octets[:at] + b"X" + octets[at + 1 :])


def contents(directory: Path) -> dict[str, bytes]:
    """All files but the lock."""
    paths = [path for path in directory.rglob("*") if path.is_file() and path.name != "LOCK"]
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths}


def run(action: str, directory: Path, *flags: str) -> int:
    return main(["journal", action, "--data-dir", str(directory), *flags])


def test_inspect_shows_segments_definitions_and_queues(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(directory)
    assert run("inspect", directory) == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [SEGMENT, "65536", "2560", "4", "5", "6", "1", "4"] in shown
    assert ["queue", "/", "tasks"] in shown
    assert ["/", "tasks", "100000001", "6", "0"] in shown
    assert contents(directory) == before


def test_inspect_as_json(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("inspect", directory, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["epoch"], found["faults"]) == (1, [])
    assert [one["file"] for one in found["segments"]] == [SEGMENT]
    assert [(one["key"], one["live"]) for one in found["queues"]] == [(["queue", "/", "tasks"], 6)]
    assert found["definitions"][0][:3] == ["queue", "/", "tasks"]


def test_verify_finds_a_sound_journal_sound(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", directory) == 0
    assert capsys.readouterr().out == f"{directory}: segments 1, commits 4, messages 6: all as they should be\n"


def test_verify_tells_every_fault(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(directory)
    before = contents(directory)
    assert run("verify", directory) == 1
    told = capsys.readouterr()
    assert f"{SEGMENT}, offset 1024 to 1536: no valid commit up to commit 3" in told.out.splitlines()
    assert told.err.startswith("amqpbroker: faults: 2; amqpbroker journal salvage keeps")
    assert contents(directory) == before


def test_verify_as_json(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(directory)
    assert run("verify", directory, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["faults"][0] == {
        "file": SEGMENT,
        "offset": 1_024,
        "end": 1_536,
        "text": "no valid commit up to commit 3",
    }


def test_salvage_does_nothing_to_a_sound_journal(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(directory)
    assert run("salvage", directory) == 0
    assert capsys.readouterr().out == f"{directory}: the journal is sound; nothing to do\n"
    assert contents(directory) == before


def test_salvage_tells_what_is_kept_and_what_is_lost(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(directory)
    assert run("salvage", directory) == 0
    told = capsys.readouterr().out
    assert f"{SEGMENT}, offset 1024 to 1536: copied to quarantine/0001" in told
    assert "Messages that were saved out of damaged commits: 4." in told
    assert "may be delivered again" in told
    assert ["/", "tasks", "100000001", "5", "5", "at", "most", "1"] in [line.split() for line in told.splitlines()]
    assert run("verify", directory) == 0


def test_salvage_as_json(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(directory)
    assert run("salvage", directory, "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["folder"], done["rescued_messages"], done["is_whole"]) == ("quarantine/0001", 4, False)
    assert [(one["live"], one["lost"]) for one in done["queues"]] == [(5, 1)]


def test_after_salvage_the_broker_starts(directory: Path) -> None:
    damage(directory)
    command = [sys.executable, "-m", "amqpbroker", "serve", "--port", "0", "--data-dir", str(directory)]
    variables = os.environ | {"PYTHONPATH": str(PROJECT)}
    before = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert before.returncode == 1
    assert "amqpbroker journal salvage" in before.stderr
    assert run("salvage", directory) == 0
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as broker:
        assert broker.stdout is not None
        assert any("Server startup complete" in line for line in broker.stdout)
        broker.terminate()
    assert broker.returncode == 0


def test_the_directory_is_the_one_that_serve_would_use(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AMQPBROKER_DATA_DIR", str(directory))
    assert main(["journal", "verify"]) == 0
    monkeypatch.delenv("AMQPBROKER_DATA_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(directory))
    assert main(["journal", "verify"]) == 1
    assert f"{directory}/amqpbroker: there is no such directory" in capsys.readouterr().err


# Refused


@pytest.mark.parametrize("action", journal.ACTIONS)
def test_a_directory_in_use_is_refused(directory: Path, action: str, capsys: pytest.CaptureFixture[str]) -> None:
    disk = FileDisk(directory)
    disk.lock()
    assert run(action, directory) == 1
    disk.unlock()
    assert f"in use by process {os.getpid()}; stop the broker first" in capsys.readouterr().err


def test_a_directory_without_a_journal_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("inspect", tmp_path) == 1
    assert "there is no journal in it; name the broker's directory with --data-dir" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_salvage_refuses_is_told(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    octets = (directory / "MANIFEST").read_bytes()
    (directory / "MANIFEST").write_bytes(octets.replace(b" 2 ", b" 3 ", 1))
    assert run("salvage", directory) == 1
    assert "start a broker of that version on it" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_told(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / SEGMENT).unlink()
    (directory / SEGMENT).mkdir()
    assert run("verify", directory) == 1
    assert f"{directory / SEGMENT}: Is a directory" in capsys.readouterr().err


def test_an_interrupted_look_is_no_success(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_disk: object, _progress: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(journal._ACTIONS, "verify", interrupted)
    assert run("verify", directory) == 1
    assert capsys.readouterr().err == f"amqpbroker: {directory}: interrupted; nothing is lost, start it again\n"


@pytest.mark.parametrize(
    "arguments", [[], ["repair"], ["verify", "--fast"], ["verify", "--data-dir"], ["inspect", "verify"]]
)
def test_wrong_usage_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", *arguments]) == 2
    assert capsys.readouterr().err.startswith("usage: amqpbroker journal")


def test_without_a_directory_there_is_nothing_to_look_into(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AMQPBROKER_MEMORY", "true")
    assert main(["journal", "verify"]) == 2
    assert "name a directory with --data-dir" in capsys.readouterr().err


def test_the_help_says_what_each_action_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(sentence in text for sentence in journal.ACTIONS.values())


def test_on_a_terminal_there_are_tables_and_a_bar(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "200")
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    assert run("inspect", directory) == 0
    told = capsys.readouterr()
    assert "│ queue │ /            │ tasks │" in told.out
    assert "inspect" in told.err


def test_without_rich_a_terminal_gets_plain_text(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("rich.console", "rich.progress", "rich.table"):
        monkeypatch.setitem(sys.modules, name, None)
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    assert run("inspect", directory) == 0
    told = capsys.readouterr()
    assert ["queue", "/", "tasks"] in [line.split() for line in told.out.splitlines()]
    assert told.err == ""
