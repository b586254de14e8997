"""headers: to whatever is bound with arguments that the message's headers satisfy; routing keys do not count.

The argument `x-match` says how: `all` (also without it) wants every argument among the headers, `any` one of them.
Other arguments whose name starts with `x-` do not count, except under `all-with-x` and `any-with-x`. An argument
without a value (void) is satisfied by a header of that name whatever its value. Nothing wanted satisfies `all`, not
`any`.

Values are compared, not their types: 1 is 1.0 in any width, while '1' is not 1 and true is not 1.

A message is compared with few of the bindings: each is found by what it wants. `any` is filed under every name and
value that it wants; for `all` one of them is enough, the one with the fewest others filed there.

Source: AMQP 0-9-1 specification 3.1.3.4; RabbitMQ `rabbit_exchange_type_headers`.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Exchange
from amqpbroker.profiles import Profile
from amqpbroker.wire.erlang import term
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table, type_name

if TYPE_CHECKING:
    from amqpbroker.model.queue import Queue

X_MATCH: Final = "x-match"
MATCH_KINDS: Final = (b"all", b"any", b"all-with-x", b"any-with-x")

# What a value is compared by: kind of value and value. A Python bool equals a number, which no AMQP bool does.
Comparable = tuple[str, Any]
_PRESENCE: Final[Comparable] = ("present", None)
# A header's name, and what its value is to be.
Wanted = tuple[str, Comparable]
_CLASSES: Final = dict.fromkeys("bBsuIilLfdT", "number") | dict.fromkeys("Sx", "octets")


class _Condition:
    """The arguments of a binding, made ready for comparing."""

    __slots__ = ("all_wanted", "wanted")

    def __init__(self, arguments: Table) -> None:
        x_match = arguments.get(X_MATCH)
        kind = b"all" if x_match is None else x_match.value
        with_x = kind in (b"all-with-x", b"any-with-x")
        self.all_wanted = kind in (b"all", b"all-with-x")
        self.wanted = [
            (name, _PRESENCE if field.kind == "V" else comparable(field))
            for name, field in arguments.items()
            if name != X_MATCH and (with_x or not name.startswith("x-"))
        ]

    def satisfied_by(self, headers: dict[str, Comparable]) -> bool:
        for name, value in self.wanted:
            satisfied = name in headers and (value is _PRESENCE or headers[name] == value)
            if satisfied is not self.all_wanted:
                return satisfied
        return self.all_wanted


class HeadersExchange(Exchange):
    type: ClassVar[str] = "headers"
    pure = False

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        super().__init__(name, durable, auto_delete, internal, arguments)
        self._filed: dict[Wanted, dict[Binding, _Condition]] = {}
        self._places: dict[Binding, list[Wanted]] = {}
        self._unconditional: dict[Binding, None] = {}

    def check_binding(self, binding: Binding, profile: Profile, queue: "Queue | None") -> None:
        x_match = binding.arguments.get(X_MATCH)
        if x_match is None:
            return
        if x_match.kind != "S":
            raise AMQPError(
                PRECONDITION_FAILED,
                f"Invalid x-match field type {type_name(x_match)} (value {term(x_match)}); expected longstr",
            )
        if x_match.value not in MATCH_KINDS:
            raise AMQPError(
                PRECONDITION_FAILED,
                f"Invalid x-match field value {term(x_match)}; expected all, any, all-with-x, or any-with-x",
            )

    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> Iterable[Destination]:
        values = {name: comparable(field) for name, field in (properties.headers or {}).items()}
        found = [binding.destination for binding in self._unconditional]
        for name, value in values.items():
            for place in ((name, value), (name, _PRESENCE)):
                if filed := self._filed.get(place):
                    found += [binding.destination for binding, one in filed.items() if one.satisfied_by(values)]
        return found

    def _index(self, binding: Binding) -> None:
        condition = _Condition(binding.arguments)
        places = condition.wanted
        if condition.all_wanted:
            if not places:
                self._unconditional[binding] = None
                return
            places = [min(places, key=lambda place: len(self._filed.get(place, ())))]
        self._places[binding] = places
        for place in places:
            self._filed.setdefault(place, {})[binding] = condition

    def _unindex(self, binding: Binding) -> None:
        if binding in self._unconditional:
            del self._unconditional[binding]
            return
        for place in self._places.pop(binding):
            filed = self._filed[place]
            del filed[binding]
            if not filed:
                del self._filed[place]


def comparable(field: Field) -> Comparable:
    """What equals for fields whose values RabbitMQ takes for equal.

    Within an array or a table the types have to be the same too, since there they are part of the value.
    """
    kind, value = field
    if kind == "F":
        return "table", tuple((name, item.kind, comparable(item)) for name, item in value.items())
    if kind == "A":
        return "array", tuple((item.kind, comparable(item)) for item in value)
    return _CLASSES.get(kind, kind), value
