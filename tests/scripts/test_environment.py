"""scripts/environment.py: `.venv` is whole or gone, and no installer runs where none is needed.

Installing is played by `Installer`, which leaves behind what the real tools do, in no time and without a network.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import environment
from environment import TO_SERVE, TO_TEST, Environment, NotReadyError, Python, Stamp

fcntl = pytest.importorskip("fcntl", reason="interpreters are played by shell scripts and symbolic links")


def fake_python(path: Path, version: list[int], modules: list[str]) -> None:
    """An interpreter that answers the question about itself like this, whatever this machine's can do."""
    answer = {"executable": str(path), "version": version, "identity": "cpython 3.11 /usr", "modules": modules}
    path.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    path.chmod(0o755)


def python_with(*modules: str) -> Python:
    return Python("/usr/bin/python3.11", (3, 11), "cpython 3.11 /usr", frozenset(modules))


class Installer:
    """Plays venv and pip: makes an environment around a played interpreter and notes every command.

    fails: words that make a command fail when it holds them; the value is what it says then.
    killed_at: a word at which the process dies as by SIGKILL, with no chance to tidy up.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands: list[str] = []
        self.fails: dict[str, str] = {}
        self.killed_at = ""

    def __call__(self, command: Sequence[str], root: Path, lock: int, variables: Mapping[str, str]) -> None:
        line = " ".join(command)
        self.commands.append(line)
        if self.killed_at and self.killed_at in line:
            raise Killed
        for word, output in self.fails.items():
            if word in line:
                raise NotReadyError(output)
        if " -m venv " in line:
            (self.root / ".venv" / "bin").mkdir(parents=True)
            fake_python(self.root / ".venv" / "bin" / "python", [3, 11], ["pip"])

    @property
    def installs(self) -> list[str]:
        """What pip was asked to install for good, without the path of pip."""
        return [line.rpartition(" ")[2] for line in self.commands if "--editable" in line and "--dry-run" not in line]


class Killed(BaseException):
    """The process is gone: nothing catches this."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


@pytest.fixture
def installer(checkout: Path) -> Installer:
    return Installer(checkout)


@pytest.fixture
def venv(checkout: Path, installer: Installer, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setattr(environment, "find_python", lambda: python_with("venv", "ensurepip"))
    return Environment(checkout, installer)


def change_project(venv: Environment) -> None:
    (venv.root / "pyproject.toml").write_text("[project]\ndependencies = ['another']\n")


def test_missing_environment_is_made_and_stamped(venv: Environment, installer: Installer) -> None:
    venv.ensure(TO_SERVE)
    assert installer.installs == [".[cli,management,speed]"]
    stamp = Stamp.read(venv.stamp_path)
    assert stamp is not None and stamp.extras == TO_SERVE and stamp.checkout == str(venv.root)


def test_current_environment_is_used_without_any_tool(venv: Environment, installer: Installer) -> None:
    venv.ensure(TO_SERVE)
    installer.commands.clear()
    venv.ensure(TO_SERVE)
    assert installer.commands == []


def test_serving_after_testing_installs_nothing(venv: Environment, installer: Installer) -> None:
    venv.ensure(TO_TEST)
    installer.commands.clear()
    venv.ensure(TO_SERVE)
    assert installer.commands == []


def test_testing_after_serving_adds_its_extras_in_place(venv: Environment, installer: Installer) -> None:
    venv.ensure(TO_SERVE)
    (venv.directory / "kept").touch()
    venv.ensure(TO_TEST)
    assert installer.installs == [".[cli,management,speed]", ".[capacity,cli,dev,management,speed]"]
    assert (venv.directory / "kept").exists()


def test_changed_project_is_installed_again_with_every_extra_that_was_there(
    venv: Environment, installer: Installer
) -> None:
    venv.ensure(TO_TEST)
    change_project(venv)
    venv.ensure(TO_SERVE)
    assert installer.installs[1:] == [".[capacity,cli,dev,management,speed]"]
    assert venv.is_current(venv.working(), TO_TEST)


def test_moved_checkout_is_built_anew(venv: Environment, installer: Installer, tmp_path: Path) -> None:
    venv.ensure(TO_SERVE)
    assert venv.working() is not None
    moved = tmp_path / "moved"
    moved.mkdir()
    venv.directory.rename(moved / ".venv")
    assert Environment(moved, installer).working() is None


@pytest.mark.parametrize("target", ["/nonexistent/python", "/bin/true"])
def test_environment_whose_interpreter_does_not_answer_is_built_anew(
    venv: Environment, installer: Installer, target: str
) -> None:
    venv.ensure(TO_SERVE)
    venv.program("python").unlink()
    venv.program("python").symlink_to(target)
    venv.ensure(TO_SERVE)
    assert installer.installs == [".[cli,management,speed]"] * 2


def test_environment_of_another_interpreter_is_built_anew(venv: Environment, installer: Installer) -> None:
    venv.ensure(TO_SERVE)
    stamp = Stamp.read(venv.stamp_path)
    assert stamp is not None
    stamp._replace(identity="cpython 3.10 /usr").write(venv.stamp_path)
    venv.ensure(TO_SERVE)
    assert installer.installs == [".[cli,management,speed]"] * 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"project": ""}', "null"])
