"""What a message is expected to be, and in what another one differs from that, field by field."""

import difflib
import json as json_module
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchanges.topic import TopicExchange
from amqpbroker.testing.inspection.message import PROPERTY_NAMES, Message, shown_body
from amqpbroker.wire.properties import Properties

Match = Callable[[Message], Any]
"""A predicate of a message."""

UNSAID: Final[Any] = type("Unsaid", (), {"__repr__": lambda self: "..."})()
"""Stands for what may be anything, since None may be meant."""
_NEAREST_SHOWN_MAX: Final = 3
_DIFFERENCES_SHOWN_MAX: Final = 12


@dataclass(frozen=True)
class Expected:
    """What is said has to be so; the rest may be anything.

    routing_key: a pattern as of a topic exchange, `order.*.paid`. body: octets, or text for its UTF-8. json: what the
    body says. headers: those that have to be there with these values, among others. properties: by name.
    """

    exchange: str | None = None
    routing_key: str | None = None
    body: bytes | str | None = None
    json: Any = UNSAID
    headers: Mapping[str, Any] | None = None
    properties: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.properties:
            if name not in PROPERTY_NAMES:
                near = difflib.get_close_matches(name, PROPERTY_NAMES, 1)
                hint = f": did you mean {near[0]}?" if near else f"; there are {', '.join(PROPERTY_NAMES)}"
                raise TypeError(f"a message has no property {name!r}{hint}")

    @property
    def is_said(self) -> bool:
        """Whether anything is."""
        return self != Expected()

    def fits(self, message: Message) -> bool:
        """Whether a message is so."""
        return next(self.differences(message), None) is None

    def differences(self, message: Message) -> Iterator[str]:
        """In what a message differs from this, a line for each field."""
        if self.exchange is not None and message.exchange != self.exchange:
            yield _differs("exchange", message.exchange, self.exchange)
        if self.routing_key is not None and not key_fits(message.routing_key, self.routing_key):
            yield _differs("routing_key", message.routing_key, self.routing_key)
        if self.body is not None and message.body != (body := _octets(self.body)):
            yield f"body: {shown_body(message.body)}, expected {shown_body(body)}"
        if self.json is not UNSAID:
            yield from self._json_differences(message)
        for name, value in (self.headers or {}).items():
            if name not in message.headers:
                yield f"headers[{name!r}]: not there, expected {value!r}"
            elif not _same(message.headers[name], value):
                yield _differs(f"headers[{name!r}]", message.headers[name], value)
        for name, value in self.properties.items():
            found = getattr(message.properties, name)
            if not _same(found, value):
                yield _differs(name, found, value)

    def _json_differences(self, message: Message) -> Iterator[str]:
        try:
            found = message.json
        except ValueError:
            yield f"json: the body is none: {shown_body(message.body)}"
            return
        yield from json_differences("json", found, self.json)

    def nearest(self, messages: Sequence[Message]) -> str:
        """The messages that differ least, each with its differences, for people; of two the later."""
        found = [(list(self.differences(message)), message) for message in reversed(messages)]
        found.sort(key=lambda one: len(one[0]))
        lines = []
        for differences, message in found[:_NEAREST_SHOWN_MAX]:
            lines.append(f"  {message.told()}")
            lines += [f"      {one}" for one in differences[:_DIFFERENCES_SHOWN_MAX]]
            if len(differences) > _DIFFERENCES_SHOWN_MAX:
                lines.append(f"      and {len(differences) - _DIFFERENCES_SHOWN_MAX} other differences")
        return "\n".join(lines)

    def told(self) -> str:
        """What is said, on one line."""
        said = {"exchange": self.exchange, "routing_key": self.routing_key, "headers": self.headers, **self.properties}
        parts = [f"{name}={value!r}" for name, value in said.items() if value is not None]
        if self.body is not None:
            parts.append(f"body={shown_body(_octets(self.body))}")
        if self.json is not UNSAID:
            parts.append(f"json={json_module.dumps(self.json, default=repr)}")
        return " ".join(parts) or "any"


def key_fits(routing_key: str, pattern: str) -> bool:
    """Whether a routing key fits a pattern, asked of a topic exchange."""
    exchange = TopicExchange("", False, False, False, {})
    destination = Destination("queue", "")
    exchange.bind(Binding("", destination, pattern, {}))
    return any(True for _ in exchange.destinations([routing_key], Properties()))


def json_differences(path: str, found: Any, expected: Any) -> Iterator[str]:
    """Where two values of JSON differ, by the paths to these places."""
    if isinstance(found, dict) and isinstance(expected, Mapping):
        for name in [*expected, *(name for name in found if name not in expected)]:
            place = f"{path}.{name}"
            if name not in found:
                yield f"{place}: not there, expected {expected[name]!r}"
            elif name not in expected:
                yield f"{place}: {found[name]!r}, expected nothing"
            else:
                yield from json_differences(place, found[name], expected[name])
    elif isinstance(found, list) and isinstance(expected, list | tuple):
        for at, (one, other) in enumerate(zip(found, expected, strict=False)):
            yield from json_differences(f"{path}[{at}]", one, other)
        if len(found) != len(expected):
            yield f"{path}: {len(found)} items, expected {len(expected)}"
    elif not _same(found, expected):
        yield _differs(path, found, expected)


def _same(found: Any, expected: Any) -> bool:
    """Equal, but True is not 1."""
    return bool(found == expected) and isinstance(found, bool) == isinstance(expected, bool)


def _differs(name: str, found: Any, expected: Any) -> str:
    return f"{name}: {found!r}, expected {expected!r}"


def _octets(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body
