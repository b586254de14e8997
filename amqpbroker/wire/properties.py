"""The properties of a message: the payload of its content header frame.

    0        2         4           12               14
    +--------+---------+-----------+----------------+----------------------------+
    | class  | weight  | body size | property flags | values of the flagged ones |
    +--------+---------+-----------+----------------+----------------------------+

A message keeps these octets as they came. `decode` and `encode` are for the edges, `replace` changes what it is told to
and no other octet, and the peeks (`delivery_mode`, `priority`, `expiration`, `headers`, `user_id`, `reply_to`) read one
property and step over those in front of it. The flags' two lowest bits name no property (the lowest would announce more
flags); like RabbitMQ this keeps them and takes the values to follow. Text is not looked at.

RabbitMQ answers malformed properties, those with a malformed headers table among them, with 541 `INTERNAL_ERROR` (that
text alone) on the connection, method (0, 0); the exchange is looked up and its write permission checked before that. A
header payload of fewer than 12 octets is a 501, `type 2, all octets = ...: unknown_frame`, method (0, 0).

Source: section 4.2.6.1 of the specification; RabbitMQ's generated `decode_properties`.
"""

from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Any, Final, TypedDict, Unpack

from amqpbroker.limits import NAME_MAX_BYTES
from amqpbroker.wire.constants import BASIC
from amqpbroker.wire.tables import Table, TableError, decode_table, encode_table


class PropertiesError(ValueError):
    """Octets that are no properties."""


@dataclass(slots=True, kw_only=True)
class Properties:
    """All properties of a message; None: not there. timestamp: seconds. Text that is no UTF-8 holds surrogates."""

    content_type: str | None = None
    content_encoding: str | None = None
    headers: Table | None = None
    delivery_mode: int | None = None
    priority: int | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    expiration: str | None = None
    message_id: str | None = None
    timestamp: int | None = None
    type: str | None = None
    user_id: str | None = None
    app_id: str | None = None
    cluster_id: str | None = None


class Changes(TypedDict, total=False):
    """What `replace` is told: a property's new value, None to remove it."""

    content_type: str | None
    content_encoding: str | None
    headers: Table | None
    delivery_mode: int | None
    priority: int | None
    correlation_id: str | None
    reply_to: str | None
    expiration: str | None
    message_id: str | None
    timestamp: int | None
    type: str | None
    user_id: str | None
    app_id: str | None
    cluster_id: str | None


CONTENT_TYPE: Final = 0x8000
CONTENT_ENCODING: Final = 0x4000
HEADERS: Final = 0x2000
DELIVERY_MODE: Final = 0x1000
PRIORITY: Final = 0x0800
CORRELATION_ID: Final = 0x0400
REPLY_TO: Final = 0x0200
EXPIRATION: Final = 0x0100
MESSAGE_ID: Final = 0x0080
TIMESTAMP: Final = 0x0040
TYPE: Final = 0x0020
USER_ID: Final = 0x0010
APP_ID: Final = 0x0008
CLUSTER_ID: Final = 0x0004

TRANSIENT: Final = 1
PERSISTENT: Final = 2

# In the order of the flags, which is the order of the values.
_FLAGS: Final = {
    "content_type": CONTENT_TYPE,
    "content_encoding": CONTENT_ENCODING,
    "headers": HEADERS,
    "delivery_mode": DELIVERY_MODE,
    "priority": PRIORITY,
    "correlation_id": CORRELATION_ID,
    "reply_to": REPLY_TO,
    "expiration": EXPIRATION,
    "message_id": MESSAGE_ID,
    "timestamp": TIMESTAMP,
    "type": TYPE,
    "user_id": USER_ID,
    "app_id": APP_ID,
    "cluster_id": CLUSTER_ID,
}
_NAMED_FLAGS: Final = 0xFFFC
_OCTETS: Final = DELIVERY_MODE | PRIORITY

# Flags → those that are set, in order.
_PRESENT: Final[dict[int, tuple[int, ...]]] = {}
_PRESENT_MAX: Final = 1_024

