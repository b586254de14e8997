"""What a tree of processes has used, read from /proc, and how a process is ended for certain."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")
END_TIMEOUT_S = 15.0


def has_proc() -> bool:
    """Whether this system tells about its processes in /proc (Linux does, macOS and Windows do not)."""
    return (PROC / "self" / "stat").exists()


def tree(root_pid: int) -> list[int]:
    """The process `root_pid` and all its descendants that live now; empty where there is no /proc."""
    parents: dict[int, int] = {}
    if has_proc():
        for entry in PROC.iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):  # it ended between the listing and the reading
                    parents[int(entry.name)] = int(_stat_fields(int(entry.name))[1])
    members = [root_pid] if root_pid in parents else []
    for member in members:  # grows while it is walked: children of children are found in turn
        members.extend(pid for pid, parent in parents.items() if parent == member)
    return members


def tree_cpu_s(root_pid: int) -> float | None:
    """Processor seconds, user and system, of the tree and of its children that have ended; None without /proc."""
    ticks_per_s = os.sysconf("SC_CLK_TCK") if has_proc() else 1
    return _sum_over_tree(root_pid, lambda pid: sum(int(field) for field in _stat_fields(pid)[11:15]) / ticks_per_s)


def tree_rss_mb(root_pid: int) -> float | None:
    """Resident memory of the tree in MB (10^6 octets); None without /proc."""
    return _sum_over_tree(root_pid, lambda pid: _memory_mb(pid, "VmRSS:"))


def tree_peak_rss_mb(root_pid: int) -> float | None:
    """The most resident memory that each process of the tree ever had, together, in MB; None without /proc."""
    return _sum_over_tree(root_pid, lambda pid: _memory_mb(pid, "VmHWM:"))


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends `process` with SIGTERM and, when it has not gone in time, by force."""
    process.terminate()
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(END_TIMEOUT_S)


def kill_session(leader: subprocess.Popen[bytes]) -> None:
    """Ends `leader`, started with `start_new_session=True`, and all of its session at once, without a warning."""
    if hasattr(os, "killpg"):
        os.killpg(leader.pid, signal.SIGKILL)
    else:
        leader.kill()
    leader.wait(END_TIMEOUT_S)


def end_session(leader: subprocess.Popen[bytes]) -> None:
    """Ends `leader`, started with `start_new_session=True`, and then what it has left running in its session."""
    end(leader)
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left (macOS: PermissionError)
            os.killpg(leader.pid, signal.SIGKILL)


def _sum_over_tree(root_pid: int, measure: Callable[[int], float]) -> float | None:
    values = []
    for pid in tree(root_pid):
        with contextlib.suppress(OSError):
            values.append(measure(pid))
    return sum(values) if values else None


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the command's name, which may itself hold blanks and parentheses."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _memory_mb(pid: int, name: str) -> float:
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0  # a process that has ended and waits to be reaped has no such line
