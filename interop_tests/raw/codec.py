"""Octets of AMQP 0-9-1 frames, methods, tables and content headers, written without any validation.

A provocation must be able to send what a well-behaved library refuses, so nothing here checks a value; an argument that
is left out is zero, empty or false. Source: AMQP 0-9-1, section 4.2, and RabbitMQ's extensions to its XML.
"""

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

METHOD = 1
HEADER = 2
BODY = 3
HEARTBEAT = 8
FRAME_END = 0xCE
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"

# Each method as "class-id method-id", then its arguments in wire order as name:kind.
_DECLARED = {
    "connection.start": "10 10 version_major:octet version_minor:octet server_properties:table mechanisms:longstr"
    " locales:longstr",
    "connection.start-ok": "10 11 client_properties:table mechanism:shortstr response:longstr locale:shortstr",
    "connection.secure": "10 20 challenge:longstr",
    "connection.secure-ok": "10 21 response:longstr",
    "connection.tune": "10 30 channel_max:short frame_max:long heartbeat:short",
    "connection.tune-ok": "10 31 channel_max:short frame_max:long heartbeat:short",
    "connection.open": "10 40 virtual_host:shortstr reserved_1:shortstr reserved_2:bit",
    "connection.open-ok": "10 41 reserved_1:shortstr",
    "connection.close": "10 50 reply_code:short reply_text:shortstr class_id:short method_id:short",
    "connection.close-ok": "10 51",
    "connection.blocked": "10 60 reason:shortstr",
    "connection.unblocked": "10 61",
    "connection.update-secret": "10 70 new_secret:longstr reason:shortstr",
    "connection.update-secret-ok": "10 71",
    "channel.open": "20 10 reserved_1:shortstr",
    "channel.open-ok": "20 11 reserved_1:longstr",
    "channel.flow": "20 20 active:bit",
    "channel.flow-ok": "20 21 active:bit",
    "channel.close": "20 40 reply_code:short reply_text:shortstr class_id:short method_id:short",
    "channel.close-ok": "20 41",
    "access.request": "30 10 realm:shortstr exclusive:bit passive:bit active:bit write:bit read:bit",
    "access.request-ok": "30 11 ticket:short",
    "exchange.declare": "40 10 ticket:short exchange:shortstr type:shortstr passive:bit durable:bit auto_delete:bit"
    " internal:bit nowait:bit arguments:table",
    "exchange.declare-ok": "40 11",
    "exchange.delete": "40 20 ticket:short exchange:shortstr if_unused:bit nowait:bit",
    "exchange.delete-ok": "40 21",
    "exchange.bind": "40 30 ticket:short destination:shortstr source:shortstr routing_key:shortstr nowait:bit"
    " arguments:table",
    "exchange.bind-ok": "40 31",
    "exchange.unbind": "40 40 ticket:short destination:shortstr source:shortstr routing_key:shortstr nowait:bit"
    " arguments:table",
    "exchange.unbind-ok": "40 51",
    "queue.declare": "50 10 ticket:short queue:shortstr passive:bit durable:bit exclusive:bit auto_delete:bit"
    " nowait:bit arguments:table",
    "queue.declare-ok": "50 11 queue:shortstr message_count:long consumer_count:long",
    "queue.bind": "50 20 ticket:short queue:shortstr exchange:shortstr routing_key:shortstr nowait:bit arguments:table",
    "queue.bind-ok": "50 21",
    "queue.purge": "50 30 ticket:short queue:shortstr nowait:bit",
    "queue.purge-ok": "50 31 message_count:long",
    "queue.delete": "50 40 ticket:short queue:shortstr if_unused:bit if_empty:bit nowait:bit",
    "queue.delete-ok": "50 41 message_count:long",
    "queue.unbind": "50 50 ticket:short queue:shortstr exchange:shortstr routing_key:shortstr arguments:table",
    "queue.unbind-ok": "50 51",
    "basic.qos": "60 10 prefetch_size:long prefetch_count:short global:bit",
    "basic.qos-ok": "60 11",
    "basic.consume": "60 20 ticket:short queue:shortstr consumer_tag:shortstr no_local:bit no_ack:bit exclusive:bit"
    " nowait:bit arguments:table",
    "basic.consume-ok": "60 21 consumer_tag:shortstr",
    "basic.cancel": "60 30 consumer_tag:shortstr nowait:bit",
    "basic.cancel-ok": "60 31 consumer_tag:shortstr",
    "basic.publish": "60 40 ticket:short exchange:shortstr routing_key:shortstr mandatory:bit immediate:bit",
    "basic.return": "60 50 reply_code:short reply_text:shortstr exchange:shortstr routing_key:shortstr",
    "basic.deliver": "60 60 consumer_tag:shortstr delivery_tag:longlong redelivered:bit exchange:shortstr"
    " routing_key:shortstr",
    "basic.get": "60 70 ticket:short queue:shortstr no_ack:bit",
    "basic.get-ok": "60 71 delivery_tag:longlong redelivered:bit exchange:shortstr routing_key:shortstr"
    " message_count:long",
    "basic.get-empty": "60 72 cluster_id:shortstr",
    "basic.ack": "60 80 delivery_tag:longlong multiple:bit",
    "basic.reject": "60 90 delivery_tag:longlong requeue:bit",
    "basic.recover-async": "60 100 requeue:bit",
    "basic.recover": "60 110 requeue:bit",
    "basic.recover-ok": "60 111",
    "basic.nack": "60 120 delivery_tag:longlong multiple:bit requeue:bit",
    "confirm.select": "85 10 nowait:bit",
    "confirm.select-ok": "85 11",
    "tx.select": "90 10",
    "tx.select-ok": "90 11",
    "tx.commit": "90 20",
    "tx.commit-ok": "90 21",
    "tx.rollback": "90 30",
    "tx.rollback-ok": "90 31",
}


