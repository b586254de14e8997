"""Metrics of the node as a whole: the process, its machine, what came and went, who logged in.

Where RabbitMQ tells of Erlang's machine this tells what comes nearest of Python and the operating system; docs/
monitoring.md has a line for each.
"""

import hashlib
import platform
import shutil
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from amqpbroker.management.metrics.families import COUNTER, GAUGE, UNTYPED, Family, Group, Labels, Rows, label
from amqpbroker.management.node import process
from amqpbroker.model.broker import DISK, MEMORY
from amqpbroker.session.connection import Connection

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

_NODE: Final[Labels] = ()


def _churn(server: "Server") -> Rows:
    churn = server.broker.churn
    yield (
        _NODE,
        (
            churn.connection_created,
            churn.connection_closed,
            churn.channel_created,
            churn.channel_closed,
            churn.queue_declared,
            churn.queue_created,
            churn.queue_deleted,
        ),
    )


def _used(server: "Server") -> Rows:
    yield (
        _NODE,
        (
            process.descriptors()[0],
            len(server.connections),
            process.memory_bytes(),
            _disk_free_bytes(server),
            process.threads(),
            process.collections(),
            process.context_switches(),
        ),
    )


def _disk_free_bytes(server: "Server") -> int:
    return server.storage.free_bytes() if server.storage is not None else shutil.disk_usage(".").free


def _limits(server: "Server") -> Rows:
    descriptors_max = process.descriptors()[1]
    uptime_s = server.ticker.now_s() - server.started_at_s
    yield (
        _NODE,
        (
            descriptors_max,
            descriptors_max,
            server.alarms.watermark_bytes,
            server.config.disk_free_limit,
            round(uptime_s, 3),
        ),
    )


def _disk(server: "Server") -> Rows:
    read_bytes, written_bytes = process.disk_traffic()
    vhosts = list(server.broker.vhosts.values())
    reads = server.broker.counters.disk_reads + sum(vhost.counters.disk_reads for vhost in vhosts)
    writes = server.broker.counters.disk_writes + sum(vhost.counters.disk_writes for vhost in vhosts)
    for vhost in vhosts:
        for queue in vhost.queues.values():
            reads += queue.counters.disk_reads
            writes += queue.counters.disk_writes
    commits = server.broker.journal.done_number if server.broker.journal is not None else 0
    syncs = 0 if server.config.no_sync else commits
    yield _NODE, (read_bytes, written_bytes, commits, syncs, reads, writes)


def _attempts(server: "Server") -> Rows:
    for protocol in sorted({"amqp091", "http", *server.broker.attempts}):
        attempts = server.broker.attempts.get(protocol)
        succeeded, failed = (attempts.succeeded, attempts.failed) if attempts is not None else (0, 0)
        yield (("protocol", protocol),), (succeeded + failed, succeeded, failed)


def _alarms(server: "Server") -> Rows:
    alarms = server.broker.alarms
    yield _NODE, (0, int(DISK in alarms), int(MEMORY in alarms))


def _totals(server: "Server") -> Rows:
    connections = [one for one in server.broker.connections if isinstance(one, Connection)]
    queues = [queue for vhost in server.broker.vhosts.values() for queue in vhost.queues.values()]
    yield (
        _NODE,
        (
            len(connections),
            sum(len(one.channels) for one in connections),
            sum(len(queue.consumers) for queue in queues),
            len(queues),
        ),
    )


def _process(server: "Server") -> Rows:
    yield _NODE, (round(time.time() - (server.ticker.now_s() - server.started_at_s)),)


