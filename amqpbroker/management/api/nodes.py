"""/api/nodes: the node that this is. There is one.

Source: RabbitMQ `rabbit_mgmt_wm_nodes`, `_node`, `_node_memory`, `rabbit_mgmt_external_stats`.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import monitor
from amqpbroker.management.api.overview import contexts
from amqpbroker.management.api.plugins import PLUGINS, applications, exchange_types, mechanisms
from amqpbroker.management.errors import NotFound
from amqpbroker.management.lists.listing import Fields, item, list_response
from amqpbroker.management.node import process
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.management.statistics.counters import NO_RATE
from amqpbroker.model.broker import DISK, MEMORY
from amqpbroker.model.counters import Churn
from amqpbroker.server.storage import directory_of

# What Erlang would allow at most; nothing here comes near to it.
_PROCESSES_MAX: Final = 1_048_576
# Told with a rate.
_NOT_COUNTED: Final = (
    "gc_bytes_reclaimed",
    "io_read_count",
    "io_reopen_count",
    "io_seek_count",
    "io_sync_count",
    "io_write_count",
    "mnesia_disk_tx_count",
    "mnesia_ram_tx_count",
    "msg_store_read_count",
    "msg_store_write_count",
    "queue_index_read_count",
    "queue_index_write_count",
)
_NOT_TIMED: Final = ("io_read_avg_time", "io_seek_avg_time", "io_sync_avg_time", "io_write_avg_time")
_GC_QUEUES: Final = (
    "channel_closed",
    "channel_consumer_deleted",
    "connection_closed",
    "consumer_deleted",
    "exchange_deleted",
    "node_node_deleted",
    "queue_deleted",
    "vhost_deleted",
)


def _disk_free_bytes(request: ApiRequest) -> int:
    storage = request.server.storage
    if storage is None:
        return 0
    try:
        return storage.free_bytes()
    except OSError:
        return -1


def _directory(request: ApiRequest) -> str:
    return "" if request.server.config.memory else directory_of(request.server.config)


def _processes(request: ApiRequest) -> int:
    """Erlang has a process for each of these."""
    broker = request.broker
    return len(broker.connections) + sum(len(vhost.queues) for vhost in broker.vhosts.values()) + process.threads()


def _churn(name: str) -> Callable[[ApiRequest], int]:
    return lambda request: int(getattr(request.broker.churn, name))


_FIELDS: Final[Fields] = {
    "applications": lambda one: applications(one.broker.profile),
    "auth_mechanisms": lambda one: mechanisms(one.server.config.auth_mechanisms),
    "being_drained": lambda _: False,
    "cluster_links": lambda _: [],
    "config_files": lambda one: [one.server.config.config_file] if one.server.config.config_file else [],
    "contexts": contexts,
    "db_dir": _directory,
    "disk_free_alarm": lambda one: DISK in one.broker.alarms,
    "disk_free_limit": lambda one: one.server.config.disk_free_limit,
    "enabled_plugins": lambda _: list(PLUGINS),
    "exchange_types": lambda one: exchange_types(one.broker.profile),
    "fd_total": lambda _: process.descriptors()[1],
    "log_files": lambda one: [one.server.config.log_file or "<stderr>"],
    "mem_alarm": lambda one: MEMORY in one.broker.alarms,
    "mem_calculation_strategy": lambda _: "rss",
    "mem_limit": lambda one: one.server.alarms.watermark_bytes,
    "metrics_gc_queue_length": lambda _: dict.fromkeys(_GC_QUEUES, 0),
    "name": lambda one: one.broker.node_name,
    "net_ticktime": lambda _: 60,
    "os_pid": lambda _: str(os.getpid()),
    "partitions": lambda _: [],
    "proc_total": lambda _: _PROCESSES_MAX,
    "processors": lambda _: os.cpu_count() or 1,
    "ra_open_file_metrics": lambda _: {"ra_log_wal": 0, "ra_log_segment_writer": 0},
    "rates_mode": lambda _: "basic",
    "run_queue": lambda _: 0,
    "running": lambda _: True,
    "sockets_total": lambda _: process.descriptors()[1],
    "type": lambda _: "disc",
    "uptime": lambda one: int((one.server.ticker.now_s() - one.server.started_at_s) * 1000),
}
_WITH_RATE: Final[Fields] = {
    **dict.fromkeys(_NOT_COUNTED, lambda _: 0),
    **dict.fromkeys(_NOT_TIMED, lambda _: 0.0),
    **{name: _churn(name) for name in Churn.__slots__},
    "context_switches": lambda _: process.context_switches(),
    "disk_free": _disk_free_bytes,
    "fd_used": lambda _: process.descriptors()[0],
    "gc_num": lambda _: process.collections(),
    "io_read_bytes": lambda _: process.disk_traffic()[0],
    "io_write_bytes": lambda _: process.disk_traffic()[1],
    "mem_used": lambda _: process.memory_bytes(),
    "proc_used": _processes,
    "sockets_used": lambda one: len(one.server.connections),
}
FIELDS: Final[Fields] = {**_FIELDS, **_WITH_RATE, **{f"{name}_details": lambda _: NO_RATE for name in _WITH_RATE}}


async def all_nodes(request: ApiRequest) -> Response:
    return await list_response(request, [request], lambda _: FIELDS, is_paged=False, sort=("name",))


async def one_node(request: ApiRequest) -> dict[str, Any]:
    require_node(request)
    fields = {**FIELDS, "memory": lambda _: _memory(request)} if request.flag("memory") else FIELDS
    return item(request, request, fields)


async def memory(request: ApiRequest) -> dict[str, Any]:
    require_node(request)
    return {"memory": _memory(request)}


async def relative_memory(request: ApiRequest) -> dict[str, Any]:
    """The same in hundredths."""
    require_node(request)
    parts = {name: size for name, size in _memory(request).items() if isinstance(size, int)}
    whole = sum(parts.values()) or 1
    return {"memory": {"total": 100, **{name: -(-size * 100 // whole) for name, size in parts.items()}}}


async def tables(request: ApiRequest) -> dict[str, Any]:
    """Erlang's tables, of which there are none."""
    require_node(request)
    return {"ets_tables_memory": "no_tables"}


