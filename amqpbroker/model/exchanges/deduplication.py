"""x-message-deduplication: a fanout that lets a message through once.

Messages with one value in their header `x-deduplication-header` are one message; those without it are not looked at.
A repeated one goes nowhere from here, so it counts as unroutable. The arguments: `x-cache-size`, how many values are
remembered; `x-cache-ttl`, for how many milliseconds (a message may say otherwise in a header of that name);
`x-cache-persistence`, `disk` if a restart shall not forget them.

Source: the plugin rabbitmq_message_deduplication; docs/behaviour/deduplication.md.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from amqpbroker.errors import INTERNAL_ERROR, PRECONDITION_FAILED, AMQPError
from amqpbroker.model.binding import Destination
from amqpbroker.model.deduplication import HEADER, KeyCache, key_of
from amqpbroker.model.exchange import Kept
from amqpbroker.model.exchanges.fanout import FanoutExchange
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table

if TYPE_CHECKING:
    from amqpbroker.model.vhost import VirtualHost

CACHE_SIZE: Final = "x-cache-size"
CACHE_TTL: Final = "x-cache-ttl"
CACHE_PERSISTENCE: Final = "x-cache-persistence"

_WHOLE_KINDS: Final = frozenset("bBsuIilLT")
_BEGINS_WITH_NUMBER: Final = re.compile(rb"[+-]?[0-9]")
_NUMBER: Final = re.compile(rb"[+-]?[0-9]{1,18}")


class DeduplicationExchange(FanoutExchange):
    """hidden: the keys that it has seen."""

    type: ClassVar[str] = "x-message-deduplication"
    pure = False
    keeps: ClassVar[bool] = True
    hidden: KeyCache

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        self.hidden = KeyCache(1, None)
        super().__init__(name, durable, auto_delete, internal, arguments)
        self._vhost: VirtualHost

    @classmethod
    def check_arguments(cls, arguments: Table) -> None:
        size = arguments.get(CACHE_SIZE)
        _check_whole(size or Field("V", None), CACHE_SIZE, "Missing or invalid", 10)
        if CACHE_TTL in arguments:
            _check_whole(arguments[CACHE_TTL], CACHE_TTL, "Invalid", 13)
        persistence = arguments.get(CACHE_PERSISTENCE)
        if persistence not in (None, Field("S", b"disk"), Field("S", b"memory")):
            raise _wrong("Invalid", 13, CACHE_PERSISTENCE, "either 'disk' or 'memory'")
        for name in (CACHE_SIZE, CACHE_TTL):
            if name in arguments:
                _whole(arguments[name])

    @property
    def remembers(self) -> bool:
        return self.durable and self.arguments.get(CACHE_PERSISTENCE) == Field("S", b"disk")

    def apply_policy(self, definition: Mapping[str, Any]) -> None:
        """The policy goes before the arguments here. Where the keys are kept is decided when it is declared."""
        super().apply_policy(definition)
        ttl = self.arguments.get(CACHE_TTL)
        self.hidden.size = definition.get(CACHE_SIZE, max(1, _whole(self.arguments[CACHE_SIZE])))
        self.hidden.ttl_ms = definition.get(CACHE_TTL, None if ttl is None else _whole(ttl))

    def taken_in(self, vhost: "VirtualHost") -> None:
        self._vhost = vhost

    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> Iterable[Destination]:
        headers = properties.headers or {}
        field = headers.get(HEADER)
        if any(name in headers and headers[name].kind in "AFD" for name in (HEADER, CACHE_TTL)):
            raise _crash()
        if field is not None and (key := key_of(field)) is not None:
            now_ms = self._vhost.clock.unix_ms()
            if self.hidden.seen(key, now_ms):
                return ()
        return super().destinations(routing_keys, properties)

    def keep(self, kept: Kept) -> bool:
        headers = kept.properties.headers or {}
        field = headers.get(HEADER)
        if field is None or (key := key_of(field)) is None:
            return False
        now_ms = self._vhost.clock.unix_ms()
        if self.hidden.seen(key, now_ms):
            return False
        self.hidden.add(field, key, now_ms, _ttl_ms(headers), self._vhost.journal)
        return self.hidden.log is not None


def _ttl_ms(headers: Table) -> float | None:
    """What a message says of how long its key counts. Raises AMQPError 541: it is no number."""
    field = headers.get(CACHE_TTL)
    if field is None:
        return None
    if field.kind not in _WHOLE_KINDS and field.kind not in "fd":
        raise _crash()
    value: float = field.value
    return value * 1000 if field.kind == "T" else value


def _check_whole(field: Field, name: str, missing_or: str, blanks: int) -> None:
    if field.kind == "S":
        if not _BEGINS_WITH_NUMBER.match(field.value):
            raise _wrong(missing_or, 22, name, "an integer greater than 0")
    elif not (field.kind in _WHOLE_KINDS and field.value > 0):
        raise _wrong(missing_or, blanks, name, "an integer greater than 0")


def _wrong(what: str, blanks: int, name: str, wanted: str) -> AMQPError:
    """The plugin's words, with the blanks at the beginning of a line of its source that got into them."""
    return AMQPError(PRECONDITION_FAILED, f"{what} argument, {' ' * blanks}'{name}' must be {wanted}")


def _whole(field: Field) -> int:
    """The number of an argument. Raises AMQPError 541: a text that goes on behind it."""
    if field.kind != "S":
        number: int = field.value
        return number
    if not _NUMBER.fullmatch(field.value):
        raise _crash()
    return int(field.value)


def _crash() -> AMQPError:
    return AMQPError(INTERNAL_ERROR, "", (0, 0))
