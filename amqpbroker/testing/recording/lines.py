"""The lines of a recording: JSON, one object each.

The first says what the file is and what was there when it began; each of the others says when (`at_s`, in seconds since
then) and what: a message that was published, definitions that came, definitions that went, and at last the end, without
which the file is not whole. docs/testing.md has an example.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from amqpbroker.limits import NAME_MAX_BYTES
from amqpbroker.testing.recording.fields import json_of, table_of
from amqpbroker.wire.properties import Properties, PropertiesError, encode
from amqpbroker.wire.tables import TableError

FORMAT: Final = "amqpbroker recording"
VERSION: Final = 1
_PROPERTIES: Final = tuple(Properties.__dataclass_fields__)
_NUMBERS: Final = ("delivery_mode", "priority", "timestamp")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Start:
    """recorded_at: ISO 8601. rabbitmq_version: which RabbitMQ it was, or was taken for. definitions: as exported."""

    recorded_at: str
    rabbitmq_version: str
    definitions: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """A message. properties: BCC is among its headers."""

    at_s: float
    vhost: str
    exchange: str
    routing_key: str
    properties: Properties
    body: bytes


@dataclass(frozen=True, slots=True)
class Defined:
    """From now on this is there, too: a document of definitions."""

    at_s: float
    definitions: Json


@dataclass(frozen=True, slots=True)
class Deleted:
    """From now on this is not there any more: the same, with what it takes to name things."""

    at_s: float
    definitions: Json


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more. message_count: how many messages there are, by which a file is known to be whole."""

    at_s: float
    message_count: int


Line = Published | Defined | Deleted | End


class LineError(ValueError):
    """What is wrong with a line."""


def text_of(line: Start | Line) -> str:
    """A line, without its end."""
    values = _values_of(line)
    text = json.dumps(values, ensure_ascii=False, allow_nan=False)
    # Names that are no UTF-8 hold surrogates, which only an escape can tell.
    return text if text.isascii() or not _has_surrogates(text) else json.dumps(values)


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _values_of(line: Start | Line) -> Json:
    match line:
        case Start():
            about = {"recorded_at": line.recorded_at, "rabbitmq_version": line.rabbitmq_version}
            return {"format": FORMAT, "version": VERSION, **about, "definitions": line.definitions}
        case Published():
            return {
                "at_s": line.at_s,
                "vhost": line.vhost,
                "exchange": line.exchange,
                "routing_key": line.routing_key,
                "properties": _json_properties(line.properties),
                **_json_body(line.body),
            }
        case Defined():
            return {"at_s": line.at_s, "definitions": line.definitions}
        case Deleted():
            return {"at_s": line.at_s, "deleted": line.definitions}
        case End():
            return {"at_s": line.at_s, "end": True, "messages": line.message_count}


def _json_properties(properties: Properties) -> Json:
    values = {name: value for name in _PROPERTIES if (value := getattr(properties, name)) is not None}
    if "headers" in values:
        values["headers"] = json_of(values["headers"])
    return values


def _json_body(body: bytes) -> Json:
    try:
        return {"payload": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"payload": base64.b64encode(body).decode(), "payload_encoding": "base64"}


def start_of(text: str) -> Start:
    """The first line. Raises LineError."""
    values = _object_of(text)
    if values.get("format") != FORMAT:
        raise LineError(f'is no recording: "format" is not "{FORMAT}"')
    if values.get("version") != VERSION:
        raise LineError(f"is of version {values.get('version')!r}; this amqpbroker reads version {VERSION}")
    recorded_at, version = _text(values, "recorded_at"), _text(values, "rabbitmq_version")
    return Start(recorded_at, version, _mapping(values, "definitions"))


def line_of(text: str) -> Line:
    """Any other line. Raises LineError."""
    values = _object_of(text)
    at_s = values.get("at_s")
    if not isinstance(at_s, int | float) or isinstance(at_s, bool) or not 0 <= at_s < float("inf"):
        raise LineError(f'"at_s" is {at_s!r}, and ought to be seconds since the start')
    if "definitions" in values:
        return Defined(at_s, _mapping(values, "definitions"))
    if "deleted" in values:
        return Deleted(at_s, _mapping(values, "deleted"))
    if "end" in values:
        return End(at_s, _count(values, "messages"))
    return _published(at_s, values)


def _published(at_s: float, values: Mapping[str, Any]) -> Published:
    names = {name: _name(values, name) for name in ("vhost", "exchange", "routing_key")}
    return Published(at_s, **names, properties=_properties(_mapping(values, "properties")), body=_body(values))


def _properties(values: Mapping[str, Any]) -> Properties:
    properties = Properties()
    for name, value in values.items():
        if name not in _PROPERTIES:
            raise LineError(f'"properties" has an unknown "{name}"; known are {", ".join(_PROPERTIES)}')
        if name == "headers":
            value = _headers(_mapping(values, "headers"))
        elif isinstance(value, bool) or not isinstance(value, int if name in _NUMBERS else str):
            raise LineError(f'"{name}" is {value!r}, and ought to be a {"number" if name in _NUMBERS else "text"}')
        setattr(properties, name, value)
    try:
        encode(properties, 0)
    except (PropertiesError, TableError, OverflowError, ValueError) as error:
        raise LineError(f'"properties": {error}') from None
    return properties


def _headers(values: Json) -> Any:
    try:
        return table_of(values)
    except ValueError as error:
        raise LineError(f'"headers": {error}') from None


def _body(values: Mapping[str, Any]) -> bytes:
    text, encoding = _text(values, "payload"), values.get("payload_encoding", "string")
    if encoding not in ("string", "base64"):
        raise LineError(f'"payload_encoding" is {encoding!r}; known are string, base64')
    try:
        return text.encode("utf-8") if encoding == "string" else base64.b64decode(text, validate=True)
    except ValueError as error:
        raise LineError(f'"payload" is no {encoding}: {error}') from None


def _object_of(text: str) -> Json:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LineError(f"is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise LineError("is not a JSON object")
    return values


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str):
        raise LineError(f'"{name}" is {value!r}, and ought to be a text' if name in values else f'"{name}" is missing')
    return value


def _name(values: Mapping[str, Any], name: str) -> str:
    value = _text(values, name)
    if len(value.encode("utf-8", "surrogatepass")) > NAME_MAX_BYTES:
        raise LineError(f'"{name}" is longer than {NAME_MAX_BYTES} octets')
    return value


def _mapping(values: Mapping[str, Any], name: str) -> Json:
    value = values.get(name)
    if not isinstance(value, dict):
        raise LineError(f'"{name}" is not an object')
    return value


def _count(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise LineError(f'"{name}" is {value!r}, and ought to be a count')
    return value
