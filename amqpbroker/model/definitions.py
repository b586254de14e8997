"""What of the broker is worth remembering over a restart, as plain values: exchanges, queues, settings, users.

A definition is (kind, virtual host, name) and a content that JSON can hold. Arguments keep their AMQP types.
"""

import json
from typing import Any

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.policies.policy import Policy
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.priority import PriorityQueue
from amqpbroker.model.queues.quorum import QuorumQueue
from amqpbroker.wire.tables import Field, Table

Content = dict[str, Any]

EXCHANGE = "exchange"
QUEUE = "queue"
BINDING = "binding"
POLICY = "policy"
OPERATOR_POLICY = "operator_policy"
PARAMETER = "parameter"
# What belongs to a virtual host itself; it has no name.
VHOST = "vhost"
# Of a user, in a virtual host.
PERMISSION = "permission"
TOPIC_PERMISSION = "topic_permission"
# Of the whole broker: of no virtual host.
GLOBAL_PARAMETER = "global_parameter"
USER = "user"
USER_LIMITS = "user_limits"


def queue_content(queue: Queue) -> Content:
    """id: what the journal's records call the queue; parts: its parts, if it has several, by level."""
    assert queue.log is not None
    content: Content = {
        "id": queue.log.id,
        "auto_delete": queue.auto_delete,
        "arguments": table_to_json(queue.arguments),
    }
    if isinstance(queue, PriorityQueue):
        content["parts"] = {str(level): part.log.id for level, part in queue.parts.items() if part.log is not None}
    if isinstance(queue, QuorumQueue):
        content["order"] = queue.order.value
        if queue.parked is not None and queue.parked.log is not None:
            content["parked"] = queue.parked.log.id
    return content


def exchange_content(exchange: Exchange) -> Content:
    """All of an exchange but its name. id: what the journal's records call what it keeps, if it keeps anything."""
    content: Content = {
        "type": exchange.type,
        "auto_delete": exchange.auto_delete,
        "internal": exchange.internal,
        "arguments": table_to_json(exchange.arguments),
    }
    if exchange.hidden is not None and exchange.hidden.log is not None:
        content["id"] = exchange.hidden.log.id
    return content


def binding_name(binding: Binding) -> str:
    """What a binding is, and so its name: it has no other."""
    arguments = table_to_json(binding.arguments)
    return json.dumps([binding.source, *binding.destination, binding.routing_key, arguments], sort_keys=True)


def binding_of(name: str) -> Binding:
    """The binding of that name."""
    source, kind, destination, routing_key, arguments = json.loads(name)
    return Binding(source, Destination(kind, destination), routing_key, table_from_json(arguments))


def policy_content(policy: Policy) -> Content:
    """All of a policy but its name, under the names that RabbitMQ's definitions have."""
    return {
        "pattern": policy.pattern,
        "apply-to": policy.apply_to,
        "definition": dict(policy.definition),
        "priority": policy.priority,
    }


def policy_of(vhost: str, name: str, content: Content) -> Policy:
    """The policy again."""
    return Policy(vhost, name, content["pattern"], content["apply-to"], content["definition"], content["priority"])


def parameter_name(component: str, name: str) -> str:
    """A parameter is known by its component and its name."""
    return json.dumps([component, name])


def table_to_json(table: Table) -> dict[str, list[Any]]:
    """name → [kind, value]; octets as text, in which those that are no UTF-8 are surrogates."""
    return {name: _to_json(field) for name, field in table.items()}


def _to_json(field: Field) -> list[Any]:
    kind, value = field
    match kind:
        case "F":
            value = table_to_json(value)
        case "A":
            value = [_to_json(item) for item in value]
        case "S" | "x":
            value = value.decode("utf-8", "surrogateescape")
        case "D":
            value = list(value)
    return [kind, value]


def table_from_json(content: dict[str, list[Any]]) -> Table:
    """The table again."""
    return {name: _from_json(*pair) for name, pair in content.items()}


def _from_json(kind: str, value: Any) -> Field:
    match kind:
        case "F":
            value = table_from_json(value)
        case "A":
            value = [_from_json(*pair) for pair in value]
        case "S" | "x":
            value = value.encode("utf-8", "surrogateescape")
        case "D":
            value = tuple(value)
    return Field(kind, value)
