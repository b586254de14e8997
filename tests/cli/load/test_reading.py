"""Deliveries and confirms are counted however they come in pieces, and whatever stands between them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.cli.load.connection import CHANNEL, LoadError
from amqpbroker.cli.load.reading import Reading
from amqpbroker.wire import properties
from amqpbroker.wire.frames import content_frames
from amqpbroker.wire.methods import Basic, Channel, Connection, encode_frame
from amqpbroker.wire.properties import Properties

HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"


def delivery(tag: int, size_bytes: int, frame_max_bytes: int = 4_096) -> bytes:
    method = Basic.Deliver(consumer_tag="c", delivery_tag=tag, redelivered=False, exchange="", routing_key="q")
    body = bytes(size_bytes)
    header = properties.encode(Properties(), size_bytes)
    return encode_frame(CHANNEL, method) + content_frames(CHANNEL, header, body, frame_max_bytes)


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, *(place % (len(octets) + 1) for place in places), len(octets)})
    return [octets[start:end] for start, end in pairwise(edges)]


def read(octets: bytes, places: list[int]) -> Reading:
    reading = Reading()
    for piece in cut(octets, places):
        reading.feed(piece)
    return reading


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 16, 300]), st.booleans()), max_size=30),
    st.lists(st.integers(min_value=0), max_size=12),
)
def test_every_delivery_counts_once(deliveries: list[tuple[int, bool]], places: list[int]) -> None:
    octets = b"".join(
        delivery(tag, size, frame_max_bytes=100) + HEARTBEAT * beats for tag, (size, beats) in enumerate(deliveries, 1)
    )
    reading = read(octets, places)
    assert (reading.deliveries, reading.rest) == (len(deliveries), b"")


@given(st.lists(st.integers(min_value=0), max_size=5))
def test_confirms_count_all_up_to_them(places: list[int]) -> None:
    acks = [Basic.Ack(delivery_tag=3, multiple=True), Basic.Ack(delivery_tag=5), Basic.Nack(delivery_tag=4)]
    octets = b"".join(encode_frame(CHANNEL, one) for one in [*acks, Basic.Ack(delivery_tag=9, multiple=True)])
    reading = read(octets, places)
    assert (reading.confirmed, reading.nacked) == (8, 1)


def test_the_end_of_the_channel_is_told() -> None:
    close = Channel.Close(reply_code=404, reply_text="NOT_FOUND", class_id=60, method_id=40)
    with pytest.raises(LoadError, match="404 NOT_FOUND"):
        Reading().feed(encode_frame(CHANNEL, close))


def test_the_answer_to_the_goodbye_is_noticed() -> None:
    reading = Reading()
    reading.feed(encode_frame(0, Connection.CloseOk()))
    assert reading.is_closed


def test_what_is_no_amqp_is_told() -> None:
    with pytest.raises(LoadError, match="not AMQP"):
        Reading().feed(HEARTBEAT[:-1] + b"\x00")
