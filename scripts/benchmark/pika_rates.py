"""What a pika program sees: BlockingConnection publishes without confirms, then consumes with an ack for each."""

import argparse
import time

import pika  # type: ignore[import-untyped]
from pika.adapters.blocking_connection import BlockingChannel  # type: ignore[import-untyped]
from pika.spec import Basic, BasicProperties  # type: ignore[import-untyped]

from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import HOST

QUEUE = "bench.pika"
BODY = b"x" * 100


def measure(options: argparse.Namespace) -> Measurement:
    connection = pika.BlockingConnection(pika.ConnectionParameters(HOST, options.port))
    channel = connection.channel()
    channel.queue_declare(QUEUE)
    try:
        window = CpuWindow(options.broker_pid)
        start_s = time.perf_counter()
        for _ in range(options.count):
            channel.basic_publish("", QUEUE, BODY)
        channel.queue_declare(QUEUE, passive=True)
        published_s = time.perf_counter()

        def on_message(channel: BlockingChannel, method: Basic.Deliver, _: BasicProperties, _body: bytes) -> None:
            channel.basic_ack(method.delivery_tag)
            if method.delivery_tag == options.count:
                channel.stop_consuming()

        channel.basic_qos(prefetch_count=100)
        channel.basic_consume(QUEUE, on_message)
        channel.start_consuming()
        consumed_s = time.perf_counter()
        return window.close(
            {
                "publishes_per_s": options.count / (published_s - start_s),
                "consumed_per_s": options.count / (consumed_s - published_s),
            }
        )
    finally:
        channel.queue_delete(QUEUE)
        connection.close()


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="messages")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
