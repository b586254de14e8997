"""The process of `BrokerProcess`: `python -m amqpbroker`, which ends when its parent has, however that was."""

import os
import runpy
import signal
import threading


def _end_with_parent() -> None:
    """Standard input is a pipe that the parent holds open; where the parent is gone, the system has closed it."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    runpy.run_module("amqpbroker", run_name="__main__", alter_sys=True)
