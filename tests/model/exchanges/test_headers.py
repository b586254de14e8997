"""headers: arguments against headers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.errors import AMQPError
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchanges.headers import HeadersExchange
from amqpbroker.profiles import DEFAULT_PROFILE
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table, from_python


def table(values: dict[str, Any]) -> Table:
    return {name: from_python(value) for name, value in values.items()}


def headers_exchange(conditions: dict[str, dict[str, Any]]) -> HeadersExchange:
    exchange = HeadersExchange("x", False, False, False, {})
    for queue, arguments in conditions.items():
        exchange.bind(Binding("x", Destination("queue", queue), "", table(arguments)))
    return exchange


def satisfied(wanted: Field, given_value: Field) -> bool:
    exchange = HeadersExchange("x", False, False, False, {})
    exchange.bind(Binding("x", Destination("queue", "q"), "", {"k": wanted}))
    return bool(list(exchange.destinations([""], Properties(headers={"k": given_value}))))


RECORDED = headers_exchange(
    {
        "all": {"x-match": "all", "a": 1, "b": 2},
        "any": {"x-match": "any", "a": 1, "b": 2},
        "default": {"a": 1, "b": 2},
        "all-with-x": {"x-match": "all-with-x", "a": 1, "x-b": 2},
        "any-with-x": {"x-match": "any-with-x", "a": 7, "x-b": 2},
        "all+x-ignored": {"x-match": "all", "a": 1, "x-b": 9},
        "any+x-ignored": {"x-match": "any", "x-b": 2},
        "empty-all": {"x-match": "all"},
        "empty-any": {"x-match": "any"},
        "noargs": {},
        "void": {"x-match": "all", "a": None},
    }
)


# Recorded from RabbitMQ 3.10.8.
@pytest.mark.parametrize(
    ("headers", "queues"),
    [
        ({"a": 1, "b": 2}, "all any default all+x-ignored empty-all noargs void"),
        ({"a": 1}, "any all+x-ignored empty-all noargs void"),
        ({"a": 1, "x-b": 2}, "any all-with-x any-with-x all+x-ignored empty-all noargs void"),
        ({"x-b": 2}, "any-with-x empty-all noargs"),
        ({"a": "1", "b": 2}, "any empty-all noargs void"),
        ({"a": 1.0, "b": 2}, "all any default all+x-ignored empty-all noargs void"),
        ({}, "empty-all noargs"),
        ({"a": 1, "b": 3}, "any all+x-ignored empty-all noargs void"),
        ({"a": None}, "empty-all noargs void"),
    ],
)
def test_the_kinds_of_match_as_recorded(headers: dict[str, Any], queues: str) -> None:
    found = RECORDED.destinations([""], Properties(headers=table(headers)))
    assert {destination.name for destination in found} == set(queues.split())


# Asked of RabbitMQ 3.10.8.
@pytest.mark.parametrize(
    ("wanted", "given_value", "equal"),
    [
        (Field("I", 1), Field("d", 1.0), True),
        (Field("I", 1), Field("t", True), False),
        (Field("I", 5), Field("T", 5), True),
        (Field("S", b"a"), Field("x", b"a"), True),
        (Field("S", b"1"), Field("I", 1), False),
        (Field("f", 1.5), Field("d", 1.5), True),
        (Field("D", (0, 5)), Field("I", 5), False),
        (Field("D", (0, 5)), Field("D", (0, 5)), True),
        (Field("A", [Field("I", 1)]), Field("A", [Field("I", 1)]), True),
        (Field("A", [Field("I", 1)]), Field("A", [Field("b", 1)]), False),
        (Field("F", {"a": Field("I", 1)}), Field("F", {"a": Field("I", 1)}), True),
        (
            Field("F", {"a": Field("I", 2), "b": Field("I", 1)}),
            Field("F", {"b": Field("I", 1), "a": Field("I", 2)}),
            False,
        ),
    ],
)
def test_values_are_compared_and_not_their_types(wanted: Field, given_value: Field, equal: bool) -> None:
    assert satisfied(wanted, given_value) is equal


def test_the_routing_key_does_not_count() -> None:
    exchange = headers_exchange({"q": {"a": 1}})
    assert list(exchange.destinations(["any.key"], Properties(headers=table({"a": 1})))) == [Destination("queue", "q")]


NAMES = st.sampled_from(["a", "b", "x-c"])
VALUES = st.sampled_from([1, 2, "1", True, None, 1.0])
ARGUMENTS = st.dictionaries(NAMES, VALUES)


def matches(kind: str, arguments: dict[str, Any], headers: dict[str, Any]) -> bool:
    """The rule in the plainest way."""
    wanted = {name: value for name, value in arguments.items() if kind.endswith("-with-x") or not name.startswith("x-")}
    hits = [
        name in headers
        and (value is None or (headers[name] == value and isinstance(headers[name], bool) == isinstance(value, bool)))
        for name, value in wanted.items()
    ]
    return all(hits) if kind.startswith("all") else any(hits)


@given(st.sampled_from(["all", "any", "all-with-x", "any-with-x"]), ARGUMENTS, ARGUMENTS)
def test_matching_follows_the_rule(kind: str, arguments: dict[str, Any], headers: dict[str, Any]) -> None:
    exchange = headers_exchange({"q": {"x-match": kind, **arguments}})
    assert bool(list(exchange.destinations([""], Properties(headers=table(headers))))) == matches(
        kind, arguments, headers
    )


KINDS = st.sampled_from(["all", "any", "all-with-x", "any-with-x"])


@given(st.lists(st.tuples(KINDS, ARGUMENTS), max_size=12), st.lists(ARGUMENTS, max_size=5), st.data())
def test_bindings_beside_each_other_match_as_if_alone(
    bindings: list[tuple[str, dict[str, Any]]], messages: list[dict[str, Any]], data: st.DataObject
) -> None:
    conditions = {str(number): {"x-match": kind, **wanted} for number, (kind, wanted) in enumerate(bindings)}
    exchange = headers_exchange(conditions)
    for queue in data.draw(st.sets(st.sampled_from(sorted(conditions)))) if conditions else ():
        exchange.unbind(Binding("x", Destination("queue", queue), "", table(conditions.pop(queue))))
    for headers in messages:
        found = {one.name for one in exchange.destinations([""], Properties(headers=table(headers)))}
        assert found == {queue for queue in conditions if matches(*bindings[int(queue)], headers)}
    for queue, arguments in conditions.items():
        exchange.unbind(Binding("x", Destination("queue", queue), "", table(arguments)))
    assert not exchange._filed
    assert not exchange._places


@pytest.mark.parametrize("kind", ["all", "any"])
def test_a_message_is_compared_with_few_bindings(kind: str) -> None:
    wanted = {"kind": "temperature"} if kind == "all" else {}
    exchange = headers_exchange({str(one): {"x-match": kind, "device": one, **wanted} for one in range(2_000)})
    assert max(map(len, exchange._filed.values())) == 1
    message = Properties(headers=table({"device": 1_234, "kind": "temperature"}))
    assert list(exchange.destinations([""], message)) == [Destination("queue", "1234")]


# Asked of RabbitMQ 3.10.8.
@pytest.mark.parametrize(
    ("x_match", "words"),
    [
        (Field("S", b"bogus"), 'value <<"bogus">>; expected all, any, all-with-x, or any-with-x'),
        (Field("S", b""), "value <<>>; expected all, any, all-with-x, or any-with-x"),
        (Field("I", 1), "type signedint (value 1); expected longstr"),
        (Field("V", None), "type void (value undefined); expected longstr"),
        (Field("x", b"all"), 'type binary (value <<"all">>); expected longstr'),
    ],
)
def test_a_wrong_x_match_is_refused(x_match: Field, words: str) -> None:
    binding = Binding("x", Destination("queue", "q"), "", {"x-match": x_match})
    with pytest.raises(AMQPError) as raised:
        headers_exchange({}).check_binding(binding, DEFAULT_PROFILE, None)
    assert raised.value.text == f"PRECONDITION_FAILED - Invalid x-match field {words}"


@pytest.mark.parametrize("x_match", ["all", "any", "all-with-x", "any-with-x"])
def test_the_four_kinds_of_match_are_allowed(x_match: str) -> None:
    binding = Binding("x", Destination("queue", "q"), "", table({"x-match": x_match}))
    headers_exchange({}).check_binding(binding, DEFAULT_PROFILE, None)
