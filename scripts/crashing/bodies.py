"""Bodies that tell on their own who sent them, as which, and whether an octet is missing or wrong."""

import struct
from typing import Final, NamedTuple
from zlib import crc32

_HEAD: Final = struct.Struct(">4sHIQBII")
_MAGIC: Final = b"crsh"
HEAD_BYTES: Final = _HEAD.size
# Octets with no pattern of a period that a mistake in copying could hide behind.
_FILLER: Final = b"".join(crc32(struct.pack(">I", number)).to_bytes(4, "big") for number in range(1 << 18))
_STARTS: Final = 65_521


class Label(NamedTuple):
    """publisher and number: together they are the message. run: of the broker, in which it was published."""

    publisher: int
    number: int
    run: int
    persistent: bool

    @property
    def key(self) -> int:
        """One integer for publisher and number, so that sets of them stay small."""
        return self.publisher << 40 | self.number


def encode(label: Label, size_bytes: int) -> bytes:
    """A body of this many octets, at least of HEAD_BYTES."""
    size_bytes = max(size_bytes, HEAD_BYTES)
    filler_bytes = size_bytes - HEAD_BYTES
    start = label.number * 31 % _STARTS
    filler = _FILLER[start : start + filler_bytes]
    while len(filler) < filler_bytes:
        filler += _FILLER[: filler_bytes - len(filler)]
    fields = (_MAGIC, label.publisher, label.run, label.number, int(label.persistent), size_bytes)
    checksum = crc32(filler, crc32(_HEAD.pack(*fields, 0)))
    return _HEAD.pack(*fields, checksum) + filler


def decode(body: bytes) -> Label | None:
    """None: it is not as it was sent."""
    if len(body) < HEAD_BYTES:
        return None
    *fields, checksum = _HEAD.unpack_from(body)
    magic, publisher, run, number, persistent, size_bytes = fields
    if magic != _MAGIC or size_bytes != len(body):
        return None
    if checksum != crc32(memoryview(body)[HEAD_BYTES:], crc32(_HEAD.pack(*fields, 0))):
        return None
    return Label(publisher, number, run, bool(persistent))
