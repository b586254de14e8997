"""The checkout's own virtual environment: made when missing, brought up to date when stale, otherwise used as it is.

How it stays whole: `.venv/amqpbroker.json`, the stamp, says what is installed. It is written last and taken away before
anything in `.venv` changes, so a `.venv` without one is half of something and is built anew. Whoever changes `.venv`
holds `.venv.lock`, and so do the installers it starts: where they outlive it, the next start waits for them.

    current                   used at once, without a lock or an installer
    stale: pyproject.toml     brought up to date in place, so that a running broker keeps its files; where that fails
    is another                (no network) it is used as it was
    stale: the interpreter    built anew: its packages are out of reach
    or the checkout moved

Only the standard library, and nothing that Python 3.8 cannot read: any python3 may start a script, and a Python that
the package runs on is looked for from here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, Mapping, NamedTuple, NoReturn, Sequence

ROOT = Path(__file__).resolve().parent.parent
TO_SERVE = frozenset({"speed", "management", "cli"})
TO_TEST = TO_SERVE | {"capacity", "dev"}

PYTHON_MIN = (3, 11)
PYTHON_NAMES = ("python3.14", "python3.13", "python3.12", "python3.11", "python3", "python")

# The one extra to do without where it cannot be installed, and the package in it whose name the installer then reports.
OPTIONAL_EXTRA = "speed"
OPTIONAL_PACKAGE = "uvloop"

# Where a working .venv is at hand nobody waits long for a network that is not there. By environment variables, because
# pip hands them on to the pip that it starts for the build's own requirements.
SHORT_OF_PATIENCE = {
    "PIP_RETRIES": "1",
    "PIP_TIMEOUT": "15",
    "PIP_DEFAULT_TIMEOUT": "15",
    "UV_HTTP_RETRIES": "1",
    "UV_HTTP_TIMEOUT": "15",
}

# Runs in whatever calls itself python, so in words that all of them know; one that does not is none for us.
DESCRIBE_PYTHON = """
import importlib.util, json, sys
print(json.dumps({
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "version": list(sys.version_info[:2]),
    "identity": "%s %d.%d %s" % ((sys.implementation.name,) + sys.version_info[:2] + (sys.base_prefix,)),
    "modules": [name for name in ("ensurepip", "pip", "venv", "virtualenv") if importlib.util.find_spec(name)],
}))
"""


class NotReadyError(Exception):
    """The environment cannot be had. The first line says why and what to do, further ones are the installer's own."""


class Python(NamedTuple):
    """An interpreter as it describes itself.

    executable: the one it stands on, outside any virtual environment. version: (major, minor). identity: what packages
    installed for it depend on. modules: which of those that make environments and install it has.
    """

    executable: str
    version: tuple[int, ...]
    identity: str
    modules: frozenset[str]


class Stamp(NamedTuple):
    """What is installed in `.venv`: digest of pyproject.toml, the checkout's path, the interpreter, the extras."""

    project: str
    checkout: str
    identity: str
    extras: frozenset[str]

    @classmethod
    def read(cls, path: Path) -> Stamp | None:
        """The stamp in the file; None where there is none or the disk lost a part of it."""
        try:
            fields = json.loads(path.read_text("utf-8"))
            return cls(fields["project"], fields["checkout"], fields["identity"], frozenset(fields["extras"]))
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Puts the stamp there whole or not at all."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(dict(self._asdict(), extras=sorted(self.extras)), indent=2) + "\n", "utf-8")
        part.replace(path)


def say(line: str) -> None:
    """One line for the person at the shell; on stderr, because stdout is the program's own (--print-port)."""
    print(line, file=sys.stderr, flush=True)


def describe(executable: str) -> Python | None:
    """What the interpreter says of itself; None where it does not run or is too old to understand the question."""
    try:
        answer = subprocess.run(
            [executable, "-c", DESCRIBE_PYTHON], stdin=subprocess.DEVNULL, capture_output=True, check=True, cwd=ROOT
        )
        fields = json.loads(answer.stdout)
        return Python(fields["executable"], tuple(fields["version"]), fields["identity"], frozenset(fields["modules"]))
    except (OSError, ValueError, LookupError, TypeError, subprocess.CalledProcessError):
        return None


def find_python() -> Python:
    """The interpreter that runs this if the package runs on it, else the first such on PATH."""
    for name in (sys.executable, *PYTHON_NAMES):
        executable = shutil.which(name) if name else None
        python = describe(executable) if executable else None
        if python is not None and python.version >= PYTHON_MIN:
            return python
    raise NotReadyError(
        "no Python >= {}.{} found on PATH: install one (python.org, or your system's packages)".format(*PYTHON_MIN)
    )


