"""x-consistent-hash: shares by weight, and as few messages as possible elsewhere when a queue comes or goes."""

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.errors import AMQPError
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchanges.consistent_hash import ConsistentHashExchange
from amqpbroker.profiles import DEFAULT_PROFILE, PROFILES
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table, from_python

KEYS = [f"device.{number}" for number in range(4_000)]


def binding(queue: str, weight: int | str) -> Binding:
    return Binding("x", Destination("queue", queue), str(weight), {})


def hash_exchange(weights: Mapping[str, int], **arguments: str) -> ConsistentHashExchange:
    table = {name.replace("_", "-", 1): from_python(value) for name, value in arguments.items()}
    exchange = ConsistentHashExchange("x", False, False, False, table)
    for queue, weight in weights.items():
        exchange.bind(binding(queue, weight))
    return exchange


def placed(exchange: ConsistentHashExchange, keys: Sequence[str] = KEYS) -> dict[str, str]:
    """key → queue."""
    return {key: one.name for key in keys for one in exchange.destinations([key], Properties())}


def place(exchange: ConsistentHashExchange, key: str = "any", **values: Any) -> str:
    (destination,) = exchange.destinations([key], Properties(**values))
    return destination.name


@pytest.mark.parametrize(
    "weights",
    [{"a": 1, "b": 1}, {"a": 1, "b": 2, "c": 5}, {f"q{number}": 10 for number in range(20)}, {"a": 1, "b": 9_999}],
)
def test_every_queue_has_its_share_by_weight(weights: dict[str, int]) -> None:
    counts = Counter(placed(hash_exchange(weights)).values())
    for queue, weight in weights.items():
        share = weight / sum(weights.values())
        # Five times the standard deviation of so many throws.
        assert abs(counts[queue] - share * len(KEYS)) < 5 * (share * (1 - share) * len(KEYS)) ** 0.5 + 1


WEIGHTS = st.dictionaries(st.text(max_size=3), st.integers(1, 20), min_size=2, max_size=8)


@given(WEIGHTS, st.data())
def test_a_queue_that_goes_moves_its_own_messages_only(weights: dict[str, int], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(sorted(weights)))
    exchange = hash_exchange(weights)
    before = placed(exchange, KEYS[:100])
    exchange.unbind(binding(gone, weights[gone]))
    after = placed(exchange, KEYS[:100])
    assert {key: queue for key, queue in before.items() if queue != gone}.items() <= after.items()
    assert gone not in after.values()


@given(WEIGHTS, st.data())
def test_a_queue_that_comes_takes_messages_to_itself_only(weights: dict[str, int], data: st.DataObject) -> None:
    new = data.draw(st.sampled_from(sorted(weights)))
    exchange = hash_exchange({queue: weight for queue, weight in weights.items() if queue != new})
    before = placed(exchange, KEYS[:100])
    exchange.bind(binding(new, weights[new]))
    after = placed(exchange, KEYS[:100])
    assert all(queue in (new, before[key]) for key, queue in after.items())


@given(WEIGHTS, st.randoms(use_true_random=False))
def test_the_order_of_bindings_does_not_count(weights: dict[str, int], random: Any) -> None:
    shuffled = random.sample(sorted(weights), len(weights))
    other = hash_exchange({queue: weights[queue] for queue in shuffled})
    assert placed(other, KEYS[:50]) == placed(hash_exchange(weights), KEYS[:50])


def test_another_process_places_the_same() -> None:
    # Python's own hash of a text is another one in every process.
    program = "from tests.model.exchanges.test_consistent_hash import *; print(placed(EXAMPLE, KEYS[:99]))"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert other.stdout.strip() == str(placed(EXAMPLE, KEYS[:99]))


EXAMPLE = hash_exchange({"a": 1, "b": 2, "c": 3})


def test_placement_is_a_promise_over_versions() -> None:
    assert "".join(placed(EXAMPLE, KEYS[:24]).values()) == "bbccccbbccaaacbbbcbcbcbb"


def test_a_queue_bound_twice_counts_once() -> None:
    # RabbitMQ 3.10.8: bound with 1 and 3 beside one bound with 1, 490 of 1,000.
    exchange = hash_exchange({"a": 1, "b": 1})
    once = placed(exchange)
    exchange.bind(binding("a", 3))
    assert placed(exchange) == once
    exchange.unbind(binding("a", 1))
    assert Counter(placed(exchange).values())["a"] > 2_800
    exchange.unbind(binding("a", 3))
    assert set(placed(exchange).values()) == {"b"}


def test_nothing_is_bound() -> None:
    assert placed(hash_exchange({}), ["key"]) == {}


# What is hashed


def test_the_first_routing_key_counts() -> None:
    exchange = hash_exchange({"a": 1, "b": 1})
    assert exchange.pure
    for key in KEYS[:20]:
        assert list(exchange.destinations([key, "cc", "bcc"], Properties())) == list(
            exchange.destinations([key], Properties())
        )