CHURN: Final = Group(
    "connection_churn_metrics",
    (
        Family("connections_opened_total", COUNTER, "Connections that were opened"),
        Family("connections_closed_total", COUNTER, "Connections that have ended, in whatever way"),
        Family("channels_opened_total", COUNTER, "Channels that were opened"),
        Family("channels_closed_total", COUNTER, "Channels that have ended"),
        Family("queues_declared_total", COUNTER, "How often a queue was declared, there already or not"),
        Family("queues_created_total", COUNTER, "Queues that were made"),
        Family("queues_deleted_total", COUNTER, "Queues that were deleted"),
    ),
    _churn,
)
NODE: Final = (
    CHURN,
    Group(
        "node_coarse_metrics",
        (
            Family("process_open_fds", GAUGE, "Open file descriptors"),
            Family("process_open_tcp_sockets", GAUGE, "Connections of clients"),
            Family("process_resident_memory_bytes", GAUGE, "Memory that the process takes"),
            Family("disk_space_available_bytes", GAUGE, "Free space on the disk of the data directory"),
            Family("erlang_processes_used", GAUGE, "Threads of the process: there is no Erlang here"),
            Family("erlang_gc_runs_total", COUNTER, "Runs of Python's garbage collector"),
            Family("erlang_scheduler_context_switches_total", COUNTER, "Context switches of the process"),
        ),
        _used,
    ),
    Group(
        "node_metrics",
        (
            Family("process_max_fds", GAUGE, "How many file descriptors may be open"),
            Family("process_max_tcp_sockets", GAUGE, "The same: each connection takes a descriptor"),
            Family("resident_memory_limit_bytes", GAUGE, "Memory at which publishers are held back"),
            Family("disk_space_available_limit_bytes", GAUGE, "Free disk space at which publishers are held back"),
            Family("erlang_uptime_seconds", GAUGE, "Since when the broker runs"),
        ),
        _limits,
    ),
    Group(
        "node_persister_metrics",
        (
            Family("io_read_bytes_total", COUNTER, "Octets that the process has read from disk"),
            Family("io_write_bytes_total", COUNTER, "Octets that the process has written to disk"),
            Family("io_write_ops_total", COUNTER, "Commits of the journal: each is one write"),
            Family("io_sync_ops_total", COUNTER, "Commits that were synced to disk"),
            Family("msg_store_read_total", COUNTER, "Messages that were read back from disk"),
            Family("msg_store_write_total", COUNTER, "Messages that were recorded or moved to disk"),
        ),
        _disk,
    ),
)
ATTEMPTS: Final = Group(
    "auth_attempt_metrics",
    (
        Family("auth_attempts_total", COUNTER, "Attempts to log in"),
        Family("auth_attempts_succeeded_total", COUNTER, "Attempts to log in that succeeded"),
        Family("auth_attempts_failed_total", COUNTER, "Attempts to log in that failed"),
    ),
    _attempts,
)
ALARMS: Final = Group(
    "alarms",
    (
        Family("alarms_file_descriptor_limit", UNTYPED, "Whether the alarm of file descriptors is up: there is none"),
        Family("alarms_free_disk_space_watermark", UNTYPED, "Whether the disk alarm is up"),
        Family("alarms_memory_used_watermark", UNTYPED, "Whether the memory alarm is up"),
    ),
    _alarms,
)
TOTALS: Final = Group(
    "totals",
    (
        Family("connections", GAUGE, "Connections that are open"),
        Family("channels", GAUGE, "Channels that are open"),
        Family("consumers", GAUGE, "Consumers that are there"),
        Family("queues", GAUGE, "Queues that are there"),
    ),
    _totals,
)
# Named without what all others begin with.
PROCESS: Final = Group(
    "process",
    (Family("process_start_time_seconds", GAUGE, "When the broker started, in seconds of Unix time"),),
    _process,
)


def identity(endpoint: str) -> tuple[Group, Group]:
    """Who tells this, which Grafana's dashboards join to all the rest. endpoint: which metrics they are."""

    def of_build(server: "Server") -> Rows:
        spoken = server.broker.profile.version
        labels = (
            ("rabbitmq_version", spoken),
            ("prometheus_plugin_version", spoken),
            ("prometheus_client_version", version("prometheus_client")),
            ("erlang_version", platform.python_version()),
            ("product_name", "amqpbroker"),
            ("product_version", version("amqpbroker")),
        )
        yield labels, (1,)

    def of_node(server: "Server") -> Rows:
        broker = server.broker
        permanent = hashlib.sha256(f"{broker.cluster_name} {broker.node_name}".encode("utf-8", "replace"))
        labels = (
            ("rabbitmq_node", label(broker.node_name)),
            ("rabbitmq_cluster", label(broker.cluster_name)),
            ("rabbitmq_cluster_permanent_id", f"rabbitmq-cluster-id-{permanent.hexdigest()[:22]}"),
            ("rabbitmq_endpoint", endpoint),
        )
        yield labels, (1,)

    return (
        Group(
            "build", (Family("build_info", UNTYPED, "Versions: of the RabbitMQ that is spoken, and ours"),), of_build
        ),
        Group("identity", (Family("identity_info", UNTYPED, "Names of the node and of its cluster"),), of_node),
    )


def _memory(server: "Server") -> Rows:
    resident_bytes = process.memory_bytes()
    queues_bytes = server.broker.held_bytes()
    connections_bytes = sum(connection.held_bytes() for connection in server.connections)
    yield _NODE, (connections_bytes, queues_bytes, max(resident_bytes - queues_bytes - connections_bytes, 0))


MEMORY_BREAKDOWN: Final = Group(
    "node_memory",
    (
        Family("memory_client_connection_other_bytes", GAUGE, "What is kept for clients: unacknowledged, unsent"),
        Family("memory_classic_queue_erlang_process_bytes", GAUGE, "What waits in queues of every type, in memory"),
        Family("memory_other_system_bytes", GAUGE, "The rest of the process: the program itself"),
    ),
    _memory,
)
