"""Names of bindings, as a RabbitMQ has given them."""

import pytest

from amqpbroker.management.formats.properties_key import find_binding, properties_key
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.wire.tables import Field, Table

RECORDED: list[tuple[str, Table, str]] = [
    ("", {}, "~"),
    ("order.eu.#", {}, "order.eu.%23"),
    ("order.*.paid", {}, "order.%2A.paid"),
    ("rk", {"a": Field("l", 1)}, "rk~Ajat_Q"),
    ("", {"kind": Field("S", b"a"), "x-match": Field("S", b"all")}, "~edljqQ"),
    ("x-arr", {"x-arr": Field("A", [])}, "x-arr~wpVljw"),
    ("x-big", {"x-big": Field("l", 1 << 40)}, "x-big~T9t4oA"),
    ("x-bytes", {"x-bytes": Field("S", b"abc")}, "x-bytes~40oDvw"),
    ("x-dec", {"x-dec": Field("D", (2, 314))}, "x-dec~dp9Ilg"),
    ("x-emptytab", {"x-emptytab": Field("F", {})}, "x-emptytab~xi_HSA"),
    ("x-float", {"x-float": Field("d", 1.5)}, "x-float~XfNvdw"),
    ("x-str", {"x-str": Field("S", "héllo".encode())}, "x-str~iZbAxg"),
    ("x-true", {"x-true": Field("t", True)}, "x-true~6hRMaw"),
    ("x-ts", {"x-ts": Field("T", 1704067200)}, "x-ts~Zg1JUA"),
]


@pytest.mark.parametrize(("routing_key", "arguments", "expected"), RECORDED)
def test_a_binding_is_named_as_recorded(routing_key: str, arguments: Table, expected: str) -> None:
    assert properties_key(routing_key, arguments) == expected


@pytest.mark.parametrize(("routing_key", "arguments", "name"), RECORDED)
def test_the_name_finds_it_among_others(routing_key: str, arguments: Table, name: str) -> None:
    bindings = [_binding(key, table) for key, table, _ in RECORDED]
    assert find_binding(bindings, name) == _binding(routing_key, arguments)


def test_a_tilde_or_a_space_in_a_routing_key_comes_back() -> None:
    assert properties_key("a b~c/+", {}) == "a+b%7Ec%2F%2B"
    assert find_binding([_binding("a b~c/+", {})], "a+b%7Ec%2F%2B") is not None


def test_nothing_has_another_name() -> None:
    assert find_binding([_binding("rk", {})], "other") is None
    assert find_binding([_binding("rk", {"a": Field("l", 1)})], "rk") is None


def _binding(routing_key: str, arguments: Table) -> Binding:
    return Binding("source", Destination("queue", "q"), routing_key, arguments)