def test_a_header_counts() -> None:
    exchange = hash_exchange({"a": 1, "b": 1}, hash_header="device")
    assert not exchange.pure
    places = {value: place(exchange, headers={"device": from_python(value)}) for value in KEYS[:40]}
    assert set(places.values()) == {"a", "b"}
    assert all(place(exchange, key, headers={"device": from_python(key)}) == places[key] for key in places)


@pytest.mark.parametrize("name", ["message_id", "correlation_id"])
def test_a_property_counts(name: str) -> None:
    exchange = hash_exchange({"a": 1, "b": 1}, hash_property=name)
    assert not exchange.pure
    assert {place(exchange, **{name: value}) for value in KEYS[:40]} == {"a", "b"}
    assert {place(exchange, value, **{name: "same"}) for value in KEYS[:40]} <= {"a"} or {
        place(exchange, value, **{name: "same"}) for value in KEYS[:40]
    } <= {"b"}


def test_a_timestamp_counts() -> None:
    exchange = hash_exchange({"a": 1, "b": 1}, hash_property="timestamp")
    assert {place(exchange, timestamp=value) for value in range(40)} == {"a", "b"}


@pytest.mark.parametrize("argument", [{"hash_header": "device"}, {"hash_property": "message_id"}])
def test_messages_without_it_stay_together(argument: dict[str, str]) -> None:
    exchange = hash_exchange({"a": 1, "b": 1}, **argument)
    assert len({place(exchange, key) for key in KEYS[:40]}) == 1
    assert place(exchange) == place(exchange, headers={"other": from_python(1)})


@pytest.mark.parametrize("value", [1, 1.5, True, None, b"\xff", [], [1, "a"], {"a": {"b": 1}}])
def test_any_value_of_a_header_has_a_place(value: Any) -> None:
    exchange = hash_exchange({"a": 1, "b": 1}, hash_header="device")
    headers = {"device": from_python(value)}
    assert place(exchange, "one", headers=headers) == place(exchange, "two", headers=dict(headers))


# What is refused. Asked of RabbitMQ 3.10.8.


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("abc", 'The binding key must be an integer: <<"abc">>'),
        ("", "The binding key must be an integer: <<>>"),
        ("1.5", 'The binding key must be an integer: <<"1.5">>'),
        (" 5", 'The binding key must be an integer: <<" 5">>'),
        ("1_0", 'The binding key must be an integer: <<"1_0">>'),
        ("0", "The binding key must be greater than 0"),
        ("-0", "The binding key must be greater than 0"),
        ("-1", "The binding key must be greater than 0"),
    ],
)
def test_a_weight_is_a_positive_integer(key: str, words: str) -> None:
    with pytest.raises(AMQPError) as raised:
        EXAMPLE.check_binding(binding("q", key), DEFAULT_PROFILE, None)
    assert raised.value.text == f"PRECONDITION_FAILED - {words}"


@pytest.mark.parametrize("key", ["1", "+5", "007", "10000"])
def test_weights_that_are_taken(key: str) -> None:
    EXAMPLE.check_binding(binding("q", key), DEFAULT_PROFILE, None)


def test_weights_have_a_limit_since_4_2() -> None:
    heavy = binding("heavy", "9" * 255)
    EXAMPLE.check_binding(heavy, PROFILES["3.13"], None)
    assert placed(hash_exchange({"a": 1, "heavy": int(heavy.routing_key)}), ["key"]) == {"key": "heavy"}
    with pytest.raises(AMQPError) as raised:
        EXAMPLE.check_binding(binding("q", 10_001), PROFILES["4.2"], None)
    assert raised.value.text == "PRECONDITION_FAILED - The binding key must not exceed 10000"


HEADER, PROPERTY = Field("S", b"device"), Field("S", b"message_id")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"hash-header": Field("I", 1)}, "INTERNAL_ERROR"),
        ({"hash-header": Field("V", None), "hash-property": PROPERTY}, "INTERNAL_ERROR"),
        ({"hash-property": Field("x", b"message_id")}, "INTERNAL_ERROR"),
        ({"hash-property": Field("S", b"bogus")}, "PRECONDITION_FAILED - Unsupported property: bogus"),
        (
            {"hash-header": HEADER, "hash-property": PROPERTY},
            "PRECONDITION_FAILED - hash-header and hash-property are mutually exclusive",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments: Table, text: str) -> None:
    with pytest.raises(AMQPError) as raised:
        ConsistentHashExchange.check_arguments(arguments)
    assert raised.value.text == text


@pytest.mark.parametrize("arguments", [{}, {"hash-header": HEADER}, {"hash-property": PROPERTY}])
def test_arguments_that_are_taken(arguments: Table) -> None:
    ConsistentHashExchange.check_arguments(arguments)
