"""The properties of a message as JSON has them. Source: RabbitMQ `rabbit_mgmt_format` (basic_properties and back)."""

from collections.abc import Mapping
from typing import Any, Final

from amqpbroker.management.errors import BadRequest
from amqpbroker.management.formats.field_tables import json_table
from amqpbroker.management.formats.fields import json_object, short_string, shown, table
from amqpbroker.wire.properties import Properties

_INTEGERS: Final = {"delivery_mode": 0xFF, "priority": 0xFF, "timestamp": (1 << 64) - 1}
_TEXTS: Final = (
    "content_type",
    "content_encoding",
    "correlation_id",
    "reply_to",
    "expiration",
    "message_id",
    "type",
    "user_id",
    "app_id",
    "cluster_id",
)
_NAMES: Final = (*_TEXTS, *_INTEGERS)


def properties_of(values: Mapping[str, Any]) -> Properties:
    """The properties that an object stands for; names that are none say nothing, as in RabbitMQ. Raises 400."""
    found: dict[str, Any] = {name: short_string(values[name], name) for name in _TEXTS if name in values}
    for name, most in _INTEGERS.items():
        if name in values:
            found[name] = _integer(values[name], name, most)
    if "headers" in values:
        found["headers"] = table(json_object(values["headers"], "headers"), "headers")
    return Properties(**found)


def json_properties(properties: Properties) -> dict[str, Any] | list[Any]:
    """The properties that a message has; none of them are an empty list, as RabbitMQ has it."""
    found = {name: value for name in _NAMES if (value := getattr(properties, name)) is not None}
    if properties.headers is not None:
        found["headers"] = json_table(properties.headers)
    return found or []


def _integer(value: Any, name: str, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise BadRequest(f"{name}: {shown(value)} is not a whole number from 0 to {most}")
    return value
