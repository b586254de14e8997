"""Field tables: octets to fields and back."""

import datetime
import struct
from decimal import Decimal
from typing import Any

import pamqp.decode
import pamqp.encode
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amqpbroker.limits import TABLE_DEPTH_MAX
from amqpbroker.wire.tables import (
    TYPE_NAMES,
    Field,
    Table,
    TableError,
    decode_table,
    encode_table,
    from_python,
    long_string,
    text,
    texts,
    to_python,
    type_name,
)
from tests.helpers.tables import TABLES


def with_length(octets: bytes) -> bytes:
    return struct.pack(">I", len(octets)) + octets


def decoded(octets: bytes) -> Table:
    table, position = decode_table(octets, 0, len(octets))
    assert position == len(octets)
    return table


def one_field(octets: bytes) -> Field:
    return decoded(with_length(b"\x01k" + octets))["k"]


@given(TABLES)
def test_a_table_comes_back_as_it_was(table: Table) -> None:
    octets = encode_table(table)
    again = decoded(octets)
    assert again == table
    assert encode_table(again) == octets


@pytest.mark.parametrize(
    ("octets", "kind", "value", "name"),
    [
        (b"t\x01", "t", True, "bool"),
        (b"t\x00", "t", False, "bool"),
        (b"b\xff", "b", -1, "byte"),
        (b"B\xff", "B", 255, "unsignedbyte"),
        (b"s\xff\xfe", "s", -2, "short"),
        (b"u\xff\xfe", "u", 65534, "unsignedshort"),
        (b"I\xff\xff\xff\xfe", "I", -2, "signedint"),
        (b"i\xff\xff\xff\xfe", "i", 4294967294, "unsignedint"),
        (b"l" + b"\xff" * 8, "l", -1, "long"),
        (b"L" + b"\xff" * 8, "L", -1, "long"),
        (b"f\x3f\x80\x00\x00", "f", 1.0, "float"),
        (b"d\x3f\xf0\x00\x00\x00\x00\x00\x00", "d", 1.0, "double"),
        (b"D\x02\x00\x00\x01\x3a", "D", (2, 314), "decimal"),
        (b"S\x00\x00\x00\x02\xffa", "S", b"\xffa", "longstr"),
        (b"x\x00\x00\x00\x01\x00", "x", b"\x00", "binary"),
        (b"T" + b"\xff" * 8, "T", (1 << 64) - 1, "timestamp"),
        (b"F\x00\x00\x00\x03\x01aV", "F", {"a": Field("V", None)}, "table"),
        (b"A\x00\x00\x00\x01V", "A", [Field("V", None)], "array"),
        (b"V", "V", None, "void"),
    ],
)
def test_each_type_octet_has_rabbitmqs_meaning_and_name(octets: bytes, kind: str, value: Any, name: str) -> None:
    field = one_field(octets)
    assert field == Field(kind, value)
    assert type_name(field) == name
    assert encode_table({"k": field}) == with_length(b"\x01k" + octets)


def test_any_octet_but_nought_is_a_true_bool() -> None:
    assert one_field(b"t\x07") == Field("t", True)


@pytest.mark.parametrize("octet", sorted(set(range(256)) - {ord(kind) for kind in TYPE_NAMES}))
def test_an_unknown_type_octet_is_refused(octet: int) -> None:
    with pytest.raises(TableError, match=f"type octet {octet}"):
        one_field(bytes((octet,)) + bytes(16))


@pytest.mark.parametrize("octets", [b"f\x7f\xc0\x00\x00", b"f\xff\x80\x00\x00", b"d\x7f\xf8" + bytes(6)])
def test_a_float_that_is_no_number_is_refused(octets: bytes) -> None:
    with pytest.raises(TableError, match="no number"):
        one_field(octets)


def test_the_first_of_two_fields_with_one_name_stays() -> None:
    assert decoded(with_length(b"\x01aB\x01\x01aB\x02")) == {"a": Field("B", 1)}


def test_a_table_is_read_from_where_it_stands() -> None:
    octets = b"before" + encode_table({"a": Field("V", None)}) + b"after"
    assert decode_table(octets, 6, len(octets)) == ({"a": Field("V", None)}, len(octets) - 5)


def test_nothing_past_the_given_end_is_read() -> None:
    octets = encode_table({"a": Field("V", None)})
    with pytest.raises(TableError):
        decode_table(octets, 0, len(octets) - 1)


