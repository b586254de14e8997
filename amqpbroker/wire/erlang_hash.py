"""Erlang's `phash2`: the number by which RabbitMQ tells bindings apart whose arguments differ, and clients name them.

Source: Erlang/OTP `erts/emulator/beam/utils.c` (make_hash2), after Bob Jenkins' "lookup2".
"""

from struct import Struct
from typing import Any, Final

from amqpbroker.wire.tables import Field, Table, type_name

_MASK: Final = 0xFFFF_FFFF
_GOLDEN_RATIO: Final = 0x9E37_79B9
_NIL_ALONE: Final = 3_468_870_702
_NIL: Final = 2
_DOUBLE: Final = Struct("<d")
_HALVES: Final = Struct("<II")
# Which multiple of the golden ratio stands for which kind of term.
_INTEGER, _EMPTY, _ATOM, _BYTES, _TUPLE, _NEGATIVE, _POSITIVE, _FLOAT, _BINARY = 1, 2, 3, 4, 9, 10, 11, 12, 13


class Atom(str):
    """A name in a term. Other terms are Python's: bytes, int, float, a tuple, a list."""

    __slots__ = ()


def table_hash(table: Table) -> int:
    """The `phash2` of a table as RabbitMQ keeps it with a binding: its fields in the order of their names."""
    return phash2(_fields({name: table[name] for name in sorted(table, key=_octets)}))


def phash2(term: Any) -> int:
    """`erlang:phash2(Term, 1 bsl 32)`."""
    hashed = 0
    waiting = [term]
    while waiting:
        match waiting.pop():
            case Atom() as name:
                number = _atom_number(name)
                hashed = _with(hashed, number, 0, _ATOM) if hashed else number
            case list() as items if not items:
                hashed = _with(hashed, _NIL, 0, _EMPTY) if hashed else _NIL_ALONE
            case list() as items:
                hashed, count = _with_bytes(hashed, items)
                waiting.append(items[count + 1 :] if count < len(items) else [])
                waiting += items[count : count + 1]
            case tuple() as items:
                hashed = _with(hashed, len(items), 0, _TUPLE)
                waiting += reversed(items)
            case bytes() as octets:
                hashed = _with_binary(hashed, octets)
            case float() as number:
                low, high = _HALVES.unpack(_DOUBLE.pack(number or 0.0))
                hashed = _with(hashed, high, low, _FLOAT)
            case number:
                hashed = _with_integer(hashed, number)
    return hashed


def _fields(table: Table) -> list[Any]:
    return [(_octets(name), Atom(type_name(field)), _value(field)) for name, field in table.items()]


def _value(field: Field) -> Any:
    """The value of a field as RabbitMQ holds it (`rabbit_binary_parser`)."""
    kind, value = field
    match kind:
        case "t":
            return Atom("true" if value else "false")
        case "V":
            return Atom("undefined")
        case "F":
            return _fields(value)
        case "A":
            return [(Atom(type_name(item)), _value(item)) for item in value]
        case "f" | "d":
            return float(value)
        case _:
            return value


def _octets(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _with(hashed: int, one: int, other: int, kind: int) -> int:
    """A hash with two numbers of 32 bits mixed in."""
    start = _GOLDEN_RATIO * kind
    return _mixed(start + one & _MASK, start + other & _MASK, hashed)[2]


def _with_integer(hashed: int, number: int) -> int:
    if -(1 << 27) <= number < 1 << 27:
        if number < 0:
            hashed = _with(hashed, -number, 0, _INTEGER)
        return _with(hashed, number & _MASK, 0, _INTEGER)
    kind = _NEGATIVE if number < 0 else _POSITIVE
    left = abs(number)
    while left:
        hashed = _with(hashed, left & _MASK, left >> 32 & _MASK, kind)
        left >>= 64
    return hashed


def _with_bytes(hashed: int, items: list[Any]) -> tuple[int, int]:
    """A list begins with numbers of one octet, as a text does: four of them at a time, and how many they are."""
    count = 0
    while count < len(items) and type(items[count]) is int and 0 <= items[count] <= 255:
        count += 1
    for place in range(0, count, 4):
        hashed = _with(hashed, int.from_bytes(items[place : min(place + 4, count)], "big"), 0, _BYTES)
    return hashed, count


def _with_binary(hashed: int, octets: bytes) -> int:
    start = _GOLDEN_RATIO * _BINARY + hashed & _MASK
    if not octets:
        return start
    one, other, last = _GOLDEN_RATIO, _GOLDEN_RATIO, start
    whole = len(octets) - len(octets) % 12
    for place in range(0, whole, 12):
        part = octets[place : place + 12]
        one, other, last = _mixed(
            one + int.from_bytes(part[:4], "little") & _MASK,
            other + int.from_bytes(part[4:8], "little") & _MASK,
            last + int.from_bytes(part[8:], "little") & _MASK,
        )
    part = octets[whole:]
    return _mixed(
        one + int.from_bytes(part[:4], "little") & _MASK,
        other + int.from_bytes(part[4:8], "little") & _MASK,
        # The lowest octet of this one is kept for the length.
        last + len(octets) + (int.from_bytes(part[8:], "little") << 8) & _MASK,
    )[2]


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    a = a - b - c & _MASK ^ c >> 13
    b = b - c - a & _MASK ^ a << 8 & _MASK
    c = c - a - b & _MASK ^ b >> 13
    a = a - b - c & _MASK ^ c >> 12
    b = b - c - a & _MASK ^ a << 16 & _MASK
    c = c - a - b & _MASK ^ b >> 5
    a = a - b - c & _MASK ^ c >> 3
    b = b - c - a & _MASK ^ a << 10 & _MASK
    c = c - a - b & _MASK ^ b >> 15
    return a, b, c


def _atom_number(name: str) -> int:
    number = 0
    for octet in name.encode("latin-1"):
        number = (number << 4) + octet
        high = number & 0xF000_0000
        number ^= high >> 24 ^ high
    return number