def require_node(request: ApiRequest) -> None:
    """Whether the path names this node. Raises 404."""
    if request.part("node") != request.broker.node_name:
        raise NotFound


def _memory(request: ApiRequest) -> dict[str, Any]:
    """Where the process's memory is: what messages take is known, the rest is the program."""
    resident_bytes = process.memory_bytes()
    queues_bytes = request.broker.held_bytes()
    connections_bytes = sum(connection.held_bytes() for connection in request.server.connections)
    other_bytes = max(resident_bytes - queues_bytes - connections_bytes, 0)
    totals: Mapping[str, int] = {"erlang": resident_bytes, "rss": resident_bytes, "allocated": resident_bytes}
    return {
        **dict.fromkeys(_MEMORY, 0),
        "connection_other": connections_bytes,
        "queue_procs": queues_bytes,
        "other_system": other_bytes,
        "strategy": "rss",
        "total": totals,
    }


# RabbitMQ's parts of its memory.
_MEMORY: Final = (
    "connection_readers",
    "connection_writers",
    "connection_channels",
    "connection_other",
    "queue_procs",
    "queue_slave_procs",
    "quorum_queue_procs",
    "quorum_queue_dlx_procs",
    "stream_queue_procs",
    "stream_queue_replica_reader_procs",
    "stream_queue_coordinator_procs",
    "plugins",
    "metadata_store",
    "other_proc",
    "metrics",
    "mgmt_db",
    "mnesia",
    "quorum_ets",
    "metadata_store_ets",
    "other_ets",
    "binary",
    "msg_index",
    "code",
    "atom",
    "other_system",
    "allocated_unused",
    "reserved_unallocated",
)

RESOURCES = (
    Resource("/nodes", {"GET": all_nodes}, monitor),
    Resource("/nodes/{node}", {"GET": one_node}, monitor),
    Resource("/nodes/{node}/memory", {"GET": memory}, monitor),
    Resource("/nodes/{node}/memory/relative", {"GET": relative_memory}, monitor),
    Resource("/nodes/{node}/memory/ets", {"GET": tables}, monitor),
    Resource("/nodes/{node}/memory/ets/relative", {"GET": tables}, monitor),
    Resource("/nodes/{node}/memory/ets/{filter}", {"GET": tables}, monitor),
    Resource("/nodes/{node}/memory/ets/{filter}/relative", {"GET": tables}, monitor),
)
