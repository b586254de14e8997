"""`amqpbroker install-shims`: programs that run, in place of nobody else's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amqpbroker.cli.main import main
from amqpbroker.cli.shims.entry import PROGRAMS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are none there")


def test_they_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install-shims", str(tmp_path / "bin")]) == 0
    assert sorted(path.name for path in (tmp_path / "bin").iterdir()) == sorted(PROGRAMS)
    assert "put it first on PATH" in capsys.readouterr().out
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for program in ("rabbitmqctl", "rabbitmq-diagnostics"):
        command = [tmp_path / "bin" / program, "help"]
        told = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert told.stdout.startswith(f"{program} [--node")


def test_a_python_whose_path_has_blanks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "my python"
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    assert main(["install-shims", str(tmp_path / "bin")]) == 0
    told = subprocess.run([tmp_path / "bin" / "rabbitmq-plugins", "help"], capture_output=True, text=True, check=False)
    assert told.stdout.startswith("rabbitmq-plugins list")


def test_they_are_written_again_over_themselves(tmp_path: Path) -> None:
    assert main(["install-shims", str(tmp_path)]) == 0
    assert main(["install-shims", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == len(PROGRAMS)


@pytest.mark.parametrize("is_link", [True, False])
def test_what_somebody_else_wrote_is_left_alone(
    tmp_path: Path, is_link: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("#!/bin/sh\n")
    if is_link:
        (tmp_path / "rabbitmqctl").symlink_to(theirs)
    else:
        theirs.rename(tmp_path / "rabbitmqctl")
    assert main(["install-shims", str(tmp_path)]) == 1
    assert "rabbitmqctl there is somebody else's; replace it with --force" in capsys.readouterr().err
    assert (tmp_path / "rabbitmqctl").read_text() == "#!/bin/sh\n"
    assert main(["install-shims", str(tmp_path), "--force"]) == 0
    assert not is_link or theirs.read_text() == "#!/bin/sh\n"


def test_a_place_that_is_no_directory_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["install-shims", str(tmp_path / "file")]) == 1
    assert "name a directory that can be written to" in capsys.readouterr().err


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install-shims", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"programs": [str(tmp_path / name) for name in PROGRAMS]}


def test_without_a_place_it_is_wrong_usage() -> None:
    assert main(["install-shims"]) == 2
