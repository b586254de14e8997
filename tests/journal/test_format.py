"""Octets and values of the journal: what was written is read, and what was not written is not taken for it."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.journal import format
from amqpbroker.journal.format import (
    BLOCK_BYTES,
    DamagedMessage,
    FormatError,
    Frame,
    Key,
    MessageId,
    NewerVersion,
    SegmentHeader,
)
from amqpbroker.model.message import flags_of
from amqpbroker.wire.properties import Properties, encode
from amqpbroker.wire.runs import Message, UniformRun

NUMBER = st.integers(0, 2**63)
SHORT = st.binary(max_size=30)
RUN = st.tuples(NUMBER, NUMBER)
MESSAGE = st.tuples(SHORT, SHORT, SHORT, st.integers(0, 255))
BLOCKS = st.integers(1, 2**20).map(lambda blocks: blocks * BLOCK_BYTES)
TEXT = st.text(max_size=10)
SALT = 0x1234_5678_9ABC_DEF0
FIRST = MessageId(3, 42, 7)


def frame(payload: bytes = b"payload", *, salt: int = SALT, offset: int = BLOCK_BYTES, sequence: int = 5) -> bytes:
    return b"".join(format.encode_frame(salt, offset, sequence, 2, 1, payload))


def publish(messages: list[Message] | UniformRun, queues: list[tuple[int, int]] | None = None) -> bytes:
    pieces, size_bytes = format.encode_publish(FIRST, queues or [(1, 10)], messages)
    record = b"".join(pieces)
    assert len(record) == size_bytes
    return record


def messages_of(record: bytes) -> list[Message]:
    head = format.check_publish(record, 0)
    return format.read_messages(record, head, 0, head.message_count)


def uniform(*bodies: bytes) -> UniformRun:
    return UniformRun(b"address", b"header", list(bodies), 1)


def flipped(octets: bytes, bit: int) -> bytes:
    changed = bytearray(octets)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# Segments


@given(st.builds(SegmentHeader, st.integers(0, 2**32 - 1), NUMBER, NUMBER))
def test_the_header_of_a_segment_is_read_as_written(header: SegmentHeader) -> None:
    block = format.encode_segment_header(header)
    assert len(block) == BLOCK_BYTES
    assert format.decode_segment_header(block) == header


@given(st.integers(0, 36 * 8 - 1))
def test_no_bit_of_a_segments_header_changes_unnoticed(bit: int) -> None:
    block = format.encode_segment_header(SegmentHeader(1, 2, 3))
    with pytest.raises(FormatError):
        format.decode_segment_header(flipped(block, bit))


def test_a_segment_that_ends_in_its_header_is_refused() -> None:
    with pytest.raises(FormatError, match="shorter than the header"):
        format.decode_segment_header(b"AMQPLOG\n")


def test_a_segment_of_a_newer_version_is_told_from_damage() -> None:
    start = format.encode_segment_header(SegmentHeader(1, 2, 3))[:32]
    newer = start[:11] + b"\x03" + start[12:]
    block = (newer + crc32(newer).to_bytes(4, "big")).ljust(BLOCK_BYTES, b"\0")
    with pytest.raises(NewerVersion, match="version 3, and this broker reads versions up to 2"):
        format.decode_segment_header(block)


# Frames


@given(st.binary(max_size=2_000), NUMBER, BLOCKS, NUMBER, st.integers(0, 2**32 - 1))
def test_a_frame_is_read_as_written(payload: bytes, salt: int, offset: int, sequence: int, epoch: int) -> None:
    octets = b"".join(format.encode_frame(salt, offset, sequence, epoch, 9, payload))
    assert len(octets) % BLOCK_BYTES == 0
    assert format.decode_frame(octets, 0, salt, offset) == Frame(
        sequence, epoch, 9, payload, offset, offset + len(octets)
    )
    assert format.frame_bytes(octets, 0, salt, offset) == format.FRAME_HEADER_BYTES + len(payload)


@given(st.integers(0, (format.FRAME_HEADER_BYTES + 7) * 8 - 1))
def test_no_bit_of_a_frame_changes_unnoticed(bit: int) -> None:
    assert format.decode_frame(flipped(frame(), bit), 0, SALT, BLOCK_BYTES) is None


@given(st.integers(0, format.FRAME_HEADER_BYTES * 8 - 1))
def test_a_damaged_header_says_nothing(bit: int) -> None:
    assert format.frame_bytes(flipped(frame(), bit), 0, SALT, BLOCK_BYTES) is None


@pytest.mark.parametrize(("salt", "offset"), [(SALT + 1, BLOCK_BYTES), (SALT, 2 * BLOCK_BYTES)])
def test_a_frame_of_another_use_of_the_file_or_from_another_place_is_none(salt: int, offset: int) -> None:
    octets = frame(salt=salt, offset=offset)
    assert format.decode_frame(octets, 0, SALT, BLOCK_BYTES) is None
    assert format.frame_bytes(octets, 0, SALT, BLOCK_BYTES) is None


@given(st.integers(0, format.FRAME_HEADER_BYTES + 6))
def test_a_frame_that_is_cut_is_none(size_bytes: int) -> None:
    assert format.decode_frame(frame()[:size_bytes], 0, SALT, BLOCK_BYTES) is None


def test_frames_are_read_up_to_the_first_that_is_damaged() -> None:
    octets = b"".join(frame(offset=at * BLOCK_BYTES, sequence=at) for at in (1, 2, 3))
    damaged = flipped(octets, (2 * BLOCK_BYTES + format.FRAME_HEADER_BYTES) * 8)
    assert [one.sequence for one in format.frames(octets, 0, SALT, BLOCK_BYTES)] == [1, 2, 3]
    assert [one.sequence for one in format.frames(damaged, 0, SALT, BLOCK_BYTES)] == [1, 2]


def test_of_a_frame_whose_payload_is_damaged_the_rest_can_be_had() -> None:
    octets = flipped(frame(b"abc"), format.FRAME_HEADER_BYTES * 8)
    begun = format.begun_frame(octets, 0, SALT, BLOCK_BYTES)
    assert begun == Frame(5, 2, 1, b"`bc", BLOCK_BYTES, 2 * BLOCK_BYTES)
    assert format.begun_frame(flipped(octets, 40), 0, SALT, BLOCK_BYTES) is None


# Records


@given(NUMBER, st.lists(RUN, max_size=5))
def test_an_ack_is_read_as_written(queue: int, runs: list[tuple[int, int]]) -> None:
    ((kind, start, end),) = format.records(record := format.encode_ack(queue, runs))
    assert (kind, format.decode_ack(record[start:end])) == (format.ACK, (queue, runs))


@given(NUMBER, NUMBER, st.lists(RUN, max_size=5))
def test_a_mark_is_read_as_written(queue: int, mark: int, runs: list[tuple[int, int]]) -> None:
    ((kind, start, end),) = format.records(record := format.encode_mark(queue, mark, runs))
    assert (kind, format.decode_mark(record[start:end])) == (format.MARK, (queue, mark, runs))


@given(st.builds(Key, TEXT, TEXT, TEXT), st.none() | st.dictionaries(TEXT, TEXT | NUMBER))
def test_a_definition_is_read_as_written(key: Key, content: dict[str, object] | None) -> None:
    ((kind, start, end),) = format.records(record := format.encode_definition(key, content))
    assert (kind, format.decode_definition(record[start:end])) == (format.DEFINE, (key, content))


@given(st.data())
def test_no_bit_of_a_record_changes_unnoticed(data: st.DataObject) -> None:
    record = data.draw(
        st.sampled_from([format.encode_ack(1, [(2, 3)]), format.encode_mark(1, 2, []), format.encode_seal()])
    )
    bit = data.draw(st.integers(0, len(record) * 8 - 1))
    if bit < 8:
        return  # the kind, which the frame's checksum alone covers
    with pytest.raises(FormatError):
        list(format.records(flipped(record, bit)))


def test_records_follow_each_other() -> None:
    payload = format.encode_seal() + publish(uniform(b"one")) + format.encode_ack(1, [])
    assert [kind for kind, _, _ in format.records(payload)] == [format.SEAL, format.PUBLISH, format.ACK]
    second = format.next_record(payload, 0)
    assert format.record(payload, second)[0] == format.PUBLISH


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (format.encode_seal() + b"\1", "a record is cut"),
        (format.encode_ack(1, [(2, 3)])[:-1], "longer than its frame"),
        (b"\7" + format.encode_seal()[1:], "a record of kind 7: this journal was written by a newer version"),
    ],
)
def test_what_is_no_record_is_refused(payload: bytes, text: str) -> None:
    with pytest.raises(FormatError, match=text):
        list(format.records(payload))


@pytest.mark.parametrize("content", [b"", b"\0" * 12 + b"\1", b"\0" * 11 + b"\2" + b"\0" * 16])
def test_an_ack_of_the_wrong_size_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="ACK"):
        format.decode_ack(content)


@pytest.mark.parametrize("content", [b"", b"\0" * 20 + b"\1", b"\0" * 19 + b"\1"])
def test_a_mark_of_the_wrong_size_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="MARK"):
        format.decode_mark(content)


@pytest.mark.parametrize("content", [b"", b"7", b"[1,2,3]", b"\xff"])
def test_a_definition_that_is_no_list_of_four_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="no JSON list of four"):
        format.decode_definition(content)


@given(st.integers(0, 2**30 - 1), st.integers(0, format.OFFSET_MAX))
def test_a_location_is_a_file_and_an_offset(number: int, offset: int) -> None:
    place = format.location(number, offset)
    assert place < 2**64
    assert format.split_location(place) == (number, offset)


# Messages


@given(st.lists(MESSAGE, min_size=1, max_size=8), st.lists(RUN, min_size=1, max_size=3))
def test_messages_that_differ_are_read_as_written(messages: list[Message], queues: list[tuple[int, int]]) -> None:
    record = publish(messages, queues)
    head = format.check_publish(record, 0)
    assert (head.id, head.queues, head.message_count) == (FIRST, tuple(queues), len(messages))
    assert messages_of(record) == messages


@given(SHORT, SHORT, st.integers(0, 20), st.integers(1, 8), st.sampled_from([0, 1, 3, 9]))
def test_a_uniform_run_is_read_as_written(address: bytes, header: bytes, size: int, count: int, flags: int) -> None:
    run = UniformRun(address, header, [bytes([number]) * size for number in range(count)], flags)
    assert messages_of(publish(run)) == list(run)


@given(st.booleans(), st.integers(0, 5), st.integers(0, 5))
def test_any_part_of_a_run_can_be_read_and_copied(is_uniform: bool, first: int, last: int) -> None:
    first, end = sorted((first, last))
    run = uniform(b"0", b"1", b"2", b"3", b"4", b"5")
    record = publish(run if is_uniform else list(run))
    head = format.check_publish(record, 0)
    assert format.read_messages(record, head, first, end + 1 - first) == list(run)[first : end + 1]
    pieces, _ = format.copy_publish(
        record, head, format.content_places(record, head), first, end + 1, [(8, 80), (9, 90)]
    )
    copied = b"".join(pieces)
    copy = format.check_publish(copied, 0)
    assert (copy.id, copy.queues) == (MessageId(3, 42, 7 + first), ((8, 80), (9, 90)))
    assert messages_of(copied) == list(run)[first : end + 1]


@pytest.mark.parametrize("is_uniform", [True, False])
def test_a_damaged_message_is_found_and_the_others_can_be_read(is_uniform: bool) -> None:
    run = uniform(b"zero", b"one!", b"two!")
    record = publish(run if is_uniform else list(run)).replace(b"one!", b"One!")
    head = format.check_publish(record, 0)
    with pytest.raises(DamagedMessage) as fault:
        format.read_messages(record, head, 0, 3)
    assert fault.value.place == 1
    assert [body for _, _, body, _ in format.read_messages(record, head, 2, 1)] == [b"two!"]


@given(st.integers(format.RECORD_HEADER_BYTES * 8 - 32, 60 * 8))
def test_no_bit_of_a_records_head_changes_unnoticed(bit: int) -> None:
    # Its kind and its size, before this, are covered by the frame's checksum alone.
    with pytest.raises(FormatError):
        format.check_publish(flipped(publish(uniform(b"one", b"two")), bit), 0)


@given(st.lists(MESSAGE, min_size=1, max_size=3), RUN)
def test_a_record_in_one_queue_is_told_at_a_glance(messages: list[Message], queue: tuple[int, int]) -> None:
    record = publish(messages, [queue])
    assert format.single_publish(b"skip" + record, 4) == (*queue, len(messages), 4 + len(record))


def test_a_record_in_two_queues_or_of_another_kind_takes_a_closer_look() -> None:
    assert format.single_publish(publish(uniform(b"one"), [(1, 2), (3, 4)]), 0) is None
    assert format.single_publish(format.encode_ack(1, [(2, 3)] * 9), 0) is None
    assert format.single_publish(format.encode_seal(), 0) is None


def test_what_is_no_publish_is_not_read_as_one() -> None:
    for octets in (b"", format.encode_ack(1, [(2, 3)]), publish(uniform(b"one"))[:-1]):
        with pytest.raises(FormatError):
            format.check_publish(octets, 0)


# Moments

MOMENT = st.integers(0, (1 << 47) - 1)
TIMED = st.lists(st.tuples(st.integers(1, 1 << 40), st.integers(1, 1 << 40), MOMENT), min_size=1, max_size=4).filter(
    lambda queues: len({queue for queue, _, _ in queues}) == len(queues)
)


def timed(messages: list[Message] | UniformRun, queues: list[tuple[int, int, int]]) -> bytes:
    """A record of messages in queues: (id, first position, moment)."""
    runs, moments = [queue[:2] for queue in queues], [queue[2] for queue in queues]
    return b"".join(format.encode_publish(FIRST, runs, messages, moments)[0])


@given(st.lists(MESSAGE, min_size=1, max_size=5), TIMED, st.booleans())
def test_each_queue_of_a_record_has_its_own_moment(
    messages: list[Message], queues: list[tuple[int, int, int]], is_uniform: bool
) -> None:
    run = uniform(b"one", b"two") if is_uniform else messages
    record = timed(run, queues)
    head = format.check_publish(record, 0)
    assert head.queues == tuple(queue[:2] for queue in queues)
    for queue, _, moment in queues:
        assert format.moment_of(head, queue) == moment
        read = format.read_messages(record, head, 0, len(run), moment)
        assert read == [(*message[:3], moment << 16 | message[3]) for message in run]


@given(TIMED)
def test_a_record_is_timed_only_if_a_queue_has_a_moment(queues: list[tuple[int, int, int]]) -> None:
    record = timed(uniform(b"one"), queues)
    is_timed = any(moment for _, _, moment in queues)
    assert record[0] == (format.TIMED if is_timed else format.PUBLISH)
    single = (*queues[0][:2], 1, len(record)) if len(queues) == 1 else None
    assert format.single_publish(record, 0) == single


@given(TIMED, st.data(), st.booleans())
def test_a_copy_keeps_the_moments_of_the_queues_that_it_is_for(
    queues: list[tuple[int, int, int]], data: st.DataObject, is_uniform: bool
) -> None:
    run = uniform(b"0", b"1", b"2", b"3")
    record = timed(run if is_uniform else list(run), queues)
    head = format.check_publish(record, 0)
    left = data.draw(st.lists(st.sampled_from(queues), min_size=1, unique=True))
    places = format.content_places(record, head)
    pieces, size_bytes = format.copy_publish(record, head, places, 1, 3, [(queue, at + 1) for queue, at, _ in left])
    copied = b"".join(pieces)
    copy = format.check_publish(copied, 0)
    assert len(copied) == size_bytes
    assert copy.queues == tuple((queue, at + 1) for queue, at, _ in left)
    assert [format.moment_of(copy, queue) for queue, _, _ in left] == [moment for _, _, moment in left]
    assert messages_of(copied) == list(run)[1:3]


@given(st.integers(format.RECORD_HEADER_BYTES * 8 - 32, 60 * 8))
def test_no_bit_of_the_head_of_a_timed_record_changes_unnoticed(bit: int) -> None:
    with pytest.raises(FormatError):
        format.check_publish(flipped(timed(uniform(b"one", b"two"), [(1, 2, 3), (4, 5, 6)]), bit), 0)


@given(st.none() | st.integers(0, 255), st.sampled_from([None, 1, 2]), st.integers(1, 4))
def test_the_priority_of_a_run_of_one_kind_comes_back_out_of_its_header(
    priority: int | None, mode: int | None, count: int
) -> None:
    flags = flags_of(mode, priority)
    header = encode(Properties(delivery_mode=mode, priority=priority), 4)
    run = UniformRun(b"address", header, [b"body"] * count, 1_700_000_000_000 << 16 | flags)
    assert messages_of(publish(run)) == [(b"address", header, b"body", flags)] * count
