"""Field tables as a recording has them."""

import json

import pytest
from hypothesis import given, settings

from amqpbroker.testing.recording.fields import json_of, table_of
from amqpbroker.wire.tables import Field, encode_table
from tests.helpers.tables import TABLES


@settings(max_examples=50)
@given(TABLES)
def test_what_is_written_is_read_again(table):
    read = table_of(json.loads(json.dumps(json_of(table))))
    assert encode_table(read) == encode_table(table)


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (Field("S", b"text"), "text"),
        (Field("I", 5), 5),
        (Field("l", 1 << 40), 1 << 40),
        (Field("l", 5), {"type": "l", "value": 5}),
        (Field("d", 0.5), 0.5),
        (Field("T", 1_700_000_000), {"type": "T", "value": 1_700_000_000}),
        (Field("x", b"\0\1"), {"type": "x", "base64": "AAE="}),
        (Field("A", [Field("t", True), Field("V", None)]), [True, None]),
        (Field("F", {"type": Field("S", b"a")}), {"type": "F", "value": {"type": "a"}}),
    ],
)
def test_what_a_person_reads(field, shown):
    assert json_of({"x": field}) == {"x": shown}


@pytest.mark.parametrize(
    "value",
    [{"type": "q", "value": 1}, {"type": "I", "value": 1 << 31}, {"type": "T", "value": "now"}, 1 << 63, {"type": 1}],
)
def test_what_no_field_can_hold_is_refused(value):
    with pytest.raises(ValueError, match=r"."):
        table_of({"x": value})
