"""The process of `BrokerProcess`: `python -m amqpbroker.testing.child serve …`, which ends when its parent has."""

import os
import signal
import sys
import threading


def _end_with_parent() -> None:
    """Standard input is a pipe that the parent holds open; the system closes it, however the parent ends."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    from amqpbroker.cli.main import main

    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    sys.exit(main())