_START: Final = Struct(">HHQ")
_FLAG_WORD: Final = Struct(">H")
_FLAGS_AT: Final = _START.size
_VALUES_AT: Final = _FLAGS_AT + _FLAG_WORD.size
_LONG: Final = Struct(">I")
_TIMESTAMP: Final = Struct(">Q")


def decode(header: bytes) -> Properties:
    """Every property, and with that the check of the whole payload. Raises PropertiesError."""
    try:
        return Properties(**{name: _value(_FLAGS[name], octets) for name, octets in _cut(header).items()})
    except TableError as fault:
        raise PropertiesError(f"headers: {fault}") from fault


def check(header: bytes) -> tuple[int | None, int | None]:
    """Checks the whole payload as `decode` does, and gives delivery mode and priority alone. Raises PropertiesError."""
    position = _VALUES_AT
    mode = priority = None
    try:
        flags = _FLAG_WORD.unpack_from(header, _FLAGS_AT)[0] & _NAMED_FLAGS
        for flag in _PRESENT.get(flags) or _present(flags):
            if flag == DELIVERY_MODE:
                mode = header[position]
                position += 1
            elif flag == HEADERS:
                position = decode_table(header, position, len(header))[1]
            elif flag == TIMESTAMP:
                position += _TIMESTAMP.size
            elif flag == PRIORITY:
                priority = header[position]
                position += 1
            else:
                position += header[position] + 1
    except (IndexError, StructError, TableError) as fault:
        raise PropertiesError(f"a property is cut off or malformed: {fault}") from fault
    if position != len(header):
        raise PropertiesError(f"the properties end at {position}, and the payload at {len(header)}")
    return mode, priority


def _present(flags: int) -> tuple[int, ...]:
    if len(_PRESENT) >= _PRESENT_MAX:
        _PRESENT.clear()
    present = _PRESENT[flags] = tuple(flag for flag in _FLAGS.values() if flags & flag)
    return present


def encode(properties: Properties, body_size_bytes: int) -> bytes:
    """The content header payload of a message. Raises PropertiesError: a text of more than 255 octets."""
    values = {name: value for name in _FLAGS if (value := getattr(properties, name)) is not None}
    octets = {name: _octets(_FLAGS[name], value) for name, value in values.items()}
    return _START.pack(BASIC, 0, body_size_bytes) + _joined(octets, 0)


def replace(header: bytes, **changes: Unpack[Changes]) -> bytes:
    """The payload with other values of the properties named, None removing one; all other octets stay.

    Raises PropertiesError: a payload that is malformed, or a value with no octets.
    """
    octets = _cut(header)
    for name, value in changes.items():
        octets.pop(name, None)
        if value is not None:
            octets[name] = _octets(_FLAGS[name], value)
    return header[:_FLAGS_AT] + _joined(octets, _flags(header) & ~_NAMED_FLAGS)


def fate(header: bytes) -> tuple[bytes, bytes]:
    """The octets of the headers table and of the expiration, which `with_headers` changes; empty: not there."""
    if not _flags(header) & (HEADERS | EXPIRATION):
        return b"", b""
    return _peek(header, HEADERS) or b"", _peek(header, EXPIRATION) or b""


def with_headers(header: bytes, table: bytes) -> bytes:
    """The payload with these octets as its headers table, and without an expiration; all other octets stay."""
    flags = _flags(header)
    start = _VALUES_AT
    for flag in (CONTENT_TYPE, CONTENT_ENCODING):
        if flags & flag:
            start = _end(header, start, flag)
    rest = _end(header, start, HEADERS) if flags & HEADERS else start
    word = _FLAG_WORD.pack((flags | HEADERS) & ~EXPIRATION)
    front = header[:_FLAGS_AT] + word + header[_VALUES_AT:start] + table
    if not flags & EXPIRATION:
        return front + header[rest:]
    expires = rest
    for flag in (DELIVERY_MODE, PRIORITY, CORRELATION_ID, REPLY_TO):
        if flags & flag:
            expires = _end(header, expires, flag)
    return front + header[rest:expires] + header[_end(header, expires, EXPIRATION) :]


def delivery_mode(header: bytes) -> int:
    """1, not persistent, where it is not said. Raises PropertiesError, as all peeks do."""
    octets = _peek(header, DELIVERY_MODE)
    return TRANSIENT if octets is None else octets[0]


