"""Bindings: what an exchange is told about where its messages go."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from amqpbroker.wire.tables import Field, Table


class Destination(NamedTuple):
    """Where a binding leads to: a queue or an exchange of the same virtual host, by name."""

    kind: Literal["queue", "exchange"]
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A way from an exchange (source, its name) to a destination.

    Two bindings are the same when source, destination, routing key and arguments are: binding the same again changes
    nothing. Arguments are the same when their fields are, whatever their order, types included, as in the table
    RabbitMQ keeps of them (`rabbit_binding`): 1 sent as a byte is not the 1 sent as a long.
    """

    source: str
    destination: Destination
    routing_key: str
    arguments: Table
    _identity: tuple[Any, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        identity = (self.source, self.destination, self.routing_key, canonical_table(self.arguments))
        object.__setattr__(self, "_identity", identity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Binding) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)


def canonical_table(table: Table) -> tuple[Any, ...]:
    """A hashable form of a table; equal for equal fields in any order."""
    return tuple((name, *_canonical(table[name])) for name in sorted(table))


def _canonical(field: Field) -> tuple[Any, ...]:
    kind, value = field
    match kind:
        case "F":
            return kind, canonical_table(value)
        case "A":
            return kind, tuple(_canonical(item) for item in value)
        case _:
            return kind, value
