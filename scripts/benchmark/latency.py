"""Latency from publish to delivery at a fixed rate: one message at a time, the time of sending in its body.

One loop does both sides: it sends when a message is due and reads while it waits. `select` is used because its
timeout is finer than a millisecond.
"""

import argparse
import select
import struct
import time

from benchmark.tool import CpuWindow, Measurement, percentile, run_tool, tool_parser
from benchmark.wire import FRAME_END, RECEIVE_SIZE, BenchmarkError, Connection, Message, Topology

BODY_SIZE = 100
WARM_UP = 0.1
"""The share of the deliveries, from the first on, that is not counted."""
LAST_DELIVERIES_TIMEOUT_S = 30.0
TIME_OFFSET_FROM_END = len(FRAME_END) + BODY_SIZE


def measure(options: argparse.Namespace) -> Measurement:
    setup = Connection(options.port)
    topology = Topology("bench.latency")
    topology.create(setup)
    try:
        return _publish_on_time(options, topology.queues[0])
    finally:
        topology.remove(setup)


def _publish_on_time(options: argparse.Namespace, queue: str) -> Measurement:
    consumer, publisher = Connection(options.port), Connection(options.port)
    consumer.consume(queue, no_ack=True)
    message = Message("", queue, b"x" * BODY_SIZE)
    before_time = message.publish(publisher.frame_max)[:-TIME_OFFSET_FROM_END]
    after_time = b"x" * (BODY_SIZE - 8) + FRAME_END
    delivery_size = message.delivery_size(consumer.frame_max)

    count = int(options.rate * options.seconds)
    sent, received, latencies_us = 0, bytearray(), list[float]()
    window = CpuWindow(options.broker_pid)
    start_s = time.perf_counter()
    while len(latencies_us) < count:
        due_s = start_s + sent / options.rate if sent < count else start_s + options.seconds + LAST_DELIVERIES_TIMEOUT_S
        wait_s = due_s - time.perf_counter()
        if wait_s <= 0:
            if sent == count:
                raise BenchmarkError(f"{len(latencies_us)} of {count} deliveries came")
            publisher.send(before_time + struct.pack(">Q", time.perf_counter_ns()) + after_time)
            sent += 1
            continue
        if not select.select([consumer.socket], [], [], wait_s)[0]:
            continue
        chunk = consumer.socket.recv(RECEIVE_SIZE)
        now_ns = time.perf_counter_ns()
        if not chunk:
            raise BenchmarkError("the broker closed the consumer's socket")
        received += chunk
        while len(received) >= delivery_size:
            (sent_ns,) = struct.unpack_from(">Q", received, delivery_size - TIME_OFFSET_FROM_END)
            latencies_us.append((now_ns - sent_ns) / 1e3)
            del received[:delivery_size]
    counted = sorted(latencies_us[int(count * WARM_UP) :])
    return window.close({"p50_us": percentile(counted, 0.5), "p99_us": percentile(counted, 0.99)})


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--rate", type=float, default=1000.0, help="messages per second")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
