"""What comes to the load is counted rather than taken apart: deliveries, and confirms."""

import struct
from typing import Final

from amqpbroker.cli.load.connection import LoadError, refuse
from amqpbroker.wire.constants import BODY, FRAME_END, HEADER, METHOD
from amqpbroker.wire.frames import FRAME_HEADER
from amqpbroker.wire.methods import Basic, Connection, decode

_HEADER_SIZE: Final = FRAME_HEADER.size
_IDS: Final = struct.Struct(">HH")
_BODY_SIZE: Final = struct.Struct(">Q")
_SETTLED: Final = struct.Struct(">QB")
# Where the consumer tag of a basic.deliver begins, and where the body's size stands in a header frame.
_TAG_AT: Final = _HEADER_SIZE + _IDS.size
_BODY_SIZE_AT: Final = _HEADER_SIZE + 4


class Reading:
    """Counts what comes. deliveries; confirmed: publishes that were confirmed; nacked: those the broker refused.

    is_closed: the broker has answered the goodbye. rest: the beginning of a frame that has not all come.
    """

    def __init__(self) -> None:
        self.deliveries = 0
        self.confirmed = 0
        self.nacked = 0
        self.is_closed = False
        self.rest = b""
        # How the last delivery and its header began, and how many octets both had: one that begins so is as long.
        self._beginning = b""
        self._header = b""
        self._method_size = 0
        self._size = 0

    def feed(self, octets: bytes) -> None:
        """Raises LoadError: the broker ends the channel, or what came is no AMQP."""
        octets = self.rest + octets
        position, end = 0, len(octets)
        while position < end:
            beginning, header = self._beginning, self._header
            method_size, size = self._method_size, self._size
            if beginning:
                while (
                    position + size <= end
                    and octets.startswith(beginning, position)
                    and octets.startswith(header, position + method_size)
                ):
                    self.deliveries += 1
                    position += size
            after = self._read(octets, position)
            if after == position:
                break
            position = after
        self.rest = octets[position:]

    def _read(self, octets: bytes, position: int) -> int:
        """One frame, or a delivery with its content; where the next begins, the same place if it is not all there."""
        kind, end = _frame(octets, position)
        if end is None:
            return position
        if kind != METHOD:
            return end
        method_id = _IDS.unpack_from(octets, position + _HEADER_SIZE)
        if method_id == Basic.Deliver.id:
            return self._delivery(octets, position, end)
        if method_id in (Basic.Ack.id, Basic.Nack.id):
            self._settled(octets, position, method_id == Basic.Nack.id)
        elif method_id == Connection.CloseOk.id:
            self.is_closed = True
        else:
            refuse(decode(octets[position + _HEADER_SIZE : end - 1]))
        return end

    def _delivery(self, octets: bytes, start: int, position: int) -> int:
        kind, end = _frame(octets, position)
        if end is None:
            return start
        if kind != HEADER:
            raise LoadError("a delivery has no content")
        header_at = position
        (missing,) = _BODY_SIZE.unpack_from(octets, position + _BODY_SIZE_AT)
        while missing:
            position = end
            kind, end = _frame(octets, position)
            if end is None:
                return start
            if kind != BODY:
                raise LoadError("the content of a delivery is not whole")
            missing -= end - position - _HEADER_SIZE - 1
        self.deliveries += 1
        self._beginning = octets[start : start + _TAG_AT + 1 + octets[start + _TAG_AT]]
        self._header = octets[header_at : header_at + _BODY_SIZE_AT + _BODY_SIZE.size]
        self._method_size, self._size = header_at - start, end - start
        return end

    def _settled(self, octets: bytes, position: int, is_nack: bool) -> None:
        tag, flags = _SETTLED.unpack_from(octets, position + _HEADER_SIZE + _IDS.size)
        done = self.confirmed + self.nacked
        # One by one they may come in any order: then each is one.
        count = tag - done if flags & 1 else 1
        if is_nack:
            self.nacked += count
        else:
            self.confirmed += count


def _frame(octets: bytes, position: int) -> tuple[int, int | None]:
    """The kind of a frame and where it ends; None: it is not all there. Raises LoadError: it is no frame."""
    if position + _HEADER_SIZE > len(octets):
        return 0, None
    kind, _, size = FRAME_HEADER.unpack_from(octets, position)
    end = position + _HEADER_SIZE + size + 1
    if end > len(octets):
        return kind, None
    if octets[end - 1] != FRAME_END:
        raise LoadError("what the broker sends is not AMQP")
    return kind, end