class Method(NamedTuple):
    """A method as declared: its name, ids, and (argument, kind) pairs in wire order."""

    name: str
    class_id: int
    method_id: int
    arguments: tuple[tuple[str, str], ...]


class Frame(NamedTuple):
    """A frame as read: type octet, channel number and payload, without the end octet."""

    type: int
    channel: int
    payload: bytes


def _parse(name: str, text: str) -> Method:
    class_id, method_id, *arguments = text.split()
    pairs = tuple((argument, kind) for argument, _, kind in (item.partition(":") for item in arguments))
    return Method(name, int(class_id), int(method_id), pairs)


METHODS = {name: _parse(name, text) for name, text in _DECLARED.items()}
METHODS_BY_ID = {(method.class_id, method.method_id): method for method in METHODS.values()}

# Bit n of the property flags, from the highest, and the kind of each property of class basic.
PROPERTIES = (
    ("content_type", "shortstr"),
    ("content_encoding", "shortstr"),
    ("headers", "table"),
    ("delivery_mode", "octet"),
    ("priority", "octet"),
    ("correlation_id", "shortstr"),
    ("reply_to", "shortstr"),
    ("expiration", "shortstr"),
    ("message_id", "shortstr"),
    ("timestamp", "longlong"),
    ("type", "shortstr"),
    ("user_id", "shortstr"),
    ("app_id", "shortstr"),
    ("cluster_id", "shortstr"),
)

_INTEGERS = {"octet": ">B", "short": ">H", "long": ">I", "longlong": ">Q"}
_FIELD_INTEGERS = {"b": ">b", "B": ">B", "s": ">h", "u": ">H", "I": ">i", "i": ">I", "l": ">q", "T": ">Q"}


def frame(type_: int, channel: int, payload: bytes, end: int = FRAME_END) -> bytes:
    """The octets of one frame, with a true length."""
    return struct.pack(">BHI", type_, channel, len(payload)) + payload + bytes([end])


def method(channel: int, name: str, /, **arguments: Any) -> bytes:
    """The frame of a method; strings may be str or, to send octets that are not UTF-8, bytes."""
    return frame(METHOD, channel, method_payload(name, **arguments))


def method_payload(name: str, /, **arguments: Any) -> bytes:
    """Class id, method id and arguments. Raises KeyError if the method has no such argument."""
    declared = METHODS[name]
    unknown = set(arguments) - {argument for argument, _ in declared.arguments}
    if unknown:
        raise KeyError(f"{name} has no argument {sorted(unknown)}")
    octets = struct.pack(">HH", declared.class_id, declared.method_id)
    bits: list[bool] = []
    for argument, kind in declared.arguments:
        if kind == "bit":
            bits.append(bool(arguments.get(argument)))
            continue
        octets += _bits(bits)
        bits = []
        octets += _value(kind, arguments.get(argument))
    return octets + _bits(bits)


