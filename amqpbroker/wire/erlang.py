"""Values as Erlang prints them, since RabbitMQ's reply texts quote them so: `<<"bogus">>`, `{value_negative,-1}`."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from amqpbroker.wire.tables import Field, Table, type_name

# `~p` breaks what does not fit into a line of so many characters.
LINE_LENGTH: Final = 80


def term(field: Field) -> str:
    """The value of a field as RabbitMQ holds it (`rabbit_binary_parser`), printed by `io_lib:format("~tp")`."""
    kind, value = field
    match kind:
        case "S" | "x":
            return _binary(value)
        case "t":
            return "true" if value else "false"
        case "V":
            return "undefined"
        case "f" | "d":
            return _float(value)
        case "D":
            return f"{{{value[0]},{value[1]}}}"
        case "A":
            return _list(tagged(item) for item in value)
        case "F":
            return _list(entries(value))
        case _:
            return str(value)


def tagged(field: Field) -> str:
    """The value with the name of its type: `{signedint,1}`."""
    return f"{{{type_name(field)},{term(field)}}}"


def entries(table: Table) -> list[str]:
    """Each entry of a table with its name and the name of its type: `{<<"x-priority">>,signedint,1}`."""
    names = ((_binary(name.encode("utf-8", "surrogateescape")), item) for name, item in table.items())
    return [f"{{{name},{type_name(item)},{term(item)}}}" for name, item in names]


def string(text: str) -> str:
    """A text as Erlang's list of characters: quoted, or as numbers where one of them is not printable."""
    octets = text.encode("utf-8", "surrogateescape")
    return f'"{_escaped(octets)}"' if _printable(octets) else _list(map(str, octets))


def json_term(value: Any) -> str:
    """A value out of JSON as RabbitMQ holds it, in one line: texts are binaries, objects are maps.

    A list of numbers that could all be characters is a text to Erlang: `"ab"`.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case str():
            return _binary(value.encode("utf-8", "surrogateescape"))
        case list():
            if value and all(type(item) is int and 0 <= item <= 255 for item in value) and _printable(bytes(value)):
                return f'"{"".join(_ESCAPES.get(chr(item), chr(item)) for item in value)}"'
            return _list(map(json_term, value))
        case dict():
            return f"#{{{','.join(f'{json_term(name)} => {json_term(value[name])}' for name in sorted(value))}}}"
        case _:
            return str(value)


def json_pairs(values: Mapping[str, Any]) -> str:
    """An object out of JSON as a list of pairs, `[{<<"a">>,1}]`; one to a line where they do not fit into one."""
    pairs = [f"{{{json_term(name)},{json_term(values[name])}}}" for name in sorted(values)]
    whole = _list(pairs)
    return whole if len(whole) <= LINE_LENGTH else "[" + ",\n ".join(pairs) + "]"


def with_number(text: str, number: int, column: int) -> str:
    """A pair of a text and a number as `~p` prints it when so many characters stand before it in the line."""
    quoted = string(text)
    whole = f"{{{quoted},{number}}}"
    return whole if column + len(whole) <= LINE_LENGTH - 2 else f"{{{quoted},\n{' ' * (column + 1)}{number}}}"


def octets(payload: bytes, column: int) -> str:
    """Octets as `~p` prints them when so many characters stand before them in the line."""
    whole = _binary(payload)
    if whole.startswith('<<"'):
        return whole
    return _wrapped("<<", list(map(str, payload)), ">>", column)


def fault(name: str, numbers: list[int], column: int) -> str:
    """A tuple of an atom and numbers as `~p` prints it, `{frame_too_large,200000,131064}`."""
    return _wrapped("{", [name, *map(str, numbers)], "}", column)


def _wrapped(opening: str, items: list[str], closing: str, column: int) -> str:
    """Items broken over lines where they leave the line, each further line indented to the first item."""
    whole = opening + ",".join(items) + closing
    if column + len(whole) <= LINE_LENGTH:
        return whole
    indent = column + len(opening)
    text, at = opening, indent
    for place, item in enumerate(items):
        piece = item + ("," if place < len(items) - 1 else closing)
        if place and at + len(piece) >= LINE_LENGTH:
            text += "\n" + " " * indent
            at = indent
        text += piece
        at += len(piece)
    return text


def _list(items: Iterable[str]) -> str:
    return f"[{','.join(items)}]"


def _binary(octets: bytes) -> str:
    """Quoted where all of it is printable, else as numbers."""
    return f'<<"{_escaped(octets)}">>' if octets and _printable(octets) else f"<<{','.join(map(str, octets))}>>"


def _printable(octets: bytes) -> bool:
    """Octet by octet, as Latin-1, even though the octets go out again as the UTF-8 they came in as."""
    return all(32 <= octet <= 126 or octet >= 160 or chr(octet) in _ESCAPES for octet in octets)


def _escaped(octets: bytes) -> str:
    return "".join(_ESCAPES.get(character, character) for character in octets.decode("utf-8", "surrogateescape"))


_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\b": "\\b",
    "\f": "\\f",
    "\x1b": "\\e",
}


def _float(value: float) -> str:
    """The shortest digits that read back the same, with a point always: 1.0, 1.0e20."""
    digits = repr(float(value))
    if "e" not in digits:
        return digits
    mantissa, exponent = digits.split("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent)}"
