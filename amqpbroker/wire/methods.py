"""Methods: their classes, their octets and their faults. The only importer of pamqp.

pamqp's command classes are the table of the specification: names, ids, and the arguments' order and types. The classes
here are made from it with what RabbitMQ does and pamqp does not:

- a name may be any short string: nothing is validated, text that is no UTF-8 travels as surrogates;
- a table is a `wire.tables.Table`, so that it round-trips, and a longstr argument is `bytes`;
- every argument has a default, the zero of its type (what RabbitMQ sends for the reserved ones);
- `access.request` and `basic.credit` exist.

    Queue.DeclareOk(queue="tasks", message_count=3)     arguments by name only
    encode_frame(1, Queue.BindOk())                     octets to send
    decode(payload)                                     a method, or one of the faults below

What RabbitMQ answers to each fault, all on the connection, after connection.open (asked of 3.10, the same code in 4.3):

    fault             on a channel                                on channel 0
    NoMethod          501 type 1, all octets = ...: unknown_frame, method (0, 0), on both
    UnknownMethod     the socket closed, no close frame           the same
    MalformedMethod   501 cannot decode ..., the method's ids     541 INTERNAL_ERROR, method (0, 0)
    MalformedText     501 Malformed UTF-8 in shortstr, (0, 0)     the same text, the method's ids
    TableError        the socket closed, no close frame           541 INTERNAL_ERROR, method (0, 0)

`commands.pyi` tells the type checker what the classes made here look like.
"""

import re
from collections.abc import Callable, Iterator
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pamqp import base, commands

from amqpbroker.errors import FRAME_ERROR, AMQPError
from amqpbroker.limits import ARGUMENTS_MAX_BYTES, NAME_MAX_BYTES
from amqpbroker.wire.frames import method_frame
from amqpbroker.wire.tables import decode_table, encode_table

if TYPE_CHECKING:
    from amqpbroker.wire.commands import Access, Basic, Channel, Confirm, Connection, Exchange, Queue, Tx

__all__ = [
    "METHODS",
    "Access",
    "Basic",
    "Channel",
    "Confirm",
    "Connection",
    "Exchange",
    "MalformedMethod",
    "MalformedText",
    "Method",
    "MethodError",
    "NoMethod",
    "Queue",
    "Tx",
    "UnknownMethod",
    "decode",
    "encode",
    "encode_frame",
    "method_name",
]

# Methods that carry content: RabbitMQ does not look whether their names are UTF-8, for speed.
CONTENT_METHODS: Final = frozenset({(60, 40), (60, 50), (60, 60), (60, 71)})

_IDS: Final = Struct(">HH")
_NUMBERS: Final = {"octet": Struct(">B"), "short": Struct(">H"), "long": Struct(">I"), "longlong": Struct(">Q")}
_LAYOUTS: Final = _NUMBERS | {"shortstr": Struct(">B"), "longstr": Struct(">I"), "table": Struct(">I")}
_CAPITAL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ZERO: Final[dict[str, Callable[[], Any]]] = dict.fromkeys(_NUMBERS, int) | {
    "bit": bool,
    "shortstr": str,
    "longstr": bytes,
    "table": dict,
}
# A reply text is cut to 255 octets: no more than these are ever seen of the arguments it shows.
_SHOWN_OCTETS: Final = 256


class MethodError(ValueError):
    """The payload of a method frame that is no method."""


class NoMethod(MethodError):
    """Fewer octets than the class and method ids take."""


class UnknownMethod(MethodError):
    """Ids that no method has. method_id: (class, method)."""

    def __init__(self, method_id: tuple[int, int]) -> None:
        super().__init__(f"unknown method {method_id}")
        self.method_id = method_id


class MalformedMethod(MethodError):
    """Arguments with octets too few or too many. method_id: (class, method); explanation: RabbitMQ's sentence."""

    def __init__(self, method_id: tuple[int, int], arguments: bytes) -> None:
        shown = ",".join(map(str, arguments[:_SHOWN_OCTETS]))
        self.method_id = method_id
        self.explanation = f"cannot decode <<{shown}>>"
        super().__init__(f"{method_name(*method_id)}: {self.explanation}")