def header(channel: int, body_size: int, class_id: int = 60, weight: int = 0, **properties: Any) -> bytes:
    """The frame of a content header with the given properties."""
    flags = 0
    octets = b""
    for bit, (name, kind) in enumerate(PROPERTIES):
        if name in properties:
            flags |= 1 << (15 - bit)
            octets += _value(kind, properties[name])
    return raw_header(channel, body_size, flags, octets, class_id, weight)


def raw_header(
    channel: int, body_size: int, flags: int, properties: bytes, class_id: int = 60, weight: int = 0
) -> bytes:
    """The frame of a content header with any property flags and any octets as properties."""
    return frame(HEADER, channel, struct.pack(">HHQH", class_id, weight, body_size, flags) + properties)


def body(channel: int, octets: bytes) -> bytes:
    """The frame of a piece of a body."""
    return frame(BODY, channel, octets)


def publish(channel: int, octets: bytes, exchange: str = "", routing_key: str = "", **properties: Any) -> bytes:
    """The frames of a whole basic.publish; `mandatory` and `immediate` may be among the properties."""
    flags = {name: properties.pop(name) for name in ("mandatory", "immediate") if name in properties}
    octets_out = method(channel, "basic.publish", exchange=exchange, routing_key=routing_key, **flags)
    octets_out += header(channel, len(octets), **properties)
    return octets_out + body(channel, octets) if octets else octets_out


def table(fields: Mapping[str | bytes, tuple[str, Any]]) -> bytes:
    """A field table with its length; each value is (type octet as on the wire, value)."""
    octets = b"".join(_shortstr(name) + field(kind, value) for name, (kind, value) in fields.items())
    return struct.pack(">I", len(octets)) + octets


def field(kind: str, value: Any) -> bytes:
    """One field value with its type octet."""
    return kind.encode() + _field_payload(kind, value)


def _field_payload(kind: str, value: Any) -> bytes:
    if kind in _FIELD_INTEGERS:
        return struct.pack(_FIELD_INTEGERS[kind], value)
    if kind in "Sx":
        return _longstr(value)
    if kind == "t":
        return bytes([value])
    if kind == "F":
        return table(value)
    if kind == "A":
        items = b"".join(field(*item) for item in value)
        return struct.pack(">I", len(items)) + items
    if kind == "V":
        return b""
    if kind in "fd":
        return struct.pack(f">{kind}", value)
    raise KeyError(kind)


def decode_method(payload: bytes) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a method the broker sent; tables stay octets. Raises KeyError for an unknown method."""
    declared = METHODS_BY_ID[struct.unpack_from(">HH", payload)]
    position = 4
    bit = 0
    arguments: dict[str, Any] = {}
    for name, kind in declared.arguments:
        if kind == "bit":
            arguments[name] = bool(payload[position] >> bit & 1)
            bit += 1
            continue
        if bit:
            position += 1
            bit = 0
        arguments[name], position = _decode_value(kind, payload, position)
    return declared.name, arguments


def _decode_value(kind: str, payload: bytes, position: int) -> tuple[Any, int]:
    if kind in _INTEGERS:
        size = struct.calcsize(_INTEGERS[kind])
        return int.from_bytes(payload[position : position + size]), position + size
    if kind == "shortstr":
        start = position + 1
        end = start + payload[position]
        return payload[start:end].decode("utf-8", "surrogateescape"), end
    start = position + 4
    end = start + int.from_bytes(payload[position:start])
    return payload[start:end], end


def _bits(bits: list[bool]) -> bytes:
    return bytes([sum(bit << place for place, bit in enumerate(bits))]) if bits else b""


def _value(kind: str, value: Any) -> bytes:
    if kind in _INTEGERS:
        return struct.pack(_INTEGERS[kind], value or 0)
    if kind == "shortstr":
        return _shortstr(value or "")
    if kind == "longstr":
        return _longstr(value or "")
    return value if isinstance(value, bytes) else table(value or {})


def _octets(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def _shortstr(value: str | bytes) -> bytes:
    octets = _octets(value)
    return bytes([len(octets)]) + octets


def _longstr(value: str | bytes) -> bytes:
    octets = _octets(value)
    return struct.pack(">I", len(octets)) + octets
