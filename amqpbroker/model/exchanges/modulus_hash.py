"""x-modulus-hash: the routing keys' hash, modulo the number of bindings, says which one a message goes to.

Bindings count in the order of their destinations' names, so that nothing changes with a restart; a destination bound
twice counts twice. A binding more or less moves nearly all messages: it is for a fixed set of shards. Which destination
a key leads to differs from RabbitMQ's, which hashes Erlang terms.

Source: RabbitMQ `rabbit_exchange_type_modulus_hash` (before 4.3 `rabbit_sharding_exchange_type_modulus_hash`).
"""

from bisect import insort
from collections.abc import Iterable, Sequence
from typing import ClassVar

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.exchanges.hashing import hash_of, octets_of_text
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table


class ModulusHashExchange(Exchange):
    type: ClassVar[str] = "x-modulus-hash"
    pure = True

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        super().__init__(name, durable, auto_delete, internal, arguments)
        self._ordered: list[Destination] = []

    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> Iterable[Destination]:
        ordered = self._ordered
        if not ordered:
            return ()
        # No key has an octet 0xFF in it, as UTF-8 has none.
        return (ordered[hash_of(b"\xff".join(map(octets_of_text, routing_keys))) % len(ordered)],)

    def _index(self, binding: Binding) -> None:
        insort(self._ordered, binding.destination)

    def _unindex(self, binding: Binding) -> None:
        self._ordered.remove(binding.destination)
