"""A message as a test reads it."""

import json
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from amqpbroker.model.message import Message as Octets
from amqpbroker.model.message import split_address
from amqpbroker.wire import properties
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table, to_python

BODY_SHOWN_BYTES: Final = 200


class Message:
    """Decoded when it is asked for. redelivered: whether a client may have had it before."""

    def __init__(self, octets: Octets, redelivered: bool = False) -> None:
        """octets: see `amqpbroker.model.message`."""
        self._octets = octets
        self.redelivered = redelivered

    @property
    def octets_id(self) -> int:
        """The same as long as this message is kept, however often it is looked at in its queue."""
        return id(self._octets)

    @property
    def body(self) -> bytes:
        """The octets."""
        return self._octets[2]

    @property
    def text(self) -> str:
        """The body as UTF-8. Raises UnicodeDecodeError."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON. Raises ValueError, with the body."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ValueError(f"this body is no JSON: {shown_body(self.body)} ({error})") from error

    @cached_property
    def _address(self) -> tuple[str, str]:
        return split_address(self._octets[0])

    @property
    def exchange(self) -> str:
        """Where it was published to; of a dead letter, the dead-letter exchange."""
        return self._address[0]

    @property
    def routing_key(self) -> str:
        """What it was published with."""
        return self._address[1]

    @cached_property
    def _properties(self) -> Properties:
        try:
            return properties.decode(self._octets[1])
        except properties.PropertiesError:  # of a publisher whom this does not disturb: see `Publisher.inspect`
            return Properties()

    @cached_property
    def properties(self) -> Properties:
        """All of them but for the headers, which stand beside; None: not there."""
        return replace(self._properties, headers=None)

    @property
    def table(self) -> Table:
        """The headers with the types that they have in AMQP."""
        return self._properties.headers or {}

    @cached_property
    def headers(self) -> dict[str, Any]:
        """As Python's values; empty where there are none."""
        return {name: to_python(field) for name, field in self.table.items()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return self._octets[:3] == other._octets[:3] and self.redelivered == other.redelivered

    def __hash__(self) -> int:
        return hash(self._octets[:3])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.told()}>"

    def told(self) -> str:
        """On one line: where it went, what it says, and which properties it has."""
        parts = [f"exchange={self.exchange!r} routing_key={self.routing_key!r} body={shown_body(self.body)}"]
        parts += [f"{name}={value!r}" for name, value in self.given_properties().items()]
        if self.headers:
            parts.append(f"headers={self.headers!r}")
        if self.redelivered:
            parts.append("redelivered")
        return " ".join(parts)

    def given_properties(self) -> dict[str, Any]:
        """The properties that are there, by name, without the headers."""
        fields = ((name, getattr(self.properties, name)) for name in PROPERTY_NAMES)
        return {name: value for name, value in fields if value is not None}


PROPERTY_NAMES: Final = tuple(name for name in Properties.__dataclass_fields__ if name != "headers")


def shown_body(body: bytes) -> str:
    """A body for people: text where it is text, cut where it is long."""
    front = body[:BODY_SHOWN_BYTES]
    try:
        text = front.decode()
        shown = text if text.isprintable() and text else repr(text)
    except UnicodeDecodeError:
        shown = repr(front)
    return shown if len(body) <= BODY_SHOWN_BYTES else f"{shown}... ({len(body)} bytes)"