def nested(kind: str, depth: int) -> bytes:
    """So many tables in each other, all but the outermost of a kind."""
    octets = b""
    for _ in range(depth - 2):
        octets = (b"\x01kF" if kind == "F" else b"A") + with_length(octets)
    return with_length(b"\x01k" + kind.encode() + with_length(octets))


@pytest.mark.parametrize("kind", ["A", "F"])
def test_tables_and_arrays_nest_to_the_limit_and_no_deeper(kind: str) -> None:
    assert encode_table(decoded(nested(kind, TABLE_DEPTH_MAX))) == nested(kind, TABLE_DEPTH_MAX)
    with pytest.raises(TableError, match="within each other"):
        decoded(nested(kind, TABLE_DEPTH_MAX + 1))


@given(TABLES)
def test_a_table_that_is_cut_short_is_refused(table: Table) -> None:
    octets = encode_table(table)
    for size in range(len(octets)):
        with pytest.raises(TableError):
            decode_table(octets, 0, size)


@given(TABLES.filter(bool))
def test_an_inner_length_must_stay_within_the_outer(table: Table) -> None:
    octets = encode_table(table)
    with pytest.raises(TableError):
        decoded(with_length(octets[4:-1]))


@pytest.mark.parametrize(
    "field", [b"", b"t", b"b", b"I\x00\x00\x00", b"D" + bytes(4), b"S\x00\x00", b"S\x00\x00\x00\x01"]
)
def test_a_field_ends_with_its_table_even_if_octets_follow(field: bytes) -> None:
    octets = with_length(b"\x01k" + field)
    with pytest.raises(TableError):
        decode_table(octets + bytes(8), 0, len(octets) + 8)


@given(st.binary(max_size=60))
@example(b"\x01a")
@example(b"\x05a")
@example(b"\x01aS\xff\xff\xff\xff")
def test_octets_of_any_kind_are_a_table_or_refused(octets: bytes) -> None:
    octets = with_length(octets)
    try:
        table = decoded(octets)
    except TableError:
        return
    assert decoded(encode_table(table)) == table


PAMQP_VALUES = st.one_of(
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.none(),
    st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2100, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0, tzinfo=datetime.UTC)
    ),
    st.lists(st.text("abc", max_size=3), max_size=3),
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text("abc", max_size=3), max_size=3),
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=5), PAMQP_VALUES, max_size=5))
def test_a_table_of_pamqp_is_read_and_written_as_pamqp_does(values: dict[str, Any]) -> None:
    octets = pamqp.encode.field_table(values)
    table = decoded(octets)
    assert sorted(table) == sorted(values)
    assert encode_table(table) == octets
    assert pamqp.decode.field_table(encode_table(table)) == (len(octets), values)


def test_a_longstr_keeps_octets_that_are_no_text() -> None:
    field = Field("S", b"caf\xe9")
    assert text(field) == "caf\udce9"
    assert long_string(text(field)) == field


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (True, Field("t", True)),
        (-1, Field("I", -1)),
        (1 << 31, Field("l", 1 << 31)),
        (1.5, Field("d", 1.5)),
        ("é", Field("S", b"\xc3\xa9")),
        (b"\xff", Field("x", b"\xff")),
        (None, Field("V", None)),
        (Decimal("3.14"), Field("D", (2, 314))),
        ({"a": [1]}, Field("F", {"a": Field("A", [Field("I", 1)])})),
    ],
)
def test_a_plain_value_has_a_field_and_comes_back(value: Any, field: Field) -> None:
    assert from_python(value) == field
    assert to_python(field) == value
    assert from_python(field) is field


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, object(), Decimal("-1.5"), Decimal("1E+3"), Decimal("NaN")])
def test_a_plain_value_without_a_field_is_refused(value: Any) -> None:
    with pytest.raises(TableError):
        from_python(value)


@pytest.mark.parametrize("field", [Field("U", 1), Field("b", 128), Field("I", "1"), Field("D", (256, 0))])
def test_a_field_without_octets_is_refused(field: Field) -> None:
    with pytest.raises(TableError):
        encode_table({"k": field})


def test_a_name_longer_than_a_short_string_is_refused() -> None:
    with pytest.raises(TableError, match="256 octets"):
        encode_table({"n" * 256: Field("V", None)})


def test_the_texts_of_an_array_are_its_longstrs_in_order() -> None:
    keys = Field("A", [long_string("a"), Field("I", 1), Field("x", b"b"), long_string("c")])
    assert texts({"CC": keys}, "CC") == ["a", "c"]
    assert texts({"CC": long_string("a")}, "CC") == texts({}, "CC") == []
