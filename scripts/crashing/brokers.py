"""The broker that is to crash: a process on a data directory that outlives it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S: Final = 60.0
END_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.005

# The same broker with segments, heads of queues and the floor of compaction a sixteenth as large: what takes gigabytes
# otherwise happens in every run.
_SMALL: Final = """
import sys
from amqpbroker import limits
for name in ("SEGMENT_BYTES", "SPACE_FLOOR_BYTES", "HEAD_MAX_BYTES"):
    setattr(limits, name, getattr(limits, name) // 16)
from amqpbroker.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


class NotReady(Exception):
    """The broker ended, or was not ready in time: with what exit code, and its last words."""


class Broker:
    """One process, from its start to its end. small: see above."""

    def __init__(self, data_dir: Path, scratch: Path, *options: str, small: bool = False) -> None:
        self._ready_file = scratch / "ready"
        self._ready_file.unlink(missing_ok=True)
        self._output = scratch / "output"
        program = [sys.executable, "-c", _SMALL] if small else [sys.executable, "-m", "amqpbroker"]
        command = [*program, "serve", "--host", "127.0.0.1", "--port", "0", "--http-port", "-1", "--metrics-port", "-1"]
        command += ["--data-dir", str(data_dir), "--ready-file", str(self._ready_file), *options]
        self.started_s = time.perf_counter()
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                start_new_session=True,  # Ctrl-C comes to us alone, and we end it
            )

    def wait_until_ready(self) -> int:
        """Returns its port. Raises NotReady."""
        while not self._ready_file.exists():
            if self.process.poll() is not None:
                raise NotReady(f"it ended with {self.process.returncode}: {self.last_words()}")
            if time.perf_counter() - self.started_s > READY_TIMEOUT_S:
                self.kill()
                raise NotReady(f"it was not ready within {READY_TIMEOUT_S:g} s: {self.last_words()}")
            time.sleep(_POLL_S)
        return int(self._ready_file.read_text())

    def kill(self) -> int:
        """SIGKILL; returns how it ended, which is another way if it had ended before."""
        return self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP; returns when none of its threads runs: each has stopped, or will before it leaves the kernel."""
        self.process.send_signal(signal.SIGSTOP)
        while self.process.poll() is None and not _is_frozen(self.process.pid):
            time.sleep(0)

    def stop(self) -> int:
        """SIGTERM; returns its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(END_TIMEOUT_S)
            raise NotReady(f"it did not end within {END_TIMEOUT_S:g} s: {self.last_words()}") from None

    def output(self) -> str:
        """All it has said."""
        return self._output.read_text(errors="replace")

    def last_words(self) -> str:
        """The end of it."""
        return self.output().strip()[-1_500:]


def data_bytes(data_dir: Path) -> int:
    """What the files of a data directory take."""
    total = 0
    for folder, _, names in os.walk(data_dir):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                continue  # a segment that has just gone
    return total


def _is_frozen(pid: int) -> bool:
    """Whether every thread is stopped, or in a call that no signal interrupts."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            state = (task / "stat").read_text().rpartition(") ")[2][0]
        except FileNotFoundError:
            continue  # it has ended
        if state not in "TDZ":
            return False
    return True


def inode(path: Path) -> int | None:
    """Which file bears the name now; None: none does."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None
