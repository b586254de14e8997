"""What stands on disk: segments, commit frames, records. Octets ↔ values, nothing kept between calls.

    segment = header of 512 octets, frames
    frame   = magic, checksum of the header, checksum of the payload, sequence, epoch, number of records, size of the
              payload; payload; filled up to 512 octets
    record  = kind, size of the content, checksum; content

A frame is one commit and begins on a multiple of 512 octets, so that a torn write cannot reach back into the one
before. The checksum of its header is seeded with the segment's random salt and the frame's place: neither what an
earlier use of the file left behind nor octets that a client has published are ever taken for a frame, and it takes no
look at the payload to tell. A record has a checksum of its own, and within a PUBLISH every message has one, since a
message is read back alone.

docs/journal.md draws it, and says what to do to change it.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from operator import itemgetter
from typing import Any, Final, NamedTuple
from zlib import crc32

from amqpbroker.model.message import DEADLINE_SHIFT, flags_of_run
from amqpbroker.wire.runs import Message, UniformRun

VERSION: Final = 2
_READABLE: Final = (1, 2)
BLOCK_BYTES: Final = 512

PUBLISH: Final = 1
ACK: Final = 2
DEFINE: Final = 3
MARK: Final = 4
SEAL: Final = 5
# A PUBLISH with a moment for each queue.
TIMED: Final = 6

# A location is a segment's number and an offset in its file; page files have numbers from this one on.
PAGE_FILES: Final = 1 << 29
_OFFSET_BITS: Final = 34
OFFSET_MAX: Final = (1 << _OFFSET_BITS) - 1

# What holds messages.
PUBLISHES: Final = (PUBLISH, TIMED)

_SEGMENT_MAGIC: Final = b"AMQPLOG\n"
# magic, version, epoch, id, salt; a checksum of these follows
_SEGMENT_HEADER: Final = struct.Struct(">8sIIQQ")
_CHECKSUM: Final = struct.Struct(">I")
_SEED: Final = struct.Struct(">QQ")

FRAME_MAGIC: Final = b"AMQF"
# magic, checksum of the header; then what it covers: checksum of the payload, sequence, epoch, records, size
_FRAME: Final = struct.Struct(">4sIIQIIQ")
_FRAME_COVERED: Final = struct.Struct(">IQIIQ")
_COVERED_AT: Final = _FRAME.size - _FRAME_COVERED.size
FRAME_HEADER_BYTES: Final = _FRAME.size

# kind, size of the content, checksum of the content (of a PUBLISH: of its head)
_RECORD: Final = struct.Struct(">BII")
RECORD_HEADER_BYTES: Final = _RECORD.size
# size of the head, id of the first message (epoch, sequence, index), messages, queues, whether they are uniform, flags
_PUBLISH: Final = struct.Struct(">IIQIIHBB")
_QUEUE: Final = struct.Struct(">QQ")
# the same with a moment, in a TIMED record
_TIMED_QUEUE: Final = struct.Struct(">QQQ")
# of all messages of a uniform run: size of the address, of the header, of a body
_UNIFORM: Final = struct.Struct(">HII")
# of one message of another run: flags << 16 | size of the address, size of the header, of the body, checksum
_VARIED: Final = struct.Struct(">IIII")
_RUNS: Final = struct.Struct(">QI")
_RUN: Final = struct.Struct(">QQ")
_MARK: Final = struct.Struct(">QQI")
# A PUBLISH or TIMED in one queue, from the head up to the position: what _RECORD, _PUBLISH and _QUEUE say, at once.
_SINGLE: Final = struct.Struct(">BIIIIQIIHBBQQ")

_BODY: Final = itemgetter(2)

Run = tuple[int, int]
"""Consecutive positions: (first, end), the end not included."""

# Settles whatever a queue has: it was deleted.
EVERYTHING: Final[Run] = (0, 1 << 63)


class FormatError(Exception):
    """Octets that are not what they should be. at: how far into what was read."""

    def __init__(self, text: str, at: int = 0) -> None:
        super().__init__(text)
        self.at = at


class NewerVersion(FormatError):
    """Nothing is wrong with it: a later version of the broker wrote it."""


def location(segment: int, offset: int) -> int:
    """Where a record begins, in one number of 64 bits."""
    return segment << _OFFSET_BITS | offset


def split_location(place: int) -> tuple[int, int]:
    """(number of the segment or page file, offset in it)."""
    return place >> _OFFSET_BITS, place & OFFSET_MAX


def round_up(size_bytes: int) -> int:
    """To whole blocks."""
    return -(-size_bytes // BLOCK_BYTES) * BLOCK_BYTES


# Segments


class SegmentHeader(NamedTuple):
    """epoch: the start of the broker that began it. salt: random, of this use of the file."""

    epoch: int
    id: int
    salt: int


def encode_segment_header(header: SegmentHeader) -> bytes:
    """One block."""
    start = _SEGMENT_HEADER.pack(_SEGMENT_MAGIC, VERSION, *header)
    return (start + _CHECKSUM.pack(crc32(start))).ljust(BLOCK_BYTES, b"\0")


def decode_segment_header(block: bytes) -> SegmentHeader:
    """Raises FormatError: it is none, damaged, or of another version."""
    end = _SEGMENT_HEADER.size
    if len(block) < BLOCK_BYTES:
        raise FormatError("it is shorter than the header of a segment")
    magic, version, epoch, number, salt = _SEGMENT_HEADER.unpack_from(block)
    if magic != _SEGMENT_MAGIC:
        raise FormatError("it does not begin like a segment")
    if _CHECKSUM.unpack_from(block, end)[0] != crc32(block[:end]):
        raise FormatError("the checksum of the segment's header is wrong")
    if version not in _READABLE:
        raise NewerVersion(f"it is of version {version}, and this broker reads versions up to {VERSION}")
    return SegmentHeader(epoch, number, salt)


# Frames


class Frame(NamedTuple):
    """A commit as read back. offset: of its header in the file. end: where the next frame begins."""

    sequence: int
    epoch: int
    record_count: int
    payload: bytes
    offset: int
    end: int


def encode_frame(salt: int, offset: int, sequence: int, epoch: int, record_count: int, payload: bytes) -> list[bytes]:
    """The header, the payload and what fills up the last block, to be written at offset."""
    covered = _FRAME_COVERED.pack(crc32(payload), sequence, epoch, record_count, len(payload))
    header = FRAME_MAGIC + _CHECKSUM.pack(crc32(covered, _seed(salt, offset))) + covered
    filling = bytes(-(FRAME_HEADER_BYTES + len(payload)) % BLOCK_BYTES)
    return [header, payload, filling]


def frames(octets: bytes, at: int, salt: int, offset: int) -> Iterator[Frame]:
    """The valid frames from octets[at:] on that follow each other without a gap and are all there.

    offset: of octets in the file.
    """
    size_bytes = len(octets)
    seed = crc32(salt.to_bytes(8, "big"))
    while at + FRAME_HEADER_BYTES <= size_bytes:
        start = at + FRAME_HEADER_BYTES
        magic, checksum, of_payload, sequence, epoch, record_count, payload_bytes = _FRAME.unpack_from(octets, at)
        end = start + payload_bytes
        if magic != FRAME_MAGIC or end > size_bytes:
            return
        if checksum != crc32(octets[at + _COVERED_AT : start], crc32((offset + at).to_bytes(8, "big"), seed)):
            return
        payload = octets[start:end]
        if of_payload != crc32(payload):
            return
        after = at + -(-(end - at) // BLOCK_BYTES) * BLOCK_BYTES
        yield Frame(sequence, epoch, record_count, payload, offset + at, offset + after)
        at = after


def decode_frame(octets: bytes, at: int, salt: int, offset: int) -> Frame | None:
    """The frame at octets[at:], which stands at offset in its file; None: there is no valid one."""
    return next(frames(octets, at, salt, offset - at), None)


def frame_bytes(octets: bytes, at: int, salt: int, offset: int) -> int | None:
    """How long the frame is whose header is at octets[at:], without what fills it up; None: there is no valid header.

    offset: of the frame in its file.
    """
    start = at + FRAME_HEADER_BYTES
    if start > len(octets) or not octets.startswith(FRAME_MAGIC, at):
        return None
    if _CHECKSUM.unpack_from(octets, at + 4)[0] != crc32(octets[at + _COVERED_AT : start], _seed(salt, offset)):
        return None
    size_bytes: int = _FRAME.unpack_from(octets, at)[-1]
    return FRAME_HEADER_BYTES + size_bytes


def begun_frame(octets: bytes, at: int, salt: int, offset: int) -> Frame | None:
    """The frame whose valid header is at octets[at:], with its payload as far as it is there: not checked."""
    if frame_bytes(octets, at, salt, offset) is None:
        return None
    _, _, _, sequence, epoch, record_count, size_bytes = _FRAME.unpack_from(octets, at)
    start = at + FRAME_HEADER_BYTES
    end = offset + round_up(FRAME_HEADER_BYTES + size_bytes)
    return Frame(sequence, epoch, record_count, octets[start : start + size_bytes], offset, end)


def _seed(salt: int, offset: int) -> int:
    return crc32(_SEED.pack(salt, offset))


# Records


def records(payload: bytes) -> Iterator[tuple[int, int, int]]:
    """(kind, where the content begins, where it ends) of each record, checked. Raises FormatError."""
    at = 0
    while at < len(payload):
        kind, begin, at = record(payload, at)
        yield kind, begin, at


def next_record(payload: bytes, at: int) -> int:
    """Where the record after the one at payload[at:] begins, which is damaged: as it says itself."""
    if len(payload) - at < RECORD_HEADER_BYTES:
        return len(payload)
    return at + RECORD_HEADER_BYTES + int(_RECORD.unpack_from(payload, at)[1])


def record(payload: bytes, at: int) -> tuple[int, int, int]:
    """(kind, where the content begins, where it ends) of the record at payload[at:], checked. Raises FormatError."""
    if len(payload) - at < RECORD_HEADER_BYTES:
        raise FormatError("a record is cut", at)
    kind, size_bytes, checksum = _RECORD.unpack_from(payload, at)
    start = at + RECORD_HEADER_BYTES
    stop = start + size_bytes
    if stop > len(payload):
        raise FormatError("a record is longer than its frame", at)
    covered = stop
    if kind in PUBLISHES:
        covered = min(stop, start + int.from_bytes(payload[start : start + 4], "big"))
    if crc32(payload[start:covered]) != checksum:
        raise FormatError("the checksum of a record is wrong", at)
    if not PUBLISH <= kind <= TIMED:
        raise NewerVersion(f"a record of kind {kind}: this journal was written by a newer version", at)
    return kind, start, stop


def _record(kind: int, content: bytes) -> bytes:
    return _RECORD.pack(kind, len(content), crc32(content)) + content


def encode_ack(queue: int, runs: Sequence[Run]) -> bytes:
    """These positions of the queue are settled."""
    return _record(ACK, _RUNS.pack(queue, len(runs)) + b"".join([_RUN.pack(*run) for run in runs]))


def decode_ack(content: bytes) -> tuple[int, list[Run]]:
    """(queue, runs). Raises FormatError."""
    if len(content) < _RUNS.size:
        raise FormatError("an ACK record is cut")
    queue, count = _RUNS.unpack_from(content)
    if len(content) != _RUNS.size + count * _RUN.size:
        raise FormatError("the size of an ACK record is wrong")
    return queue, [_RUN.unpack_from(content, _RUNS.size + place * _RUN.size) for place in range(count)]


class Key(NamedTuple):
    """What a definition is about; a later one with the same key takes its place. vhost: empty for what is in none."""

    kind: str
    vhost: str
    name: str


Content = dict[str, Any]


def encode_definition(key: Key, content: Content | None) -> bytes:
    """content: what is true of it from now on; None: it is gone."""
    return _record(DEFINE, json.dumps([*key, content], separators=(",", ":")).encode())


def decode_definition(content: bytes) -> tuple[Key, Content | None]:
    """Raises FormatError."""
    try:
        kind, vhost, name, value = json.loads(content)
    except (ValueError, TypeError) as error:
        raise FormatError(f"a definition is no JSON list of four: {error}") from None
    return Key(kind, vhost, name), value


def encode_mark(queue: int, mark: int, flagged: Sequence[Run]) -> bytes:
    """Positions below mark, and those flagged, may have been with a client."""
    return _record(MARK, _MARK.pack(queue, mark, len(flagged)) + b"".join([_RUN.pack(*run) for run in flagged]))


def decode_mark(content: bytes) -> tuple[int, int, list[Run]]:
    """(queue, mark, flagged runs). Raises FormatError."""
    if len(content) < _MARK.size:
        raise FormatError("a MARK record is cut")
    queue, mark, count = _MARK.unpack_from(content)
    if len(content) != _MARK.size + count * _RUN.size:
        raise FormatError("the size of a MARK record is wrong")
    return queue, mark, [_RUN.unpack_from(content, _MARK.size + place * _RUN.size) for place in range(count)]


def encode_seal() -> bytes:
    """Nothing, but a later commit than the last: if that turns out damaged, it is no torn tail."""
    return _record(SEAL, b"")


# Messages


class MessageId(NamedTuple):
    """Which message, whatever copies there are of it: the commit that first held it, and its place in that."""

    epoch: int
    sequence: int
    place: int


class Publish(NamedTuple):
    """The head of a PUBLISH or TIMED record. body_at: where contents begin.

    queues: (id, position of the first message). moments: of each of them, in a TIMED record: Unix milliseconds that
    mean something to the queue, such as when the messages expire there; 0: nothing.
    """

    id: MessageId
    message_count: int
    queues: tuple[Run, ...]
    moments: tuple[int, ...]
    uniform: bool
    flags: int
    tables_at: int
    body_at: int
    end: int


def encode_publish(
    first: MessageId, queues: Sequence[Run], messages: Sequence[Message], moments: Sequence[int] = ()
) -> tuple[list[bytes], int]:
    """A run of messages and the queues it reached: (the octets in pieces, how many they are).

    queues: (id, position of the first message there). moments: see Publish.
    """
    if isinstance(messages, UniformRun):
        address, header, bodies = messages.address, messages.header, messages.bodies
        tables = (
            _UNIFORM.pack(len(address), len(header), len(bodies[0]))
            + address
            + header
            + struct.pack(f">{len(bodies)}I", *map(crc32, bodies))
        )
        return _encode_run(first, queues, moments, len(bodies), True, messages.flags & 0xFF, tables, bodies)
    sizes: list[int] = []
    contents: list[bytes] = []
    for address, header, body, flags in messages:
        content = address + header + body
        sizes += ((flags & 0xFFFF) << 16 | len(address), len(header), len(body), crc32(content))
        contents.append(content)
    tables = struct.pack(f">{len(sizes)}I", *sizes)
    return _encode_run(first, queues, moments, len(contents), False, 0, tables, contents)


def _encode_run(
    first: MessageId,
    queues: Sequence[Run],
    moments: Sequence[int],
    count: int,
    uniform: bool,
    flags: int,
    tables: bytes,
    contents: Sequence[bytes],
) -> tuple[list[bytes], int]:
    if any(moments):
        kind = TIMED
        targets = b"".join([_TIMED_QUEUE.pack(*run, moment) for run, moment in zip(queues, moments, strict=True)])
    else:
        kind = PUBLISH
        targets = struct.pack(f">{2 * len(queues)}Q", *chain.from_iterable(queues))
    head_bytes = _PUBLISH.size + len(targets) + len(tables)
    head = b"".join((_PUBLISH.pack(head_bytes, *first, count, len(queues), uniform, flags), targets, tables))
    body = contents[0] if len(contents) == 1 else b"".join(contents)
    size_bytes = head_bytes + len(body)
    return [_RECORD.pack(kind, size_bytes, crc32(head)), head, body], RECORD_HEADER_BYTES + size_bytes


def decode_publish(octets: bytes | memoryview, start: int, end: int) -> Publish:
    """The head of the record whose content is octets[start:end]; the record's checksum was compared before.

    Raises FormatError: its sizes do not fit each other.
    """
    if end - start < _PUBLISH.size:
        raise FormatError("a PUBLISH record is cut", start)
    head_bytes, epoch, sequence, index, count, queue_count, uniform, flags = _PUBLISH.unpack_from(octets, start)
    is_timed = octets[start - RECORD_HEADER_BYTES] == TIMED
    queues_at = start + _PUBLISH.size
    tables_at = queues_at + queue_count * (_TIMED_QUEUE.size if is_timed else _QUEUE.size)
    if not tables_at <= start + head_bytes <= end:
        raise FormatError("the head of a PUBLISH record does not fit into the record", start)
    first = MessageId(epoch, sequence, index)
    width = 3 if is_timed else 2
    numbers = struct.unpack_from(f">{width * queue_count}Q", octets, queues_at)
    queues = tuple(zip(numbers[::width], numbers[1::width], strict=True))
    moments = numbers[2::3] if is_timed else ()
    return Publish(first, count, queues, moments, bool(uniform), flags, tables_at, start + head_bytes, end)


def single_publish(payload: bytes, at: int) -> tuple[int, int, int, int] | None:
    """(queue, position of the first message, messages, where the next record is) of the record at payload[at:].

    None: it is no PUBLISH or TIMED in one queue alone. For the payload of a valid frame, whose checksum covers the
    record's.
    """
    if len(payload) - at < _SINGLE.size:
        return None
    kind, size_bytes, _, _, _, _, _, count, queue_count, _, _, queue, first = _SINGLE.unpack_from(payload, at)
    if kind not in PUBLISHES or queue_count != 1:
        return None
    return queue, first, count, at + RECORD_HEADER_BYTES + size_bytes


class DamagedMessage(Exception):
    """A message whose checksum is wrong. place: in the record."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


