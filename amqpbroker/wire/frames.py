"""Frames put together: the envelope around a payload, and a content as the frames that carry it.

    octet   0      1         3            7
            +------+---------+------------+=== payload ===+------+
            | type | channel | size bytes |               | 0xCE |
            +------+---------+------------+===============+------+

Source: AMQP 0-9-1 specification, 4.2.3.
"""

import struct
from typing import Final

FRAME_HEADER: Final = struct.Struct(">BHI")
CHANNEL: Final = struct.Struct(">H")
SIZE: Final = struct.Struct(">I")
TAG: Final = struct.Struct(">Q")
FRAME_END: Final = b"\xce"
METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
HEARTBEAT: Final = 8
HEARTBEAT_FRAME: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"


def method_frame(channel: int, payload: bytes) -> bytes:
    """A method frame; payload begins with the class and method numbers."""
    return FRAME_HEADER.pack(METHOD, channel, len(payload)) + payload + FRAME_END


def content_frames(channel: int, header: bytes, body: bytes, frame_max_bytes: int) -> bytes:
    """The header frame and the body frames of a content; an empty body has no body frame.

    header: the payload of the header frame. frame_max_bytes: the largest whole frame that the peer takes, 0 for any.
    """
    parts = [FRAME_HEADER.pack(HEADER, channel, len(header)), header, FRAME_END]
    step = (frame_max_bytes - 8) if frame_max_bytes else max(len(body), 1)
    for start in range(0, len(body), step):
        piece = body[start : start + step]
        parts += (FRAME_HEADER.pack(BODY, channel, len(piece)), piece, FRAME_END)
    return b"".join(parts)
