"""Properties: the payload of a content header, whole and one property at a time."""

import datetime
from dataclasses import replace as with_values
from typing import Any

import pamqp.commands
import pamqp.decode
import pamqp.encode
import pamqp.header
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.wire import properties as peek
from amqpbroker.wire.properties import Properties, PropertiesError, check, decode, encode, fate, replace, with_headers
from amqpbroker.wire.tables import Field, encode_table

TEXT = st.binary(max_size=255).map(lambda octets: octets.decode("utf-8", "surrogateescape"))
TABLES = st.dictionaries(st.text("xyz-", max_size=9), st.builds(Field, st.just("S"), st.binary(max_size=9)), max_size=3)
OCTET = st.integers(0, 255)
VALUES: dict[str, st.SearchStrategy[Any]] = {name: TEXT for name in Properties.__slots__} | {
    "headers": TABLES,
    "delivery_mode": OCTET,
    "priority": OCTET,
    "timestamp": st.integers(0, (1 << 64) - 1),
}
PROPERTIES = st.builds(Properties, **{name: st.none() | values for name, values in VALUES.items()})
CHANGES = st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in VALUES.items()})
NONE = encode(Properties(), 0)
START = NONE[:12]


@given(PROPERTIES, st.integers(0, (1 << 64) - 1))
def test_properties_come_back_as_they_were(properties: Properties, body_size_bytes: int) -> None:
    header = encode(properties, body_size_bytes)
    assert header[:12] == b"\x00\x3c\x00\x00" + body_size_bytes.to_bytes(8)
    assert decode(header) == properties
    assert encode(decode(header), body_size_bytes) == header


@given(PROPERTIES)
def test_each_peek_finds_what_decoding_finds(properties: Properties) -> None:
    header = encode(properties, 3)
    assert peek.delivery_mode(header) == (1 if properties.delivery_mode is None else properties.delivery_mode)
    assert peek.priority(header) == properties.priority
    assert peek.expiration(header) == properties.expiration
    assert peek.headers(header) == properties.headers
    assert peek.user_id(header) == properties.user_id
    assert peek.reply_to(header) == properties.reply_to


@given(PROPERTIES)
def test_the_headers_octets_are_the_tables(properties: Properties) -> None:
    octets = None if properties.headers is None else encode_table(properties.headers)
    assert peek.header_octets(encode(properties, 0)) == octets


@given(PROPERTIES, CHANGES)
def test_what_is_replaced_changes_and_nothing_else(properties: Properties, changes: Any) -> None:
    assert replace(encode(properties, 3), **changes) == encode(with_values(properties, **changes), 3)


@given(PROPERTIES, PROPERTIES)
def test_headers_come_in_and_the_expiration_goes(properties: Properties, other: Properties) -> None:
    headers = other.headers or {}
    changed = encode(with_values(properties, headers=headers, expiration=None), 3)
    assert with_headers(encode(properties, 3), encode_table(headers)) == changed


@given(PROPERTIES)
def test_the_fate_of_a_message_is_in_its_headers_and_its_expiration(properties: Properties) -> None:
    bare = encode(Properties(headers=properties.headers, expiration=properties.expiration), 0)
    assert fate(encode(properties, 7)) == fate(bare)


def test_what_is_empty_is_told_from_what_is_not_there() -> None:
    assert fate(encode(Properties(headers={}, expiration=""), 0)) == (bytes(4), bytes(1))
    assert fate(encode(Properties(priority=1), 0)) == (b"", b"")


def test_the_octets_of_other_properties_stay_even_if_they_would_be_written_otherwise() -> None:
    bool_seven = b"\x00\x00\x00\x04\x01kt\x07"
    header = START + b"\x22\x02" + bool_seven + b"\x01q"  # headers, reply-to and a flag that names nothing
    assert replace(header, reply_to=None, priority=4) == START + b"\x28\x02" + bool_seven + b"\x04"


def test_an_empty_text_is_there() -> None:
    assert decode(encode(Properties(content_type=""), 0)).content_type == ""


def test_text_that_is_no_utf8_is_kept() -> None:
    header = START + b"\x80\x00\x01\xff"
    assert decode(header).content_type == "\udcff"
    assert encode(decode(header), 0) == header


def test_the_lowest_flags_announce_nothing_as_in_rabbitmq() -> None:
    assert decode(START + b"\x80\x03\x01a") == Properties(content_type="a")


