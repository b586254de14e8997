"""What is published is what is delivered: bodies of every size, every property, every field type, any UTF-8 name."""

import datetime
import hashlib
import struct

import amqp
import pika
import pytest
from pamqp import commands
from pika.adapters.blocking_connection import BlockingChannel

from interop_tests.conftest import Connect, Names
from interop_tests.wire import Wire

MIB = 1_048_576
FRAME_MAX = 131_072


@pytest.mark.parametrize(
    "size_bytes",
    [0, 1, FRAME_MAX - 9, FRAME_MAX - 8, FRAME_MAX - 7, FRAME_MAX, 2 * (FRAME_MAX - 8), MIB, 5 * MIB],
)
def test_bodies_of_every_size(channel: BlockingChannel, name: Names, size_bytes: int) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    body = (b"0123456789abcdef\xce" * (size_bytes // 17 + 1))[:size_bytes]
    channel.confirm_delivery()
    channel.basic_publish("", queue, body)
    came = channel.basic_get(queue, auto_ack=True)[2]
    assert hashlib.sha256(came).digest() == hashlib.sha256(body).digest()


def test_a_body_is_cut_to_the_frame_max_of_the_receiver(connect: Connect, wire: Wire, name: Names) -> None:
    small = connect(frame_max=8192).channel()
    queue = wire.queue()
    small.basic_publish("", queue, b"x" * 20_000)
    wire.settle(queue, 1)
    wire.send(1, commands.Basic.Get(0, queue))
    assert wire.message(1, commands.Basic.GetOk).body_frame_sizes == [20_000]


def test_every_property_comes_back(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    sent = pika.BasicProperties(
        content_type="application/json",
        content_encoding="utf-8",
        headers={
            "text": "ä€😀",
            "number": 7,
            "yes": True,
            "nothing": None,
            "nested": {"list": [1, "two", {"three": 3}]},
        },
        delivery_mode=2,
        priority=9,
        correlation_id="correlation",
        reply_to="somewhere",
        expiration="600000",
        message_id="message",
        timestamp=1_700_000_000,
        type="kind",
        user_id="guest",
        app_id="application",
        cluster_id="cluster",
    )
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"x", sent)
    came = channel.basic_get(queue, auto_ack=True)[1]
    assert vars(came) == vars(sent)


def test_properties_may_be_absent(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"x")
    assert set(vars(channel.basic_get(queue, auto_ack=True)[1]).values()) == {None}


FIELDS = {
    "t": b"\x01",
    "b": b"\xff",
    "B": b"\xff",
    "s": b"\xff\xfe",
    "u": b"\xff\xfe",
    "I": b"\xff\xff\xff\xfe",
    "i": b"\xff\xff\xff\xfe",
    "l": b"\xff\xff\xff\xff\xff\xff\xff\xfe",
    "f": struct.pack(">f", 1.5),
    "d": struct.pack(">d", 1.5),
    "D": b"\x02\x00\x00\x30\x39",
    "S": b"\x00\x00\x00\x04\xff\x00ok",
    "x": b"\x00\x00\x00\x02\x00\xff",
    "T": struct.pack(">Q", 1_700_000_000),
    "V": b"",
    "A": b"\x00\x00\x00\x03b\x01V",
    "F": b"\x00\x00\x00\x04\x01kb\x01",
}


@pytest.mark.parametrize("kind", FIELDS)
def test_a_header_of_each_field_type_comes_back_octet_by_octet(wire: Wire, kind: str) -> None:
    queue = wire.queue()
    table = b"\x03key" + kind.encode() + FIELDS[kind]
    properties = struct.pack(">HL", 1 << 13, len(table)) + table
    wire.publish("", queue, b"x", properties=properties)
    wire.call(1, commands.Basic.Consume(0, queue), commands.Basic.ConsumeOk)
    assert wire.message(1, commands.Basic.Deliver).properties == properties


@pytest.fixture
def py_amqp(amqp_url: str, name: Names) -> amqp.Channel:
    """A channel of py-amqp, which sends any name as UTF-8."""
    host = amqp_url.split("@")[1].rstrip("/")
    connection = amqp.Connection(host, connect_timeout=5, read_timeout=10)
    connection.connect()
    yield connection.channel()
    connection.close()


NAMES = ["ä€😀", "a=b$c(d|e)?f", "white space\ttab", "quote'quote\"", "<b>&amp;"]


@pytest.mark.parametrize("word", NAMES)
def test_names_are_any_utf_8(py_amqp: amqp.Channel, name: Names, word: str) -> None:
    queue, exchange = f"{name.prefix}.{word}", name.exchange(word)
    assert py_amqp.queue_declare(queue, exclusive=True).queue == queue
    py_amqp.exchange_declare(exchange, "direct", auto_delete=False)
    py_amqp.queue_bind(queue, exchange, word)
    py_amqp.basic_publish_confirm(amqp.Message("x", application_headers={word: word}), exchange, word)
    message = py_amqp.basic_get(queue, no_ack=True)
    assert message.delivery_info["exchange"] == exchange
    assert message.delivery_info["routing_key"] == word
    assert message.headers == {word: word}


def test_names_of_255_octets(py_amqp: amqp.Channel, name: Names) -> None:
    queue = (name.prefix + "ü" * 255).encode()[:254].decode(errors="ignore")
    assert py_amqp.queue_declare(queue, exclusive=True).queue == queue
    py_amqp.basic_publish_confirm(amqp.Message("x"), "", queue)
    assert py_amqp.basic_get(queue).delivery_info["routing_key"] == queue


def test_line_ends_are_stripped_from_names(py_amqp: amqp.Channel, name: Names) -> None:
    assert py_amqp.queue_declare(f"{name.prefix}\r\n.x", exclusive=True).queue == f"{name.prefix}.x"


def test_times_and_decimals_of_py_amqp_come_back(py_amqp: amqp.Channel, name: Names) -> None:
    queue = py_amqp.queue_declare(name.prefix, exclusive=True).queue
    when = datetime.datetime(2024, 2, 29, 12, 0, 0)
    headers = {"time": when, "fraction": 0.25, "big": 2**40, "bytes": b"\xff\x00", "negative": -5}
    py_amqp.basic_publish_confirm(amqp.Message(b"\xff\x00", application_headers=headers), "", queue)
    message = py_amqp.basic_get(queue)
    assert message.headers == headers
    assert message.body == b"\xff\x00"
