"""A broker's definitions, as RabbitMQ exports its own.

What every 3.x and 4.x writes is there: readers of either find what they look for. Left out is what a broker makes by
itself, the exchanges named amq.* and bindings by the default exchange, and what ends with a connection.
Source: RabbitMQ `rabbit_mgmt_wm_definitions`, `rabbit_definitions` at the tags 3.13.7 and 4.2.9.
"""

from collections.abc import Iterator
from typing import Any

from amqpbroker.management.definitions.rules import is_internal
from amqpbroker.management.formats.field_tables import json_table
from amqpbroker.model.access.permissions import permission_content
from amqpbroker.model.access.users import user_content
from amqpbroker.model.binding import Binding
from amqpbroker.model.broker import Broker
from amqpbroker.model.definitions import policy_content
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.policies.policy import Policy
from amqpbroker.model.queue import Queue
from amqpbroker.model.vhost import VirtualHost

Json = dict[str, Any]


def export_definitions(broker: Broker) -> Json:
    """All of the broker."""
    hosts = [broker.vhosts[name] for name in sorted(broker.vhosts)]
    return {
        **_version(broker),
        "rabbitmq_definition_format": "cluster",
        "original_cluster_name": broker.cluster_name,
        "explanation": f"Definitions of cluster '{broker.cluster_name}'",
        "users": [
            {"name": user.name, **user_content(user), "limits": dict(broker.quotas.user_limits().get(user.name, {}))}
            for user in broker.users
        ],
        "vhosts": [vhost_entry(host) for host in hosts],
        "permissions": [
            {"user": one.user, "vhost": one.vhost, **permission_content(one)} for one in broker.permissions
        ],
        "topic_permissions": [
            {"user": one.user, "vhost": one.vhost, "exchange": one.exchange, "write": one.write, "read": one.read}
            for one in broker.topic_permissions
        ],
        "parameters": [{"vhost": host.name, **one} for host in hosts for one in _parameters(host)],
        "global_parameters": [
            {"name": name, "value": value} for name, value in broker.global_parameters if not is_internal(name)
        ],
        "policies": [
            {"vhost": host.name, **one} for host in hosts for one in map(policy_entry, host.parameters.policies)
        ],
        "queues": [{"vhost": host.name, **queue_entry(one)} for host in hosts for one in _queues(host)],
        "exchanges": [{"vhost": host.name, **exchange_entry(one)} for host in hosts for one in _exchanges(host)],
        "bindings": [{"vhost": host.name, **binding_entry(one)} for host in hosts for one in _bindings(host)],
    }


def export_vhost_definitions(broker: Broker, vhost: str) -> Json:
    """What is in one virtual host, for another one of any name: nothing in it says which one it was."""
    host = broker.vhosts[vhost]
    about = vhost_entry(host)
    return {
        **_version(broker),
        "rabbitmq_definition_format": "single_virtual_host",
        "original_vhost_name": vhost,
        "explanation": f"Definitions of virtual host '{vhost}'",
        **{key: about[key] for key in ("metadata", "description", "limits")},
        "parameters": list(_parameters(host)),
        "policies": list(_policies(host)),
        "queues": [queue_entry(one) for one in _queues(host)],
        "exchanges": [exchange_entry(one) for one in _exchanges(host)],
        "bindings": [binding_entry(one) for one in _bindings(host)],
    }


def _version(broker: Broker) -> Json:
    version = broker.profile.version
    return {
        "rabbit_version": version,
        "rabbitmq_version": version,
        "product_name": "RabbitMQ",
        "product_version": version,
    }


def vhost_entry(host: VirtualHost) -> Json:
    """What is said of a virtual host itself."""
    metadata: Json = {"description": host.description, "tags": list(host.tags)}
    if host.default_queue_type is not None:
        metadata["default_queue_type"] = host.default_queue_type
    return {"name": host.name, **metadata, "limits": dict(host.parameters.limits), "metadata": metadata}


def _parameters(host: VirtualHost) -> Iterator[Json]:
    for one in host.parameters:
        yield {"component": one.component, "name": one.name, "value": one.value}


def _policies(host: VirtualHost) -> Iterator[Json]:
    return map(policy_entry, host.parameters.policies)


def policy_entry(policy: Policy) -> Json:
    """A policy, without its virtual host; one of operators is a parameter."""
    return {"name": policy.name, **policy_content(policy)}


def _queues(host: VirtualHost) -> Iterator[Queue]:
    return (queue for queue in host.queues.values() if queue.owner is None)


def queue_entry(queue: Queue) -> Json:
    """A queue, without its virtual host."""
    return {
        "name": queue.name,
        "type": queue.settings.kind,
        "durable": queue.durable,
        "auto_delete": queue.auto_delete,
        "arguments": json_table(queue.arguments),
    }


def _exchanges(host: VirtualHost) -> Iterator[Exchange]:
    return (one for one in host.exchanges.values() if one.name and not one.name.startswith("amq."))


def exchange_entry(exchange: Exchange) -> Json:
    """An exchange, without its virtual host."""
    return {
        "name": exchange.name,
        "type": exchange.type,
        "durable": exchange.durable,
        "auto_delete": exchange.auto_delete,
        "internal": exchange.internal,
        "arguments": json_table(exchange.arguments),
    }


def _bindings(host: VirtualHost) -> Iterator[Binding]:
    for exchange in host.exchanges.values():
        for binding in exchange.bindings:
            kind, name = binding.destination
            if kind == "exchange" or host.queues[name].owner is None:
                yield binding


def binding_entry(binding: Binding) -> Json:
    """A binding, without its virtual host."""
    return {
        "source": binding.source,
        "destination": binding.destination.name,
        "destination_type": binding.destination.kind,
        "routing_key": binding.routing_key,
        "arguments": json_table(binding.arguments),
    }
