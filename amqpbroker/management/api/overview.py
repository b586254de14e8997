"""/api/overview, /api/version: what the broker is, and how much there is of everything.

Source: RabbitMQ `rabbit_mgmt_wm_overview`, `_version`, `rabbit_mgmt_db:get_overview`.
"""

import platform
from collections.abc import Sequence
from typing import Any, Final

from amqpbroker.management.access.authorization import MONITORS, has_tag, visible_vhosts
from amqpbroker.management.api.connections import open_connections, visible
from amqpbroker.management.api.plugins import exchange_types
from amqpbroker.management.node.listeners import listeners
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.management.statistics.counters import OF_ALL, churn, counters_of, message_stats, with_rates
from amqpbroker.model.counters import Counters
from amqpbroker.model.vhost import VirtualHost

_RETENTION_S: Final = {"global": [600, 3_600, 28_800, 86_400], "basic": [600, 3_600], "detailed": [600]}


async def overview(request: ApiRequest) -> dict[str, Any]:
    broker, profile = request.broker, request.broker.profile
    vhosts = [broker.vhosts[name] for name in visible_vhosts(request.user, broker)]
    told: dict[str, Any] = {
        "management_version": profile.version,
        "rates_mode": "basic",
        "sample_retention_policies": _RETENTION_S,
        "exchange_types": exchange_types(profile),
        "product_version": profile.version,
        "product_name": "RabbitMQ",
        "rabbitmq_version": profile.version,
        "cluster_name": broker.cluster_name,
        "cluster_tags": [],
        "node_tags": [],
        "default_queue_type": broker.default_queue_type or "classic",
        # There is no Erlang: what runs it instead.
        "erlang_version": platform.python_version(),
        "erlang_full_version": f"{platform.python_implementation()} {platform.python_version()}",
        "release_series_support_status": "supported",
        "disable_stats": False,
        "enable_queue_totals": False,
        "is_op_policy_updating_enabled": True,
        "statistics_db_event_queue": 0,
        "churn_rates": churn(broker),
        "message_stats": _message_stats(request, vhosts),
        "queue_totals": _queue_totals(vhosts),
        "object_totals": _object_totals(request, vhosts),
    }
    for part in ("message_stats", "queue_totals"):
        request.rates.put_totals_into(vhosts, told[part])
    request.rates.put_into(broker, told["churn_rates"])
    if has_tag(request.user, MONITORS):
        told |= {"node": broker.node_name, "listeners": _listeners(request), "contexts": contexts(request)}
    return told


async def version(request: ApiRequest) -> str:
    return request.broker.profile.version


def contexts(request: ApiRequest) -> list[dict[str, Any]]:
    """What is served over HTTP."""
    return [
        {
            "ssl_opts": [],
            "node": request.broker.node_name,
            "description": "RabbitMQ Prometheus" if "prometheus" in one.protocol else "RabbitMQ Management",
            "path": "/",
            "ip": one.host,
            "port": str(one.port),
            "protocol": one.protocol,
        }
        for one in listeners(request.server)
        if one.protocol.startswith("http")
    ]


def _listeners(request: ApiRequest) -> list[dict[str, Any]]:
    return [
        {
            "node": request.broker.node_name,
            "protocol": one.protocol,
            "ip_address": one.host,
            "port": one.port,
            "socket_opts": {"nodelay": True},
        }
        for one in listeners(request.server)
    ]


def _message_stats(request: ApiRequest, vhosts: Sequence[VirtualHost]) -> dict[str, Any]:
    connections = open_connections(request.broker)
    total = Counters()
    for vhost in vhosts:
        total.add(counters_of(vhost, connections))
    return message_stats(total, OF_ALL)


def _queue_totals(vhosts: Sequence[VirtualHost]) -> dict[str, Any]:
    queues = [queue for vhost in vhosts for queue in vhost.queues.values()]
    ready, unacked = sum(queue.message_count for queue in queues), sum(queue.unacked for queue in queues)
    return with_rates({"messages": ready + unacked, "messages_ready": ready, "messages_unacknowledged": unacked})


def _object_totals(request: ApiRequest, vhosts: Sequence[VirtualHost]) -> dict[str, int]:
    connections = visible(request, open_connections(request.broker))
    return {
        "channels": sum(len(one.channels) for one in connections),
        "connections": len(connections),
        "consumers": sum(len(queue.consumers) for vhost in vhosts for queue in vhost.queues.values()),
        "exchanges": sum(len(vhost.exchanges) for vhost in vhosts),
        "queues": sum(len(vhost.queues) for vhost in vhosts),
    }


RESOURCES = (
    Resource("/overview", {"GET": overview}),
    Resource("/version", {"GET": version}, is_for_strangers=True),
)
