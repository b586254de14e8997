"""Field tables: the arguments of a method, the headers of a message, the properties of a peer.

A table is a `dict` of names to `Field`s, and a field keeps the type octet it came with, so that what is read is written
again as the same octets. RabbitMQ's types and their meaning, as in its `rabbit_binary_parser`:

    octet  name            value here               octet  name           value here
    t      bool            bool (any octet but 0)   f      float          float, 32 bits
    b      byte            int, signed 8            d      double         float, 64 bits
    B      unsignedbyte    int, unsigned 8          D      decimal        (places, unsigned 32 digits)
    s      short           int, signed 16           S      longstr        bytes: any octets, helper `text`
    u      unsignedshort   int, unsigned 16         x      binary         bytes
    I      signedint       int, signed 32           T      timestamp      int, unsigned 64, seconds
    i      unsignedint     int, unsigned 32         F      table          dict[str, Field]
    l, L   long            int, signed 64           A      array          list[Field]
                                                    V      void           None

Three things do not come back as they were: a true bool is written as 1, of two fields with one name the first stays
(the one RabbitMQ finds too), and a number that is none (NaN, infinite) is refused, since Erlang has no such float.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from struct import Struct
from struct import error as StructError
from typing import Any, Final, NamedTuple

from amqpbroker.limits import NAME_MAX_BYTES, TABLE_DEPTH_MAX


class TableError(ValueError):
    """Octets that are no field table, or values that no field table can hold."""


class Field(NamedTuple):
    """One value of a table. kind: its type octet as a character; value: as the table in this module's docstring."""

    kind: str
    value: Any


Table = dict[str, Field]

TYPE_NAMES: Final = {
    "t": "bool",
    "b": "byte",
    "B": "unsignedbyte",
    "s": "short",
    "u": "unsignedshort",
    "I": "signedint",
    "i": "unsignedint",
    "l": "long",
    "L": "long",
    "f": "float",
    "d": "double",
    "D": "decimal",
    "S": "longstr",
    "x": "binary",
    "T": "timestamp",
    "F": "table",
    "A": "array",
    "V": "void",
}

_NUMBERS: Final = {
    "b": Struct(">b"),
    "B": Struct(">B"),
    "s": Struct(">h"),
    "u": Struct(">H"),
    "I": Struct(">i"),
    "i": Struct(">I"),
    "l": Struct(">q"),
    "L": Struct(">q"),
    "f": Struct(">f"),
    "d": Struct(">d"),
    "T": Struct(">Q"),
}
_DECIMAL: Final = Struct(">BI")
_LENGTH: Final = Struct(">I")

# Shared, so that a table full of the shortest fields costs no object each.
_FALSE: Final = Field("t", False)
_TRUE: Final = Field("t", True)
_VOID: Final = Field("V", None)


def decode_table(octets: bytes, position: int, end: int) -> tuple[Table, int]:
    """The table whose 4-octet length stands at position, and the position after it. Nothing from end on is read.

    Names and other octets that are no UTF-8 become surrogates, and octets again when encoded.
    Raises TableError: a type octet unknown to RabbitMQ, a length that leaves its container, a number that is none,
    more than `TABLE_DEPTH_MAX` tables and arrays within each other.
    """
    return _decode_table(octets, position, end, 1)


def encode_table(table: Table) -> bytes:
    """The table's octets, its length first. Raises TableError: a kind, name or value that has no octets."""
    pieces: list[bytes] = []
    for name, field in table.items():
        octets = name.encode("utf-8", "surrogateescape")
        if len(octets) > NAME_MAX_BYTES:
            raise TableError(f"a field name of {len(octets)} octets")
        pieces.append(bytes((len(octets),)) + octets)
        pieces.append(_encode_field(field))
    return _with_length(b"".join(pieces))


def text(field: Field) -> str:
    """The text of a longstr or binary; octets that are no UTF-8 become surrogates."""
    octets: bytes = field.value
    return octets.decode("utf-8", "surrogateescape")


def texts(table: Table, name: str) -> list[str]:
    """The longstrs of the array of that name; other items do not count, and what is no array has none."""
    field = table.get(name)
    return [text(item) for item in field.value if item.kind == "S"] if field is not None and field.kind == "A" else []


def long_string(value: str) -> Field:
    """The longstr field of a text."""
    return Field("S", value.encode("utf-8", "surrogateescape"))


def type_name(field: Field) -> str:
    """RabbitMQ's name of the field's type, as its error texts have it: `longstr`, `signedint`, ..."""
    return TYPE_NAMES[field.kind]


def from_python(value: Any) -> Field:
    """The field of a plain value: bool, int (signedint, else long), float (double), str, bytes (binary), None, Decimal,
    dict and list of such; a Field stays as it is. Raises TableError for any other."""
    match value:
        case Field():
            return value
        case None:
            return _VOID
        case bool():
            return _TRUE if value else _FALSE
        case int():
            return _integer(value)
        case float():
            return Field("d", value)
        case str():
            return long_string(value)
        case bytes():
            return Field("x", value)
        case Decimal():
            return _decimal(value)
        case dict():
            return Field("F", {name: from_python(item) for name, item in value.items()})
        case list() | tuple():
            return Field("A", [from_python(item) for item in value])
        case _:
            raise TableError(f"no field can hold a value of type {type(value).__name__}")


