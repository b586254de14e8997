"""Ready again after kill -9, with a million confirmed messages in a durable queue: the time, and the memory then."""

import time
from pathlib import Path

from benchmark.brokers import BrokerKind, RunningBroker
from benchmark.confirms import ConfirmedPublisher
from benchmark.processes import tree_peak_rss_mb, tree_rss_mb
from benchmark.tool import Measurement
from benchmark.wire import BenchmarkError, Topology

COUNT = 1_000_000
BODY_SIZE = 100


def measure_restart(kind: BrokerKind, directory: Path) -> Measurement:
    """Starts a broker of this kind in `directory`, which must not exist, fills, kills, starts again and ends it."""
    topology = Topology("bench.restart", vary=True, durable=True)
    with RunningBroker(kind, directory) as broker:
        connection = broker.wait_until_ready()
        topology.create(connection)
        messages = topology.messages(BODY_SIZE)
        ConfirmedPublisher(connection, [each.publish(connection.frame_max) for each in messages]).publish(COUNT)
        broker.kill_and_start_again()
        connection = broker.wait_until_ready()
        figures = {"ready_s": time.perf_counter() - broker.started_s}
        found = connection.message_count(topology.queues[0])
        if found != COUNT:
            raise BenchmarkError(f"{found} of {COUNT} confirmed messages came back")
        for key, memory_mb in (("full_mb", tree_rss_mb(broker.pid)), ("most_mb", tree_peak_rss_mb(broker.pid))):
            if memory_mb is not None:
                figures[key] = memory_mb
        return Measurement(figures)
