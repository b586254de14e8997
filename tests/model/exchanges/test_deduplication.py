"""x-message-deduplication: its arguments. What it does with messages is tried in interop_tests."""

import pytest

from amqpbroker.errors import AMQPError
from amqpbroker.model.exchanges.deduplication import DeduplicationExchange
from amqpbroker.wire.tables import Field, Table

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