def test_damaged_stamp_counts_as_none(venv: Environment, content: str) -> None:
    venv.ensure(TO_SERVE)
    venv.stamp_path.write_text(content)
    assert venv.working() is None


@pytest.mark.parametrize("moment", ["-m venv", "--editable"])
def test_kill_while_building_leaves_what_the_next_start_builds_anew(
    venv: Environment, installer: Installer, moment: str
) -> None:
    installer.killed_at = moment
    with pytest.raises(Killed):
        venv.ensure(TO_SERVE)
    assert venv.working() is None
    installer.killed_at = ""
    venv.ensure(TO_SERVE)
    assert venv.is_current(venv.working(), TO_SERVE)


def test_kill_while_updating_leaves_what_the_next_start_builds_anew(venv: Environment, installer: Installer) -> None:
    venv.ensure(TO_SERVE)
    change_project(venv)
    installer.killed_at = "--no-input --editable"
    with pytest.raises(Killed):
        venv.ensure(TO_SERVE)
    assert venv.working() is None


def test_kill_while_asking_the_network_leaves_the_environment_as_it_was(
    venv: Environment, installer: Installer
) -> None:
    venv.ensure(TO_SERVE)
    before = venv.working()
    change_project(venv)
    installer.killed_at = "--dry-run"
    with pytest.raises(Killed):
        venv.ensure(TO_SERVE)
    assert venv.working() == before


def test_failed_build_leaves_no_environment(venv: Environment, installer: Installer) -> None:
    installer.fails["--editable"] = "ERROR: no network"
    with pytest.raises(NotReadyError, match="no network"):
        venv.ensure(TO_SERVE)
    assert installer.installs == [".[cli,management,speed]"]  # doing without uvloop would not help
    assert not venv.directory.exists()


@pytest.mark.parametrize("moment", ["--dry-run", "--no-input --editable"])
def test_stale_environment_is_used_where_it_cannot_be_brought_up_to_date(
    venv: Environment, installer: Installer, moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    venv.ensure(TO_SERVE)
    before = venv.working()
    change_project(venv)
    installer.fails[moment] = "ERROR: no network\nand much more"
    capsys.readouterr()
    venv.ensure(TO_SERVE)
    assert venv.working() == before
    assert capsys.readouterr().err.splitlines()[1:] == [
        ".venv is older than pyproject.toml and could not be brought up to date, used as it is (ERROR: no network)"
    ]


def test_missing_extras_that_cannot_be_had_are_an_error(venv: Environment, installer: Installer) -> None:
    venv.ensure(TO_SERVE)
    installer.fails["--dry-run"] = "ERROR: no network"
    with pytest.raises(NotReadyError, match="no network"):
        venv.ensure(TO_TEST)
    assert venv.is_current(venv.working(), TO_SERVE)


def test_uvloop_that_cannot_be_installed_is_done_without_and_not_tried_at_every_start(
    venv: Environment, installer: Installer, capsys: pytest.CaptureFixture[str]
) -> None:
    installer.fails["speed]"] = "error: metadata-generation-failed for uvloop"
    venv.ensure(TO_SERVE)
    assert installer.installs == [".[cli,management,speed]", ".[cli,management]"]
    assert "uvloop cannot be installed here" in capsys.readouterr().err
    assert venv.is_current(venv.working(), TO_SERVE)


def tools_on_path(monkeypatch: pytest.MonkeyPatch, directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).write_text("#!/bin/sh\n")
        (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))


