"""Commands that look: whether it runs, what it listens on, whether an alarm is on."""

import socket
from typing import Any, Final

from amqpbroker.cli import say
from amqpbroker.cli.client import Refused, Unreachable
from amqpbroker.cli.shims.call import Call
from amqpbroker.cli.shims.failing import EX_UNAVAILABLE, Failed, cannot, error
from amqpbroker.cli.shims.output import MACHINE_READABLE, compact

_CONNECT_TIMEOUT_S: Final = 5.0
_PURPOSES: Final = {
    "amqp": "AMQP 0-9-1 and AMQP 1.0",
    "amqp/ssl": "AMQP 0-9-1 and AMQP 1.0 over TLS",
    "http": "HTTP API",
    "https": "HTTP API over TLS (HTTPS)",
    "http/prometheus": "Prometheus exporter API over HTTP",
    "clustering": "inter-node and CLI tool communication",
}


def ping(call: Call) -> None:
    """Whether it answers."""
    timeout_ms = round(call.invocation.timeout_s(60) * 1000)
    call.banner(
        f"Will ping {call.node}. This only checks if the OS process is running and registered with epmd. "
        f"Timeout: {timeout_ms} ms."
    )
    try:
        _node(call)
    except (Unreachable, Failed) as reason:
        text = f"Failed to connect and authenticate to {call.node} in {timeout_ms} ms"
        raise error(EX_UNAVAILABLE, text) from reason
    say("Ping succeeded")


def version(call: Call) -> None:
    """Of the broker, if there is one, else of what this program would start."""
    try:
        say(_version(call))
    except (Unreachable, Failed, Refused):
        from amqpbroker.profiles import DEFAULT_PROFILE

        say(DEFAULT_PROFILE.version)


def server_version(call: Call) -> None:
    """Of the broker."""
    call.banner(f"Asking node {call.node} for its RabbitMQ version...")
    say(_version(call))


def status(call: Call) -> None:
    """What runs there, for people and for programs."""
    overview, node = call.client.get("overview"), _node(call)
    listeners = _listeners(overview)
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
        ", ".join(_alarms(node)) or "(none)",
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
        *map(_listener_line, listeners),
    ]
    say("\n".join(lines))


def cluster_status(call: Call) -> None:
    """It is a single node."""
    overview, node = call.client.get("overview"), _node(call)
    product = f"RabbitMQ {overview.get('rabbitmq_version')} on Erlang {overview.get('erlang_version', '')}".rstrip()
    if call.invocation.formatter == "json":
        content = {
            "alarms": _alarms(node),
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
        "Alarms": ", ".join(_alarms(node)) or "(none)",
        "Network Partitions": "(none)",
        "Listeners": "\n".join(f"Node: {node['name']}, {_listener_line(one)}" for one in _listeners(overview)),
    }
    say("\n\n".join(f"{title}\n\n{text}" for title, text in parts.items()))


def node_health_check(call: Call) -> None:
    """It answers, and no alarm is on."""
    call.banner("Timeout: 70 seconds ...")
    call.banner(f"Checking health of node {call.node} ...")
    if alarms := _alarms(_node(call)):
        raise error(EX_UNAVAILABLE, f"health check failed. Message: resource alarm(s) in effect:[{','.join(alarms)}]")
    say("Health check passed")


def check_running(call: Call) -> None:
    """It answers."""
    call.banner(f"Checking if RabbitMQ is running on node {call.node} ...")
    _node(call)
    say(f"RabbitMQ on node {call.node} is fully booted and running")


def is_running(call: Call) -> None:
    """It answers."""
    call.banner(f"Asking node {call.node} for its status ...")
    _node(call)
    say(f"RabbitMQ on node {call.node} is fully booted and running")


def is_booting(call: Call) -> None:
    """Whoever answers has started."""
    call.banner(f"Asking node {call.node} for its boot status ...")
    _node(call)
    state = "is fully booted (check with is_running), stopped or has not started booting yet"
    say(f"RabbitMQ on node {call.node} {state}")


def check_port_connectivity(call: Call) -> None:
    """Each of its ports can be connected to."""
    found = _listeners(call.client.get("overview"))
    call.banner(f"Testing TCP connections to all active listeners on node {call.node} ...")
    refused = [one for one in found if not _connects(one)]
    if refused:
        ports = ", ".join(f"{one['port']} ({one['protocol']})" for one in refused)
        raise error(
            EX_UNAVAILABLE, f"Connection to ports of the following listeners on node {call.node} failed: {ports}"
        )
    say(f"Successfully connected to ports {_ports(found)} on node {call.node}.")


def check_port_listener(call: Call) -> None:
    """It listens on this port."""
    port = call.words[0]
    call.banner(f"Asking node {call.node} if there's an active listener on port {port} ...")
    found = _listeners(call.client.get("overview"))
    if port not in {str(one["port"]) for one in found}:
        raise Failed(
            EX_UNAVAILABLE,
            f"No listener for port {port} is active on node {call.node}. "
            f"Found listeners that use the following ports: {_ports(found)}",
        )
    say(f"A listener for port {port} is running on node {call.node}.")


def check_protocol_listener(call: Call) -> None:
    """It speaks this protocol."""
    protocol = call.words[0]
    call.banner(f"Asking node {call.node} if there's an active listener for protocol {protocol} ...")
    found = _listeners(call.client.get("overview"))
    known = sorted({one["protocol"] for one in found})
    # As RabbitMQ's programs call them.
    wanted = {"amqps": "amqp/ssl", "tls": "amqp/ssl", "amqp091": "amqp", "prometheus": "http/prometheus"}
    if wanted.get(protocol.lower(), protocol.lower()) not in known:
        raise error(
            EX_UNAVAILABLE,
            f"No listener for protocol {protocol} is active on node {call.node}. "
            f"Found listeners for the following protocols: {', '.join(known)}",
        )
    say(f"A listener for protocol {protocol} is running on node {call.node}.")


