"""x-consistent-hash: a message goes to one of what is bound, and equal messages to the same one.

Equal is what has the same routing key; with the argument `hash-header` the same value in that header, with
`hash-property` in that property (message_id, correlation_id, timestamp); messages without it are equal. A binding's
routing key is a number, its weight: twice the weight, twice the share.

Each destination makes a number of the message's hash and of its own name, and the highest number wins (weighted
rendezvous hashing: Thaler and Ravishankar 1998, Schindelhauer and Schomaker 2005). So where a message goes depends on
what is bound and on nothing else, neither the order of the bindings nor a restart; one destination more takes its share
from the others, one less leaves its share to them, and all else stays where it is.

Which destination that is differs from RabbitMQ's, which hashes Erlang terms. RabbitMQ too takes a destination once,
however often it is bound: with the weight it was bound with first; here with its smallest, as an order would not
survive a restart.

Source: RabbitMQ `rabbit_exchange_type_consistent_hash`; docs/behaviour/exchanges.md.
"""

import re
from collections.abc import Iterable, Sequence
from math import log
from typing import TYPE_CHECKING, ClassVar, Final

from amqpbroker.errors import INTERNAL_ERROR, PRECONDITION_FAILED, AMQPError
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.exchanges.hashing import HASH_BITS, hash_of, mixed, octets_of, octets_of_text
from amqpbroker.profiles import Profile
from amqpbroker.wire import erlang
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table, text

if TYPE_CHECKING:
    from amqpbroker.model.queue import Queue

HASH_HEADER: Final = "hash-header"
HASH_PROPERTY: Final = "hash-property"
PROPERTIES: Final = ("correlation_id", "message_id", "timestamp")

# RabbitMQ keeps a table with a row for each: since 4.2.6 it takes no more.
WEIGHT_MAX: Final = 10_000

_INTEGER: Final = re.compile("[+-]?[0-9]+")
_SCALE: Final = 2.0**-HASH_BITS


class ConsistentHashExchange(Exchange):
    type: ClassVar[str] = "x-consistent-hash"

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        super().__init__(name, durable, auto_delete, internal, arguments)
        header, property_name = arguments.get(HASH_HEADER), arguments.get(HASH_PROPERTY)
        self._header = None if header is None else text(header)
        self._property = None if property_name is None else text(property_name)
        self.pure = header is None and property_name is None
        self._weights: dict[Destination, list[int]] = {}
        # Destinations, each with the hash of its name and 1 / weight; None until it is asked for after a change.
        self._candidates: list[tuple[int, float, Destination]] | None = None

    @classmethod
    def check_arguments(cls, arguments: Table) -> None:
        header, property_name = arguments.get(HASH_HEADER), arguments.get(HASH_PROPERTY)
        if any(field is not None and field.kind != "S" for field in (header, property_name)):
            # RabbitMQ's code fails here.
            raise AMQPError(INTERNAL_ERROR, "", (0, 0))
        if property_name is None:
            return
        if header is not None:
            raise AMQPError(PRECONDITION_FAILED, "hash-header and hash-property are mutually exclusive")
        if text(property_name) not in PROPERTIES:
            raise AMQPError(PRECONDITION_FAILED, f"Unsupported property: {text(property_name)}")

    def check_binding(self, binding: Binding, profile: Profile, queue: "Queue | None") -> None:
        key = binding.routing_key
        if not _INTEGER.fullmatch(key):
            printed = erlang.term(Field("S", octets_of_text(key)))
            raise AMQPError(PRECONDITION_FAILED, f"The binding key must be an integer: {printed}")
        if int(key) < 1:
            raise AMQPError(PRECONDITION_FAILED, "The binding key must be greater than 0")
        if profile.series >= (4, 2) and int(key) > WEIGHT_MAX:
            raise AMQPError(PRECONDITION_FAILED, f"The binding key must not exceed {WEIGHT_MAX}")

    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> Iterable[Destination]:
        candidates = self._candidates
        if candidates is None:
            candidates = self._candidates = self._weighed()
        if len(candidates) < 2:
            return [destination for _, _, destination in candidates]
        message = hash_of(self._hashed(routing_keys, properties))
        # Of numbers below 0 the one nearest to it.
        highest, winner = -float("inf"), candidates[0][2]
        for seed, inverse_weight, destination in candidates:
            score = log((mixed(message, seed) + 1) * _SCALE) * inverse_weight
            if score > highest:
                highest, winner = score, destination
        return (winner,)

    def _hashed(self, routing_keys: Sequence[str], properties: Properties) -> bytes:
        """What of a message counts; nothing where it is not there."""
        if self._header is not None:
            field = (properties.headers or {}).get(self._header)
            return b"" if field is None else octets_of(field)
        if self._property is not None:
            value = getattr(properties, self._property)
            return b"" if value is None else octets_of_text(str(value))
        # Those of CC and BCC do not count.
        return octets_of_text(routing_keys[0])

    def _index(self, binding: Binding) -> None:
        self._weights.setdefault(binding.destination, []).append(int(binding.routing_key))
        self._candidates = None

    def _unindex(self, binding: Binding) -> None:
        weights = self._weights[binding.destination]
        weights.remove(int(binding.routing_key))
        if not weights:
            del self._weights[binding.destination]
        self._candidates = None

    def _weighed(self) -> list[tuple[int, float, Destination]]:
        # In the order of names, since the first of two equal scores wins.
        return [
            (hash_of(octets_of_text(":".join(destination))), 1 / min(weights), destination)
            for destination, weights in sorted(self._weights.items())
        ]
