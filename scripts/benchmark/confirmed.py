"""Persistent messages, published with confirms to a durable queue: the rate, and how long a confirm takes.

With one in flight every confirm is timed. A consumer may empty the queue meanwhile; and another program may flood
transient messages through the same broker: a process of its own, so that its work is not in the times taken here.
"""

import argparse
import contextlib
import multiprocessing
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Event

from benchmark.confirms import IN_FLIGHT, ConfirmedPublisher
from benchmark.load import Consumer, Consumers, Publisher
from benchmark.tool import CpuWindow, Measurement, percentile, run_tool, tool_parser
from benchmark.wire import BenchmarkError, Connection, Topology

CONFIRM_TIMEOUT_S = 60.0
FLOOD_TIMEOUT_S = 120.0
WARM_UP = 0.1
"""The share of the confirms, from the first on, whose time is not counted."""
BATCH = 1000


def measure(options: argparse.Namespace) -> Measurement:
    setup = Connection(options.port, CONFIRM_TIMEOUT_S)
    topology = Topology("bench.confirmed", vary=options.vary, durable=True)
    topology.create(setup)
    try:
        if not options.flood:
            return _publish(options, topology)
        with _flooded(options.port) as flood:
            measurement = _publish(options, topology)
            measurement.figures["flood_per_s"] = flood.stop()
            return measurement
    finally:
        topology.remove(setup)


def _publish(options: argparse.Namespace, topology: Topology) -> Measurement:
    messages = topology.messages(options.size)
    connection = Connection(options.port, CONFIRM_TIMEOUT_S)
    publishes = [message.publish(connection.frame_max) for message in messages] * (1 if options.vary else BATCH)
    publisher = ConfirmedPublisher(connection, publishes, options.in_flight)
    delivery_size = messages[0].delivery_size(connection.frame_max)
    consumers = Consumers(_consumer(options, topology, delivery_size) if options.prefetch else [])
    window = CpuWindow(options.broker_pid)
    start_s = time.perf_counter()
    consumers.thread.start()
    latencies_s = _publish_one_by_one(publisher, options.seconds) if options.in_flight == 1 else []
    if not latencies_s:
        publisher.publish_for(options.seconds)
    end_s = time.perf_counter()
    consumers.expected = publisher.sent if options.prefetch else 0
    consumers.thread.join(CONFIRM_TIMEOUT_S)
    if consumers.error:
        raise consumers.error
    if consumers.received != consumers.expected:
        raise BenchmarkError(f"{consumers.received} of {consumers.expected} deliveries came")
    if options.prefetch:
        end_s = max(end_s, consumers.last_delivery_s)
    figures = {"messages_per_s": publisher.confirmed / (end_s - start_s)}
    if latencies_s:
        counted = sorted(latencies_s[int(len(latencies_s) * WARM_UP) :])
        figures |= {"p50_ms": percentile(counted, 0.5) * 1e3, "p99_ms": percentile(counted, 0.99) * 1e3}
    return window.close(figures)


def _publish_one_by_one(publisher: ConfirmedPublisher, seconds: float) -> list[float]:
    """Seconds from each publish to its confirm."""
    latencies_s = []
    before_s = time.perf_counter()
    end_s = before_s + seconds
    while before_s < end_s:
        publisher.publish(1)
        now_s = time.perf_counter()
        latencies_s.append(now_s - before_s)
        before_s = now_s
    return latencies_s


def _consumer(options: argparse.Namespace, topology: Topology, delivery_size: int) -> list[Consumer]:
    connection = Connection(options.port)
    connection.set_prefetch(options.prefetch)
    connection.consume(topology.queues[0], no_ack=False)
    return [Consumer(connection, delivery_size, ack_every=options.prefetch // 2)]


class _Flood:
    """The flooding process, as it is seen from here."""

    def __init__(self, stop: Event, pipe: Pipe) -> None:
        self._stop = stop
        self._pipe = pipe

    def hear(self) -> float:
        """What the process says next. Raises BenchmarkError when it does not."""
        try:
            said = self._pipe.recv() if self._pipe.poll(FLOOD_TIMEOUT_S) else "the flood hangs"
        except EOFError:
            said = "the flood has ended"
        if isinstance(said, str):
            raise BenchmarkError(said)
        rate: float = said
        return rate

    def stop(self) -> float:
        """Deliveries per second until now."""
        self._stop.set()
        return self.hear()


@contextlib.contextmanager
def _flooded(port: int) -> Iterator[_Flood]:
    """A publisher that floods a consumer with transient messages, from its first deliveries on."""
    processes = multiprocessing.get_context("spawn")
    stop = processes.Event()
    here, there = processes.Pipe()
    process = processes.Process(target=_run_flood, args=(port, stop, there), daemon=True)
    process.start()
    there.close()
    try:
        flood = _Flood(stop, here)
        flood.hear()
        yield flood
    finally:
        stop.set()
        process.join(FLOOD_TIMEOUT_S)


def _run_flood(port: int, stop: Event, pipe: Pipe) -> None:
    """Says 0 when the first deliveries have come, deliveries per second when stopped; what is wrong as a text."""
    try:
        _flood(port, stop, pipe)
    except (OSError, BenchmarkError) as error:
        pipe.send(f"the flood: {error}")


def _flood(port: int, stop: Event, pipe: Pipe) -> None:
    setup = Connection(port, FLOOD_TIMEOUT_S)
    topology = Topology("bench.flood")
    topology.create(setup)
    try:
        (message,) = topology.messages(100)
        connection = Connection(port)
        connection.consume(topology.queues[0], no_ack=True)
        consumers = Consumers([Consumer(connection, message.delivery_size(connection.frame_max), ack_every=0)])
        ended = threading.Event()
        publishes = [message.publish(connection.frame_max)] * BATCH
        publisher = Publisher(Connection(port, FLOOD_TIMEOUT_S), publishes, ended)
        consumers.thread.start()
        publisher.thread.start()
        while not consumers.received and publisher.thread.is_alive():
            stop.wait(0.01)
        pipe.send(0.0)
        before, before_s = consumers.received, time.perf_counter()
        stop.wait()
        rate = (consumers.received - before) / (time.perf_counter() - before_s)
        ended.set()
        publisher.thread.join(FLOOD_TIMEOUT_S)
        consumers.expected = publisher.sent
        consumers.thread.join(FLOOD_TIMEOUT_S)
        if publisher.error or consumers.error:
            raise BenchmarkError(str(publisher.error or consumers.error))
        if consumers.received != publisher.sent:
            raise BenchmarkError(f"{consumers.received} of {publisher.sent} deliveries came")
        pipe.send(rate)
    finally:
        topology.remove(setup)


def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument("--size", type=int, default=100, help="octets of a body")
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, help="unconfirmed at most; 1 times every confirm")
    parser.add_argument("--prefetch", type=int, default=0, help="a consumer with manual acks; 0 = the messages stay")
    parser.add_argument("--flood", action="store_true", help="while another program floods transient messages")
    parser.add_argument("--vary", action="store_true", help="all messages differ, through a topic exchange")
    run_tool(parser, measure)


if __name__ == "__main__":
    main()
