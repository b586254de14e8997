"""x-delayed-message: how long a message waits, and that the other type routes."""

import pytest

from amqpbroker.errors import AMQPError
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchanges.delayed import DELAY_MAX_MS, X_DELAY, X_DELAYED_TYPE, DelayedExchange, delay_of
from amqpbroker.profiles import DEFAULT_PROFILE
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table, long_string

DIRECT = long_string("direct")


def delayed(kind: str = "direct", **others: Field) -> DelayedExchange:
    return DelayedExchange("x", True, False, False, {X_DELAYED_TYPE: long_string(kind), **others})


def to_queues(exchange: DelayedExchange, key: str, headers: Table | None = None) -> list[str]:
    return [name for _, name in exchange.destinations([key], Properties(headers=headers))]


@pytest.mark.parametrize(
    ("field", "delay_ms"),
    [
        (Field("I", 5_000), 5_000),
        (Field("l", DELAY_MAX_MS), DELAY_MAX_MS),
        (Field("l", DELAY_MAX_MS + 1), 0),
        (Field("I", 0), 0),
        (Field("I", -1), 0),
        (Field("B", 255), 255),
        (Field("d", 1.9), 1),
        (Field("f", 0.5), 0),
        (Field("d", 1e300), 0),
        (Field("S", b"5000"), 5_000),
        (Field("S", b"+007"), 7),
        (Field("S", b"-5"), 0),
        (Field("S", b"0"), 0),
        (Field("x", b"12"), 12),
        (Field("S", b"9" * 10_000), 0),
    ],
)
def test_the_header_is_a_number_of_milliseconds(field: Field, delay_ms: int) -> None:
    assert delay_of({X_DELAY: field}) == delay_ms


@pytest.mark.parametrize(
    "field", [Field("b", 5), Field("t", True), Field("T", 5), Field("V", None), Field("A", []), Field("F", {})]
)
def test_what_is_no_number_to_the_plugin_delays_nothing(field: Field) -> None:
    assert delay_of({X_DELAY: field}) == 0


def test_without_the_header_nothing_is_delayed() -> None:
    assert delay_of(None) == delay_of({}) == 0


@pytest.mark.parametrize(
    "field", [Field("S", b""), Field("S", b"5s"), Field("S", b" 5"), Field("S", b"1.5"), Field("D", (0, 5))]
)
def test_a_text_that_is_no_number_closes_the_connection(field: Field) -> None:
    with pytest.raises(AMQPError) as raised:
        delay_of({X_DELAY: field})
    assert (raised.value.code, raised.value.text) == (541, "INTERNAL_ERROR")


@pytest.mark.parametrize("arguments", [{}, {X_DELAYED_TYPE: Field("I", 1)}, {X_DELAYED_TYPE: Field("V", None)}])
def test_another_type_has_to_be_named(arguments: Table) -> None:
    with pytest.raises(AMQPError, match="Invalid argument, 'x-delayed-type' must be an existing exchange type"):
        DelayedExchange.check_arguments(arguments)


def test_it_cannot_be_its_own_other_type() -> None:
    with pytest.raises(AMQPError, match="Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'"):
        DelayedExchange.check_arguments({X_DELAYED_TYPE: long_string("x-delayed-message")})


def test_the_other_type_has_to_exist() -> None:
    with pytest.raises(AMQPError, match="unknown exchange type 'nonsense'"):
        DelayedExchange.check_arguments({X_DELAYED_TYPE: long_string("nonsense")})


def test_the_other_types_arguments_are_checked() -> None:
    with pytest.raises(AMQPError, match="'x-cache-size' must be an integer greater than 0"):
        DelayedExchange.check_arguments({X_DELAYED_TYPE: long_string("x-message-deduplication")})


def test_the_other_type_checks_bindings() -> None:
    binding = Binding("x", Destination("queue", "q"), "", {"x-match": Field("I", 1)})
    with pytest.raises(AMQPError, match="x-match"):
        delayed("headers").check_binding(binding, DEFAULT_PROFILE, None)


@pytest.mark.parametrize(("kind", "reached"), [("direct", []), ("topic", ["q"]), ("fanout", ["q"])])
def test_the_other_type_routes_what_does_not_wait(kind: str, reached: list[str]) -> None:
    exchange = delayed(kind)
    exchange.bind(Binding("x", Destination("queue", "q"), "a.*", {}))
    assert to_queues(exchange, "a.b") == reached
    assert to_queues(exchange, "a.b", {X_DELAY: Field("I", -5)}) == reached


def test_what_waits_goes_nowhere_as_yet() -> None:
    exchange = delayed("fanout")
    exchange.bind(Binding("x", Destination("queue", "q"), "", {}))
    assert to_queues(exchange, "", {X_DELAY: Field("I", 5)}) == []


def test_a_binding_that_goes_leaves_the_other_type_too() -> None:
    exchange = delayed()
    binding = Binding("x", Destination("queue", "q"), "key", {})
    exchange.bind(binding)
    exchange.unbind(binding)
    assert (to_queues(exchange, "key"), list(exchange.bindings)) == ([], [])