@contextmanager
def exclusive(path: Path) -> Iterator[int]:
    """Holds the lock file, waiting for whoever holds it; gives its descriptor.

    The file stays: removing it would let in two, one waiting for the old file and one that made a new one.
    """
    with open(path, "a", encoding="utf-8") as file:
        if sys.platform == "win32":
            import msvcrt

            while True:
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:
                    say("waiting for another start that is installing into .venv")  # it gives up every ten seconds
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another start that is installing into .venv")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def install_command(python: str, rehearse: bool) -> list[str]:
    """What installs into the environment of this interpreter: its own pip, or uv where it was made without one.

    rehearse: only finds out whether all of it is to be had.
    """
    described = describe(python)
    if described is not None and "pip" in described.modules:
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        return [*command, "--dry-run"] if rehearse else command
    uv = shutil.which("uv")
    if uv is None:
        raise NotReadyError(".venv has no pip and uv is not on PATH: remove .venv and start again")
    command = [uv, "pip", "install", "--quiet", "--python", python]
    return [*command, "--dry-run"] if rehearse else command


def make_commands(python: Python, directory: Path) -> list[list[str]]:
    """What can make a virtual environment here, the usual way first. Plain Debian has venv without ensurepip."""
    commands = []
    uv, virtualenv = shutil.which("uv"), shutil.which("virtualenv")
    if {"venv", "ensurepip"} <= python.modules:
        commands.append([python.executable, "-m", "venv", str(directory)])
    if uv:
        commands.append([uv, "venv", "--quiet", "--python", python.executable, str(directory)])
    if "virtualenv" in python.modules:
        commands.append([python.executable, "-m", "virtualenv", "--quiet", str(directory)])
    elif virtualenv:
        commands.append([virtualenv, "--quiet", "--python", python.executable, str(directory)])
    return commands


def execute(command: Sequence[str], root: Path, lock: int, variables: Mapping[str, str]) -> None:
    """Runs a tool quietly in the checkout, with these environment variables beside our own; it holds the lock too.

    Raises NotReadyError: what went wrong in the first line, all that the tool said after it.
    """
    inherited = () if os.name == "nt" else (lock,)
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=root,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=inherited,
        )
    except OSError as error:
        raise NotReadyError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        output = done.stdout.decode("utf-8", "replace").strip()
        raise NotReadyError(f"{gist(output) or f'{command[0]} ended with {done.returncode}'}\n{output}")


def gist(output: str) -> str:
    """The line of a tool's output that says what went wrong: the last that names an error, else the last."""
    lines = [line.strip() for line in output.splitlines()]
    # pip's own errors stand in capitals; its last one in small letters only says that a process it started failed.
    told = [line for line in lines if line.startswith("ERROR:")] or [
        line for line in lines if line.startswith("error:")
    ]
    return (told or lines or [""])[-1]


Execute = Callable[[Sequence[str], Path, int, Mapping[str, str]], None]


