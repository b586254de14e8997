"""Memory of a broker that was just started: with so many messages queued, and octets per message."""

import argparse
import time

from benchmark.processes import tree_peak_rss_mb, tree_rss_mb
from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import BenchmarkError, Connection, Topology, blocks

FILL_TIMEOUT_S = 300.0
SETTLE_S = 2.0
"""How long the broker may tidy up before its memory is read."""
BATCH = 1000


def measure(options: argparse.Namespace) -> Measurement:
    setup = Connection(options.port, FILL_TIMEOUT_S)
    topology = Topology("bench.memory", vary=options.vary, durable=options.durable)
    topology.create(setup)
    try:
        return _fill(options, topology, setup)
    finally:
        topology.remove(setup)


def _fill(options: argparse.Namespace, topology: Topology, setup: Connection) -> Measurement:
    publisher = Connection(options.port, FILL_TIMEOUT_S)
    messages = topology.messages(options.size)
    publishes = [message.publish(publisher.frame_max) for message in messages] * (1 if options.vary else BATCH)
    before_mb = tree_rss_mb(options.broker_pid)
    window = CpuWindow(options.broker_pid)
    remaining = options.count
    while remaining:
        batch = publishes[:remaining]
        for block in blocks(batch):
            publisher.send(block)
        remaining -= len(batch)
    publisher.synchronise()
    fill_s = window.elapsed_s()
    queued = 0
    while (queued := setup.message_count(topology.queues[0])) < options.count:
        if window.elapsed_s() > FILL_TIMEOUT_S:
            raise BenchmarkError(f"{queued} of {options.count} messages are in the queue")
        time.sleep(0.1)
    figures = {"fill_per_s": options.count / fill_s}
    time.sleep(SETTLE_S)
    full_mb, most_mb = tree_rss_mb(options.broker_pid), tree_peak_rss_mb(options.broker_pid)
    if before_mb is not None and full_mb is not None and most_mb is not None:
        figures |= {"full_mb": full_mb, "most_mb": most_mb}
        figures["octets_per_message"] = (full_mb - before_mb) * 1e6 / options.count
    return window.close(figures)


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--size", type=int, default=100, help="octets of a body")
    parser.add_argument("--count", type=int, default=1_000_000, help="messages to queue")
    parser.add_argument("--durable", action="store_true", help="persistent messages in a durable queue")
    parser.add_argument("--vary", action="store_true", help="all messages differ, through a topic exchange")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
