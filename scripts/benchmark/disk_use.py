"""What a durable queue takes on disk when much has gone through it and little is left.

What is left waits behind one another, as in a queue whose consumer is a little late; or scattered: of every twenty
messages one goes to a queue that nobody empties, so that no file of a log is ever free of what is still needed.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmark.confirms import ConfirmedPublisher
from benchmark.load import Consumer
from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import RECEIVE_SIZE, BenchmarkError, Connection, Message, Topology, varied_messages

TIMEOUT_S = 120.0
SETTLE_S = 5.0
"""How long the broker may tidy up before its files are measured."""
CHUNK = 1000
"""So many are published, then what is to go through of them is consumed."""
PREFETCH = 1000
SCATTERED_EVERY = 20
MB = 1_000_000
BLOCK = 512
"""The unit of st_blocks, whatever the file system's own."""
# Names of one length: so all publishes are.
THROUGH: Final = Topology("bench.disk.through", durable=True)
STAYING: Final = Topology("bench.disk.staying", durable=True)


def allocated_mb(directory: Path) -> float:
    """What the files under `directory` take on disk, in MB (10^6 octets)."""
    octets = 0
    for path in directory.rglob("*"):
        try:
            status = path.stat()
        except FileNotFoundError:  # it was removed between the listing and the reading
            continue
        octets += status.st_blocks * BLOCK if hasattr(status, "st_blocks") else status.st_size
    return octets / MB


def measure(options: argparse.Namespace) -> Measurement:
    if options.data_dir is None:
        raise BenchmarkError("--data-dir is needed: its size is what is measured")
    setup = Connection(options.port, TIMEOUT_S)
    for topology in (THROUGH, STAYING):
        topology.create(setup)
    try:
        return _pass_through(options)
    finally:
        for topology in (THROUGH, STAYING):
            topology.remove(setup)


def _pass_through(options: argparse.Namespace) -> Measurement:
    chunk = _chunk(options)
    going_through = [message for message in chunk if message.routing_key == THROUGH.queues[0]]
    chunk_octets = options.size * CHUNK
    chunks_left = 0 if options.scattered else options.left_mb * MB // chunk_octets
    connection = Connection(options.port, TIMEOUT_S)
    publisher = ConfirmedPublisher(connection, [message.publish(connection.frame_max) for message in chunk])
    consuming = Connection(options.port, TIMEOUT_S)
    consuming.set_prefetch(PREFETCH)
    consumer = Consumer(consuming, going_through[0].delivery_size(consuming.frame_max), ack_every=PREFETCH // 2)
    into = bytearray(RECEIVE_SIZE)

    window = CpuWindow(options.broker_pid)
    publisher.publish(chunks_left * CHUNK)
    consuming.consume(THROUGH.queues[0], no_ack=False)
    consumer.octets = len(consuming.unread())
    most_mb, consumed = 0.0, 0
    for _ in range(options.total_mb * MB // chunk_octets - chunks_left):
        publisher.publish(CHUNK)
        consumed += len(going_through)
        while consumer.received < consumed:
            consumer.read(into)
        most_mb = max(most_mb, allocated_mb(options.data_dir))
    rate = publisher.sent / window.elapsed_s()
    time.sleep(SETTLE_S)
    return window.close({"disk_mb": allocated_mb(options.data_dir), "most_mb": most_mb, "messages_per_s": rate})


def _chunk(options: argparse.Namespace) -> list[Message]:
    messages = varied_messages("", options.size, CHUNK, persistent=True)
    return [
        replace(message, routing_key=(STAYING if _stays(options, number) else THROUGH).queues[0])
        for number, message in enumerate(messages)
    ]


def _stays(options: argparse.Namespace, number: int) -> bool:
    return options.scattered and number % SCATTERED_EVERY == 0


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--size", type=int, default=4000, help="octets of a body")
    parser.add_argument("--total-mb", type=int, default=2000, help="of bodies, published")
    parser.add_argument("--left-mb", type=int, default=100, help="of bodies that wait in the queue all the time")
    parser.add_argument("--scattered", action="store_true", help="one in twenty is left instead, in another queue")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
