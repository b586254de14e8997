"""Many connections, one confirmed publish in flight on each: the rate, and how long a confirm takes.

One selector loop serves them all. A consumer in the same loop keeps the queue empty.
"""

import argparse
import itertools
import selectors
import time
from collections.abc import Iterator

from benchmark.tool import CpuWindow, Measurement, percentile, run_tool, tool_parser
from benchmark.wire import BASIC_ACK, CHANNEL, RECEIVE_SIZE, BenchmarkError, Connection, Topology, method

LAST_CONFIRMS_TIMEOUT_S = 30.0
BODY_SIZE = 100
ACK_SIZE = 21
ACK_PREFIX = method(CHANNEL, BASIC_ACK, bytes(9))[:11]


class ConfirmedPublisher:
    """A connection in confirm mode that publishes its next message when the last one is confirmed."""

    def __init__(self, port: int, publishes: Iterator[bytes]) -> None:
        self.connection = Connection(port)
        self.connection.select_confirms()
        self._publishes = publishes
        self._received = b""
        self._sent_at_s = 0.0

    def publish(self) -> None:
        self._sent_at_s = time.perf_counter()
        self.connection.send(next(self._publishes))

    def read_confirm(self) -> float | None:
        """Seconds from the publish to its confirm; None while that is not complete."""
        self._received += self.connection.socket.recv(4096)
        if len(self._received) < ACK_SIZE:
            if not self._received:
                raise BenchmarkError("the broker closed a publisher's socket")
            return None
        if len(self._received) != ACK_SIZE or not self._received.startswith(ACK_PREFIX):
            raise BenchmarkError(f"expected one confirm, got {self._received[:80]!r}")
        self._received = b""
        return time.perf_counter() - self._sent_at_s


def measure(options: argparse.Namespace) -> Measurement:
    setup = Connection(options.port)
    topology = Topology("bench.many", vary=options.vary)
    topology.create(setup)
    try:
        return _publish_confirmed(options, topology)
    finally:
        topology.remove(setup)


def _publish_confirmed(options: argparse.Namespace, topology: Topology) -> Measurement:
    consumer = Connection(options.port)
    consumer.consume(topology.queues[0], no_ack=True)
    publishes = itertools.cycle([message.publish(consumer.frame_max) for message in topology.messages(BODY_SIZE)])
    publishers = [ConfirmedPublisher(options.port, publishes) for _ in range(options.connections)]
    latencies_s: list[float] = []
    with selectors.DefaultSelector() as selector:
        selector.register(consumer.socket, selectors.EVENT_READ, None)
        for publisher in publishers:
            selector.register(publisher.connection.socket, selectors.EVENT_READ, publisher)
        window = CpuWindow(options.broker_pid)
        for publisher in publishers:
            publisher.publish()
        in_flight = len(publishers)
        while in_flight:
            running = window.elapsed_s() < options.seconds
            if window.elapsed_s() > options.seconds + LAST_CONFIRMS_TIMEOUT_S:
                raise BenchmarkError(f"{in_flight} publishes were not confirmed in {LAST_CONFIRMS_TIMEOUT_S:g} s")
            for key, _events in selector.select(1.0):
                if key.data is None:
                    if not consumer.socket.recv(RECEIVE_SIZE):
                        raise BenchmarkError("the broker closed the consumer's socket")
                    continue
                latency_s = key.data.read_confirm()
                if latency_s is None:
                    continue
                latencies_s.append(latency_s)
                if running:
                    key.data.publish()
                else:
                    in_flight -= 1
    latencies_s.sort()
    return window.close(
        {
            "confirms_per_s": len(latencies_s) / window.elapsed_s(),
            "p50_ms": percentile(latencies_s, 0.5) * 1e3,
            "p99_ms": percentile(latencies_s, 0.99) * 1e3,
        }
    )


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--vary", action="store_true", help="all messages differ, through a topic exchange")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
