"""The header `x-stream-offset` of what a stream delivers, put into a content header without decoding it.

A message of a stream is stamped once and delivered many times. Where a header has no such field of its own, which is
nearly always, the field is spliced in at the front of the headers table: two slices, that all messages of one header
share. Source: RabbitMQ `rabbit_stream_queue:stream_entries` (3.10: `rabbit_basic:add_header`), which writes a long.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from amqpbroker.wire import properties
from amqpbroker.wire.runs import Message, UniformRun
from amqpbroker.wire.tables import Field

NAME: Final = "x-stream-offset"

_FIELD_NAME: Final = bytes((len(NAME),)) + NAME.encode()
_FIELD_HEAD: Final = _FIELD_NAME + b"l"
_OFFSET: Final = Struct(">q")
_FIELD_BYTES: Final = len(_FIELD_HEAD) + _OFFSET.size
_LENGTH: Final = Struct(">I")
_FLAGS_AT: Final = 12
_VALUES_AT: Final = 14


def stamped(messages: Sequence[Message], offset: int) -> list[Message]:
    """The messages as they are delivered: the first has this offset, each further one the next.

    Raises properties.PropertiesError: a content header is malformed.
    """
    pack = _OFFSET.pack
    offsets = range(offset, offset + len(messages))
    if isinstance(messages, UniformRun):
        address, header, flags = messages.address, messages.header, messages.flags
        if _FIELD_NAME not in header:
            before, after = _split(header)
            return [
                (address, before + pack(one) + after, body, flags)
                for one, body in zip(offsets, messages.bodies, strict=True)
            ]
    known = before = after = b""
    laid: list[Message] = []
    for one, (address, header, body, flags) in zip(offsets, messages, strict=True):
        if header is not known:
            if _FIELD_NAME in header:
                laid.append((address, _replaced(header, one), body, flags))
                continue
            before, after = _split(header)
            known = header
        laid.append((address, before + pack(one) + after, body, flags))
    return laid


def _split(header: bytes) -> tuple[bytes, bytes]:
    """What stands before the number and after it."""
    flags = int.from_bytes(header[_FLAGS_AT:_VALUES_AT], "big")
    at = _VALUES_AT
    for flag in (properties.CONTENT_TYPE, properties.CONTENT_ENCODING):
        if flags & flag:
            at += 1 + header[at]
    if flags & properties.HEADERS:
        rest_at = at + _LENGTH.size
        table_bytes = _LENGTH.unpack_from(header, at)[0]
        return header[:at] + _LENGTH.pack(table_bytes + _FIELD_BYTES) + _FIELD_HEAD, header[rest_at:]
    front = header[:_FLAGS_AT] + (flags | properties.HEADERS).to_bytes(2, "big") + header[_VALUES_AT:at]
    return front + _LENGTH.pack(_FIELD_BYTES) + _FIELD_HEAD, header[at:]


def _replaced(header: bytes, offset: int) -> bytes:
    """The field's name stands somewhere in the header: in the table perhaps, and then its value is another's."""
    table = properties.headers(header) or {}
    others = {name: field for name, field in table.items() if name != NAME}
    return properties.replace(header, headers={NAME: Field("l", offset), **others})
