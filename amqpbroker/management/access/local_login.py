"""How programs of the same user on the same machine log in without a password, as RabbitMQ's do with the Erlang cookie.

A broker that listens for HTTP leaves a file that its own user alone may read: where it listens, and a token of this
run, which is an administrator's while it comes from this machine. Nothing is loaded here that a shell would wait for.
"""

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

TOKEN_BYTES: Final = 32


class LocalLogin(NamedTuple):
    """A broker of this user. url: of its HTTP API. token: for `Authorization: Bearer`. process: its number."""

    node: str
    amqp_port: int
    url: str
    token: str
    process: int


class NotSafe(OSError):
    """A directory or a file that others could have put there, or could read; filename names it."""


def directory(environment: Mapping[str, str]) -> str:
    """Where the files are: in the user's directory for what lasts as long as a login, or one like it."""
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime):
        return os.path.join(runtime, "amqpbroker")
    return os.path.join(environment.get("TMPDIR") or "/tmp", f"amqpbroker-{os.getuid()}")


def write(login: LocalLogin, where: str) -> str:
    """Leaves the file, and gives its path; those of brokers that were killed go. OSError: it cannot be done safely."""
    try:
        os.mkdir(where, 0o700)
    except FileExistsError:
        pass
    _check(where, stat.S_ISDIR)
    path = os.path.join(where, f"{login.amqp_port}.json")
    half_written = f"{path}.{login.process}"
    with open(os.open(half_written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        json.dump(login._asdict(), file)
    os.replace(half_written, path)
    _sweep(where)
    return path


def _sweep(where: str) -> None:
    for path in _files(where):
        found = _read(path)
        if found is not None and not runs(found.process):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _files(where: str) -> list[str]:
    """In order of their names. Raises NotSafe; where nothing was ever left there are none."""
    try:
        names = os.listdir(where)
    except FileNotFoundError:
        return []
    _check(where, stat.S_ISDIR)
    return [os.path.join(where, name) for name in sorted(names) if name.endswith(".json")]


def read_all(where: str) -> Iterator[LocalLogin]:
    """Those of brokers that still run, by port. Raises NotSafe; where nothing was ever left there is nothing."""
    for path in _files(where):
        found = _read(path)
        if found is not None and runs(found.process):
            yield found


def _read(path: str) -> LocalLogin | None:
    """One file; None if it is gone meanwhile, or is none of ours."""
    try:
        _check(path, stat.S_ISREG)
        with open(path, encoding="ascii") as file:
            content: dict[str, Any] = json.load(file)
        return LocalLogin(**content)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _check(path: str, is_kind: Any) -> None:
    """Of this kind, no link, ours, and nobody else's to read or to write. Raises NotSafe."""
    found = os.lstat(path)
    if not is_kind(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NotSafe(0, "is not this user's alone", path)


def runs(process: int) -> bool:
    """Whether there is such a process, and it is no zombie that only its parent keeps."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True