class MalformedText(MethodError):
    """A short string that is no UTF-8. method_id: (class, method); explanation: RabbitMQ's sentence."""

    explanation: Final = "Malformed UTF-8 in shortstr"

    def __init__(self, method_id: tuple[int, int]) -> None:
        super().__init__(f"{method_name(*method_id)}: {self.explanation}")
        self.method_id = method_id


class Method(base.Frame):
    """A method and its arguments, which are attributes. id: (class, method); fields: (argument, type) in wire order."""

    __slots__: ClassVar[list[str]] = []
    id: ClassVar[tuple[int, int]]
    fields: ClassVar[tuple[tuple[str, str], ...]]

    def __init__(self, **arguments: Any) -> None:
        for argument, kind in self.fields:
            setattr(self, argument, arguments.pop(argument) if argument in arguments else _ZERO[kind]())
        if arguments:
            raise TypeError(f"{self.name} has no argument {', '.join(arguments)}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Method) and self.id == other.id and dict(self) == dict(other)

    __hash__ = None  # type: ignore[assignment]  # arguments may be changed

    def __repr__(self) -> str:
        # A longstr may be a secret: its length must do.
        shown: list[str] = []
        for name, kind in self.fields:
            value: Any = self[name]
            shown.append(f"{name}=<{len(value)} octets>" if kind == "longstr" else f"{name}={value!r}")
        return f"{self.name}({', '.join(shown)})"

    def __bool__(self) -> bool:
        return True  # pamqp gives a method a length, which is 0 for one without arguments


# What RabbitMQ knows and pamqp does not: tickets of AMQP 0-8 and 0-9, which old clients ask for before they use a name,
# and the credit that RabbitMQ's own AMQP 1.0 gateway used; argument and type in the order of the wire.
_ADDED: Final[dict[tuple[int, int], tuple[str, dict[str, str]]]] = {
    (30, 10): (
        "Access.Request",
        {"realm": "shortstr", "exclusive": "bit", "passive": "bit", "active": "bit", "write": "bit", "read": "bit"},
    ),
    (30, 11): ("Access.RequestOk", {"ticket": "short"}),
    (60, 200): ("Basic.Credit", {"consumer_tag": "shortstr", "credit": "long", "drain": "bit"}),
    (60, 201): ("Basic.CreditOk", {"available": "long"}),
    (60, 202): ("Basic.CreditDrained", {"consumer_tag": "shortstr", "credit_drained": "long"}),
}


def _method(name: str, method_id: tuple[int, int], fields: dict[str, str], command: type[base.Frame]) -> type[Method]:
    """The class of one method; command: pamqp's, or `base.Frame` where it has none."""
    slots = [] if command.__slots__ else list(fields)
    made: type[Method] = type(
        name.rpartition(".")[2], (Method, command), {"__slots__": slots, "__doc__": command.__doc__}
    )
    made.__slots__ = list(fields)  # pamqp iterates over these
    made.__qualname__ = made.name = name
    made.id = method_id
    made.fields = tuple(fields.items())
    return made


def _methods() -> Iterator[type[Method]]:
    known: dict[int, type[base.Frame]] = commands.INDEX_MAPPING
    for index, command in known.items():
        fields = {argument: command.amqp_type(argument) for argument in command.__slots__}
        yield _method(command.name, (index >> 16, index & 0xFFFF), fields, command)
    for method_id, (name, fields) in _ADDED.items():
        yield _method(name, method_id, fields, base.Frame)


METHODS: Final = {made.id: made for made in _methods()}


if not TYPE_CHECKING:

    def _namespace(name):
        """A class of the specification, holding its methods."""
        return type(name, (), {made.__name__: made for made in METHODS.values() if made.name.startswith(f"{name}.")})

    Access, Basic, Channel, Confirm, Connection, Exchange, Queue, Tx = map(
        _namespace, ("Access", "Basic", "Channel", "Confirm", "Connection", "Exchange", "Queue", "Tx")
    )


def method_name(class_id: int, method_id: int) -> str:
    """RabbitMQ's name of a method, `queue.declare_ok`; `none` where there is none."""
    made = METHODS.get((class_id, method_id))
    if made is None:
        return "none"
    class_name, _, name = made.name.partition(".")
    return f"{class_name.lower()}.{_CAPITAL.sub('_', name).lower()}"


def decode(payload: bytes) -> Method:
    """The method that a method frame's payload is.

    Raises a MethodError or `tables.TableError`. Arguments are cut first and looked into second, in their order, so
    that of several faults the one is found that RabbitMQ finds.
    """
    if len(payload) < _IDS.size:
        raise NoMethod(f"a method frame of {len(payload)} octets")
    method_id: tuple[int, int] = _IDS.unpack_from(payload)
    made = METHODS.get(method_id)
    if made is None:
        raise UnknownMethod(method_id)
    cut = _cut_arguments(payload, made.fields)
    if cut is None:
        raise MalformedMethod(method_id, payload[_IDS.size :])
    method = made.__new__(made)
    for (argument, kind), value in zip(made.fields, cut, strict=True):
        setattr(method, argument, _converted(kind, value, method_id))
    return method


def encode(method: Method) -> bytes:
    """The payload of a method frame. Raises ValueError: a short string of more than 255 octets."""
    pieces = [_IDS.pack(*method.id)]
    bits: list[bool] = []
    for argument, kind in method.fields:
        value = getattr(method, argument)
        if kind == "bit":
            bits.append(value)
            continue
        if bits:
            pieces.append(_encode_bits(bits))
            bits = []
        pieces.append(_encode_argument(kind, value))
    if bits:
        pieces.append(_encode_bits(bits))
    return b"".join(pieces)


def encode_frame(channel: int, method: Method) -> bytes:
    """The whole method frame, end octet and all."""
    return method_frame(channel, encode(method))


def _cut_arguments(payload: bytes, fields: tuple[tuple[str, str], ...]) -> list[Any] | None:
    """Numbers and bits as values, strings and tables (with their length) as octets; None: too few octets, or more."""
    cut: list[Any] = []
    position, end = _IDS.size, len(payload)
    bits = 0  # of the octet before position, those taken already
    for _, kind in fields:
        if kind == "bit":
            if not bits:
                position += 1
            if position > end:
                return None
            cut.append(bool(payload[position - 1] >> bits & 1))
            bits = (bits + 1) % 8
            continue
        bits = 0
        layout = _LAYOUTS[kind]
        start = position
        position += layout.size
        if position > end:
            return None
        number: int = layout.unpack_from(payload, start)[0]
        if kind in _NUMBERS:
            cut.append(number)
            continue
        if kind != "table":
            start = position
        position += number
        if position > end:
            return None
        cut.append(payload[start:position])
    return cut if position == end else None


def _converted(kind: str, value: Any, method_id: tuple[int, int]) -> Any:
    if kind == "table":
        if len(value) > ARGUMENTS_MAX_BYTES:
            raise AMQPError(FRAME_ERROR, f"arguments of {len(value)} octets are over {ARGUMENTS_MAX_BYTES}", method_id)
        return decode_table(value, 0, len(value))[0]
    if kind == "shortstr":
        return _decode_short_string(value, method_id)
    return value


def _decode_short_string(octets: bytes, method_id: tuple[int, int]) -> str:
    if method_id in CONTENT_METHODS:
        return octets.decode("utf-8", "surrogateescape")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise MalformedText(method_id) from fault


def _encode_argument(kind: str, value: Any) -> bytes:
    if kind in _NUMBERS:
        return _NUMBERS[kind].pack(value)
    if kind == "table":
        return encode_table(value)
    octets: bytes = value.encode("utf-8", "surrogateescape") if kind == "shortstr" else value
    if kind == "shortstr" and len(octets) > NAME_MAX_BYTES:
        raise ValueError(f"a short string of {len(octets)} octets")
    return _LAYOUTS[kind].pack(len(octets)) + octets


def _encode_bits(bits: list[bool]) -> bytes:
    """Consecutive bits, eight an octet, the first the lowest."""
    return b"".join(
        bytes((sum(bool(bit) << place for place, bit in enumerate(bits[start : start + 8])),))
        for start in range(0, len(bits), 8)
    )
