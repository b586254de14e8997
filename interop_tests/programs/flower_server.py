"""Flower as a process, beside the Celery application of the interop tests."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

from interop_tests.rabbitmq import free_ports

START_TIMEOUT_S = 30


@contextlib.contextmanager
def flower(amqp_url: str, broker_api: str, prefix: str) -> Iterator[str]:
    """Where it is to be asked, once it says that it listens. broker_api: with the credentials, as Flower wants it."""
    (port,) = free_ports(1)
    variables = {"INTEROP_BROKER_URL": amqp_url, "INTEROP_RESULT_BACKEND": "rpc://", "INTEROP_PREFIX": prefix}
    command = [sys.executable, "-m", "celery", "-A", "interop_tests.programs.celery_app", "flower"]
    command += ["--address=127.0.0.1", f"--port={port}", f"--broker-api={broker_api}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | variables)
    listens = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            if "Connected to" in line or "Visit me at" in line:
                listens.set()

    reading = threading.Thread(target=read)
    reading.start()
    try:
        assert listens.wait(START_TIMEOUT_S), "Flower does not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)
        reading.join()