@pytest.mark.parametrize(
    ("modules", "tools", "means"),
    [
        (["venv", "ensurepip"], ["uv", "virtualenv"], ["-m venv", "uv venv", "virtualenv"]),
        (["venv"], ["uv"], ["uv venv"]),
        (["venv"], ["virtualenv"], ["virtualenv --quiet"]),
        (["venv", "virtualenv"], [], ["-m virtualenv"]),
        (["venv"], [], []),
    ],
)
def test_environment_is_made_with_what_there_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, modules: list[str], tools: list[str], means: list[str]
) -> None:
    tools_on_path(monkeypatch, tmp_path, *tools)
    commands = [" ".join(line) for line in environment.make_commands(python_with(*modules), tmp_path / ".venv")]
    assert len(commands) == len(means)
    assert all(word in line for word, line in zip(means, commands, strict=True))


def test_package_to_install_is_named_where_nothing_makes_environments(
    monkeypatch: pytest.MonkeyPatch, venv: Environment, tmp_path: Path
) -> None:
    monkeypatch.setattr(environment, "find_python", lambda: python_with("venv"))
    tools_on_path(monkeypatch, tmp_path)
    with pytest.raises(NotReadyError, match=r"no ensurepip.*apt install python3\.11-venv$"):
        venv.ensure(TO_SERVE)


def test_python_on_path_is_found_where_an_old_one_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_python(tmp_path / "python3", [3, 8], [])
    fake_python(tmp_path / "python3.11", [3, 11], [])
    (tmp_path / "python3.13").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3.13").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.find_python().executable == str(tmp_path / "python3.11")


def test_one_line_says_that_no_python_is_new_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_python(tmp_path / "python3", [3, 10], [])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotReadyError, match=r"^no Python >= 3\.11 found on PATH[^\n]*$"):
        environment.find_python()


def test_interpreter_of_an_environment_names_the_one_it_stands_on() -> None:
    described = environment.describe(sys.executable)
    assert described is not None
    assert described.version == sys.version_info[:2]
    assert not Path(described.executable).is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("", ""),
        ("one\ntwo\n", "two"),
        ("error: a process failed\nhint: see above", "error: a process failed"),
        (
            "  ERROR: No matching distribution found for x\nerror: a process failed",
            "ERROR: No matching distribution found for x",
        ),
    ],
)
def test_line_that_says_what_went_wrong(output: str, line: str) -> None:
    assert environment.gist(output) == line


def test_failing_tool_is_reported_with_all_it_said(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('ERROR: no room'); print('more'); raise SystemExit(3)"]
    with open(tmp_path / "lock", "w") as lock, pytest.raises(NotReadyError) as caught:
        environment.execute(command, tmp_path, lock.fileno(), {})
    assert str(caught.value).splitlines() == ["ERROR: no room", "ERROR: no room", "more"]


def run_in(directory: Path, program: str) -> "subprocess.Popen[bytes]":
    """Starts a process that has the module under test at hand."""
    head = f"import sys; sys.path.insert(0, {str(environment.ROOT / 'scripts')!r})\n"
    head += "from pathlib import Path\nimport environment\n"
    command = [sys.executable, "-c", head + textwrap.dedent(program)]
    return subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_tool_that_outlives_its_start_holds_the_lock(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "end")
    tool = "import os; os.kill(os.getppid(), 9); open('end').read()"
    start = run_in(
        tmp_path,
        f"""
        with environment.exclusive(Path("lock")) as lock:
            environment.execute([sys.executable, "-c", {tool!r}], Path("."), lock, {{}})
        """,
    )
    with start:
        assert start.wait(30) == -signal.SIGKILL
    with open(tmp_path / "lock") as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (tmp_path / "end").write_text("")
        fcntl.flock(lock, fcntl.LOCK_EX)


def test_second_start_waits_for_the_first_and_says_so(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "end")
    hold = "with environment.exclusive(Path('lock')): print('held', flush=True); open('end').read()"
    first = run_in(tmp_path, hold)
    assert first.stdout is not None and first.stdout.readline() == b"held\n"
    second = run_in(tmp_path, "with environment.exclusive(Path('lock')): print('held', flush=True)")
    assert second.stdout is not None and second.stderr is not None
    assert second.stderr.readline() == b"waiting for another start that is installing into .venv\n"
    (tmp_path / "end").write_text("")
    assert second.communicate(timeout=30)[0] == b"held\n"
    assert first.communicate(timeout=30) == (b"", b"")
