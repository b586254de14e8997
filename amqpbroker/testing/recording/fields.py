"""Field tables in a recording: JSON that a person reads, and that gives back the very types.

Text, truth, nothing, lists and tables are what JSON has for them, a whole number is a signed one of 32 bits if it fits
and of 64 if not, any other number a double. Whatever is of another type says so: `{"type": "T", "value": 1700000000}`,
by the letters of AMQP's table, and octets that are no text in base64: `{"type": "x", "base64": "AAE="}`.
"""

import base64
import math
from typing import Any, Final

from amqpbroker.wire.tables import TYPE_NAMES, Field, Table, TableError, encode_table

_TYPE: Final = "type"


def json_of(table: Table) -> dict[str, Any]:
    """A table as JSON has it."""
    return {name: _json_value(field) for name, field in table.items()}


def table_of(values: dict[str, Any]) -> Table:
    """The table again. ValueError: a value that no field can hold."""
    try:
        table = {name: _field(value) for name, value in values.items()}
        encode_table(table)
    except (TableError, TypeError, RecursionError, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from None
    return table


def _json_value(field: Field) -> Any:
    kind, value = field
    match kind:
        case "t" | "V":
            return value
        case "S":
            text = _text(value)
            return {_TYPE: kind, "base64": _base64(value)} if text is None else text
        case "x":
            return {_TYPE: kind, "base64": _base64(value)}
        case "A":
            return [_json_value(item) for item in value]
        case "F":
            table = json_of(value)
            return {_TYPE: kind, "value": table} if _TYPE in table else table
        case "D":
            return {_TYPE: kind, "value": list(value)}
        case _:
            return value if _plain_kind(value) == kind else {_TYPE: kind, "value": value}


def _field(value: Any) -> Field:
    match value:
        case None:
            return Field("V", None)
        case bool():
            return Field("t", value)
        case int() | float():
            return Field(_plain_kind(value), value)
        case str():
            return Field("S", value.encode("utf-8", "surrogateescape"))
        case list():
            return Field("A", [_field(item) for item in value])
        case {"type": str(kind), "base64": str(text), **rest} if not rest and kind in ("S", "x"):
            return Field(kind, base64.b64decode(text, validate=True))
        case {"type": str(kind), "value": typed, **rest} if not rest and kind in TYPE_NAMES:
            return _typed(kind, typed)
        case dict() if _TYPE not in value:
            return Field("F", {name: _field(item) for name, item in value.items()})
        case _:
            raise TableError(f"{value!r} names no type of fields")


def _typed(kind: str, value: Any) -> Field:
    match kind, value:
        case "F", dict():
            return Field(kind, {name: _field(item) for name, item in value.items()})
        case "D", [int(places), int(digits)]:
            return Field(kind, (places, digits))
        case (("d" | "f"), int() | float()):
            return Field(kind, float(value))
        case (("b" | "B" | "s" | "u" | "I" | "i" | "l" | "L" | "T"), int()) if not isinstance(value, bool):
            return Field(kind, value)
        case _:
            raise TableError(f"no {TYPE_NAMES[kind]} can hold {value!r}")


def _plain_kind(number: int | float) -> str:
    """What a number is that does not say what it is."""
    if isinstance(number, float):
        if not math.isfinite(number):
            raise TableError(f"{number} is no number that a field can hold")
        return "d"
    return "I" if -(1 << 31) <= number < 1 << 31 else "l"


def _text(octets: bytes) -> str | None:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
