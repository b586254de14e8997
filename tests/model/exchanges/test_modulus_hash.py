"""x-modulus-hash: the hash of the routing keys, modulo the number of bindings."""

from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchanges.modulus_hash import ModulusHashExchange
from amqpbroker.wire.properties import Properties

KEYS = [f"device.{number}" for number in range(4_000)]


def modulus_exchange(queues: Iterable[str]) -> ModulusHashExchange:
    """A binding for each name, with its place as the key: one name may be there more than once."""
    exchange = ModulusHashExchange("x", False, False, False, {})
    for number, queue in enumerate(queues):
        exchange.bind(Binding("x", Destination("queue", queue), str(number), {}))
    return exchange


def place(exchange: ModulusHashExchange, *keys: str) -> str:
    (destination,) = exchange.destinations(keys, Properties())
    return destination.name


def test_every_binding_has_an_equal_share() -> None:
    exchange = modulus_exchange("abca")
    counts = Counter(place(exchange, key) for key in KEYS)
    assert abs(counts["a"] - 2_000) < 160
    assert abs(counts["b"] - 1_000) < 140
    assert abs(counts["c"] - 1_000) < 140


@given(st.permutations(list("aabcdef")))
def test_the_order_of_bindings_does_not_count(queues: list[str]) -> None:
    exchange, sorted_exchange = modulus_exchange(queues), modulus_exchange("aabcdef")
    assert all(place(exchange, key) == place(sorted_exchange, key) for key in KEYS[:20])


def test_placement_is_a_promise_over_versions() -> None:
    exchange = modulus_exchange("abc")
    assert "".join(place(exchange, key) for key in KEYS[:12]) == "cbbbccbaacac"


def test_all_routing_keys_count_together() -> None:
    exchange = modulus_exchange("abcdefgh")
    assert len({place(exchange, "same", key) for key in KEYS[:99]}) == 8
    assert place(exchange, "one", "two") == place(exchange, "one", "two")


def test_an_unbound_queue_gets_nothing() -> None:
    exchange = modulus_exchange("ab")
    exchange.unbind(Binding("x", Destination("queue", "a"), "0", {}))
    assert {place(exchange, key) for key in KEYS[:20]} == {"b"}
    exchange.unbind(Binding("x", Destination("queue", "b"), "1", {}))
    assert list(exchange.destinations(["key"], Properties())) == []
