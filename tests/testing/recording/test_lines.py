"""The lines of a recording: written, read, refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.testing.recording.lines import (
    Defined,
    Deleted,
    End,
    LineError,
    Published,
    Start,
    line_of,
    start_of,
    text_of,
)
from amqpbroker.wire.properties import Properties, encode
from tests.helpers.tables import TABLES

NAMES = st.binary(max_size=63).map(lambda octets: octets.decode("utf-8", "surrogateescape"))
MESSAGES = st.builds(
    Published,
    st.floats(0, 1e6),
    NAMES,
    NAMES,
    NAMES,
    st.builds(Properties, headers=st.none() | TABLES, delivery_mode=st.none() | st.integers(0, 255), type=NAMES),
    st.binary(max_size=20),
)


@given(MESSAGES)
def test_a_message_comes_back_as_it_was(message):
    text = text_of(message)
    text.encode("utf-8")
    read = line_of(text)
    assert isinstance(read, Published)
    assert encode(read.properties, 0) == encode(message.properties, 0)
    assert (read.at_s, read.vhost, read.exchange, read.routing_key, read.body) == (
        message.at_s,
        message.vhost,
        message.exchange,
        message.routing_key,
        message.body,
    )


@pytest.mark.parametrize("line", [Defined(1.5, {"queues": []}), Deleted(1.5, {"queues": []}), End(2.0, 3)])
def test_so_do_other_lines(line):
    assert line_of(text_of(line)) == line


def test_so_does_the_first():
    start = Start("2026-11-28T12:00:00+00:00", "4.2.9", {"queues": []})
    assert start_of(text_of(start)) == start


def test_a_person_can_read_it():
    message = Published(0.25, "/", "", "tasks", Properties(delivery_mode=2), "grün".encode())
    assert text_of(message) == (
        '{"at_s": 0.25, "vhost": "/", "exchange": "", "routing_key": "tasks",'
        ' "properties": {"delivery_mode": 2}, "payload": "grün"}'
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON"),
        ("[]", "is not a JSON object"),
        ("{}", 'is no recording: "format" is not'),
        ('{"format": "amqpbroker recording", "version": 2}', "version 2; this amqpbroker reads version 1"),
        ('{"format": "amqpbroker recording", "version": 1}', '"recorded_at" is missing'),
    ],
)
def test_what_does_not_begin_a_recording_is_refused(text, reason):
    with pytest.raises(LineError, match=reason):
        start_of(text)


WHOLE = '{"at_s": 1, "vhost": "/", "exchange": "", "routing_key": "a", "properties": {}, "payload": "x"}'


@pytest.mark.parametrize(
    ("was", "instead", "reason"),
    [
        ('"at_s": 1', '"at_s": -1', '"at_s" is -1'),
        ('"at_s": 1', '"at_s": NaN', '"at_s" is nan'),
        ('"vhost": "/", ', "", '"vhost" is missing'),
        ('"a"', f'"{"a" * 256}"', "longer than 255"),
        ('"properties": {}', '"properties": []', "is not an object"),
        ("{}", '{"mode": 2}', 'unknown "mode"; known are content_type'),
        ("{}", '{"delivery_mode": 256}', '"properties"'),
        ("{}", '{"priority": "high"}', "ought to be a number"),
        ("{}", '{"headers": {"x": {"type": "q", "value": 1}}}', '"headers": .* names no type'),
        ('"x"', '"x", "payload_encoding": "base64"', "is no base64"),
        ('"x"', '"x", "payload_encoding": "hex"', "known are string, base64"),
        ('"x"', "1", '"payload" is 1'),
    ],
)
def test_what_is_wrong_with_a_message_is_named(was, instead, reason):
    assert was in WHOLE
    assert isinstance(line_of(WHOLE), Published)
    with pytest.raises(LineError, match=reason):
        line_of(WHOLE.replace(was, instead, 1))
