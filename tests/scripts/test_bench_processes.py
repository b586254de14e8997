"""What the benchmark reads of processes, and how it kills one without a warning."""

import os
import signal
import subprocess
import sys

import pytest

from benchmark.processes import has_proc, kill_session, tree_peak_rss_mb, tree_rss_mb

needs_proc = pytest.mark.skipif(not has_proc(), reason="this system has no /proc")


@needs_proc
def test_most_memory_is_kept_when_the_memory_is_given_back() -> None:
    before_mb = tree_rss_mb(os.getpid())
    octets = bytearray(b"x" * 50_000_000)
    held_mb = tree_rss_mb(os.getpid())
    del octets
    assert held_mb > before_mb + 40
    assert tree_peak_rss_mb(os.getpid()) >= held_mb


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no process groups")
def test_killed_session_has_no_chance_to_tidy_up() -> None:
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout.readline() == b"up\n"
        kill_session(process)
    assert process.returncode == -signal.SIGKILL
