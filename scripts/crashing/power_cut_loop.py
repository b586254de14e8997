"""Takes the power away at random instants and compares what was confirmed with what comes back.

The data directory is on a filesystem in an image file. At a random instant that filesystem stops: what was not synced
never reaches the image. The broker is killed with it; the image is mounted again and the broker started on what it
holds. First it is shown that a file that was not synced is gone after such a cut. Takes
root and a loop device; where there are none it says so and ends with 77.

With --no-sync the broker is told not to wait for the disk: then confirmed messages have to be lost, or this loop
proves nothing.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import Final

from crashing.brokers import Broker
from crashing.image import Image, cannot, unsynced_is_lost
from crashing.loop import Loop, add_options, report

EXIT_SKIPPED: Final = 77


class CuttableDisk:
    """The data directory on an image."""

    def __init__(self, image: Image) -> None:
        self.data_dir = image.mount_point / "data"
        self._image = image

    def crash(self, broker: Broker, source: random.Random) -> int:
        """The power goes while the broker works, or when it has been killed a moment before.

        In the first case it is stopped in mid-work before it is killed, so that it can tell nobody anything any more:
        of a sync that is under way when the filesystem is shut down, ext4 may say that it succeeded.
        """
        if source.random() < 0.5:
            broker.freeze()
            self._image.cut_power()
            code = broker.kill()
        else:
            code = broker.kill()
            self._image.cut_power()
        self._image.restore_power()
        return code


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/power_cut_loop", description=__doc__)
    add_options(parser, cycles=200)
    parser.add_argument("--image", type=int, default=2_000, metavar="MB", help="the filesystem's size (default 2,000)")
    parser.add_argument("--no-sync", action="store_true", help="the counter-proof: a broker that does not sync")
    options = parser.parse_args(arguments)
    if reason := cannot():
        print(f"skipped: {reason}")
        return EXIT_SKIPPED
    with (
        tempfile.TemporaryDirectory(prefix="amqpbroker-power-") as directory,
        Image(Path(directory), options.image) as image,
    ):
        if fault := unsynced_is_lost(image):
            print(f"a power cut cannot be had here: {fault}")
            return 1
        loop = Loop(options, CuttableDisk(image), Path(directory), *(["--no-sync"] if options.no_sync else []))
        loop.run()
    return report(loop, "crashes: power cut")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
