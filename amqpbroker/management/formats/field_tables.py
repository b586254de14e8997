"""Field tables as JSON and back: arguments, headers, client properties.

Source: RabbitMQ `rabbit_misc` (amqp_table, to_amqp_table). One difference: a decimal is told as the number it is, of
which RabbitMQ tells the places before the point and the digits after it.
"""

import base64
import math
from collections.abc import Mapping
from typing import Any, Final

from amqpbroker.management.errors import BadRequest
from amqpbroker.wire.tables import Field, Table, long_string

_LINE_LENGTH: Final = 76


def json_table(table: Table) -> dict[str, Any]:
    """A table as JSON has it; the types of numbers are forgotten."""
    return {name: json_value(field) for name, field in table.items()}


def json_value(field: Field) -> Any:
    """A field as JSON has it: octets that are no UTF-8 are told in base64, nothing is `undefined`."""
    kind, value = field
    match kind:
        case "S" | "x":
            return _text(value)
        case "V":
            return "undefined"
        case "D":
            places, digits = value
            return digits / 10**places
        case "F":
            return json_table(value)
        case "A":
            return [json_value(item) for item in value]
        case _:
            return value


def amqp_table(values: Mapping[str, Any]) -> Table:
    """The table that a JSON object stands for. Raises 400 for null, which stands for nothing."""
    return {name: amqp_field(value, name) for name, value in values.items()}


def amqp_field(value: Any, name: str) -> Field:
    """The field that a value of JSON stands for: every whole number is a long. name: what it is called in a refusal."""
    match value:
        case bool():
            return Field("t", value)
        case int() if -(1 << 63) <= value < 1 << 63:
            return Field("l", value)
        case int():
            raise BadRequest(f"{name}: {value} has more than 64 bits")
        case float() if math.isfinite(value):
            return Field("d", value)
        case float():
            raise BadRequest(f"{name}: {value} is no number that a field can hold")
        case str():
            return long_string(value)
        case dict():
            return Field("F", amqp_table(value))
        case list():
            return Field("A", [amqp_field(item, name) for item in value])
        case _:
            raise BadRequest("null_not_allowed")


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        encoded = base64.b64encode(octets).decode()
        lines = [encoded[place : place + _LINE_LENGTH] for place in range(0, len(encoded), _LINE_LENGTH)]
        return "Not UTF-8, base64 is: " + "\n".join(lines)
