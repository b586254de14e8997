"""Bodies and order: reads every delivery frame by frame and compares it with what was published, octet for octet.

The fast tools only count. This one makes sure that what they count is right: envelope with its delivery tag,
properties, body and order, for every queue.
"""

import argparse
import threading

from benchmark.tool import CpuWindow, Measurement, run_tool, tool_parser
from benchmark.wire import FRAME_BODY, FRAME_HEARTBEAT, BenchmarkError, Connection, Message, Topology, ack, blocks


class CheckingConsumer:
    """Reads one queue's deliveries and compares each with the message published at its place."""

    def __init__(self, port: int, queue: str, prefetch: int, messages: list[Message]) -> None:
        self._messages = messages
        self._ack_every = prefetch // 2
        self._connection = Connection(port)
        if prefetch:
            self._connection.set_prefetch(prefetch)
        self._connection.consume(queue, no_ack=not prefetch)
        self.checked = 0
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            for tag, message in enumerate(self._messages, start=1):
                self._compare(tag, "envelope", self._next_payload(), message.delivery(tag))
                self._compare(tag, "header", self._next_payload(), message.header())
                self._compare(tag, "body", self._read_body(len(message.body)), message.body)
                self.checked = tag
                if self._ack_every and tag % self._ack_every == 0:
                    self._connection.send(ack(tag))
        except (OSError, BenchmarkError) as error:
            self.error = error

    def _next_payload(self) -> bytes:
        kind, _channel, payload = self._connection.read_frame()
        while kind == FRAME_HEARTBEAT:
            kind, _channel, payload = self._connection.read_frame()
        return payload

    def _read_body(self, size: int) -> bytes:
        body = b""
        while len(body) < size:
            kind, _channel, payload = self._connection.read_frame()
            if kind != FRAME_BODY:
                raise BenchmarkError(f"expected {size - len(body)} more octets of a body, got a frame of kind {kind}")
            body += payload
        return body

    @staticmethod
    def _compare(tag: int, part: str, got: bytes, expected: bytes) -> None:
        if got != expected:
            raise BenchmarkError(f"delivery {tag} has the {part} {got[:80]!r} instead of {expected[:80]!r}")


def measure(options: argparse.Namespace) -> Measurement:
    setup = Connection(options.port)
    topology = Topology("bench.check", options.queues, options.vary)
    topology.create(setup)
    try:
        return _check(options, topology)
    finally:
        topology.remove(setup)


def _check(options: argparse.Namespace, topology: Topology) -> Measurement:
    distinct = topology.messages(options.size, options.count)
    messages = distinct if options.vary else distinct * options.count
    consumers = [CheckingConsumer(options.port, queue, options.prefetch, messages) for queue in topology.queues]
    publisher = Connection(options.port)
    window = CpuWindow(options.broker_pid)
    for consumer in consumers:
        consumer.thread.start()
    for block in blocks([message.publish(publisher.frame_max) for message in messages]):
        publisher.send(block)
    publisher.synchronise()
    for consumer in consumers:
        consumer.thread.join(options.timeout)
        if consumer.error:
            raise consumer.error
        if consumer.checked != len(messages):
            raise BenchmarkError(f"{consumer.checked} of {len(messages)} deliveries came in {options.timeout:g} s")
    checked = sum(consumer.checked for consumer in consumers)
    return window.close({"checked": checked})


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--size", type=int, default=100, help="octets of a body")
    parser.add_argument("--count", type=int, default=200_000, help="messages to publish")
    parser.add_argument("--queues", type=int, default=1, help="each is checked by a consumer of its own")
    parser.add_argument("--prefetch", type=int, default=0, help="with manual acks; 0 = auto-ack")
    parser.add_argument("--vary", action="store_true", help="all messages differ, through a topic exchange")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds to wait for the last delivery")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
