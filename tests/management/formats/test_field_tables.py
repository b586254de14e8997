"""Field tables as JSON, as RabbitMQ writes them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.management.errors import BadRequest
from amqpbroker.management.formats.field_tables import amqp_table, json_table
from amqpbroker.wire.tables import Field

_VALUES: Any = st.recursive(
    st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field("S", "héllo".encode()), "héllo"),
        (Field("x", b"abc"), "abc"),
        (Field("x", b"\xff"), "Not UTF-8, base64 is: /w=="),
        (Field("T", 1704067200), 1704067200),
        (Field("V", None), "undefined"),
        (Field("D", (2, 314)), 3.14),
        (Field("t", True), True),
        (Field("F", {"b": Field("A", [Field("I", 1), Field("S", b"two")])}), {"b": [1, "two"]}),
    ],
)
def test_a_field(field: Field, expected: object) -> None:
    assert json_table({"name": field}) == {"name": expected}


def test_long_octets_are_told_in_lines() -> None:
    told = json_table({"x": Field("x", b"\xff\xfe" * 70)})["x"]
    assert [len(line) for line in told.removeprefix("Not UTF-8, base64 is: ").split("\n")] == [76, 76, 36]


@given(st.dictionaries(st.text(), _VALUES, max_size=5))
def test_what_came_as_json_goes_as_the_same_json(values: dict[str, Any]) -> None:
    assert json_table(amqp_table(values)) == values


def test_whole_numbers_are_longs() -> None:
    assert amqp_table({"x-max-length": 10}) == {"x-max-length": Field("l", 10)}


@pytest.mark.parametrize("value", [None, [None], 1 << 63, 1e999])
def test_what_no_field_can_hold_is_refused(value: object) -> None:
    with pytest.raises(BadRequest):
        amqp_table({"name": value})
