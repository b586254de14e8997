"""Frames put together, beside pamqp."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from amqpbroker.wire.frames import content_frames, method_frame

CHANNELS = st.integers(0, 65_535)


def header_of(body: bytes) -> ContentHeader:
    return ContentHeader(0, len(body), commands.Basic.Properties(content_type="text/plain"))


@given(CHANNELS, st.integers(0, 2**63 - 1))
def test_a_method_frame_is_pamqps(channel: int, tag: int) -> None:
    frame = marshal(commands.Basic.Ack(tag, True), channel)
    assert method_frame(channel, frame[7:-1]) == frame


@given(CHANNELS, st.binary(max_size=40), st.integers(9, 50))
def test_a_content_is_a_header_frame_and_bodies_no_longer_than_agreed(
    channel: int, body: bytes, frame_max_bytes: int
) -> None:
    header = marshal(header_of(body), channel)
    step = frame_max_bytes - 8
    bodies = [marshal(ContentBody(body[at : at + step]), channel) for at in range(0, len(body), step)]
    assert content_frames(channel, header[7:-1], body, frame_max_bytes) == header + b"".join(bodies)


@pytest.mark.parametrize("body", [b"", b"1", b"x" * 200_000])
def test_without_a_limit_a_body_is_one_frame(body: bytes) -> None:
    header = marshal(header_of(body), 1)
    one = marshal(ContentBody(body), 1) if body else b""
    assert content_frames(1, header[7:-1], body, 0) == header + one
