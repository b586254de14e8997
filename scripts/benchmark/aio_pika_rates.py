"""What an aio-pika program sees: confirmed publishes, a hundred at a time, then a consumer with an ack for each."""

import argparse
import asyncio
import time

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import HOST

QUEUE = "bench.aio-pika"
BODY = b"x" * 100
AT_A_TIME = 100


async def _publish_and_consume(options: argparse.Namespace) -> Measurement:
    connection = await aio_pika.connect(f"amqp://guest:guest@{HOST}:{options.port}/")
    channel = await connection.channel(publisher_confirms=True)
    queue = await channel.declare_queue(QUEUE)
    try:
        window = CpuWindow(options.broker_pid)
        start_s = time.perf_counter()
        for _ in range(options.count // AT_A_TIME):
            publishes = (channel.default_exchange.publish(aio_pika.Message(BODY), QUEUE) for _ in range(AT_A_TIME))
            await asyncio.gather(*publishes)
        published_s = time.perf_counter()

        all_came = asyncio.Event()
        received = 0

        async def on_message(message: AbstractIncomingMessage) -> None:
            nonlocal received
            await message.ack()
            received += 1
            if received == options.count:
                all_came.set()

        await channel.set_qos(100)
        tag = await queue.consume(on_message)
        await all_came.wait()
        consumed_s = time.perf_counter()
        await queue.cancel(tag)
        return window.close(
            {
                "publishes_per_s": options.count / (published_s - start_s),
                "consumed_per_s": options.count / (consumed_s - published_s),
            }
        )
    finally:
        await queue.delete(if_unused=False, if_empty=False)
        await connection.close()


def measure(options: argparse.Namespace) -> Measurement:
    return asyncio.run(_publish_and_consume(options))


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="messages, a multiple of a hundred")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
