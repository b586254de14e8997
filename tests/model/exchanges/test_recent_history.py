"""x-recent-history: the last messages, for whatever is bound later."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.errors import AMQPError
from amqpbroker.model.exchange import Kept
from amqpbroker.model.exchanges.recent_history import RecentHistoryExchange
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.profiles import PROFILES
from amqpbroker.wire.methods import Exchange, Queue
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, from_python
from tests.helpers.sessions import opened, waiting
from tests.helpers.wire_client import MemoryServer, WireClient


def history_exchange(profile: str = "4.2", durable: bool = False, **arguments: Any) -> RecentHistoryExchange:
    table = {f"x-recent-history-{name}": from_python(value) for name, value in arguments.items()}
    exchange = RecentHistoryExchange("x", durable, False, False, table)
    VirtualHost("/", PROFILES[profile], Random(0).randbytes, HandClock()).add_exchange(exchange)
    return exchange


def keep(exchange: RecentHistoryExchange, *bodies: int, **headers: Any) -> None:
    properties = Properties(headers={name.replace("_", "-"): from_python(headers[name]) for name in headers})
    for body in bodies:
        assert exchange.keep(Kept(["key"], properties, (b"", b"", str(body).encode(), 0))) is False


def kept(exchange: RecentHistoryExchange) -> list[int]:
    return [int(one.message[2]) for one in exchange.history()]


@given(st.integers(1, 30), st.integers(0, 60))
def test_the_last_messages_are_kept(length: int, count: int) -> None:
    exchange = history_exchange(length=length)
    keep(exchange, *range(count))
    assert kept(exchange) == list(range(count))[-length:]
    assert exchange.hidden.held_bytes == sum(len(str(body)) for body in kept(exchange))


def test_twenty_are_kept_by_default() -> None:
    exchange = history_exchange()
    keep(exchange, *range(50))
    assert kept(exchange) == list(range(30, 50))


def test_what_is_not_to_be_stored_is_not() -> None:
    exchange = history_exchange()
    keep(exchange, 1, x_recent_history_no_store=True)
    keep(exchange, 2, x_recent_history_no_store=False)
    keep(exchange, 3, x_recent_history_no_store="true")
    assert kept(exchange) == [2, 3]


def test_every_message_comes_by() -> None:
    assert not history_exchange().pure
    assert history_exchange().keeps


# Asked of RabbitMQ 3.10.8.
@pytest.mark.parametrize(
    ("length", "printed"),
    [
        (Field("I", 0), "0"),
        (Field("l", -(1 << 40)), "-1099511627776"),
        (Field("S", b"5"), '<<"5">>'),
        (Field("t", True), "true"),
        (Field("V", None), "undefined"),
        (Field("A", [Field("I", 1)]), "[{signedint,1}]"),
        (Field("B", 5), "5"),
        (Field("d", 5.0), "5.0"),
    ],
)
def test_a_length_is_a_positive_integer(length: Field, printed: str) -> None:
    with pytest.raises(AMQPError) as raised:
        RecentHistoryExchange.check_arguments({"x-recent-history-length": length})
    assert raised.value.text == (
        f"PRECONDITION_FAILED - Invalid argument {printed}, 'x-recent-history-length' must be a positive integer"
    )


@pytest.mark.parametrize("length", [Field("b", 1), Field("s", 2), Field("I", 3), Field("l", 1 << 40)])
def test_lengths_that_are_taken(length: Field) -> None:
    RecentHistoryExchange.check_arguments({"x-recent-history-length": length})


@pytest.mark.parametrize(
    ("profile", "durable", "remembers"),
    [("3.13", True, False), ("4.2", True, True), ("4.3", True, True), ("4.3", False, False)],
)
def test_a_durable_one_remembers_since_4_2(profile: str, durable: bool, remembers: bool) -> None:
    assert history_exchange(profile, durable).remembers is remembers


# In a broker


def publisher() -> WireClient:
    """A client that has published 1 and 2 to the exchange `x`."""
    client = opened(MemoryServer())
    client.send(1, Exchange.Declare(exchange="x", exchange_type="x-recent-history"))
    for body in (b"1", b"2"):
        client.publish(1, "x", body.decode(), body)
    return client


def test_a_queue_gets_the_oldest_first_once_a_binding() -> None:
    client = publisher()
    client.send(1, Queue.Declare(queue="q"), Queue.Bind(queue="q", exchange="x"))
    client.send(1, Queue.Bind(queue="q", exchange="x"))
    assert [body for body, _ in waiting(client, "q")] == [b"1", b"2"]
    client.send(1, Queue.Bind(queue="q", exchange="x", routing_key="other"))
    client.publish(1, "x", "key", b"3")
    assert [body for body, _ in waiting(client, "q")] == [b"1", b"2", b"1", b"2", b"3"]


def test_an_exchange_gets_the_newest_first_and_keeps_it() -> None:
    client = publisher()
    client.send(1, Queue.Declare(queue="q"), Exchange.Declare(exchange="d", exchange_type="direct"))
    client.send(1, Exchange.Declare(exchange="y", exchange_type="x-recent-history"))
    client.send(1, Queue.Bind(queue="q", exchange="d", routing_key="1"), Exchange.Bind(destination="d", source="y"))
    client.send(1, Exchange.Bind(destination="y", source="x"))
    assert [body for body, _ in waiting(client, "q")] == [b"1"]
    client.send(1, Queue.Declare(queue="late"), Queue.Bind(queue="late", exchange="y"))
    assert [body for body, _ in waiting(client, "late")] == [b"2", b"1"]
