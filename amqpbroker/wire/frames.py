"""Frames put together: the envelope around a payload, and a content as the frames that carry it."""

import struct
from typing import Final

from amqpbroker.limits import FRAME_OVERHEAD_BYTES
from amqpbroker.wire.constants import BODY, FRAME_END_OCTET, HEADER, METHOD

FRAME_HEADER: Final = struct.Struct(">BHI")
SIZE: Final = struct.Struct(">I")
TAG: Final = struct.Struct(">Q")


def method_frame(channel: int, payload: bytes) -> bytes:
    """A method frame; payload begins with the class and method numbers."""
    return FRAME_HEADER.pack(METHOD, channel, len(payload)) + payload + FRAME_END_OCTET


def content_frames(channel: int, header: bytes, body: bytes, frame_max_bytes: int) -> bytes:
    """The header frame and the body frames of a content; an empty body has no body frame.

    header: the payload of the header frame. frame_max_bytes: the largest whole frame that the peer takes, 0 for any.
    """
    parts = [FRAME_HEADER.pack(HEADER, channel, len(header)), header, FRAME_END_OCTET]
    step = (frame_max_bytes - FRAME_OVERHEAD_BYTES) if frame_max_bytes else max(len(body), 1)
    for start in range(0, len(body), step):
        piece = body[start : start + step]
        parts += (FRAME_HEADER.pack(BODY, channel, len(piece)), piece, FRAME_END_OCTET)
    return b"".join(parts)