def read_record(octets: bytes | memoryview, at: int) -> tuple[int, int]:
    """The sizes of a PUBLISH record at octets[at:]: of the part that its checksum covers, and of all of it.

    Raises FormatError: there is none.
    """
    if len(octets) - at < RECORD_HEADER_BYTES + 4:
        raise FormatError("there is no record", at)
    kind, size_bytes, _ = _RECORD.unpack_from(octets, at)
    head_bytes = int.from_bytes(octets[at + RECORD_HEADER_BYTES : at + RECORD_HEADER_BYTES + 4], "big")
    if kind not in PUBLISHES or head_bytes > size_bytes:
        raise FormatError("there is no PUBLISH record", at)
    return RECORD_HEADER_BYTES + head_bytes, RECORD_HEADER_BYTES + size_bytes


def check_publish(octets: bytes | memoryview, at: int) -> Publish:
    """The PUBLISH record at octets[at:], all of which is there, its head compared with its checksum. FormatError."""
    head_bytes, record_bytes = read_record(octets, at)
    start = at + RECORD_HEADER_BYTES
    if len(octets) - at < record_bytes or crc32(octets[start : at + head_bytes]) != _RECORD.unpack_from(octets, at)[2]:
        raise FormatError("the checksum of a PUBLISH record is wrong", at)
    return decode_publish(octets, start, at + record_bytes)


