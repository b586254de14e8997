"""What all types of exchange have in common."""

import pytest

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Destinations, Exchange
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.profiles import DEFAULT_PROFILE
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table, long_string

QUEUE = Destination("queue", "q")
SPECIFIED = ("direct", "fanout", "headers", "topic")
# What a type cannot be without.
NEEDED: dict[str, Table] = {
    "x-delayed-message": {"x-delayed-type": long_string("topic")},
    "x-message-deduplication": {"x-cache-size": Field("I", 10)},
}


def exchange_of(type_name: str, arguments: Table | None = None) -> Exchange:
    arguments = NEEDED.get(type_name, {}) | (arguments or {})
    return EXCHANGE_TYPES[type_name]("x", durable=True, auto_delete=False, internal=True, arguments=arguments)


def binding(key: str = "1", destination: Destination = QUEUE, arguments: Table | None = None) -> Binding:
    return Binding("x", destination, key, arguments or {})


def test_the_types_of_the_specification_can_be_declared() -> None:
    assert set(SPECIFIED) <= set(EXCHANGE_TYPES)
    assert all(exchange.type == name for name, exchange in EXCHANGE_TYPES.items())


def test_of_the_specified_types_only_headers_decides_by_more_than_the_routing_key() -> None:
    assert [name for name in SPECIFIED if not exchange_of(name).pure] == ["headers"]


def test_properties_are_as_declared() -> None:
    exchange = exchange_of("direct")
    assert (exchange.name, exchange.durable, exchange.auto_delete, exchange.internal) == ("x", True, False, True)


@pytest.mark.parametrize(("argument", "alternate"), [("other", "other"), ("", None)])
def test_the_alternate_exchange_is_an_argument(argument: str, alternate: str | None) -> None:
    assert exchange_of("direct", {"alternate-exchange": long_string(argument)}).alternate == alternate


def test_there_is_no_alternate_exchange_by_default() -> None:
    assert exchange_of("direct").alternate is None


@pytest.mark.parametrize("type_name", EXCHANGE_TYPES)
def test_binding_the_same_again_changes_nothing(type_name: str) -> None:
    exchange = exchange_of(type_name)
    assert exchange.bind(binding())
    assert not exchange.bind(binding())
    assert list(exchange.destinations(["1"], Properties())) == [QUEUE]
    assert exchange.unbind(binding())
    assert list(exchange.destinations(["1"], Properties())) == []


@pytest.mark.parametrize("type_name", EXCHANGE_TYPES)
def test_unbinding_what_is_not_bound_is_told(type_name: str) -> None:
    exchange = exchange_of(type_name)
    assert not exchange.unbind(binding())


@pytest.mark.parametrize("type_name", EXCHANGE_TYPES)
def test_bindings_that_differ_in_arguments_alone_are_two(type_name: str) -> None:
    exchange = exchange_of(type_name)
    exchange.bind(binding(arguments={"x-a": Field("I", 1)}))
    exchange.bind(binding(arguments={"x-a": Field("I", 2)}))
    exchange.unbind(binding(arguments={"x-a": Field("I", 1)}))
    assert set(exchange.destinations(["1"], Properties())) == {QUEUE}


@pytest.mark.parametrize("type_name", EXCHANGE_TYPES)
def test_bindings_are_listed_as_they_were_made(type_name: str) -> None:
    exchange = exchange_of(type_name)
    for key in ("2", "3", "1"):
        exchange.bind(binding(key))
    exchange.unbind(binding("3"))
    assert [bound.routing_key for bound in exchange.bindings] == ["2", "1"]
    assert len(exchange.bindings) == 2


@pytest.mark.parametrize("type_name", SPECIFIED)
def test_any_plain_binding_is_allowed(type_name: str) -> None:
    exchange_of(type_name).check_binding(binding("a.*.#"), DEFAULT_PROFILE, None)


@pytest.mark.parametrize("type_name", SPECIFIED)
def test_nothing_is_kept_and_any_argument_allowed(type_name: str) -> None:
    exchange = exchange_of(type_name)
    exchange.check_arguments({"x-anything": Field("V", None)})
    assert not exchange.keeps
    assert not exchange.history()


def test_a_destination_stays_until_nothing_leads_there() -> None:
    destinations = Destinations()
    destinations.add(QUEUE)
    destinations.add(QUEUE)
    destinations.remove(QUEUE)
    assert list(destinations) == [QUEUE]
    destinations.remove(QUEUE)
    assert list(destinations) == []
