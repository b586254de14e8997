"""Commands that look: what RabbitMQ 3.10.8 said, and how they end when something is wrong."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.http_api import Api

Call = Callable[..., Any]
NODE = "rabbit@host"
PING = (
    f"Will ping {NODE}. This only checks if the OS process is running and registered with epmd. Timeout: 60000 ms.\n"
    "Ping succeeded\n"
)


@pytest.fixture
def look(call: Call) -> Call:
    return lambda *arguments: call("rabbitmq-diagnostics", *arguments)


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (["ping"], PING),
        (["-q", "ping"], "Ping succeeded\n"),
        (
            ["check_running"],
            f"Checking if RabbitMQ is running on node {NODE} ...\n"
            f"RabbitMQ on node {NODE} is fully booted and running\n",
        ),
        (["-q", "is_running"], f"RabbitMQ on node {NODE} is fully booted and running\n"),
        (
            ["-q", "is_booting"],
            f"RabbitMQ on node {NODE} "
            "is fully booted (check with is_running), stopped or has not started booting yet\n",
        ),
        (["-q", "node_health_check"], "Health check passed\n"),
        (
            ["check_local_alarms"],
            f"Asking node {NODE} to report any local resource alarms ...\nNode {NODE} reported no local alarms\n",
        ),
        (
            ["check_alarms"],
            f"Asking node {NODE} to report any local resource alarms ...\n"
            f"Node {NODE} reported no alarms, local or clusterwide\n",
        ),
        (
            ["check_port_listener", "5672"],
            f"Asking node {NODE} if there's an active listener on port 5672 ...\n"
            f"A listener for port 5672 is running on node {NODE}.\n",
        ),
        (
            ["check_protocol_listener", "amqp"],
            f"Asking node {NODE} if there's an active listener for protocol amqp ...\n"
            f"A listener for protocol amqp is running on node {NODE}.\n",
        ),
        (
            ["check_if_node_is_quorum_critical"],
            f"Checking if node {NODE} is critical for quorum of any quorum queues ...\n"
            f"Node {NODE} seems to be the only one in a single node cluster, the check does not apply\n",
        ),
        (
            ["listeners"],
            f"Asking node {NODE} to report its protocol listeners ...\n"
            "Interface: 127.0.0.1, port: 5672, protocol: amqp, purpose: AMQP 0-9-1\n",
        ),
        (["server_version"], f"Asking node {NODE} for its RabbitMQ version...\n4.2.9\n"),
        (["version"], "4.2.9\n"),
    ],
)
def test_all_is_well(look: Call, arguments: list[str], out: str) -> None:
    assert look(*arguments) == (0, out, "")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["check_port_listener", "1"],
            f"No listener for port 1 is active on node {NODE}. Found listeners that use the ",
        ),
        (
            ["check_protocol_listener", "mqtt"],
            f"Error:\nNo listener for protocol mqtt is active on node {NODE}. Found ",
        ),
        (["-n", "x@y", "ping"], "Error:\nFailed to connect and authenticate to x@y in 60000 ms\n"),
        (["-n", "x@y", "check_running"], "Error: unable to perform an operation on node 'x@y'. "),
    ],
)
def test_what_is_not_there(look: Call, arguments: list[str], text: str) -> None:
    ended = look(*arguments)
    assert ended.exit_code == 69
    assert ended.err.startswith(text)


@pytest.mark.parametrize("command", ["check_alarms", "check_local_alarms", "node_health_check"])
def test_an_alarm_is_told(look: Call, broker: Api, command: str) -> None:
    broker.answers["GET /api/nodes"] = [{"name": NODE, "mem_alarm": True}]
    ended = look("-q", command)
    assert ended.exit_code == 69
    assert "memory" in ended.err.lower()
    assert look("-q", "alarms") == (0, f"Memory alarm on node {NODE}\n", "")


def test_ports_are_connected_to(look: Call, broker: Api) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        port = there.getsockname()[1]
        listener = {"node": NODE, "protocol": "amqp", "ip_address": "0.0.0.0", "port": port}
        broker.answers["GET /api/overview"] = {"listeners": [listener]}
        assert look("-q", "check_port_connectivity").out == f"Successfully connected to ports {port} on node {NODE}.\n"
    ended = look("-q", "check_port_connectivity")
    assert (ended.exit_code, f"failed: {port} (amqp)" in ended.err) == (69, True)


def test_virtual_hosts_that_are_down_are_named(look: Call, broker: Api) -> None:
    broker.answers["GET /api/vhosts"] = [{"name": "/", "cluster_state": {NODE: "running"}}]
    assert look("-q", "check_virtual_hosts").out == f"Node {NODE} reported all vhosts as running\n"
    broker.answers["GET /api/vhosts"] = [{"name": "/", "cluster_state": {NODE: "stopped"}}]
    ended = look("-q", "check_virtual_hosts")
    assert (ended.exit_code, ended.err.endswith("are down:\n/\n")) == (69, True)


@pytest.mark.parametrize(("unit", "number", "words"), [("weeks", "1", "1 week"), ("days", "9", "9 days")])
def test_certificates(look: Call, broker: Api, unit: str, number: str, words: str) -> None:
    broker.answers[f"GET /api/health/checks/certificate-expiration/{number}/{unit}"] = {"status": "ok"}
    out = look("-q", "check_certificate_expiration", "--within", number, "--unit", unit).out
    assert out == f"No certificates are expiring within {words}.\n"


def test_without_a_broker_the_version_is_what_would_be_started(
    look: Call, broker: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMQPBROKER_HTTP", "http://127.0.0.1:1")
    assert look("version").out == "4.2.9\n"
