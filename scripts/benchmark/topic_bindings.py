"""A topic exchange with many bindings: messages with a thousand keys in turn, or with keys that never came before.

Each key matches one binding. Half of the patterns have a `*` in them, half end with `#`.
"""

import argparse
import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from benchmark.load import DRAIN_TIMEOUT_S, Consumer, Consumers, Publisher
from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import BenchmarkError, Connection, Message

EXCHANGE: Final = "bench.topic"
QUEUES: Final = tuple(f"bench.topic.{number}" for number in range(10))
TIMEOUT_S: Final = 300.0
KEYS: Final = 1_000
BLOCK: Final = 400
"""Messages in a block: about 64 KiB."""
_WORD: Final = b"wwwwwwww"


def pattern(number: int) -> str:
    """The pattern of one of the bindings."""
    return f"n{number:06d}.#" if number % 2 else f"a.*.n{number:06d}"


def key(number: int, word: str) -> str:
    """A key that matches that binding alone; word: any."""
    return f"n{number:06d}.{word}.b" if number % 2 else f"a.{word}.n{number:06d}"


@dataclass
class NewKeys(Publisher):
    """Publishes messages whose keys were never there before, all of one length."""

    words: Iterator[int] = field(default_factory=itertools.count)

    def _endless(self) -> Iterator[bytes]:
        templates = [b"".join(self.publishes[start : start + BLOCK]) for start in range(0, KEYS, BLOCK)]
        pieces = [template.split(_WORD) for template in templates]
        for first, *others in itertools.cycle(pieces):
            yield first + b"".join([b"%08x" % next(self.words) + other for other in others])


def measure(options: argparse.Namespace) -> Measurement:
    setup = Connection(options.port, TIMEOUT_S)
    setup.declare_exchange(EXCHANGE, "topic")
    for queue in QUEUES:
        setup.declare_queue(queue)
    start_s = time.perf_counter()
    setup.bind_many((QUEUES[number % len(QUEUES)], EXCHANGE, pattern(number)) for number in range(options.bindings))
    binds_per_s = options.bindings / (time.perf_counter() - start_s)
    try:
        measurement = _publish(options)
    finally:
        setup.delete_exchange(EXCHANGE)
        for queue in QUEUES:
            setup.delete_queue(queue)
    measurement.figures["binds_per_s"] = binds_per_s
    return measurement


def _publish(options: argparse.Namespace) -> Measurement:
    connection = Connection(options.port, DRAIN_TIMEOUT_S)
    # The last bindings as well as the first.
    numbers = [place * options.bindings // KEYS + place % len(QUEUES) for place in range(KEYS)]
    messages = [Message(EXCHANGE, key(number, _WORD.decode()), b"x" * options.size) for number in numbers]
    publishes = [message.publish(connection.frame_max) for message in messages]
    delivery_size = messages[0].delivery_size(connection.frame_max)
    consumers = Consumers([_consumer(options.port, queue, delivery_size) for queue in QUEUES])
    stop = threading.Event()
    publisher = (NewKeys if options.new else Publisher)(connection, publishes, stop)
    window = CpuWindow(options.broker_pid)
    start_s = time.perf_counter()
    consumers.thread.start()
    publisher.thread.start()
    stop.wait(options.seconds)  # nobody else sets it: this is the measured time
    stop.set()
    publisher.thread.join(DRAIN_TIMEOUT_S)
    consumers.expected = publisher.sent
    consumers.thread.join(DRAIN_TIMEOUT_S)
    for error in (consumers.error, publisher.error):
        if error:
            raise error
    if consumers.received != publisher.sent:
        raise BenchmarkError(f"{consumers.received} of {publisher.sent} deliveries came")
    return window.close({"messages_per_s": consumers.received / (consumers.last_delivery_s - start_s)})


def _consumer(port: int, queue: str, delivery_size: int) -> Consumer:
    connection = Connection(port)
    connection.consume(queue, no_ack=True)
    return Consumer(connection, delivery_size, ack_every=0)


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--size", type=int, default=100, help="octets of a body")
    parser.add_argument("--bindings", type=int, default=10_000, help=f"at least {len(QUEUES) * KEYS}")
    parser.add_argument("--new", action="store_true", help="no key comes twice")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
