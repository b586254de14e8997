"""What of the broker is worth remembering over a restart, as plain values: exchanges, queues, bindings.

A definition is (kind, virtual host, name) and a content that JSON can hold. Arguments keep their AMQP types.
"""

import json
from typing import Any

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.queue import Queue
from amqpbroker.wire.tables import Field, Table

Content = dict[str, Any]

EXCHANGE = "exchange"
QUEUE = "queue"
BINDING = "binding"


def queue_content(queue: Queue, number: int) -> Content:
    """number: what the journal's records call the queue."""
    return {"id": number, "auto_delete": queue.auto_delete, "arguments": table_to_json(queue.arguments)}


def exchange_content(exchange: Exchange) -> Content:
    """All of an exchange but its name."""
    return {
        "type": exchange.type,
        "auto_delete": exchange.auto_delete,
        "internal": exchange.internal,
        "arguments": table_to_json(exchange.arguments),
    }


def binding_name(binding: Binding) -> str:
    """What a binding is, and so its name: it has no other."""
    arguments = table_to_json(binding.arguments)
    return json.dumps([binding.source, *binding.destination, binding.routing_key, arguments], sort_keys=True)


def binding_of(name: str) -> Binding:
    """The binding of that name."""
    source, kind, destination, routing_key, arguments = json.loads(name)
    return Binding(source, Destination(kind, destination), routing_key, table_from_json(arguments))


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
