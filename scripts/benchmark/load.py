"""Throughput: publishes encoded ahead of time in large blocks, deliveries counted by size.

So the load side costs almost nothing and the broker is what is measured. Publishers are threads that mostly wait in
the kernel; one more thread reads all consumers. Every message of a load makes a delivery of the same size, so octets
received tell how many came; a remainder or a missing message fails the run.
"""

import argparse
import itertools
import selectors
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import RECEIVE_SIZE, BenchmarkError, Connection, Topology, ack, blocks, table

DRAIN_TIMEOUT_S = 120.0
IDLE_TIMEOUT_S = 10.0


@dataclass
class Publisher:
    """Publishes as fast as the broker takes it until `stop` is set; then waits until the broker has read it all."""

    connection: Connection
    publishes: list[bytes]
    stop: threading.Event
    sent: int = 0
    blocks: list[bytes] = field(init=False)
    error: Exception | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.blocks = list(blocks(self.publishes))
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _endless(self) -> Iterator[bytes]:
        """What is sent, a block at a time."""
        return itertools.cycle(self.blocks)

    def _run(self) -> None:
        size = len(self.publishes[0])
        try:
            for block in self._endless():
                if self.stop.is_set():
                    break
                self.connection.send(block)
                self.sent += len(block) // size
            self.connection.synchronise()
        except (OSError, BenchmarkError) as error:
            self.error = error


@dataclass
class Consumer:
    """One consuming connection and how far it has come."""

    connection: Connection
    delivery_size: int
    ack_every: int
    """Acknowledges (multiple) after so many deliveries; 0 = auto-ack."""
    octets: int = 0
    acked: int = 0

    @property
    def received(self) -> int:
        return self.octets // self.delivery_size

    def read(self, into: bytearray) -> None:
        count = self.connection.socket.recv_into(into)
        if not count:
            raise BenchmarkError("the broker closed a consumer's socket")
        self.take(count)

    def take(self, count: int) -> None:
        """So many octets of deliveries have come."""
        self.octets += count
        if self.ack_every and self.received - self.acked >= self.ack_every:
            self.acked = self.received
            self.connection.send(ack(self.acked))


class Consumers:
    """All consumers of a load, read by one thread until `expected` deliveries have come or nothing comes any more."""

    def __init__(self, consumers: list[Consumer]) -> None:
        self.consumers = consumers
        self.expected: int | None = None
        self.last_delivery_s = time.perf_counter()
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    @property
    def received(self) -> int:
        return sum(consumer.received for consumer in self.consumers)

    def _run(self) -> None:
        into = bytearray(RECEIVE_SIZE)
        try:
            with selectors.DefaultSelector() as selector:
                for consumer in self.consumers:
                    consumer.take(len(consumer.connection.unread()))
                    selector.register(consumer.connection.socket, selectors.EVENT_READ, consumer)
                while not self._finished():
                    for key, _events in selector.select(0.1):
                        key.data.read(into)
                        self.last_delivery_s = time.perf_counter()
        except (OSError, BenchmarkError) as error:
            self.error = error

    def _finished(self) -> bool:
        if self.expected is None:
            return False
        return self.received >= self.expected or time.perf_counter() - self.last_delivery_s > IDLE_TIMEOUT_S


def measure(options: argparse.Namespace) -> Measurement:
    arguments = table({"x-dispatch-strategy": options.strategy} if options.strategy else {})
    return measure_on(Topology("bench.load", options.queues, options.vary, arguments=arguments), options)


def measure_on(topology: Topology, options: argparse.Namespace) -> Measurement:
    """Makes the queues and exchange, runs the load on them and removes them."""
    setup = Connection(options.port)
    topology.create(setup)
    try:
        return run_load(topology, options)
    finally:
        topology.remove(setup)


def run_load(topology: Topology, options: argparse.Namespace) -> Measurement:
    """Runs the load on queues that are there."""
    messages = topology.messages(options.size)
    consumers = Consumers([_consumer(options, topology, number) for number in range(options.consumers)])
    stop = threading.Event()
    publishers = []
    for _ in range(options.publishers):
        connection = Connection(options.port, timeout_s=DRAIN_TIMEOUT_S)
        publishes = [message.publish(connection.frame_max) for message in messages]
        repeats = 1 if options.vary else max(1, (1 << 16) // len(publishes[0]))
        publishers.append(Publisher(connection, publishes * repeats, stop))

    window = CpuWindow(options.broker_pid)
    start_s = time.perf_counter()
    consumers.thread.start()
    for publisher in publishers:
        publisher.thread.start()
    stop.wait(options.seconds)  # nobody else sets it: this is the measured time
    flood_s = time.perf_counter() - start_s
    received_in_flood = consumers.received
    stop.set()
    for publisher in publishers:
        publisher.thread.join(DRAIN_TIMEOUT_S)
    published_s = time.perf_counter() - start_s
    sent = sum(publisher.sent for publisher in publishers)
    consumers.expected = sent * options.queues
    consumers.thread.join(DRAIN_TIMEOUT_S)
    total_s = consumers.last_delivery_s - start_s

    for error in (consumers.error, *(publisher.error for publisher in publishers)):
        if error:
            raise error
    if consumers.received != consumers.expected or any(
        each.octets % each.delivery_size for each in consumers.consumers
    ):
        octets = sum(each.octets for each in consumers.consumers)
        raise BenchmarkError(f"{consumers.received} of {consumers.expected} deliveries came ({octets} octets)")
    publishes_per_s = sent / published_s
    deliveries_per_s_in_flood = received_in_flood / flood_s
    return window.close(
        {
            "messages_per_s": consumers.received / total_s,
            "publishes_per_s": publishes_per_s,
            "deliveries_per_s_in_flood": deliveries_per_s_in_flood,
            "deliveries_per_publish_in_flood": deliveries_per_s_in_flood / publishes_per_s,
        }
    )


def _consumer(options: argparse.Namespace, topology: Topology, number: int) -> Consumer:
    connection = Connection(options.port)
    if options.prefetch:
        connection.set_prefetch(options.prefetch)
    weights = options.weights
    arguments = table({"x-weight": weights[number % len(weights)]} if weights else {})
    connection.consume(topology.queues[number % options.queues], no_ack=not options.prefetch, arguments=arguments)
    delivery_size = topology.messages(options.size, count=1)[0].delivery_size(connection.frame_max)
    return Consumer(connection, delivery_size, ack_every=options.prefetch // 2)


def load_parser(description: str | None) -> argparse.ArgumentParser:
    """The options of a load."""
    parser = tool_parser(description)
    parser.add_argument("--size", type=int, default=100, help="octets of a body")
    parser.add_argument("--publishers", type=int, default=1)
    parser.add_argument("--queues", type=int, default=1, help="more than one are fed by a fanout exchange")
    parser.add_argument("--consumers", type=int, default=1, help="spread over the queues in turn")
    parser.add_argument("--prefetch", type=int, default=0, help="with manual acks; 0 = auto-ack")
    parser.add_argument("--vary", action="store_true", help="all messages differ, through a topic exchange")
    parser.add_argument("--strategy", help="the queues' x-dispatch-strategy")
    parser.add_argument("--weights", type=int, nargs="+", default=(), help="the consumers' x-weight, in turn")
    return parser


def main() -> None:
    run_tool(load_parser(__doc__), measure)


if __name__ == "__main__":
    main()
