"""Dead-lettering by rejection: a consumer rejects all that a queue holds, another takes the dead letters.

All messages are in the queue before the first is rejected, so that publishing them is not in the rate.
"""

import argparse
import struct
import time
from dataclasses import dataclass
from typing import Final

from benchmark.load import Consumer, Consumers
from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import (
    BASIC_NACK,
    BASIC_REJECT,
    CHANNEL,
    BenchmarkError,
    Connection,
    Topology,
    blocks,
    method,
    table,
)

TIMEOUT_S = 120.0
DEAD: Final = Topology("bench.dead.letters")
_TAG_AND_NO_BITS: Final = struct.Struct(">QB")


def rejects(first: int, last: int, *, multiple: bool) -> bytes:
    """The frames that reject these delivery tags: a basic.reject for each, or one basic.nack."""
    if multiple:
        return method(CHANNEL, BASIC_NACK, _TAG_AND_NO_BITS.pack(last, 1))
    head, end = method(CHANNEL, BASIC_REJECT, _TAG_AND_NO_BITS.pack(0, 0))[:11], b"\0\xce"
    return b"".join([head + tag.to_bytes(8, "big") + end for tag in range(first, last + 1)])


@dataclass
class RejectingConsumer(Consumer):
    """Rejects what it gets, after every `ack_every` deliveries and at the end of `total`."""

    multiple: bool = False
    total: int = 1

    def take(self, count: int) -> None:
        self.octets += count
        received = self.received
        if received > self.acked and (received - self.acked >= self.ack_every or received == self.total):
            self.connection.send(rejects(self.acked + 1, received, multiple=self.multiple))
            self.acked = received


def measure(options: argparse.Namespace) -> Measurement:
    setup = Connection(options.port)
    arguments = table({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": DEAD.queues[0]})
    topology = Topology("bench.dead", vary=options.vary, arguments=arguments)
    for each in (DEAD, topology):
        each.create(setup)
    try:
        return _reject_all(options, topology)
    finally:
        for each in (topology, DEAD):
            each.remove(setup)


def _reject_all(options: argparse.Namespace, topology: Topology) -> Measurement:
    messages = topology.messages(options.size)
    publisher = Connection(options.port, TIMEOUT_S)
    publishes = [message.publish(publisher.frame_max) for message in messages]
    delivery_size = messages[0].delivery_size(publisher.frame_max)
    dead = Connection(options.port)
    dead.consume(DEAD.queues[0], no_ack=True)
    publisher.send(publishes[0])
    with_one = _consumer(options, topology, delivery_size, 1)
    while not with_one.acked:
        with_one.read(bytearray(delivery_size))
    # Every other dead letter is as long as the first.
    dead_size = dead.read_delivery()
    with_one.connection.close()

    whole, rest = divmod(options.count, len(publishes))
    for block in blocks(publishes * whole + publishes[:rest]):
        publisher.send(block)
    publisher.synchronise()
    dead_letters = Consumer(dead, dead_size, ack_every=0)
    window = CpuWindow(options.broker_pid)
    start_s = time.perf_counter()
    rejecting = _consumer(options, topology, delivery_size, options.count)
    consumers = Consumers([rejecting, dead_letters])
    consumers.expected = 2 * options.count
    consumers.thread.start()
    consumers.thread.join(TIMEOUT_S)
    if consumers.error:
        raise consumers.error
    if dead_letters.received != options.count or dead_letters.octets % dead_size:
        raise BenchmarkError(f"{dead_letters.received} of {options.count} dead letters came")
    return window.close({"dead_letters_per_s": options.count / (consumers.last_delivery_s - start_s)})


def _consumer(options: argparse.Namespace, topology: Topology, delivery_size: int, total: int) -> RejectingConsumer:
    connection = Connection(options.port)
    connection.set_prefetch(options.prefetch)
    connection.consume(topology.queues[0], no_ack=False)
    every = options.prefetch // 2
    consumer = RejectingConsumer(connection, delivery_size, every, multiple=options.multiple, total=total)
    consumer.take(len(connection.unread()))
    return consumer


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--size", type=int, default=100, help="octets of a body")
    parser.add_argument("--count", type=int, default=100_000, help="messages to reject")
    parser.add_argument("--prefetch", type=int, default=1000)
    parser.add_argument("--multiple", action="store_true", help="with basic.nack for many instead of basic.reject each")
    parser.add_argument("--vary", action="store_true", help="all messages differ, through a topic exchange")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
