"""x-message-deduplication: its arguments, and what it remembers. What a client sees is tried in interop_tests."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpbroker.errors import AMQPError
from amqpbroker.journal.queue_log import QueueLog
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.deduplication import HEADER, KeyCache
from amqpbroker.model.exchange import Kept
from amqpbroker.model.exchanges.deduplication import DeduplicationExchange
from amqpbroker.model.message import PERSISTENT, address_of
from amqpbroker.wire.properties import Properties, encode
from amqpbroker.wire.tables import Field, Table
from tests.helpers.durable import DurableServer

TEN = Field("I", 10)
SIZE = "'x-cache-size' must be an integer greater than 0"
TTL = "'x-cache-ttl' must be an integer greater than 0"
PERSISTENCE = "'x-cache-persistence' must be either 'disk' or 'memory'"


def refusal(arguments: Table) -> tuple[int, str]:
    with pytest.raises(AMQPError) as raised:
        DeduplicationExchange.check_arguments(arguments)
    return raised.value.code, raised.value.text.removeprefix("PRECONDITION_FAILED - ")


@pytest.mark.parametrize("kind", "bBsuIilLT")
def test_the_size_is_a_number_of_any_width(kind: str) -> None:
    DeduplicationExchange.check_arguments({"x-cache-size": Field(kind, 10), "x-cache-ttl": Field(kind, 10)})


def test_the_numbers_may_be_texts() -> None:
    arguments = {"x-cache-size": Field("S", b"2"), "x-cache-ttl": Field("S", b"+1000")}
    DeduplicationExchange.check_arguments(arguments)
    exchange = DeduplicationExchange("x", False, False, False, arguments)
    assert (exchange.hidden.size, exchange.hidden.ttl_ms) == (2, 1_000)


@pytest.mark.parametrize("wrong", [None, Field("I", 0), Field("I", -1), Field("t", True), Field("d", 1.0)])
def test_the_size_is_required_and_positive(wrong: Field | None) -> None:
    arguments = {} if wrong is None else {"x-cache-size": wrong}
    assert refusal(arguments) == (406, "Missing or invalid argument, " + 10 * " " + SIZE)


def test_the_time_is_positive() -> None:
    arguments = {"x-cache-size": TEN, "x-cache-ttl": Field("I", 0)}
    assert refusal(arguments) == (406, "Invalid argument, " + 13 * " " + TTL)


def test_a_text_has_to_begin_with_a_number() -> None:
    word = Field("S", b"foo")
    assert refusal({"x-cache-size": word}) == (406, "Missing or invalid argument, " + 22 * " " + SIZE)
    assert refusal({"x-cache-size": TEN, "x-cache-ttl": word}) == (406, "Invalid argument, " + 22 * " " + TTL)


def test_a_text_that_goes_on_behind_its_number_closes_the_connection() -> None:
    assert refusal({"x-cache-size": Field("S", b"10x")}) == (541, "INTERNAL_ERROR")


@pytest.mark.parametrize("wrong", [Field("S", b"ram"), Field("x", b"disk"), Field("t", True)])
def test_keys_are_kept_in_memory_or_on_disk(wrong: Field) -> None:
    arguments = {"x-cache-size": TEN, "x-cache-persistence": wrong}
    assert refusal(arguments) == (406, "Invalid argument, " + 13 * " " + PERSISTENCE)


@pytest.mark.parametrize(
    ("persistence", "durable", "remembers"),
    [(b"disk", True, True), (b"disk", False, False), (b"memory", True, False), (None, True, False)],
)
def test_a_durable_exchange_remembers_on_disk_if_told_so(
    persistence: bytes | None, durable: bool, remembers: bool
) -> None:
    arguments = {"x-cache-size": TEN}
    if persistence is not None:
        arguments["x-cache-persistence"] = Field("S", persistence)
    assert DeduplicationExchange("x", durable, False, False, arguments).remembers is remembers


def test_a_cache_of_no_size_holds_one_key() -> None:
    assert DeduplicationExchange("x", False, False, False, {"x-cache-size": Field("S", b"0")}).hidden.size == 1


def test_a_policy_goes_before_the_arguments() -> None:
    exchange = DeduplicationExchange("x", False, False, False, {"x-cache-size": TEN, "x-cache-ttl": TEN})
    exchange.apply_policy({"x-cache-size": 5, "x-cache-ttl": 7})
    assert (exchange.hidden.size, exchange.hidden.ttl_ms) == (5, 7)
    exchange.apply_policy({})
    assert (exchange.hidden.size, exchange.hidden.ttl_ms) == (10, 10)


# On disk


def publish(server: DurableServer, key: int, **headers: Field) -> bool:
    """Whether the message got through."""
    properties = Properties(headers={HEADER: Field("I", key), **headers})
    message = address_of("once", ""), encode(properties, 0), b"", PERSISTENT
    return bool(server.vhost.publish_kept(server.vhost.exchanges["once"], Kept([""], properties, message)))


def remembering(**arguments: Field) -> DurableServer:
    server = DurableServer()
    disk = {"x-cache-size": TEN, "x-cache-persistence": Field("S", b"disk"), **arguments}
    server.vhost.add_exchange(DeduplicationExchange("once", True, False, False, disk))
    server.queue("tasks")
    server.vhost.bind(Binding("once", Destination("queue", "tasks"), "", {}))
    return server


@given(st.lists(st.tuples(st.integers(0, 15), st.booleans())))
@settings(max_examples=40, deadline=None)
def test_the_cache_is_the_same_after_restarts(steps: list[tuple[int, bool]]) -> None:
    server, in_memory = remembering(), KeyCache(10, None)
    for key, is_killed in steps:
        expected = not in_memory.seen(key, 0)
        if expected:
            in_memory.add(Field("I", key), key, 0, None, None)
        assert publish(server, key) is expected
        server.commit()
        if is_killed:
            server = server.after_a_kill()
    assert server.damage == []


def test_the_oldest_key_makes_room_after_a_restart_too() -> None:
    server = remembering()
    for key in range(10):
        publish(server, key)
    server.commit()
    server = server.after_a_kill()
    publish(server, 10)
    exchange = server.vhost.exchanges["once"]
    assert isinstance(exchange, DeduplicationExchange)
    assert [key for key in range(11) if not exchange.hidden.seen(key, 0)] == [0]


def test_the_time_of_a_key_goes_on_over_a_restart() -> None:
    server = remembering()
    publish(server, 1, **{"x-cache-ttl": Field("I", 5_000)})
    server.commit()
    server = server.after_a_kill()
    server.clock.advance(4.9)
    assert not publish(server, 1)
    server.clock.advance(0.2)
    assert publish(server, 1)


def test_what_was_dropped_takes_no_room_on_disk() -> None:
    server = remembering()
    for key in range(100):
        publish(server, key)
        server.commit()
    exchange = server.vhost.exchanges["once"]
    assert exchange.hidden is not None
    log = exchange.hidden.log
    assert isinstance(log, QueueLog)
    assert log.live.count == 10


def test_a_deleted_exchange_leaves_nothing_on_disk() -> None:
    server = remembering()
    publish(server, 1)
    server.commit()
    server.vhost.delete_exchange("once")
    server.commit()
    server = server.after_a_kill()
    assert ("once" in server.vhost.exchanges, server.damage) == (False, [])
