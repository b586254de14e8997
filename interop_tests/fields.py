"""Properties and tables as they came: with the order of the keys and the kind of every value, which clients hide."""

import struct
from typing import Any, TypeAlias

from interop_tests.raw.codec import PROPERTIES

# (key, kind, value): kind is the type octet; a nested table's value is such a list, an array's one of (kind, value).
Table: TypeAlias = list[tuple[str, str, Any]]
_NUMBERS = {"b": ">b", "B": ">B", "s": ">h", "u": ">H", "I": ">i", "i": ">I", "l": ">q", "T": ">Q"}
_NUMBERS |= {"f": ">f", "d": ">d"}
_PROPERTY_NUMBERS = {"octet": 1, "short": 2, "long": 4, "longlong": 8}


def properties(octets: bytes) -> dict[str, Any]:
    """The properties of a content header by name (flags first, as in wire.Message); headers are a Table."""
    (flags,) = struct.unpack_from(">H", octets)
    position = 2
    came: dict[str, Any] = {}
    for bit, (name, kind) in enumerate(PROPERTIES):
        if not flags & 1 << (15 - bit):
            continue
        if kind == "table":
            size = int.from_bytes(octets[position : position + 4])
            came[name] = table(octets[position + 4 : position + 4 + size])
            position += 4 + size
        elif kind == "shortstr":
            size = octets[position]
            came[name] = octets[position + 1 : position + 1 + size].decode()
            position += 1 + size
        else:
            size = _PROPERTY_NUMBERS[kind]
            came[name] = int.from_bytes(octets[position : position + size])
            position += size
    assert position == len(octets)
    return came


def table(octets: bytes) -> Table:
    """The entries of a table without its length."""
    position = 0
    entries: Table = []
    while position < len(octets):
        size = octets[position]
        key = octets[position + 1 : position + 1 + size].decode()
        kind, value, position = _value(octets, position + 1 + size)
        entries.append((key, kind, value))
    return entries


def _value(octets: bytes, position: int) -> tuple[str, Any, int]:
    """The kind and value that begin at `position`, and where they end."""
    kind = chr(octets[position])
    position += 1
    if kind in _NUMBERS:
        (number,) = struct.unpack_from(_NUMBERS[kind], octets, position)
        return kind, number, position + struct.calcsize(_NUMBERS[kind])
    if kind == "t":
        return kind, bool(octets[position]), position + 1
    if kind == "V":
        return kind, None, position
    assert kind in "SxFA", kind
    end = position + 4 + int.from_bytes(octets[position : position + 4])
    inner = octets[position + 4 : end]
    if kind == "A":
        return kind, _array(inner), end
    return kind, table(inner) if kind == "F" else inner.decode() if kind == "S" else inner, end


def _array(octets: bytes) -> list[tuple[str, Any]]:
    """The elements of an array without its length."""
    position = 0
    elements: list[tuple[str, Any]] = []
    while position < len(octets):
        kind, value, position = _value(octets, position)
        elements.append((kind, value))
    return elements