def priority(header: bytes) -> int | None:
    """The priority, None where it is not said."""
    octets = _peek(header, PRIORITY)
    return None if octets is None else octets[0]


def expiration(header: bytes) -> str | None:
    """The expiration: a text that ought to be milliseconds."""
    return _peek_text(header, EXPIRATION)


def reply_to(header: bytes) -> str | None:
    """The queue to reply to."""
    return _peek_text(header, REPLY_TO)


def user_id(header: bytes) -> str | None:
    """The user who publishes, as the publisher says."""
    return _peek_text(header, USER_ID)


def headers(header: bytes) -> Table | None:
    """The headers table, None where there is none."""
    octets = header_octets(header)
    if octets is None:
        return None
    try:
        return decode_table(octets, 0, len(octets))[0]
    except TableError as fault:
        raise PropertiesError(f"headers: {fault}") from fault


def header_octets(header: bytes) -> bytes | None:
    """The headers table as it stands there, its length first: a key that equal headers share."""
    return _peek(header, HEADERS)


def _flags(header: bytes) -> int:
    if len(header) < _VALUES_AT:
        raise PropertiesError("the property flags are cut off")
    flags: int = _FLAG_WORD.unpack_from(header, _FLAGS_AT)[0]
    return flags


def _end(header: bytes, position: int, flag: int) -> int:
    """The position after the value of a property."""
    if flag & _OCTETS:
        end = position + 1
    elif flag == TIMESTAMP:
        end = position + _TIMESTAMP.size
    elif flag == HEADERS:
        end = position + _LONG.size
        if end <= len(header):
            end += _LONG.unpack_from(header, position)[0]
    else:
        end = position + 1
        if end <= len(header):
            end += header[position]
    if end > len(header):
        raise PropertiesError("a property is cut off")
    return end


def _peek(header: bytes, wanted: int) -> bytes | None:
    """The octets of one property's value; None where it is not there."""
    flags = _flags(header)
    if not flags & wanted:
        return None
    position = _VALUES_AT
    flag = CONTENT_TYPE
    while flag != wanted:
        if flags & flag:
            position = _end(header, position, flag)
        flag >>= 1
    return header[position : _end(header, position, wanted)]


def _peek_text(header: bytes, wanted: int) -> str | None:
    octets = _peek(header, wanted)
    return None if octets is None else octets[1:].decode("utf-8", "surrogateescape")


def _cut(header: bytes) -> dict[str, bytes]:
    """The octets of every value, by the property's name."""
    flags = _flags(header)
    position = _VALUES_AT
    octets: dict[str, bytes] = {}
    for name, flag in _FLAGS.items():
        if flags & flag:
            end = _end(header, position, flag)
            octets[name] = header[position:end]
            position = end
    if position != len(header):
        raise PropertiesError(f"{len(header) - position} octets after the last property")
    return octets


def _joined(octets: dict[str, bytes], other_flags: int) -> bytes:
    """Flags and values."""
    names = [name for name in _FLAGS if name in octets]
    flags = sum(_FLAGS[name] for name in names) | other_flags
    return _FLAG_WORD.pack(flags) + b"".join(octets[name] for name in names)


def _value(flag: int, octets: bytes) -> Any:
    if flag & _OCTETS:
        return octets[0]
    if flag == TIMESTAMP:
        return _TIMESTAMP.unpack(octets)[0]
    if flag == HEADERS:
        return decode_table(octets, 0, len(octets))[0]
    return octets[1:].decode("utf-8", "surrogateescape")


def _octets(flag: int, value: Any) -> bytes:
    if flag & _OCTETS:
        return bytes((value,))
    if flag == TIMESTAMP:
        return _TIMESTAMP.pack(value)
    if flag == HEADERS:
        try:
            return encode_table(value)
        except TableError as fault:
            raise PropertiesError(f"headers: {fault}") from fault
    octets: bytes = value.encode("utf-8", "surrogateescape")
    if len(octets) > NAME_MAX_BYTES:
        raise PropertiesError(f"a property of {len(octets)} octets")
    return bytes((len(octets),)) + octets
