"""RabbitMQ's own types of exchange: x-consistent-hash, x-modulus-hash, x-random, x-local-random, x-recent-history."""

from collections.abc import Sequence
from typing import Any

import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker
from pika.spec import BasicProperties

from interop_tests.conftest import Names
from interop_tests.steps import get_all

KEYS = [f"device.{number}" for number in range(400)]


@pytest.fixture
def publisher(channel: BlockingChannel) -> BlockingChannel:
    """A channel in confirm mode: when publish returns, the queues have the message."""
    other: BlockingChannel = channel.connection.channel()
    other.confirm_delivery()
    return other


def declare(channel: BlockingChannel, name: Names, kind: str, **arguments: Any) -> str:
    """An exchange; arguments with underscores for hyphens: hash_header='device'."""
    exchange = name.exchange()
    channel.exchange_declare(exchange, kind, arguments={key.replace("_", "-"): arguments[key] for key in arguments})
    return exchange


def bind(channel: BlockingChannel, name: Names, exchange: str, word: str, *keys: str) -> None:
    """An exclusive queue of that name, bound with each of the keys."""
    channel.queue_declare(f"{name.prefix}.{word}", exclusive=True)
    for key in keys:
        channel.queue_bind(f"{name.prefix}.{word}", exchange, key)


def taken(channel: BlockingChannel, name: Names, words: Sequence[str]) -> dict[str, list[str]]:
    """What is in the queues, which are empty then."""
    return {word: [body for body, _ in get_all(channel, f"{name.prefix}.{word}", auto_ack=True)] for word in words}


def placed(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names, exchange: str, words: Sequence[str]
) -> dict[str, str]:
    """Publishes all keys; key → the one queue that has it."""
    for key in KEYS:
        publisher.basic_publish(exchange, key, key.encode())
    pairs = [(key, word) for word, keys in taken(channel, name, words).items() for key in keys]
    assert sorted(key for key, _ in pairs) == sorted(KEYS)
    return dict(pairs)


def shares(places: dict[str, str]) -> dict[str, int]:
    return {word: list(places.values()).count(word) for word in set(places.values())}


# x-consistent-hash


def test_a_consistent_hash_shares_by_weight(channel: BlockingChannel, publisher: BlockingChannel, name: Names) -> None:
    exchange = declare(channel, name, "x-consistent-hash")
    for word, weight in (("a", "1"), ("b", "1"), ("c", "2")):
        bind(channel, name, exchange, word, weight)
    counts = shares(placed(channel, publisher, name, exchange, "abc"))
    assert 60 < counts["a"] < 140
    assert 60 < counts["b"] < 140
    assert 150 < counts["c"] < 250


def test_a_consistent_hash_keeps_a_key_where_it_is(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names
) -> None:
    exchange = declare(channel, name, "x-consistent-hash")
    for word in "abcd":
        bind(channel, name, exchange, word, "10")
    before = placed(channel, publisher, name, exchange, "abcd")
    assert placed(channel, publisher, name, exchange, "abcd") == before


def test_a_queue_more_and_then_less_moves_its_share_of_a_consistent_hash(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names
) -> None:
    exchange = declare(channel, name, "x-consistent-hash")
    for word in "abcd":
        bind(channel, name, exchange, word, "1")
    before = placed(channel, publisher, name, exchange, "abcd")
    bind(channel, name, exchange, "e", "1")
    after = placed(channel, publisher, name, exchange, "abcde")
    assert all(after[key] in ("e", before[key]) for key in KEYS)
    assert 40 < shares(after)["e"] < 125
    channel.queue_unbind(f"{name.prefix}.e", exchange, "1")
    assert placed(channel, publisher, name, exchange, "abcde") == before


@pytest.mark.parametrize("weights", [["1", "1"], ["1", "2"]])
def test_of_two_bindings_to_one_queue_a_consistent_hash_counts_one(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names, weights: list[str]
) -> None:
    exchange = declare(channel, name, "x-consistent-hash")
    bind(channel, name, exchange, "a", *weights)
    bind(channel, name, exchange, "b", "1")
    assert 150 < shares(placed(channel, publisher, name, exchange, "ab"))["a"] < 250


