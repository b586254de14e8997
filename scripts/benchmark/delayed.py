"""Messages that wait in an exchange of type x-delayed-message: what they take, and how fast they come when due.

First so many wait for an hour or two, each for a time of its own: the memory, and what the broker does meanwhile. Then
others beside them that are all due at one moment: from then to the last delivery.
"""

import argparse
import random
import time
from typing import Final

from benchmark.load import Consumer, Consumers
from benchmark.processes import tree_cpu_s, tree_peak_rss_mb, tree_rss_mb
from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import BenchmarkError, Connection, Message, blocks, table

TIMEOUT_S = 300.0
SETTLE_S = 2.0
"""How long the broker may tidy up before its memory is read."""
IDLE_S = 5.0
EXCHANGE, QUEUE = "bench.delayed", "bench.delayed"
PENDING_MS: Final = (3_600_000, 7_200_000)
DISTINCT: Final = 20_000
BATCH: Final = 1_000
"""So many messages have one delay, as it is when they are sent."""
DUE_IN_S: Final = 3.0
"""How long after the time that publishing takes."""


def measure(options: argparse.Namespace) -> Measurement:
    setup = Connection(options.port, TIMEOUT_S)
    setup.declare_queue(QUEUE, durable=options.durable)
    setup.declare_exchange(EXCHANGE, "x-delayed-message", options.durable, table({"x-delayed-type": "direct"}))
    setup.bind_queue(QUEUE, EXCHANGE, QUEUE)
    try:
        return _delay(options)
    finally:
        setup.delete_exchange(EXCHANGE)
        setup.delete_queue(QUEUE)


def _delay(options: argparse.Namespace) -> Measurement:
    connection = Connection(options.port, TIMEOUT_S)

    def publish(delay_ms: int) -> bytes:
        headers = table({"x-delay": delay_ms})
        message = Message(EXCHANGE, QUEUE, b"x" * options.size, persistent=options.durable, headers=headers)
        return message.publish(connection.frame_max)

    before_mb = tree_rss_mb(options.broker_pid)
    source = random.Random(options.count)
    publishes = [publish(source.randint(*PENDING_MS)) for _ in range(min(DISTINCT, options.count))]
    start_s = time.perf_counter()
    for start in range(0, options.count, DISTINCT):
        for block in blocks(publishes[: options.count - start]):
            connection.send(block)
    connection.synchronise()
    published_per_s = options.count / (time.perf_counter() - start_s)
    figures = {"published_per_s": published_per_s}
    figures |= _at_rest(options, before_mb)

    consuming = Connection(options.port, TIMEOUT_S)
    consuming.consume(QUEUE, no_ack=True)
    connection.send(publish(1))
    delivery_size = consuming.read_delivery()
    due_s = time.perf_counter() + options.due / published_per_s + DUE_IN_S
    for _ in range(0, options.due, BATCH):
        connection.send(publish(round((due_s - time.perf_counter()) * 1e3)) * BATCH)
    connection.synchronise()
    if (left_s := due_s - time.perf_counter()) <= 0:
        raise BenchmarkError(f"{options.due} messages were published {-left_s:.1f} s too late")
    consumers = Consumers([Consumer(consuming, delivery_size, ack_every=0)])
    consumers.expected = options.due
    time.sleep(left_s)
    window = CpuWindow(options.broker_pid)
    consumers.thread.start()
    consumers.thread.join(TIMEOUT_S)
    if consumers.error:
        raise consumers.error
    if consumers.received != options.due:
        raise BenchmarkError(f"{consumers.received} of {options.due} messages came when they were due")
    return window.close(figures | {"due_per_s": options.due / (consumers.last_delivery_s - due_s)})


def _at_rest(options: argparse.Namespace, before_mb: float | None) -> dict[str, float]:
    """What the broker takes while all of them wait; empty without /proc."""
    time.sleep(SETTLE_S)
    full_mb, most_mb = tree_rss_mb(options.broker_pid), tree_peak_rss_mb(options.broker_pid)
    before_s = tree_cpu_s(options.broker_pid)
    time.sleep(IDLE_S)
    after_s = tree_cpu_s(options.broker_pid)
    if before_mb is None or full_mb is None or most_mb is None or before_s is None or after_s is None:
        return {}
    return {
        "full_mb": full_mb,
        "most_mb": most_mb,
        "octets_per_message": (full_mb - before_mb) * 1e6 / options.count,
        "idle_cpu_percent": (after_s - before_s) / IDLE_S * 100,
    }


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--size", type=int, default=100, help="octets of a body")
    parser.add_argument("--count", type=int, default=1_000_000, help="messages that wait for long")
    parser.add_argument("--due", type=int, default=200_000, help="messages that are due at one moment")
    parser.add_argument("--durable", action="store_true", help="persistent messages, a durable exchange and queue")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