def check_alarms(call: Call) -> None:
    """No alarm is on anywhere."""
    kind = "known" if call.invocation.command == "alarms" else "local"
    call.banner(f"Asking node {call.node} to report any {kind} resource alarms ...")
    _say_alarms(call, "no alarms, local or clusterwide")


def check_local_alarms(call: Call) -> None:
    """No alarm is on here, which is anywhere."""
    call.banner(f"Asking node {call.node} to report any local resource alarms ...")
    _say_alarms(call, "no local alarms")


def _say_alarms(call: Call, none: str) -> None:
    node = _node(call)
    if alarms := _alarms(node):
        words = ", ".join(f"{one.capitalize()} alarm on node {node['name']}" for one in alarms)
        if call.invocation.command == "alarms":
            say(words)
            return
        raise error(EX_UNAVAILABLE, words)
    say(f"Node {call.node} reported {none}")


def check_virtual_hosts(call: Call) -> None:
    """All of them serve."""
    call.banner(f"Checking if all vhosts are running on node {call.node} ...")
    states = {one["name"]: (one.get("cluster_state") or {}).values() for one in call.client.get("vhosts")}
    down = [name for name, found in states.items() if any(state != "running" for state in found)]
    if down:
        raise error(EX_UNAVAILABLE, f"Some virtual hosts on node {call.node} are down:\n" + "\n".join(down))
    say(f"Node {call.node} reported all vhosts as running")


def check_certificate_expiration(call: Call) -> None:
    """No certificate ends soon."""
    number, unit = call.invocation.given.get("within", "4"), call.invocation.given.get("unit", "weeks")
    call.banner(f"Checking certificate expiration on node {call.node} ...")
    found = call.get("health", "checks", "certificate-expiration", number, unit)
    if found is None:
        raise cannot("look at certificates", "this broker's HTTP API does not")
    say(f"No certificates are expiring within {number} {unit if number != '1' else unit.rstrip('s')}.")


def not_critical(call: Call) -> None:
    """A single node is critical for nobody else."""
    of_what = "quorum of any quorum queues"
    if "mirror" in call.invocation.command:
        of_what = "data safety of any classic mirrored queues"
    call.banner(f"Checking if node {call.node} is critical for {of_what} ...")
    _node(call)
    say(f"Node {call.node} seems to be the only one in a single node cluster, the check does not apply")


def listeners(call: Call) -> None:
    """Where it listens, and for what."""
    found = _listeners(call.client.get("overview"))
    if call.invocation.formatter in MACHINE_READABLE:
        say(compact({"listeners": [_listener(one) for one in found], "node": call.node, "result": "ok"}))
        return
    call.banner(f"Asking node {call.node} to report its protocol listeners ...")
    for one in found:
        say(_listener_line(one))


def _node(call: Call) -> dict[str, Any]:
    """The node that answers. Raises Failed: it is another one."""
    nodes: list[dict[str, Any]] = call.client.get("nodes")
    named = call.invocation.given.get("node", "")
    found = next((one for one in nodes if one["name"] == named), None) if "@" in named else nodes[0]
    if found is None:
        raise call.unreachable()
    return found


def _version(call: Call) -> str:
    return str(call.client.get("overview", columns="rabbitmq_version")["rabbitmq_version"])


def _alarms(node: dict[str, Any]) -> list[str]:
    return [word for key, word in (("mem_alarm", "memory"), ("disk_free_alarm", "disk")) if node.get(key)]


def _listeners(overview: dict[str, Any]) -> list[dict[str, Any]]:
    found = [one for one in overview.get("listeners") or [] if isinstance(one.get("port"), int)]
    return sorted(found, key=lambda one: one["port"])


def _ports(found: list[dict[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(str(one["port"]) for one in found))


def _connects(listener: dict[str, Any]) -> bool:
    address = {"::": "::1", "0.0.0.0": "127.0.0.1"}.get(listener["ip_address"], listener["ip_address"])
    try:
        socket.create_connection((address, listener["port"]), _CONNECT_TIMEOUT_S).close()
    except OSError:
        # RabbitMQ's :: is every address of the machine, also where there is no IPv6.
        return address == "::1" and _connects(listener | {"ip_address": "127.0.0.1"})
    return True


def _listener(one: dict[str, Any]) -> dict[str, Any]:
    address = one["ip_address"]
    return {
        "interface": f"[{address}]" if ":" in address else address,
        "node": one["node"],
        "port": one["port"],
        "protocol": one["protocol"],
        "purpose": _PURPOSES.get(one["protocol"], one["protocol"]),
    }


def _listener_line(one: dict[str, Any]) -> str:
    about = _listener(one)
    return "Interface: {interface}, port: {port}, protocol: {protocol}, purpose: {purpose}".format(**about)


def _status_for_programs(
    overview: dict[str, Any], node: dict[str, Any], listeners: list[dict[str, Any]]
) -> dict[str, Any]:
    totals = overview.get("object_totals", {})
    return {
        "active_plugins": node.get("enabled_plugins", []),
        "alarms": _alarms(node),
        "disk_free": node.get("disk_free"),
        "disk_free_limit": node.get("disk_free_limit"),
        "erlang_version": overview.get("erlang_full_version"),
        "is_under_maintenance": False,
        "listeners": [_listener(one) for one in listeners],
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