def moment_of(publish: Publish, queue: int) -> int:
    """What a record says of its messages in one of its queues; 0: nothing."""
    if not publish.moments:
        return 0
    return next(moment for (number, _), moment in zip(publish.queues, publish.moments, strict=True) if number == queue)


def read_messages(
    octets: bytes | memoryview, publish: Publish, first: int, count: int, moment_ms: int = 0
) -> list[Message]:
    """Messages of a run, from the place first on. moment_ms: stands above their flags. Raises DamagedMessage."""
    above = moment_ms << DEADLINE_SHIFT
    if publish.uniform:
        address_bytes, header_bytes, body_bytes = _UNIFORM.unpack_from(octets, publish.tables_at)
        at = publish.tables_at + _UNIFORM.size
        address = bytes(octets[at : at + address_bytes])
        at += address_bytes
        header = bytes(octets[at : at + header_bytes])
        at += header_bytes
        checksums = struct.unpack_from(f">{count}I", octets, at + 4 * first)
        start = publish.body_at + first * body_bytes
        stop = start + count * body_bytes
        bodies = [bytes(octets[one : one + body_bytes]) for one in range(start, stop, body_bytes or 1)][:count]
        bodies += [b""] * (count - len(bodies))
        for place, (body, checksum) in enumerate(zip(bodies, checksums, strict=True)):
            if crc32(body) != checksum:
                raise DamagedMessage(first + place)
        flags = above | flags_of_run(publish.flags, header)
        return [(address, header, body, flags) for body in bodies]
    messages: list[Message] = []
    at = publish.body_at + sum(_varied_sizes(octets, publish, 0, first))
    sizes = struct.unpack_from(f">{4 * count}I", octets, publish.tables_at + first * _VARIED.size)
    for place in range(count):
        word, header_bytes, body_bytes, checksum = sizes[4 * place : 4 * place + 4]
        address_end = at + (word & 0xFFFF)
        header_end = address_end + header_bytes
        end = header_end + body_bytes
        if crc32(octets[at:end]) != checksum:
            raise DamagedMessage(first + place)
        messages.append(
            (
                bytes(octets[at:address_end]),
                bytes(octets[address_end:header_end]),
                bytes(octets[header_end:end]),
                above | word >> 16,
            )
        )
        at = end
    return messages


