"""Commands that look: whether it runs, what it listens on, whether an alarm is on."""

import socket
from typing import Any, Final

from amqpbroker.cli import say
from amqpbroker.cli.client import Refused, Unreachable
from amqpbroker.cli.shims.call import Call
from amqpbroker.cli.shims.failing import EX_UNAVAILABLE, Failed, cannot, error
from amqpbroker.cli.shims.looking import alarms_of, listener_line, listener_shown, listeners_of, node_of, version_of
from amqpbroker.cli.shims.output import MACHINE_READABLE, compact

_CONNECT_TIMEOUT_S: Final = 5.0


def ping(call: Call) -> None:
    """Whether it answers."""
    timeout_ms = round(call.invocation.timeout_s(60) * 1000)
    call.banner(
        f"Will ping {call.node}. This only checks if the OS process is running and registered with epmd. "
        f"Timeout: {timeout_ms} ms."
    )
    try:
        node_of(call)
    except (Unreachable, Failed) as reason:
        text = f"Failed to connect and authenticate to {call.node} in {timeout_ms} ms"
        raise error(EX_UNAVAILABLE, text) from reason
    say("Ping succeeded")


def version(call: Call) -> None:
    """Of the broker, if there is one, else of what this program would start."""
    try:
        say(version_of(call))
    except (Unreachable, Failed, Refused):
        from amqpbroker.profiles import DEFAULT_PROFILE

        say(DEFAULT_PROFILE.version)


def server_version(call: Call) -> None:
    """Of the broker."""
    call.banner(f"Asking node {call.node} for its RabbitMQ version...")
    say(version_of(call))


def node_health_check(call: Call) -> None:
    """It answers, and no alarm is on."""
    call.banner("Timeout: 70 seconds ...")
    call.banner(f"Checking health of node {call.node} ...")
    if alarms := alarms_of(node_of(call)):
        raise error(EX_UNAVAILABLE, f"health check failed. Message: resource alarm(s) in effect:[{','.join(alarms)}]")
    say("Health check passed")


def check_running(call: Call) -> None:
    """It answers."""
    call.banner(f"Checking if RabbitMQ is running on node {call.node} ...")
    node_of(call)
    say(f"RabbitMQ on node {call.node} is fully booted and running")


def is_running(call: Call) -> None:
    """It answers."""
    call.banner(f"Asking node {call.node} for its status ...")
    node_of(call)
    say(f"RabbitMQ on node {call.node} is fully booted and running")


def is_booting(call: Call) -> None:
    """Whoever answers has started."""
    call.banner(f"Asking node {call.node} for its boot status ...")
    node_of(call)
    state = "is fully booted (check with is_running), stopped or has not started booting yet"
    say(f"RabbitMQ on node {call.node} {state}")


def check_port_connectivity(call: Call) -> None:
    """Each of its ports can be connected to."""
    found = listeners_of(call.client.get("overview"))
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
    found = listeners_of(call.client.get("overview"))
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
    found = listeners_of(call.client.get("overview"))
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
    node = node_of(call)
    if alarms := alarms_of(node):
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
    node_of(call)
    say(f"Node {call.node} seems to be the only one in a single node cluster, the check does not apply")


def listeners(call: Call) -> None:
    """Where it listens, and for what."""
    found = listeners_of(call.client.get("overview"))
    if call.invocation.formatter in MACHINE_READABLE:
        say(compact({"listeners": [listener_shown(one) for one in found], "node": call.node, "result": "ok"}))
        return
    call.banner(f"Asking node {call.node} to report its protocol listeners ...")
    for one in found:
        say(listener_line(one))


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
