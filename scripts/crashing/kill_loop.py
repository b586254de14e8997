"""Kills the broker with SIGKILL at random instants, starts it again on the same data directory, and compares what was
confirmed with what comes back.

Publishers confirm in every way (many in flight, one, transactions, several queues at once, large and giant bodies),
consumers acknowledge in every way; definitions come and go. Every delivery is compared at once, every queue's count
after each start, and every few cycles all queues are drained to the end. The exit code is 1 if any promise was broken.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from crashing.brokers import Broker
from crashing.loop import Loop, add_options, report


class KeptDisk:
    """A directory; whatever was written is there, also if it was never synced."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def crash(self, broker: Broker, _source: random.Random) -> int:
        return broker.kill()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/kill_loop", description=__doc__)
    add_options(parser, cycles=500)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="amqpbroker-kill-") as directory:
        scratch = Path(directory)
        loop = Loop(options, KeptDisk(scratch / "data"), scratch)
        loop.run()
    return report(loop, "crashes: SIGKILL")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
