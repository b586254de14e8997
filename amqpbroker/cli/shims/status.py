"""`status` and `cluster_status`: of a single node, for people and for programs."""

from typing import Any

from amqpbroker.cli import say
from amqpbroker.cli.shims.call import Call
from amqpbroker.cli.shims.looking import alarms_of, listener_line, listener_shown, listeners_of, node_of
from amqpbroker.cli.shims.output import compact


def status(call: Call) -> None:
    """What runs there, for people and for programs."""
    overview, node = call.client.get("overview"), node_of(call)
    listeners = listeners_of(overview)
    if call.invocation.formatter == "json":
        say(compact(_status_for_programs(overview, node, listeners)))
        return
    call.banner(f"Status of node {node['name']} ...")
    name = "RabbitMQ version"
    lines = [
        "Runtime",
        "",
        f"OS PID: {node.get('os_pid')}",
        f"Uptime (seconds): {node.get('uptime', 0) // 1000}",
        "Is under maintenance?: false",
        f"{name}: {overview.get('rabbitmq_version')}",
        f"Node name: {node['name']}",
        "",
        "Alarms",
        "",
        ", ".join(alarms_of(node)) or "(none)",
        "",
        "Memory",
        "",
        f"Total memory used: {node.get('mem_used', 0) / 1e9:.4f} gb",
        "",
        "File Descriptors",
        "",
        f"Total: {node.get('fd_used', 0)}, limit: {node.get('fd_total', 0)}",
        "",
        "Free Disk Space",
        "",
        f"Low free disk space watermark: {node.get('disk_free_limit')}",
        f"Free disk space: {node.get('disk_free')}",
        "",
        "Totals",
        "",
        f"Connection count: {overview.get('object_totals', {}).get('connections', 0)}",
        f"Queue count: {overview.get('object_totals', {}).get('queues', 0)}",
        "",
        "Listeners",
        "",
        *map(listener_line, listeners),
    ]
    say("\n".join(lines))


def cluster_status(call: Call) -> None:
    """It is a single node."""
    overview, node = call.client.get("overview"), node_of(call)
    product = f"RabbitMQ {overview.get('rabbitmq_version')} on Erlang {overview.get('erlang_version', '')}".rstrip()
    if call.invocation.formatter == "json":
        content = {
            "alarms": alarms_of(node),
            "cluster_name": overview.get("cluster_name"),
            "disk_nodes": [node["name"]],
            "partitions": {},
            "ram_nodes": [],
            "running_nodes": [node["name"]],
            "versions": {node["name"]: {"rabbitmq_version": overview.get("rabbitmq_version")}},
        }
        say(compact(content))
        return
    call.banner(f"Cluster status of node {node['name']} ...")
    parts = {
        "Basics": f"Cluster name: {overview.get('cluster_name')}",
        "Disk Nodes": node["name"],
        "Running Nodes": node["name"],
        "Versions": f"{node['name']}: {product}",
        "Alarms": ", ".join(alarms_of(node)) or "(none)",
        "Network Partitions": "(none)",
        "Listeners": "\n".join(f"Node: {node['name']}, {listener_line(one)}" for one in listeners_of(overview)),
    }
    say("\n\n".join(f"{title}\n\n{text}" for title, text in parts.items()))


def _status_for_programs(
    overview: dict[str, Any], node: dict[str, Any], listeners: list[dict[str, Any]]
) -> dict[str, Any]:
    totals = overview.get("object_totals", {})
    return {
        "active_plugins": node.get("enabled_plugins", []),
        "alarms": alarms_of(node),
        "disk_free": node.get("disk_free"),
        "disk_free_limit": node.get("disk_free_limit"),
        "erlang_version": overview.get("erlang_full_version"),
        "is_under_maintenance": False,
        "listeners": [listener_shown(one) for one in listeners],
        "memory": {"total": {"rss": node.get("mem_used")}},
        "net_ticktime": node.get("net_ticktime"),
        "os": node.get("os", ""),
        "pid": int(node.get("os_pid") or 0),
        "processes": {"limit": node.get("proc_total"), "used": node.get("proc_used")},
        "rabbitmq_version": overview.get("rabbitmq_version"),
        "run_queue": node.get("run_queue"),
        "totals": {"connection_count": totals.get("connections", 0), "queue_count": totals.get("queues", 0)},
        "uptime": node.get("uptime", 0) // 1000,
        "vm_memory_limit": node.get("mem_limit"),
    }