class Environment:
    """`.venv` in the checkout `root`. execute: runs one tool there; a test puts its own in the place."""

    def __init__(self, root: Path = ROOT, execute: Execute = execute) -> None:
        self.root = root
        self.directory = root / ".venv"
        self.stamp_path = self.directory / "amqpbroker.json"
        self.execute = execute

    def program(self, name: str) -> Path:
        """Where a program of the environment is."""
        if os.name == "nt":
            return self.directory / "Scripts" / (name + ".exe")
        return self.directory / "bin" / name

    def ensure(self, extras: frozenset[str]) -> None:
        """Sees to it that the package is installed with these extras. Raises NotReadyError."""
        if self.is_current(self.working(), extras):
            return
        with exclusive(self.root / ".venv.lock") as lock:
            stamp = self.working()  # once more: whoever held the lock may have done it
            if self.is_current(stamp, extras):
                return
            if stamp is None:
                self.build(extras, lock)
            else:
                self.update(stamp, extras, lock)

    def project_digest(self) -> str:
        """The digest of pyproject.toml: another one, other dependencies."""
        return hashlib.sha256((self.root / "pyproject.toml").read_bytes()).hexdigest()

    def working(self) -> Stamp | None:
        """The stamp of an environment that runs, current or not; None where it has to be built."""
        stamp = Stamp.read(self.stamp_path)
        if stamp is None or stamp.checkout != str(self.root):
            return None
        python = describe(str(self.program("python")))
        return stamp if python is not None and python.identity == stamp.identity else None

    def is_current(self, stamp: Stamp | None, extras: frozenset[str]) -> bool:
        """Whether it can be used for these extras as it is."""
        return stamp is not None and extras <= stamp.extras and stamp.project == self.project_digest()

    def build(self, extras: frozenset[str], lock: int) -> None:
        """Makes `.venv` from nothing, or not at all."""
        python = find_python()
        if self.directory.exists():
            say("removing .venv: it is not complete, or was made for another place or interpreter")
            self.remove()
        say(f"installing into .venv with {python.executable}: once, takes a minute")
        try:
            self.make(python, lock)
            self.install(extras, lock)
        except (NotReadyError, KeyboardInterrupt):
            self.remove()
            raise
        self.stamp(extras)

    def update(self, stamp: Stamp, extras: frozenset[str], lock: int) -> None:
        """Brings a working `.venv` up to date and adds extras, taking away none.

        First it is asked whether all of it is to be had. An installer that then fails puts back what it changed; one
        that is killed does not, and there is no stamp any more.
        """
        wanted = extras | stamp.extras
        say("bringing .venv up to date")
        try:
            self.install(wanted, lock, rehearse=True)
            self.stamp_path.unlink()
            self.install(wanted, lock)
        except NotReadyError as error:
            stamp.write(self.stamp_path)
            if not extras <= stamp.extras:
                raise
            reason = str(error).partition("\n")[0]
            say(f".venv is older than pyproject.toml and could not be brought up to date, used as it is ({reason})")
            return
        self.stamp(wanted)

    def make(self, python: Python, lock: int) -> None:
        """Makes an empty virtual environment, by the first means that works."""
        failure = NotReadyError(
            "{} has no ensurepip, and neither uv nor virtualenv is here: apt install python{}.{}-venv".format(
                python.executable, *python.version
            )
        )
        for command in make_commands(python, self.directory):
            try:
                self.execute(command, self.root, lock, {})
                return
            except NotReadyError as error:
                self.remove()
                failure = error
        raise failure

    def install(self, extras: frozenset[str], lock: int, rehearse: bool = False) -> None:
        """Installs the checkout with its extras; without the optional one where that is what cannot be installed."""
        command = [*install_command(str(self.program("python")), rehearse), "--editable"]
        variables = SHORT_OF_PATIENCE if rehearse else {}
        try:
            self.execute([*command, requirement(extras)], self.root, lock, variables)
        except NotReadyError as error:
            if OPTIONAL_EXTRA not in extras or OPTIONAL_PACKAGE not in str(error):
                raise
            self.execute([*command, requirement(extras - {OPTIONAL_EXTRA})], self.root, lock, variables)
            if not rehearse:
                say(f"{OPTIONAL_PACKAGE} cannot be installed here: the broker runs on asyncio's own loop")

    def stamp(self, extras: frozenset[str]) -> None:
        """Says that all of it is there."""
        python = describe(str(self.program("python")))
        if python is None:
            raise NotReadyError(f"{self.program('python')} does not run")
        Stamp(self.project_digest(), str(self.root), python.identity, extras).write(self.stamp_path)

    def remove(self) -> None:
        """Takes `.venv` away; the stamp first, so that what a kill leaves is known for a half."""
        if self.directory.is_symlink():
            self.directory.unlink()
        elif self.directory.exists():
            if self.stamp_path.exists():
                self.stamp_path.unlink()
            shutil.rmtree(self.directory)


def requirement(extras: frozenset[str]) -> str:
    """The checkout with these extras, as installers want it named."""
    return ".[{}]".format(",".join(sorted(extras)))


def become(program: Path, arguments: Sequence[str]) -> NoReturn:
    """Ends as this program. Windows has no exec: there it is waited for."""
    command = [str(program), *arguments]
    if os.name != "nt":
        os.execv(command[0], command)
    child = subprocess.Popen(command)
    while True:
        try:
            sys.exit(child.wait())
        except KeyboardInterrupt:
            continue  # the child had it too, and ends in its own time


def ready(extras: frozenset[str]) -> Environment:
    """The checkout's environment with these extras installed; where it cannot be had, ends with the reason."""
    environment = Environment()
    try:
        environment.ensure(extras)
    except NotReadyError as error:
        first, _, output = str(error).partition("\n")
        if output:
            say(output)
        say(f"cannot set up .venv: {first}")
        sys.exit(1)
    except OSError as error:
        say(f"cannot set up .venv: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    return environment
