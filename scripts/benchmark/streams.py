"""A stream that many consumers read from its beginning, each all of it: what is there is read again and again.

All of it is confirmed before the first consumer starts. Deliveries per second are those of all consumers together.
"""

import argparse
import struct
import time

from benchmark.confirms import ConfirmedPublisher
from benchmark.load import Consumer, Consumers
from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import (
    BASIC_CONSUME,
    BASIC_CONSUME_OK,
    CONSUMER_TAG,
    QUEUE_DECLARE,
    QUEUE_DECLARE_OK,
    BenchmarkError,
    Connection,
    Message,
    long_string,
    short_string,
    varied_messages,
)

TIMEOUT_S = 120.0
STREAM = "bench.stream"
OFFSET = short_string("x-stream-offset")
# The table's length, the field's name, its type and 64 bits: what a delivery has more than its message.
OFFSET_SIZE = 4 + len(OFFSET) + 1 + 8
DISTINCT_MESSAGES = 1_000


def measure(options: argparse.Namespace) -> Measurement:
    setup = Connection(options.port, TIMEOUT_S)
    arguments = long_string(short_string("x-queue-type") + b"S" + long_string(b"stream"))
    setup.call(QUEUE_DECLARE, b"\0\0" + short_string(STREAM) + b"\2" + arguments, QUEUE_DECLARE_OK)
    try:
        return _read(options)
    finally:
        setup.delete_queue(STREAM)


def _read(options: argparse.Namespace) -> Measurement:
    connection = Connection(options.port, TIMEOUT_S)
    messages = [Message("", STREAM, b"x" * options.size, persistent=True)] * DISTINCT_MESSAGES
    if options.vary:
        varied = varied_messages("", options.size, DISTINCT_MESSAGES, persistent=True)
        messages = [Message("", STREAM, message.body, message.identity, persistent=True) for message in varied]
    publisher = ConfirmedPublisher(connection, [message.publish(connection.frame_max) for message in messages])
    publisher.publish(options.messages)
    delivery_size = messages[0].delivery_size(connection.frame_max) + OFFSET_SIZE
    window = CpuWindow(options.broker_pid)
    start_s = time.perf_counter()
    consumers = Consumers([_consumer(options, delivery_size) for _ in range(options.consumers)])
    consumers.expected = options.messages * options.consumers
    consumers.thread.start()
    consumers.thread.join(TIMEOUT_S)
    if consumers.error:
        raise consumers.error
    received = sum(consumer.octets for consumer in consumers.consumers)
    if received != consumers.expected * delivery_size:
        raise BenchmarkError(f"{received} octets came instead of {consumers.expected * delivery_size}")
    measurement = window.close({"deliveries_per_s": consumers.received / (consumers.last_delivery_s - start_s)})
    for consumer in consumers.consumers:
        consumer.connection.close()
    return measurement


def _consumer(options: argparse.Namespace, delivery_size: int) -> Consumer:
    connection = Connection(options.port, TIMEOUT_S)
    connection.set_prefetch(options.prefetch)
    names = short_string(STREAM) + short_string(CONSUMER_TAG)
    arguments = long_string(OFFSET + b"S" + long_string(b"first"))
    connection.call(BASIC_CONSUME, b"\0\0" + names + struct.pack(">B", 0) + arguments, BASIC_CONSUME_OK)
    return Consumer(connection, delivery_size, ack_every=options.prefetch // 2)


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--size", type=int, default=100, help="octets of a body")
    parser.add_argument("--vary", action="store_true", help="no two messages of a batch are alike")
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--consumers", type=int, default=10)
    parser.add_argument("--prefetch", type=int, default=1000)
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