def to_python(field: Field) -> Any:
    """The plain value of a field: a longstr as str, a decimal as Decimal, a table as dict, an array as list."""
    match field.kind:
        case "S":
            return text(field)
        case "D":
            places, digits = field.value
            return Decimal(digits).scaleb(-places)
        case "F":
            return {name: to_python(item) for name, item in field.value.items()}
        case "A":
            return [to_python(item) for item in field.value]
        case _:
            return field.value


def _integer(value: int) -> Field:
    if -(1 << 31) <= value < 1 << 31:
        return Field("I", value)
    if -(1 << 63) <= value < 1 << 63:
        return Field("l", value)
    raise TableError(f"the number {value} has more than 64 bits")


def _decimal(value: Decimal) -> Field:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or sign or not -255 <= exponent <= 0:
        raise TableError(f"the decimal {value} is negative, not finite or has no places of its own")
    return Field("D", (-exponent, int("".join(map(str, digits)))))


def _extent(octets: bytes, position: int, end: int) -> tuple[int, int]:
    """Start and end of what the 4-octet length at position announces."""
    start = position + 4
    if start > end:
        raise TableError("a length is cut off")
    stop: int = start + _LENGTH.unpack_from(octets, position)[0]
    if stop > end:
        raise TableError(f"a length of {stop - start} where {end - start} octets are left")
    return start, stop


def _deeper(depth: int) -> int:
    if depth > TABLE_DEPTH_MAX:
        raise TableError(f"more than {TABLE_DEPTH_MAX} tables and arrays within each other")
    return depth + 1


def _decode_table(octets: bytes, position: int, end: int, depth: int) -> tuple[Table, int]:
    inner = _deeper(depth)
    position, stop = _extent(octets, position, end)
    table: Table = {}
    while position < stop:
        name_end = position + 1 + octets[position]
        if name_end >= stop:
            raise TableError("a field name is cut off")
        name = octets[position + 1 : name_end].decode("utf-8", "surrogateescape")
        field, position = _decode_field(octets, name_end, stop, inner)
        table.setdefault(name, field)
    return table, stop


def _decode_array(octets: bytes, position: int, end: int, depth: int) -> tuple[list[Field], int]:
    inner = _deeper(depth)
    position, stop = _extent(octets, position, end)
    array: list[Field] = []
    while position < stop:
        field, position = _decode_field(octets, position, stop, inner)
        array.append(field)
    return array, stop


def _decode_field(octets: bytes, position: int, end: int, depth: int) -> tuple[Field, int]:
    """The field whose type octet stands at position, which is before end."""
    kind = chr(octets[position])
    position += 1
    if kind in _DECODERS:
        value, position = _DECODERS[kind](octets, position, end, depth)
        return Field(kind, value), position
    if kind == "t":
        if position >= end:
            raise TableError("a bool is cut off")
        return (_TRUE if octets[position] else _FALSE), position + 1
    if kind == "V":
        return _VOID, position
    raise TableError(f"unknown field type octet {ord(kind)}")


def _decode_octets(octets: bytes, position: int, end: int, _depth: int) -> tuple[bytes, int]:
    start, stop = _extent(octets, position, end)
    return octets[start:stop], stop


def _decode_decimal(octets: bytes, position: int, end: int, _depth: int) -> tuple[tuple[int, int], int]:
    stop = position + _DECIMAL.size
    if stop > end:
        raise TableError("a decimal is cut off")
    places, digits = _DECIMAL.unpack_from(octets, position)
    return (places, digits), stop


def _number_decoder(kind: str, layout: Struct) -> Callable[[bytes, int, int, int], tuple[int | float, int]]:
    def decode_number(octets: bytes, position: int, end: int, _depth: int) -> tuple[int | float, int]:
        stop = position + layout.size
        if stop > end:
            raise TableError(f"a {TYPE_NAMES[kind]} is cut off")
        value: int | float = layout.unpack_from(octets, position)[0]
        if not math.isfinite(value):
            raise TableError(f"a {TYPE_NAMES[kind]} that is no number")
        return value, stop

    return decode_number


_DECODERS: Final[dict[str, Callable[[bytes, int, int, int], tuple[Any, int]]]] = {
    "S": _decode_octets,
    "x": _decode_octets,
    "F": _decode_table,
    "A": _decode_array,
    "D": _decode_decimal,
} | {kind: _number_decoder(kind, layout) for kind, layout in _NUMBERS.items()}


def _with_length(octets: bytes) -> bytes:
    return _LENGTH.pack(len(octets)) + octets


def _encode_field(field: Field) -> bytes:
    kind, value = field
    if kind not in TYPE_NAMES:
        raise TableError(f"unknown field type {kind!r}")
    try:
        return kind.encode() + _encode_value(kind, value)
    except StructError as fault:
        raise TableError(f"no {TYPE_NAMES[kind]} can hold {value!r}") from fault


def _encode_value(kind: str, value: Any) -> bytes:
    match kind:
        case "S" | "x":
            return _with_length(value)
        case "t":
            return b"\x01" if value else b"\x00"
        case "F":
            return encode_table(value)
        case "A":
            return _with_length(b"".join(map(_encode_field, value)))
        case "V":
            return b""
        case "D":
            return _DECIMAL.pack(*value)
        case _:
            return _NUMBERS[kind].pack(value)
