"""A document of definitions: lists of objects by name, read with the path of whatever is wrong."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from amqpbroker.errors import AMQPError
from amqpbroker.limits import NAME_MAX_BYTES
from amqpbroker.management.errors import BadRequest
from amqpbroker.management.formats.field_tables import amqp_field
from amqpbroker.model.policies.validation import InvalidParameterError
from amqpbroker.wire.tables import Table, TableError, decode_table, encode_table


class DefinitionsError(Exception):
    """A document that cannot be imported: the path of the value, and what is wrong with it. Nothing has changed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Entry:
    """An object of one of the lists. path: where it stands, `queues[3]`."""

    path: str
    values: Mapping[str, Any]

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def wrong(self, key: str, reason: str) -> DefinitionsError:
        """The error that names a value of this object."""
        return DefinitionsError(f"{self.path}.{key}: {reason}")

    def refused(self, error: AMQPError | InvalidParameterError) -> DefinitionsError:
        """The error of somebody who looked at all of this object, in RabbitMQ's words."""
        reason = error.explanation if isinstance(error, AMQPError) else error.reason
        return DefinitionsError(f"{self.path}: {reason.strip()}")

    def text(self, key: str, default: str | None = None) -> str:
        """A text. default: what it is if it is not there; None: it has to be."""
        value = self.values.get(key, default)
        if value is None and key not in self.values:
            raise self.wrong(key, "is missing")
        if not isinstance(value, str):
            shown = "the value" if key.startswith("password") else _shown(value)
            raise self.wrong(key, f"{shown} is not a text")
        return value

    def name(self, key: str = "name") -> str:
        """A name, as AMQP can carry it."""
        name = self.text(key)
        if len(name.encode("utf-8", "surrogatepass")) > NAME_MAX_BYTES:
            raise self.wrong(key, f"is longer than {NAME_MAX_BYTES} octets")
        return name

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, f"{_shown(value)} is neither true nor false")
        return value

    def object(self, key: str) -> "Entry":
        """An object within; an empty one if it is not there."""
        value = self.values.get(key)
        if not isinstance(value or {}, Mapping):
            raise self.wrong(key, f"{_shown(value)} is not an object")
        return Entry(f"{self.path}.{key}", value or {})

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or one text with commas, as RabbitMQ had tags once."""
        value = self.values.get(key)
        if isinstance(value, str):
            value = [item.strip() for item in value.split(",") if item.strip()]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, f"{_shown(value)} is not a list of texts")
        return tuple(value)

    def table(self, key: str = "arguments") -> Table:
        """A field table: whole numbers are longs, as RabbitMQ makes them."""
        table = {}
        for name, value in self.object(key).values.items():
            path = f"{self.path}.{key}.{name}"
            try:
                table[name] = amqp_field(value, path)
            except BadRequest as error:
                reason = error.reason if str(error.reason).startswith(path) else f"{path}: {error.reason}"
                raise DefinitionsError(reason) from None
        try:
            octets = encode_table(table)
            decode_table(octets, 0, len(octets))
        except (TableError, UnicodeEncodeError, RecursionError) as error:
            raise self.wrong(key, f"no table can hold this: {error}") from None
        return table


def read_document(octets: bytes) -> dict[str, Any]:
    """The document from its JSON; nothing at all is an empty one. DefinitionsError: it is none."""
    try:
        found = json.loads(octets.decode("utf-8-sig"), parse_constant=_no_number) if octets.strip() else {}
    except (ValueError, RecursionError) as error:
        raise DefinitionsError(f"is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise DefinitionsError("is not a JSON object")
    return found


def entries(document: Mapping[str, Any], kind: str, where: str = "") -> Iterator[Entry]:
    """The objects of a list. where: what stands before their paths, if there is more than one document."""
    found = document.get(kind)
    if found is None:
        return
    if not isinstance(found, list):
        raise DefinitionsError(f"{where}{kind}: is not a list")
    for number, values in enumerate(found):
        path = f"{where}{kind}[{number}]"
        if not isinstance(values, dict):
            raise DefinitionsError(f"{path}: is not an object")
        yield Entry(path, values)


def _no_number(text: str) -> float:
    """Python's json reads NaN and Infinity, which are no JSON."""
    raise ValueError(f"{text} is no number")


def _shown(value: object) -> str:
    """A value in an error, of which there may be much."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
