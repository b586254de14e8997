"""What commands that look ask a broker for: the node that is meant, where it listens, which alarms are on."""

from typing import Any, Final

from amqpbroker.cli.shims.call import Call

# RabbitMQ's programs add AMQP 1.0, which this broker does not speak.
_PURPOSES: Final = {
    "amqp": "AMQP 0-9-1",
    "amqp/ssl": "AMQP 0-9-1 over TLS",
    "http": "HTTP API",
    "https": "HTTP API over TLS (HTTPS)",
    "http/prometheus": "Prometheus exporter API over HTTP",
    "clustering": "inter-node and CLI tool communication",
}


def node_of(call: Call) -> dict[str, Any]:
    """The node that answers. Raises Failed: it is another one."""
    nodes: list[dict[str, Any]] = call.client.get("nodes")
    named = call.invocation.given.get("node", "")
    found = next((one for one in nodes if one["name"] == named), None) if "@" in named else nodes[0]
    if found is None:
        raise call.unreachable()
    return found


def version_of(call: Call) -> str:
    """The version of RabbitMQ that the broker is, or stands for."""
    return str(call.client.get("overview", columns="rabbitmq_version")["rabbitmq_version"])


def alarms_of(node: dict[str, Any]) -> list[str]:
    """What there is too little of."""
    return [word for key, word in (("mem_alarm", "memory"), ("disk_free_alarm", "disk")) if node.get(key)]


def listeners_of(overview: dict[str, Any]) -> list[dict[str, Any]]:
    """By their ports."""
    found = [one for one in overview.get("listeners") or [] if isinstance(one.get("port"), int)]
    return sorted(found, key=lambda one: one["port"])


def listener_shown(one: dict[str, Any]) -> dict[str, Any]:
    """As programs are told of it."""
    address = one["ip_address"]
    return {
        "interface": f"[{address}]" if ":" in address else address,
        "node": one["node"],
        "port": one["port"],
        "protocol": one["protocol"],
        "purpose": _PURPOSES.get(one["protocol"], one["protocol"]),
    }


def listener_line(one: dict[str, Any]) -> str:
    """As people are."""
    about = listener_shown(one)
    return "Interface: {interface}, port: {port}, protocol: {protocol}, purpose: {purpose}".format(**about)