@given(PROPERTIES)
def test_properties_cut_short_are_refused(properties: Properties) -> None:
    header = encode(properties, 0)
    for size in range(len(header)):
        with pytest.raises(PropertiesError):
            decode(header[:size])


@given(PROPERTIES, st.binary(min_size=1, max_size=5))
def test_octets_after_the_last_property_are_refused(properties: Properties, octets: bytes) -> None:
    with pytest.raises(PropertiesError, match="after the last property"):
        decode(encode(properties, 0) + octets)


@pytest.mark.parametrize("table", [b"\x00\x00\x00\x03\x01kU", b"\x00\x00\x00\x0b\x01kd\x7f\xf8" + bytes(6)])
def test_a_malformed_headers_table_is_refused(table: bytes) -> None:
    header = START + b"\x20\x00" + table
    with pytest.raises(PropertiesError, match="headers: "):
        decode(header)
    with pytest.raises(PropertiesError, match="headers: "):
        peek.headers(header)


PEEKS = [peek.delivery_mode, peek.priority, peek.expiration, peek.headers, peek.user_id, peek.reply_to]


@given(st.binary(max_size=40), st.sampled_from([decode, replace, *PEEKS]))
def test_octets_of_any_kind_are_properties_or_refused(octets: bytes, read: Any) -> None:
    try:
        read(START + octets)
    except PropertiesError as fault:
        assert str(fault)
    else:
        assert len(octets) >= 2


@pytest.mark.parametrize("changes", [{"reply_to": "q" * 256}, {"headers": {"k": Field("U", 1)}}])
def test_a_value_without_octets_is_refused(changes: Any) -> None:
    with pytest.raises(PropertiesError):
        replace(NONE, **changes)
    with pytest.raises(PropertiesError):
        encode(Properties(**changes), 0)


ASCII = st.text(st.characters(max_codepoint=0x7E, min_codepoint=0x21), min_size=1, max_size=20)
FOR_PAMQP = {
    **dict.fromkeys(VALUES, ASCII),
    "headers": st.dictionaries(st.text("xyz", min_size=1, max_size=9), ASCII, min_size=1, max_size=3),
    "delivery_mode": st.sampled_from([1, 2]),
    "priority": OCTET,
    "timestamp": st.integers(0, 4_000_000_000),
}
del FOR_PAMQP["type"], FOR_PAMQP["cluster_id"]  # pamqp names the one otherwise and sends no other


@given(st.fixed_dictionaries({"message_type": ASCII}, optional=FOR_PAMQP), st.integers(0, (1 << 63) - 1))
def test_a_header_of_pamqp_is_read_and_written_as_pamqp_does(values: dict[str, Any], body_size_bytes: int) -> None:
    moment = {
        name: datetime.datetime.fromtimestamp(value, datetime.UTC)
        for name, value in values.items()
        if name == "timestamp"
    }
    theirs = pamqp.commands.Basic.Properties(**{**values, **moment})
    header = pamqp.header.ContentHeader(0, body_size_bytes, theirs).marshal()
    ours = decode(header)
    assert ours.type == values["message_type"]
    assert {name: getattr(ours, name) for name in values if name in FOR_PAMQP and name != "headers"} == {
        name: value for name, value in values.items() if name in FOR_PAMQP and name != "headers"
    }
    assert encode(ours, body_size_bytes) == header


@given(octets=st.binary(max_size=60), flags=st.integers(0, 0xFFFF))
def test_checking_is_deciding_as_decoding_does(octets: bytes, flags: int) -> None:
    header = bytes(12) + flags.to_bytes(2, "big") + octets
    try:
        decoded = decode(header)
    except PropertiesError:
        with pytest.raises(PropertiesError):
            check(header)
    else:
        assert check(header) == (decoded.delivery_mode, decoded.priority)


@given(PROPERTIES, st.integers(0, 60), st.integers(0, 255))
def test_checking_what_was_damaged_in_one_octet_is_deciding_as_decoding_does(
    values: Properties, at: int, octet: int
) -> None:
    header = bytearray(encode(values, 5))
    header[12 + at % (len(header) - 12)] = octet
    outcomes = []
    for look in (lambda octets: (decode(octets).delivery_mode, decode(octets).priority), check):
        try:
            outcomes.append(look(bytes(header)))
        except PropertiesError:
            outcomes.append("malformed")
    assert outcomes[0] == outcomes[1]
