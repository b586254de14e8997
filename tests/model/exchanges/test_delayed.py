"""x-delayed-message: how long a message waits, and that the other type routes."""

import pytest

from amqpbroker.errors import AMQPError
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Kept
from amqpbroker.model.exchanges.deduplication import DeduplicationExchange
from amqpbroker.model.exchanges.delayed import DELAY_MAX_MS, X_DELAY, X_DELAYED_TYPE, DelayedExchange, delay_of
from amqpbroker.model.message import address_of
from amqpbroker.profiles import DEFAULT_PROFILE
from amqpbroker.wire.properties import Properties, decode, encode
from amqpbroker.wire.tables import Field, Table, long_string
from tests.helpers.wire_client import MemoryServer

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


# In a virtual host


def waiting(headers: Table | None = None) -> MemoryServer:
    """A broker with a delayed exchange, in which a message waits for a second."""
    server = MemoryServer()
    exchange = delayed("fanout")
    server.vhost.add_exchange(exchange)
    queue = server.vhost.new_queue("q", durable=False, auto_delete=False, owner=None, arguments={})
    server.vhost.bind(Binding("x", Destination("queue", queue.name), "", {}))
    properties = Properties(headers={X_DELAY: Field("I", 1_000), **(headers or {})})
    message = address_of("x", "key"), encode(properties, 100), b"x" * 100, 0
    server.vhost.publish_kept(exchange, Kept(["key"], properties, message))
    return server


def delayed_count(server: MemoryServer) -> int:
    exchange = server.vhost.exchanges["x"]
    assert isinstance(exchange, DelayedExchange)
    return exchange.delayed_count


def test_what_waits_is_counted_and_weighed() -> None:
    server = waiting()
    assert delayed_count(server) == 1
    assert server.broker.held_bytes() > 100
    server.clock.advance(1)
    assert (delayed_count(server), server.vhost.queues["q"].message_count) == (0, 1)


def test_the_delay_is_negated_when_it_is_over() -> None:
    server = waiting({"other": Field("S", b"stays")})
    server.clock.advance(1)
    ((_, (_, header, _, _), _),) = server.vhost.queues["q"].messages()
    assert decode(header).headers == {X_DELAY: Field("l", -1_000), "other": Field("S", b"stays")}


def test_a_deleted_exchange_takes_along_what_waits() -> None:
    server = waiting()
    server.vhost.delete_exchange("x")
    server.clock.advance(2)
    assert (server.vhost.queues["q"].message_count, server.broker.held_bytes(), server.clock.waiting) == (0, 0, 0)


def test_a_policy_reaches_the_other_type() -> None:
    exchange = delayed("x-message-deduplication", **{"x-cache-size": Field("I", 3)})
    exchange.apply_policy({"x-cache-size": 9})
    assert isinstance(exchange.inner, DeduplicationExchange)
    assert exchange.inner.hidden.size == 9
