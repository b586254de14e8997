"""Answers have the fields that a RabbitMQ's had, each of the same type of JSON: data/recorded_fields.json."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.helpers.busy_broker import Busy, busy_broker

RECORDED: Final = json.loads((Path(__file__).parent / "data" / "recorded_fields.json").read_text(encoding="utf-8"))

PATHS: Final = {
    "overview": "overview",
    "nodes": "nodes",
    "node_memory": "nodes/{node}/memory",
    "queue": "queues/%2F/priorities",
    "queue_quorum": "queues/%2F/quorum",
    "queue_stream": "queues/%2F/stream",
    "queues": "queues?name=classic",
    "queues_paged": "queues?page=1&page_size=2&name=class&use_regex=true&pagination=true",
    "queues_disable_stats": "queues?disable_stats=true&enable_queue_totals=true",
    "connection": "connections/{connection}",
    "connection_channels": "connections/{connection}/channels",
    "channel": "channels/{channel}",
    "consumers": "consumers",
    "exchange": "exchanges/%2F/events",
    "exchanges": "exchanges",
    "bindings": "bindings",
    "bindings_eq": "bindings/%2F/e/events/q/classic",
    "exchange_bindings_source": "exchanges/%2F/events/bindings/source",
    "queue_bindings": "queues/%2F/classic/bindings",
    "cluster_name": "cluster-name",
    "extensions": "extensions",
    "feature_flags": "feature-flags",
    "auth": "auth",
    "auth_attempts": "auth/attempts/{node}",
    "whoami": "whoami",
    "aliveness": "aliveness-test/%2F",
    "healthchecks_node": "healthchecks/node",
    "hc_alarms": "health/checks/alarms",
    "hc_local_alarms": "health/checks/local-alarms",
    "hc_cert": "health/checks/certificate-expiration/1/months",
    "hc_port": "health/checks/port-listener/{port}",
    "hc_port_bad": "health/checks/port-listener/9999",
    "hc_proto": "health/checks/protocol-listener/amqp091",
    "hc_proto_bad": "health/checks/protocol-listener/mqtt",
    "hc_vhosts": "health/checks/virtual-hosts",
    "hc_mirror": "health/checks/node-is-mirror-sync-critical",
    "hc_quorum": "health/checks/node-is-quorum-critical",
    "vhosts": "vhosts",
    "vhost_permissions": "vhosts/%2F/permissions",
    "users": "users",
    "user": "users/guest",
    "user_permissions": "users/guest/permissions",
    "permissions": "permissions",
    "permission": "permissions/%2F/guest",
    "topic_permissions": "topic-permissions",
    "parameters": "parameters",
    "global_parameters": "global-parameters",
    "policies": "policies",
    "operator_policies": "operator-policies",
    "definitions": "definitions",
}

# What RabbitMQ tells of its implementation, and no client is known to read; links to other nodes.
NOT_OURS: Final = ("backing_queue_status", "socket_opts.", "cowboy_opts", "cluster_links[]")
# Null and a text, a number and nothing are the same to clients: it depends on what there is to tell.
MAY_BE_NULL: Final = ("peer_cert_", "ssl_", "user_provided_name", "policy", "head_message_timestamp")
# More than one is missing since 4.1: RabbitMQ tells a list.
SINCE_4_1: Final = {"missing": "array"}


@pytest.mark.parametrize("sample", PATHS)
async def test_an_answer_has_what_the_recorded_one_had(sample: str) -> None:
    async with busy_broker() as busy:
        _set_policies(busy)
        answer = await busy.http.get(f"/api/{_filled(PATHS[sample], busy)}")
        assert answer.status_code == RECORDED[sample]["status"]
        content = answer.json()
    ours = dict(_types(content[0], "[].") if isinstance(content, list) else _types(content, ""))
    differing = {
        name: (kind, ours.get(name))
        for name, kind in RECORDED[sample]["fields"].items()
        if ours.get(name) != kind and not _may_differ(name, kind, ours.get(name))
    }
    assert differing == {}


def _set_policies(busy: Busy) -> None:
    broker = busy.server.broker
    parameters = broker.vhosts["/"].parameters
    parameters.set_policy("both", {"pattern": "^eco", "definition": {"message-ttl": 60_000, "max-length": 10}})
    parameters.set_policy("most", {"pattern": "^eco", "definition": {"max-length": 5}}, for_operators=True)
    broker.global_parameters.set("motto", "festina lente")
    broker.topic_permissions.set("guest", "/", "amq.topic", write=".*", read=".*")


def _may_differ(name: str, kind: str, ours: str | None) -> bool:
    field = name.removeprefix("[].").removeprefix("items[].")
    if any(f".{prefix}" in f".{field}" for prefix in NOT_OURS):
        return ours is None
    if any(f".{prefix}" in f".{field}" for prefix in MAY_BE_NULL):
        return {kind, ours} <= {"null", "string", "number"}
    return ours is not None and SINCE_4_1.get(field) == ours


def _filled(path: str, busy: Busy) -> str:
    name = busy.connection
    return path.format(
        node=busy.server.broker.node_name,
        connection=quote(name, safe=""),
        channel=quote(f"{name} (1)", safe=""),
        port=busy.server.endpoints[0].port,
    )


def _types(value: dict[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        yield before + name, _type(item)
        if isinstance(item, dict):
            yield from _types(item, f"{before}{name}.")
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            yield from _types(item[0], f"{before}{name}[].")


def _type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
