"""Values as Erlang prints them, since RabbitMQ's reply texts quote them so: `<<"bogus">>`, `{value_negative,-1}`."""

from collections.abc import Iterable
from typing import Final

from amqpbroker.wire.tables import Field, type_name


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
            names = ((_binary(name.encode("utf-8", "surrogateescape")), item) for name, item in value.items())
            return _list(f"{{{name},{type_name(item)},{term(item)}}}" for name, item in names)
        case _:
            return str(value)


def tagged(field: Field) -> str:
    """The value with the name of its type: `{signedint,1}`."""
    return f"{{{type_name(field)},{term(field)}}}"


def string(text: str) -> str:
    """A text as Erlang's list of characters: quoted, or as numbers where one of them is not printable."""
    octets = text.encode("utf-8", "surrogateescape")
    return f'"{_escaped(octets)}"' if _printable(octets) else _list(map(str, octets))


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
