"""What is expected of a message, and in what another one differs from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.message import address_of
from amqpbroker.testing.inspection.matching import Expected, json_differences, key_fits
from amqpbroker.testing.inspection.message import Message
from amqpbroker.wire.properties import Properties, encode
from amqpbroker.wire.tables import from_python

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def message(body: bytes = b"{}", headers: dict | None = None, **properties) -> Message:
    table = {name: from_python(value) for name, value in (headers or {}).items()}
    values = Properties(headers=table or None, **properties)
    return Message((address_of("orders", "order.1.paid"), encode(values, len(body)), body, 0))


@given(JSON, JSON)
def test_values_of_json_differ_where_they_are_not_equal(one, other):
    assert list(json_differences("json", one, one)) == []
    # Python takes True for 1.
    assert bool(list(json_differences("json", one, other))) == (repr(one) != repr(other)) or one == other


@pytest.mark.parametrize(
    ("found", "expected", "told"),
    [
        ({"a": 1}, {"a": 2}, "json.a: 1, expected 2"),
        ({}, {"a": {"b": None}}, "json.a: not there, expected {'b': None}"),
        ({"a": 1}, {}, "json.a: 1, expected nothing"),
        ([1, [2]], [1, [3]], "json[1][0]: 2, expected 3"),
        ([1], [1, 2], "json: 1 items, expected 2"),
        (True, 1, "json: True, expected 1"),
        ([], {}, "json: [], expected {}"),
    ],
)
def test_differences_of_json_have_their_path(found, expected, told):
    assert list(json_differences("json", found, expected)) == [told]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("order.1.paid", True), ("order.*.paid", True), ("#", True), ("order.#", True), ("order.*", False), ("", False)],
)
def test_routing_keys_fit_as_those_of_a_topic_exchange(pattern, fits):
    assert key_fits("order.1.paid", pattern) is fits


@pytest.mark.parametrize(
    ("expected", "differences"),
    [
        (Expected(), []),
        (Expected(exchange="orders", routing_key="order.*.*"), []),
        (Expected(exchange="other"), ["exchange: 'orders', expected 'other'"]),
        (Expected(body="{}"), []),
        (Expected(body=b"x"), ["body: {}, expected x"]),
        (Expected(json=None), ["json: {}, expected None"]),
        (Expected(headers={"a": 1}), []),
        (Expected(headers={"a": 2, "b": 1}), ["headers['a']: 1, expected 2", "headers['b']: not there, expected 1"]),
        (Expected(properties={"delivery_mode": 2}), []),
        (Expected(properties={"priority": 0}), ["priority: None, expected 0"]),
    ],
)
def test_each_field_that_is_said_is_compared(expected, differences):
    assert list(expected.differences(message(headers={"a": 1, "c": 1}, delivery_mode=2))) == differences


def test_a_body_that_is_no_json_differs():
    assert list(Expected(json={}).differences(message(b"<"))) == ["json: the body is none: <"]


def test_of_many_differences_the_first_are_told():
    told = Expected(json=dict.fromkeys(map(str, range(20)))).nearest([message()])
    assert told.splitlines()[-1].strip() == "and 8 other differences"
