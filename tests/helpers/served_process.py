"""A broker in a process of its own, with the test API."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

STOP_TIMEOUT_S = 20.0
_FLAGS = ["--memory", "--test-api", "--host", "127.0.0.1", "--port", "0", "--http-port", "0", "--metrics-port", "-1"]


@dataclass(frozen=True)
class Served:
    """amqp_url: where clients connect. url: of the HTTP API."""

    amqp_url: str
    url: str


@contextmanager
def served_process() -> Iterator[Served]:
    """Until the end of the block."""
    command = [sys.executable, "-m", "amqpbroker", "serve", *_FLAGS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        told = ""
        while "Server startup complete" not in told:
            line = process.stdout.readline()
            assert line, f"the broker has ended: {told}"
            told += line
        amqp, web = re.search(r"amqp://\S+", told), re.search(r"http://[^/\s]+", told)
        assert amqp is not None and web is not None
        yield Served(amqp[0], web[0])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=STOP_TIMEOUT_S)