def content_places(octets: bytes, publish: Publish) -> Sequence[int]:
    """Where the content of each message of a record begins, and where the last one ends."""
    if publish.uniform:
        body_bytes: int = _UNIFORM.unpack_from(octets, publish.tables_at)[2]
        if not body_bytes:
            return [publish.body_at] * (publish.message_count + 1)
        return range(publish.body_at, publish.body_at + publish.message_count * body_bytes + 1, body_bytes)
    return list(accumulate(_varied_sizes(octets, publish, 0, publish.message_count), initial=publish.body_at))


def copy_publish(
    octets: bytes, publish: Publish, places: Sequence[int], first: int, end: int, queues: Sequence[Run]
) -> tuple[list[bytes], int]:
    """A record of the messages first to end of another one, octet by octet, in these queues. They keep their ids.

    places: see `content_places`. queues: (id, position of the message first); each has the moment it had.
    """
    identity = publish.id._replace(place=publish.id.place + first)
    count = end - first
    if publish.uniform:
        address_bytes, header_bytes, _ = _UNIFORM.unpack_from(octets, publish.tables_at)
        checksums_at = publish.tables_at + _UNIFORM.size + address_bytes + header_bytes
        tables = octets[publish.tables_at : checksums_at] + octets[checksums_at + 4 * first : checksums_at + 4 * end]
    else:
        size = _VARIED.size
        tables = octets[publish.tables_at + first * size : publish.tables_at + end * size]
    contents = octets[places[first] : places[end]]
    moments = [moment_of(publish, number) for number, _ in queues]
    return _encode_run(identity, queues, moments, count, publish.uniform, publish.flags, tables, [contents])


def _varied_sizes(octets: bytes | memoryview, publish: Publish, first: int, end: int) -> Iterator[int]:
    sizes = struct.unpack_from(f">{4 * (end - first)}I", octets, publish.tables_at + first * _VARIED.size)
    return ((sizes[at] & 0xFFFF) + sizes[at + 1] + sizes[at + 2] for at in range(0, len(sizes), 4))


def run_bytes(messages: Sequence[Message]) -> int:
    """About how many octets a run takes on disk, without looking at each message of a uniform one."""
    if isinstance(messages, UniformRun):
        return len(messages) * (len(messages.bodies[0]) + 4)
    return sum(map(len, map(_BODY, messages))) + 100 * len(messages)