def test_a_consistent_hash_by_a_header(channel: BlockingChannel, publisher: BlockingChannel, name: Names) -> None:
    exchange = declare(channel, name, "x-consistent-hash", hash_header="device")
    for word in "ab":
        bind(channel, name, exchange, word, "1")
    for number in range(60):
        headers = {"device": f"device.{number % 20}"}
        publisher.basic_publish(exchange, f"key.{number}", str(number % 20).encode(), BasicProperties(headers=headers))
    queues = taken(channel, name, "ab")
    assert min(map(len, queues.values())) > 0
    assert not set(queues["a"]) & set(queues["b"])
    assert all(bodies.count(body) == 3 for bodies in queues.values() for body in bodies)


@pytest.mark.parametrize("property_name", ["message_id", "correlation_id", "timestamp"])
def test_a_consistent_hash_by_a_property(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names, property_name: str
) -> None:
    exchange = declare(channel, name, "x-consistent-hash", hash_property=property_name)
    for word in "ab":
        bind(channel, name, exchange, word, "1")
    for number in range(60):
        value = number % 20 if property_name == "timestamp" else str(number % 20)
        properties = BasicProperties(**{property_name: value})
        publisher.basic_publish(exchange, f"key.{number}", str(number % 20).encode(), properties)
    queues = taken(channel, name, "ab")
    assert min(map(len, queues.values())) > 0
    assert not set(queues["a"]) & set(queues["b"])


@pytest.mark.parametrize("argument", [{"hash_header": "device"}, {"hash_property": "message_id"}])
def test_messages_without_what_is_hashed_stay_together(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names, argument: dict[str, str]
) -> None:
    exchange = declare(channel, name, "x-consistent-hash", **argument)
    for word in "ab":
        bind(channel, name, exchange, word, "1")
    assert len(shares(placed(channel, publisher, name, exchange, "ab"))) == 1


@pytest.mark.parametrize("kind", ["x-consistent-hash", "x-modulus-hash", "x-random"])
def test_keys_in_cc_bring_no_second_copy(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names, kind: str
) -> None:
    exchange = declare(channel, name, kind)
    for word in "ab":
        bind(channel, name, exchange, word, "1")
    cc = BasicProperties(headers={"CC": KEYS[:20]})
    for _ in range(20):
        publisher.basic_publish(exchange, "same", b"x", cc)
    queues = taken(channel, name, "ab")
    assert len(queues["a"]) + len(queues["b"]) == 20
    if kind != "x-random":
        assert min(map(len, queues.values())) == 0


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("abc", 'The binding key must be an integer: <<"abc">>'),
        ("", "The binding key must be an integer: <<>>"),
        ("1.5", 'The binding key must be an integer: <<"1.5">>'),
        ("0", "The binding key must be greater than 0"),
        ("-1", "The binding key must be greater than 0"),
    ],
)
def test_a_weight_that_is_none_is_refused(channel: BlockingChannel, name: Names, key: str, text: str) -> None:
    exchange = declare(channel, name, "x-consistent-hash")
    with pytest.raises(ChannelClosedByBroker) as closed:
        bind(channel, name, exchange, "a", key)
    assert (closed.value.reply_code, closed.value.reply_text) == (406, f"PRECONDITION_FAILED - {text}")


def test_a_weight_has_a_limit_since_4_2(channel: BlockingChannel, name: Names, series: tuple[int, int]) -> None:
    if series < (4, 2):
        pytest.skip("RabbitMQ 4.2.6 was the first to limit weights")
    exchange = declare(channel, name, "x-consistent-hash")
    bind(channel, name, exchange, "a", "10000")
    with pytest.raises(ChannelClosedByBroker, match="The binding key must not exceed 10000"):
        bind(channel, name, exchange, "a", "10001")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"hash_property": "bogus"}, "Unsupported property: bogus"),
        (
            {"hash_header": "device", "hash_property": "message_id"},
            "hash-header and hash-property are mutually exclusive",
        ),
    ],
)
def test_wrong_arguments_of_a_consistent_hash(
    channel: BlockingChannel, name: Names, arguments: dict[str, str], text: str
) -> None:
    with pytest.raises(ChannelClosedByBroker) as closed:
        declare(channel, name, "x-consistent-hash", **arguments)
    assert (closed.value.reply_code, closed.value.reply_text) == (406, f"PRECONDITION_FAILED - {text}")


