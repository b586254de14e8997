"""What the machine has: memory, as much of it as this process may use, and where a user's programs keep their state."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

# What RabbitMQ takes the memory for where the system does not tell.
UNKNOWN_MEMORY_BYTES: Final = 1_073_741_824

_SIZE: Final = re.compile(r"([0-9]+)(?:([kmgtp])(i?)b?)?", re.IGNORECASE | re.ASCII)
_POWERS: Final = "kmgtp"


def parse_size(text: str) -> int:
    """Octets of a size as RabbitMQ writes it: 50000000; 50MB and 50M, of powers of 1,000; 48MiB and 48Mi, of 1,024.

    RabbitMQ knows a unit in some ways of writing it in capitals and small letters; here it is known in all. ValueError:
    it is no size. Source: RabbitMQ's rabbit_resource_monitor_misc.
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"not a size: {text!r}")
    number, prefix, binary = found.groups()
    power = _POWERS.index(prefix.lower()) + 1 if prefix else 0
    unit_bytes: int = (1_024 if binary else 1_000) ** power
    return int(number) * unit_bytes


def memory_bytes(root: Path = Path("/")) -> int | None:
    """The memory this process may use: the machine's, or less if its cgroup allows less; None where nobody tells.

    root: where /proc and /sys are.
    """
    known = [size for size in (_physical_memory_bytes(), *_cgroup_limits_bytes(root)) if size is not None]
    return min(known, default=None)


def _physical_memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf; a system may not know these names
        return None


def _cgroup_limits_bytes(root: Path) -> Iterator[int]:
    """The limits of this process's cgroup and of those around it; version 2 (`0::/path`) and version 1."""
    mounts = root / "sys" / "fs" / "cgroup"
    for line in _read(root / "proc" / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            yield from _limits_upwards(mounts, path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _limits_upwards(mounts / "memory", path, "memory.limit_in_bytes")


def _limits_upwards(mount: Path, path: str, name: str) -> Iterator[int]:
    """The limits from a cgroup up to the root of what is mounted.

    In a container the path may be that of the host, or lie outside (`/../..`): the root is then its own cgroup.
    """
    inside = PurePosixPath(path.lstrip("/"))
    if ".." in inside.parts:
        inside = PurePosixPath()
    for group in (inside, *inside.parents):
        text = _read(mount / group / name).strip()
        if text.isdecimal():  # "max" is no limit
            yield int(text)


def _read(path: Path) -> str:
    """A file's text; empty where there is none that may be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def default_data_dir(environment: Mapping[str, str]) -> str:
    """Where data is kept unless somebody says where: `amqpbroker` in the user's directory for state.

    Source: XDG Base Directory Specification, which has a relative $XDG_STATE_HOME ignored.
    """
    state = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "amqpbroker")
