"""What stands in a body: looked at before anything is done with it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.management.errors import BadRequest
from amqpbroker.management.formats.fields import json_object, names, short_string, shown, table, text
from amqpbroker.wire.tables import Field, decode_table, encode_table

JSON = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")) | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    # More takes Hypothesis longer to think of than it allows itself.
    max_leaves=10,
)


def nested(depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return dict(value)


def test_a_name_has_255_octets_at_most() -> None:
    assert short_string("ä" * 127, "queue") == "ä" * 127
    with pytest.raises(BadRequest, match="queue should be less than 255 bytes, actually was 256"):
        short_string("ä" * 128, "queue")


@pytest.mark.parametrize("value", [None, 1, True, [], {}])
def test_what_is_no_text_is_told_with_its_place(value: object) -> None:
    with pytest.raises(BadRequest, match=r"type: .* is not a string"):
        text(value, "type")


def test_an_empty_list_is_an_empty_object() -> None:
    assert json_object([], "arguments") == {}
    with pytest.raises(BadRequest, match=r"arguments: \[1\] is not an object"):
        json_object([1], "arguments")


@pytest.mark.parametrize("value", ["a, b,,c ", ["a", "b", "", "c"]])
def test_names_come_as_a_list_or_with_commas(value: object) -> None:
    assert names(value, "tags") == ["a", "b", "c"]


@pytest.mark.parametrize("value", [5, None, {}, [5], [None]])
def test_what_are_no_names_is_refused(value: object) -> None:
    with pytest.raises(BadRequest, match="tags: "):
        names(value, "tags")


def test_a_table_knows_longs_doubles_and_long_strings() -> None:
    values = {"n": 1, "d": 1.0, "s": "x", "b": True, "l": [1], "t": {"k": "v"}}
    kinds = {name: field.kind for name, field in table(values, "arguments").items()}
    assert kinds == {"n": "l", "d": "d", "s": "S", "b": "t", "l": "A", "t": "F"}


@pytest.mark.parametrize("values", [nested(65), {"a": "x" * 70_000}, {"x" * 256: 1}, {"a": 1 << 63}, {"a": None}])
def test_a_table_that_no_client_could_send_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        table(values, "arguments")


def test_a_table_as_deep_as_a_client_may_send_it_is_taken() -> None:
    assert isinstance(table(nested(64), "arguments")["a"], Field)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON, max_size=5))
def test_whatever_is_taken_can_be_sent(values: dict[str, Any]) -> None:
    try:
        fields = table(values, "arguments")
    except BadRequest:
        return
    octets = encode_table(fields)
    assert decode_table(octets, 0, len(octets))[0] == fields


def test_a_refusal_shows_the_beginning_of_what_is_long() -> None:
    assert len(shown("x" * 1_000_000)) < 200