@pytest.mark.parametrize("argument", ["hash_header", "hash_property"])
def test_what_is_no_text_breaks_the_connection(channel: BlockingChannel, name: Names, argument: str) -> None:
    with pytest.raises(ConnectionClosedByBroker) as closed:
        declare(channel, name, "x-consistent-hash", **{argument: 1})
    assert (closed.value.reply_code, closed.value.reply_text) == (541, "INTERNAL_ERROR")


def test_a_redeclare_does_not_compare_what_is_hashed(channel: BlockingChannel, name: Names) -> None:
    exchange = declare(channel, name, "x-consistent-hash", hash_header="device")
    channel.exchange_declare(exchange, "x-consistent-hash", arguments={"hash-property": "bogus"})
    channel.exchange_declare(exchange, "x-consistent-hash")
    with pytest.raises(ChannelClosedByBroker, match="inequivalent arg 'type'"):
        channel.exchange_declare(exchange, "x-modulus-hash")


# x-modulus-hash


def test_a_modulus_hash_shares_evenly_and_keeps_a_key_where_it_is(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names
) -> None:
    exchange = declare(channel, name, "x-modulus-hash")
    for word in "abcd":
        bind(channel, name, exchange, word, word)
    places = placed(channel, publisher, name, exchange, "abcd")
    assert all(60 < count < 140 for count in shares(places).values())
    assert len(shares(places)) == 4
    assert placed(channel, publisher, name, exchange, "abcd") == places


# x-random, x-local-random


@pytest.mark.parametrize("kind", ["x-random", "x-modulus-hash"])
def test_a_queue_that_is_bound_twice_counts_twice(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names, kind: str
) -> None:
    exchange = declare(channel, name, kind)
    bind(channel, name, exchange, "a", "1", "2", "3")
    bind(channel, name, exchange, "b", "4")
    assert 240 < shares(placed(channel, publisher, name, exchange, "ab"))["a"] < 360


def test_a_message_goes_anywhere_at_random(channel: BlockingChannel, publisher: BlockingChannel, name: Names) -> None:
    exchange = declare(channel, name, "x-random")
    for word in "ab":
        bind(channel, name, exchange, word, "")
    for number in range(400):
        publisher.basic_publish(exchange, "same", str(number).encode())
    queues = taken(channel, name, "ab")
    assert 140 < len(queues["a"]) < 260
    assert len(queues["a"]) + len(queues["b"]) == 400


def test_random_among_local_queues(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names, series: tuple[int, int]
) -> None:
    if series < (4, 0):
        with pytest.raises(ConnectionClosedByBroker, match="unknown exchange type 'x-local-random'"):
            declare(channel, name, "x-local-random")
        return
    exchange = declare(channel, name, "x-local-random")
    for word in "ab":
        bind(channel, name, exchange, word, "")
    for number in range(400):
        publisher.basic_publish(exchange, "same", str(number).encode())
    assert all(140 < len(bodies) < 260 for bodies in taken(channel, name, "ab").values())


def test_what_cannot_be_bound_to_x_local_random(channel: BlockingChannel, name: Names, series: tuple[int, int]) -> None:
    if series < (4, 0):
        pytest.skip("x-local-random is new in RabbitMQ 4.0")
    exchange = declare(channel, name, "x-local-random")
    channel.queue_declare(queue := name.queue(), durable=True, arguments={"x-queue-type": "quorum"})
    connection = channel.connection
    no_quorum = "Queue type rabbit_quorum_queue not valid for this exchange type"
    for action, text in (
        (lambda one: bind(one, name, exchange, "a", "key"), "Non empty binding 'key' key not permitted"),
        (lambda one: one.queue_bind(queue, exchange, ""), no_quorum),
        (lambda one: one.exchange_bind("amq.fanout", exchange, ""), "Destination not found"),
    ):
        with pytest.raises(ChannelClosedByBroker) as closed:
            action(connection.channel())
        assert (closed.value.reply_code, closed.value.reply_text) == (406, f"PRECONDITION_FAILED - {text}")


# x-recent-history


