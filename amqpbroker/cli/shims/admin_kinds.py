"""What rabbitmqadmin lists, declares, deletes, publishes and gets: where that is in the HTTP API, and what it takes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple


class Kind(NamedTuple):
    """path: with what names it in braces. needed: `a|b` is one of the two. json: whose values are JSON."""

    path: str
    needed: tuple[str, ...]
    optional: Mapping[str, Any] = MappingProxyType({})
    json: tuple[str, ...] = ()


_ARGUMENTS: Final = ("arguments",)
_POLICY: Final = {"priority": 0, "apply-to": None}
_POLICY_NEEDS: Final = ("name", "pattern", "definition")
# What is listed when no columns are named, and which of it is in a virtual host.
LISTS: Final[dict[str, tuple[str, ...]]] = {
    "connections": ("name", "user", "channels"),
    "channels": ("name", "user"),
    "consumers": (),
    "exchanges": ("name", "type"),
    "queues": ("name", "messages"),
    "bindings": ("source", "destination", "routing_key"),
    "users": (),
    "vhosts": ("name", "messages"),
    "permissions": (),
    "nodes": ("name", "type", "mem_used"),
    "parameters": (),
    "policies": (),
    "operator_policies": (),
    "vhost_limits": (),
}
IN_VHOST: Final = ("consumers", "exchanges", "queues", "bindings")
OVERVIEW: Final = ("rabbitmq_version", "cluster_name", "queue_totals.messages", "object_totals.queues")
DECLARED: Final = {
    "exchange": Kind(
        "/exchanges/{vhost}/{name}",
        ("name", "type"),
        {"auto_delete": "false", "durable": "true", "internal": "false", "arguments": {}},
        _ARGUMENTS,
    ),
    "queue": Kind(
        "/queues/{vhost}/{name}",
        ("name",),
        {"auto_delete": "false", "durable": "true", "arguments": {}, "node": None, "queue_type": None},
        _ARGUMENTS,
    ),
    "binding": Kind(
        "/bindings/{vhost}/e/{source}/{kind}/{destination}",
        ("source", "destination"),
        {"destination_type": "queue", "routing_key": "", "arguments": {}},
        _ARGUMENTS,
    ),
    "vhost": Kind("/vhosts/{name}", ("name",), {"tracing": None}),
    "user": Kind("/users/{name}", ("name", "password|password_hash", "tags"), {"hashing_algorithm": None}),
    "permission": Kind("/permissions/{vhost}/{user}", ("vhost", "user", "configure", "write", "read")),
    "parameter": Kind("/parameters/{component}/{vhost}/{name}", ("component", "name", "value"), {}, ("value",)),
    "policy": Kind("/policies/{vhost}/{name}", _POLICY_NEEDS, _POLICY, ("definition", "priority")),
    "operator_policy": Kind("/operator-policies/{vhost}/{name}", _POLICY_NEEDS, _POLICY, ("definition", "priority")),
    "vhost_limit": Kind("/vhost-limits/{vhost}/{name}", ("vhost", "name", "value"), {}, ("value",)),
}
DELETED: Final = {
    **{name: Kind(DECLARED[name].path, ("name",)) for name in ("exchange", "queue", "vhost", "user", "policy")},
    "operator_policy": Kind("/operator-policies/{vhost}/{name}", ("name",)),
    "binding": Kind(
        "/bindings/{vhost}/e/{source}/{kind}/{destination}/{properties_key}",
        ("source", "destination_type", "destination"),
        {"properties_key": "~"},
    ),
    "permission": Kind("/permissions/{vhost}/{user}", ("vhost", "user")),
    "parameter": Kind("/parameters/{component}/{vhost}/{name}", ("component", "name")),
    "vhost_limit": Kind("/vhost-limits/{vhost}/{name}", ("vhost", "name")),
}
CLOSED: Final = {"connection": Kind("/connections/{name}", ("name",))}
PURGED: Final = {"queue": Kind("/queues/{vhost}/{name}/contents", ("name",))}
PUBLISHED: Final = Kind(
    "/exchanges/{vhost}/{exchange}/publish",
    ("routing_key",),
    {"payload": None, "properties": {}, "exchange": "amq.default", "payload_encoding": "string"},
    ("properties",),
)
GOT: Final = Kind(
    "/queues/{vhost}/{queue}/get",
    ("queue",),
    {"count": "1", "ackmode": "ack_requeue_true", "payload_file": None, "encoding": "auto"},
)
