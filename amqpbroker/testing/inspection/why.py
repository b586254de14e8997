"""Why a message goes where it goes: each exchange on its way, and each binding with the reason why it did not match."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.exchanges.headers import X_MATCH, comparable
from amqpbroker.model.explaining import BY_ALTERNATE, explain
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.testing.inspection.history import FORWARDED, PUBLISHED, Event
from amqpbroker.testing.inspection.topology import BindingState, binding_state
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table, text, texts, to_python

# Of bindings that did not match, so many are told of one exchange.
_MISSES_MAX: Final = 50
_DELAYED: Final = "x-delayed-message"
_X_DELAY: Final = "x-delay"


@dataclass(frozen=True)
class Way:
    """A step of the message that was taken. how: binding, default-exchange or alternate-exchange."""

    exchange: str
    destination: str
    destination_kind: str
    how: str
    binding: BindingState | None

    def __str__(self) -> str:
        if self.binding is not None:
            return str(self.binding)
        return f"{self.exchange!r} --{self.how}--> {self.destination_kind} {self.destination!r}"


@dataclass(frozen=True)
class Miss:
    """A binding of an exchange on the way that did not match. reason: why not."""

    binding: BindingState
    reason: str

    def __str__(self) -> str:
        return f"{self.binding}: {self.reason}"


@dataclass(frozen=True)
class Why:
    """The decision, which prints well.

    queues: what the message reaches, each once; none: it is unroutable. ways: the steps that lead there. misses: the
    bindings that do not. notes: what else there is to know: an exchange that is not there, where it goes when it dies,
    that the topology is another one than it was when the message was published.
    """

    exchange: str
    routing_keys: tuple[str, ...]
    queues: tuple[str, ...]
    ways: tuple[Way, ...] = ()
    misses: tuple[Miss, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def is_unroutable(self) -> bool:
        """Whether it reaches no queue: dropped, or returned if it is mandatory."""
        return not self.queues

    def __str__(self) -> str:
        keys = ", ".join(map(repr, self.routing_keys))
        reached = _names(self.queues) if self.queues else "no queue: dropped, or returned if it is mandatory"
        lines = [f"exchange {self.exchange!r}, routing key {keys} reaches {reached}"]
        lines += [f"  matched   {way}" for way in self.ways]
        lines += [f"  did not   {miss}" for miss in self.misses]
        lines += [f"  note      {note}" for note in self.notes]
        return "\n".join(lines)

    __repr__ = __str__


def _names(queues: Sequence[str]) -> str:
    return ", ".join(map(repr, queues)) or "no queue"


def why(vhost: VirtualHost, exchange: str, routing_key: str, table: Table, event: Event | None = None) -> Why:
    """How a message goes as the topology is now.

    table: its headers. event: what is known of it if it was published already.
    """
    keys = [routing_key, *texts(table, "CC"), *texts(table, "BCC")]
    notes = []
    if event is not None and event.version != vhost.version:
        then = f", then it reached {_names(event.queues)}" if event.kind in (PUBLISHED, FORWARDED) else ""
        notes.append(f"exchanges, queues, bindings or permissions have changed since{then}: this is how it is now")
    start = vhost.exchanges.get(exchange)
    if start is None:
        there = ", ".join(repr(name) for name in vhost.exchanges if name and not name.startswith("amq."))
        notes.append(
            f"there is no such exchange: the channel is closed with 404; there are {there or 'the predeclared'}"
        )
        return Why(exchange, tuple(keys), (), notes=tuple(notes))
    values = Properties(headers={name: one for name, one in table.items() if name != _X_DELAY or not _delays(vhost)})
    told = explain(vhost, start, keys, values)
    ways = [
        Way(
            step.exchange,
            step.destination.name,
            step.destination.kind,
            step.how,
            binding_state(step.binding) if step.binding is not None else None,
        )
        for step in told.steps
    ]
    taken = {step.binding for step in told.steps if step.binding is not None}
    visited = _visited(vhost, start, [step.destination for step in told.steps])
    misses = [
        miss
        for source in visited
        for miss in _misses(
            source, taken, {one.destination for one in told.steps if one.exchange == source.name}, keys, table
        )
    ]
    if not told.queue_names and not start.name:
        there = ", ".join(map(repr, vhost.queues)) or "none"
        notes.append(f"the default exchange goes to the queue of that very name; there are {there}")
    notes += [
        f"{way.exchange!r} matched nothing, so its alternate exchange has it" for way in ways if way.how == BY_ALTERNATE
    ]
    if not told.is_complete:
        notes.append("there are more steps than are told")
    for source in visited:
        if source.type == _DELAYED and _X_DELAY in table:
            notes.append(f"{source.name!r} keeps it for {to_python(table[_X_DELAY])} ms before it goes on")
    notes += _after_death(vhost, list(told.queue_names))
    return Why(exchange, tuple(keys), tuple(told.queue_names), tuple(ways), tuple(misses), tuple(notes))


def _delays(vhost: VirtualHost) -> bool:
    """Whether the header that delays a message means anything here: what is told is its way once it is due."""
    return any(exchange.type == _DELAYED for exchange in vhost.exchanges.values())


def _visited(vhost: VirtualHost, start: Exchange, destinations: Iterable[Destination]) -> list[Exchange]:
    names = [start.name, *(one.name for one in destinations if one.kind == "exchange")]
    return [vhost.exchanges[name] for name in dict.fromkeys(names) if name in vhost.exchanges]


def _misses(
    source: Exchange, taken: set[Binding], reached: set[Destination], keys: Sequence[str], headers: Table
) -> list[Miss]:
    # Where too many lead to one destination, none of them is told to have been taken.
    left = [
        one
        for one in source.bindings
        if one not in taken and (one.destination not in reached or len(source.bindings) <= _MISSES_MAX)
    ]
    return [Miss(binding_state(one), _reason(source, one, keys, headers)) for one in left[:_MISSES_MAX]]


def _reason(source: Exchange, binding: Binding, keys: Sequence[str], headers: Table) -> str:
    shown = " or ".join(map(repr, keys))
    match source.type:
        case "direct":
            return f"{shown} is not {binding.routing_key!r}"
        case "topic":
            return f"{shown} does not fit the pattern {binding.routing_key!r}"
        case "headers":
            return _headers_reason(binding, headers)
        case _:
            return f"an exchange of type {source.type} chose otherwise"


def _headers_reason(binding: Binding, headers: Table) -> str:
    x_match = binding.arguments.get(X_MATCH)
    kind = text(x_match) if x_match is not None else "all"
    wanted = {
        name: one
        for name, one in binding.arguments.items()
        if name != X_MATCH and (kind.endswith("-with-x") or not name.startswith("x-"))
    }
    wrong = []
    for name, one in wanted.items():
        if name not in headers:
            wrong.append(f"there is no header {name!r}")
        elif one.kind != "V" and comparable(headers[name]) != comparable(one):
            wrong.append(f"header {name!r} is {to_python(headers[name])!r}, not {to_python(one)!r}")
    return f"x-match {kind}: {'; '.join(wrong) or 'it wants no header'}"


def _after_death(vhost: VirtualHost, queues: list[str]) -> list[str]:
    """Where a message goes on from these queues when it dies there."""
    notes = []
    for name in queues:
        settings = vhost.queues[name].settings
        exchange = settings.dead_letter_exchange
        if exchange is None:
            continue
        key = settings.dead_letter_routing_key
        with_key = "its own routing key" if key is None else f"routing key {key!r}"
        missing = "" if exchange in vhost.exchanges else ", which is not there: it would be gone"
        notes.append(f"dying in {name!r} it goes to exchange {exchange!r} with {with_key}{missing}")
    return notes
