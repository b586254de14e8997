"""Ready from a cold start: from the process's start with nothing on disk to the port, the login, a first message."""

import time
from pathlib import Path

from benchmark.brokers import BrokerKind, RunningBroker
from benchmark.processes import tree_rss_mb
from benchmark.tool import Measurement
from benchmark.wire import Message, Topology

SETTLE_S = 3.0
"""How long the broker stays idle before its memory is read."""


def measure_startup(kind: BrokerKind, directory: Path) -> Measurement:
    """Starts a broker of this kind in `directory`, which must not exist, and ends it."""
    with RunningBroker(kind, directory) as broker:

        def since_start_ms() -> float:
            return (time.perf_counter() - broker.started_s) * 1e3

        broker.wait_for_port()
        port_ms = since_start_ms()
        connection = broker.wait_until_ready()
        handshake_ms = since_start_ms()
        topology = Topology("bench.startup")
        topology.create(connection)
        connection.consume(topology.queues[0], no_ack=True)
        connection.send(Message("", topology.queues[0], b"first").publish(connection.frame_max))
        for _method_header_body in range(3):
            connection.read_frame()
        figures = {"port_ms": port_ms, "handshake_ms": handshake_ms, "first_message_ms": since_start_ms()}
        topology.remove(connection)
        time.sleep(SETTLE_S)
        idle_mb = tree_rss_mb(broker.pid)
        return Measurement(figures if idle_mb is None else figures | {"idle_mb": idle_mb})
