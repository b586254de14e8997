"""What the operating system tells of this process: memory, descriptors, processors. 0 where it does not tell."""

import gc
import os
import sys
import threading
from pathlib import Path
from typing import Final

_KIB: Final = 1_024
_PROC: Final = Path("/proc/self")


def memory_bytes() -> int:
    """What it has in memory."""
    if statm := _read("statm").split():
        return int(statm[1]) * os.sysconf("SC_PAGE_SIZE")
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * _KIB


def descriptors() -> tuple[int, int]:
    """How many descriptors are open, how many may be."""
    try:
        import resource
    except ImportError:
        return 0, 0
    may_be, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    for directory in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(directory)), may_be
        except OSError:
            continue
    return 0, may_be


def threads() -> int:
    """How many threads run."""
    return threading.active_count()


def disk_traffic() -> tuple[int, int]:
    """Octets that were read from disk and written to it since the process began."""
    told = dict(line.split(": ") for line in _read("io").splitlines())
    return int(told.get("read_bytes", 0)), int(told.get("write_bytes", 0))


def context_switches() -> int:
    """How often another process had its turn."""
    try:
        import resource
    except ImportError:
        return 0
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_nvcsw + usage.ru_nivcsw


def collections() -> int:
    """How often Python has looked for garbage."""
    return sum(generation["collections"] for generation in gc.get_stats())


def _read(name: str) -> str:
    try:
        return (_PROC / name).read_text(encoding="ascii")
    except OSError:
        return ""
