"""Consumers at the head of a durable queue: how fast it gives away, with nothing behind the head and with a backlog.

Both times so many messages are taken from the front of the queue, nothing is published meanwhile, and all that waits
is confirmed before. The bodies are large enough that the backlog does not fit into what a broker keeps in memory.
"""

import argparse
import time

from benchmark.confirms import ConfirmedPublisher
from benchmark.load import Consumer
from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import RECEIVE_SIZE, Connection, Topology

TIMEOUT_S = 120.0


def measure(options: argparse.Namespace) -> Measurement:
    setup = Connection(options.port, TIMEOUT_S)
    topology = Topology("bench.backlog", vary=True, durable=True)
    topology.create(setup)
    try:
        return _compare(options, topology)
    finally:
        topology.remove(setup)


def _compare(options: argparse.Namespace, topology: Topology) -> Measurement:
    connection = Connection(options.port, TIMEOUT_S)
    messages = topology.messages(options.size)
    publisher = ConfirmedPublisher(connection, [message.publish(connection.frame_max) for message in messages])
    delivery_size = messages[0].delivery_size(connection.frame_max)
    window = CpuWindow(options.broker_pid)
    publisher.publish(options.head)
    alone_per_s = _take(options, topology.queues[0], delivery_size)
    publisher.publish(options.head + options.backlog)
    before_backlog_per_s = _take(options, topology.queues[0], delivery_size)
    return window.close(
        {
            "alone_per_s": alone_per_s,
            "before_backlog_per_s": before_backlog_per_s,
            "share": before_backlog_per_s / alone_per_s,
        }
    )


def _take(options: argparse.Namespace, queue: str, delivery_size: int) -> float:
    """Deliveries per second of a consumer that takes the head and leaves."""
    connection = Connection(options.port)
    connection.set_prefetch(options.prefetch)
    consumer = Consumer(connection, delivery_size, ack_every=options.prefetch // 2)
    into = bytearray(RECEIVE_SIZE)
    start_s = time.perf_counter()
    connection.consume(queue, no_ack=False)
    consumer.octets = len(connection.unread())
    while consumer.received < options.head:
        consumer.read(into)
    rate = consumer.received / (time.perf_counter() - start_s)
    connection.socket.close()  # what it has beyond the head goes back
    return rate


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--size", type=int, default=400, help="octets of a body")
    parser.add_argument("--head", type=int, default=200_000, help="messages to take, a multiple of the prefetch count")
    parser.add_argument("--backlog", type=int, default=1_000_000, help="messages behind them")
    parser.add_argument("--prefetch", type=int, default=1000, help="with manual acks")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