def test_a_new_binding_gets_the_recent_history(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names
) -> None:
    exchange = declare(channel, name, "x-recent-history", x_recent_history_length=3)
    for number in range(5):
        publisher.basic_publish(exchange, "key", str(number).encode())
    bind(channel, name, exchange, "a", "")
    assert taken(channel, name, "a") == {"a": ["2", "3", "4"]}
    publisher.basic_publish(exchange, "other key", b"5")
    assert taken(channel, name, "a") == {"a": ["5"]}
    bind(channel, name, exchange, "a", "")
    assert taken(channel, name, "a") == {"a": []}
    bind(channel, name, exchange, "a", "another binding")
    assert taken(channel, name, "a") == {"a": ["3", "4", "5"]}


def test_twenty_messages_are_kept_by_default(channel: BlockingChannel, publisher: BlockingChannel, name: Names) -> None:
    exchange = declare(channel, name, "x-recent-history")
    for number in range(25):
        publisher.basic_publish(exchange, "key", str(number).encode())
    bind(channel, name, exchange, "a", "")
    assert taken(channel, name, "a") == {"a": [str(number) for number in range(5, 25)]}


def test_what_is_not_to_be_stored_is_not(channel: BlockingChannel, publisher: BlockingChannel, name: Names) -> None:
    exchange = declare(channel, name, "x-recent-history")
    bind(channel, name, exchange, "a", "")
    for body, value in ((b"true", True), (b"false", False), (b"text", "true")):
        headers = BasicProperties(headers={"x-recent-history-no-store": value})
        publisher.basic_publish(exchange, "key", body, headers)
    assert taken(channel, name, "a") == {"a": ["true", "false", "text"]}
    bind(channel, name, exchange, "b", "")
    assert taken(channel, name, "b") == {"b": ["false", "text"]}


def test_the_history_comes_as_it_was_published(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names
) -> None:
    exchange = declare(channel, name, "x-recent-history")
    properties = BasicProperties(message_id="7", headers={"CC": ["cc"], "BCC": ["bcc"]}, delivery_mode=2)
    publisher.basic_publish(exchange, "key", b"x", properties)
    bind(channel, name, exchange, "a", "")
    method, came, body = channel.basic_get(f"{name.prefix}.a", auto_ack=True)
    assert (method.exchange, method.routing_key, method.redelivered, body) == (exchange, "key", False, b"x")
    assert (came.message_id, came.headers, came.delivery_mode) == ("7", {"CC": ["cc"]}, 2)


def test_an_exchange_that_is_bound_routes_the_history_newest_first(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names
) -> None:
    exchange, direct = declare(channel, name, "x-recent-history"), name.exchange("direct")
    publisher.basic_publish(exchange, "one", b"1")
    publisher.basic_publish(exchange, "two", b"2", BasicProperties(headers={"BCC": ["hidden"]}))
    channel.exchange_declare(direct, "direct")
    bind(channel, name, direct, "a", "one", "two")
    bind(channel, name, direct, "b", "one", "hidden")
    channel.exchange_bind(direct, exchange)
    assert taken(channel, name, "ab") == {"a": ["2", "1"], "b": ["2", "1"]}


def test_what_comes_through_another_exchange_is_kept_too(
    channel: BlockingChannel, publisher: BlockingChannel, name: Names
) -> None:
    exchange, fanout = declare(channel, name, "x-recent-history"), name.exchange("fanout")
    channel.exchange_declare(fanout, "fanout")
    channel.exchange_bind(exchange, fanout)
    publisher.basic_publish(fanout, "key", b"x")
    bind(channel, name, exchange, "a", "")
    assert taken(channel, name, "a") == {"a": ["x"]}


@pytest.mark.parametrize(
    ("length", "printed"), [(0, "0"), (-1, "-1"), ("5", '<<"5">>'), (True, "true"), (None, "undefined")]
)
def test_a_history_has_a_positive_length(channel: BlockingChannel, name: Names, length: object, printed: str) -> None:
    with pytest.raises(ChannelClosedByBroker) as closed:
        declare(channel, name, "x-recent-history", x_recent_history_length=length)
    assert (closed.value.reply_code, closed.value.reply_text) == (
        406,
        f"PRECONDITION_FAILED - Invalid argument {printed}, 'x-recent-history-length' must be a positive integer",
    )


def test_an_unknown_type_is_refused(channel: BlockingChannel, name: Names, series: tuple[int, int]) -> None:
    refused = ChannelClosedByBroker if series >= (4, 0) else ConnectionClosedByBroker
    with pytest.raises(refused, match="unknown exchange type 'x-nothing'"):
        declare(channel, name, "x-nothing")
