"""The hot frames beside pamqp: what is cut and laid by hand is what it would cut and lay."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import commands, constants
from pamqp.body import ContentBody
from pamqp.frame import marshal, unmarshal
from pamqp.header import ContentHeader

from amqpbroker.limits import DELIVER_MEMO_MAX
from amqpbroker.model.message import address_of, split_address
from amqpbroker.wire.hot import (
    DeliverLane,
    PublishLane,
    _split_bodies,
    ack_prefix,
    lay_ack,
    lay_nack,
    read_acks,
    read_discards,
)
from amqpbroker.wire.runs import Message, SharedMessages, SharedRun, UniformRun

CHANNEL = 3
FRAME_MAX_BYTES = 4096
BODY_MAX_BYTES = FRAME_MAX_BYTES - 8
Publish = commands.Basic.Publish
Properties = commands.Basic.Properties


@pytest.fixture(autouse=True, scope="module")
def _names_of_any_kind() -> Iterator[None]:
    """pamqp refuses names that are no ASCII; RabbitMQ takes them."""
    kept = dict(constants.DOMAIN_REGEX)
    constants.DOMAIN_REGEX.update(dict.fromkeys(kept, re.compile(".*", re.DOTALL)))
    yield
    constants.DOMAIN_REGEX.update(kept)


def content(body: bytes, properties: Properties, channel: int = CHANNEL, piece_bytes: int = BODY_MAX_BYTES) -> bytes:
    pieces = [body[start : start + piece_bytes] for start in range(0, len(body), piece_bytes)]
    frames = [marshal(ContentHeader(0, len(body), properties), channel)]
    return b"".join(frames + [marshal(ContentBody(piece), channel) for piece in pieces])


def publish(body: bytes, key: str = "tasks", channel: int = CHANNEL, **properties: object) -> bytes:
    return marshal(Publish(0, "", key), channel) + content(body, Properties(**properties), channel)


METHOD = marshal(Publish(0, "", "tasks"), CHANNEL)


class Published(NamedTuple):
    exchange: str
    routing_key: str
    properties: dict[str, object]
    body: bytes


class Route:
    def __init__(self, address: bytes, group: object) -> None:
        self.address = address
        self.group = group


class Sink:
    """Takes what the lane reads. Keys that begin with g have rules of their own; of the others, equal first letters
    have one destination. A content type of `rule` has rules too. apart: whether destinations have nothing in common.
    forgets: its memo holds one decision alone.
    """

    def __init__(self, apart: bool = False, forgets: bool = False) -> None:
        self.apart = apart
        self.forgets = forgets
        self.taken: list[Message] = []
        self.runs: list[tuple[object, int, bool]] = []
        self.lane = PublishLane(CHANNEL, self, BODY_MAX_BYTES)

    def resolve(self, method: bytes) -> Route | None:
        _, _, decoded = unmarshal(method)
        if decoded.routing_key.startswith("g"):
            return None
        address = address_of(decoded.exchange, decoded.routing_key)
        if self.forgets:
            self.lane.forget()
        route = self.lane.routes[method] = Route(address, decoded.routing_key[:1])
        return route

    def inspect(self, header: bytes) -> int:
        properties = decoded_properties(header)
        return -1 if "expiration" in properties else int(properties.get("delivery_mode") == 2)

    def are_apart(self, group: object, other: object) -> bool:
        assert group != other
        return self.apart

    def publish(self, group: object, messages: Sequence[Message]) -> None:
        uniform = isinstance(messages, UniformRun)
        assert not uniform or len({(address, header, len(body)) for address, header, body, _ in messages}) == 1
        assert {split_address(message[0])[1][:1] for message in messages} == {group}
        self.taken += messages
        self.runs.append((group, len(messages), uniform))


class Reader:
    """A connection's read loop in small: the lane, and one frame after the other of what it leaves."""

    def __init__(self, sink: Sink | None = None) -> None:
        self.sink = sink or Sink()
        self._rest = b""
        self._pending: list[bytes] = []
        self._missing_bytes = 0

    def feed(self, data: bytes) -> None:
        data = self._rest + data
        position = 0
        while len(data) - position >= 7:
            if not self._pending:
                position = self.sink.lane.read(data, position, len(data))
                if self.sink.lane.waiting:
                    break
            size = int.from_bytes(data[position + 3 : position + 7], "big")
            if len(data) - position < size + 8:
                break
            self._frame(data[position : position + size + 8])
            position += size + 8
        self._rest = data[position:]

    def _frame(self, frame: bytes) -> None:
        if frame[1:3] == CHANNEL.to_bytes(2, "big") and (frame[0] != 1 or frame[7:11] == b"\x00\x3c\x00\x28"):
            self._pending.append(frame[7:-1])
            if frame[0] == 2:
                self._missing_bytes = int.from_bytes(frame[11:19], "big")
            elif frame[0] == 3:
                self._missing_bytes -= len(frame) - 8
            if frame[0] != 1 and not self._missing_bytes:
                method, header, *pieces = self._pending
                # class, method, ticket; the last octet holds the bits
                self.sink.taken.append((method[6:-1], header, b"".join(pieces), 0))
                self._pending = []

    @property
    def published(self) -> list[Published]:
        return [
            Published(*split_address(address), decoded_properties(header), body)
            for address, header, body, _ in self.sink.taken
        ]


def decoded_properties(header: bytes) -> dict[str, object]:
    _, _, decoded = unmarshal(b"\x02\x00\x01" + len(header).to_bytes(4, "big") + header + b"\xce")
    return {name: value for name, value in decoded.properties if value is not None}


def decoded_stream(stream: bytes) -> list[Published]:
    """What pamqp finds on the channel."""
    found: list[Published] = []
    while stream:
        octets, channel, frame = unmarshal(stream)
        stream = stream[octets:]
        if channel != CHANNEL:
            continue
        if isinstance(frame, Publish):
            method = frame
        elif isinstance(frame, ContentHeader):
            size_bytes = frame.body_size
            values = {name: value for name, value in frame.properties if value is not None}
            found.append(Published(method.exchange, method.routing_key, values, b""))
        elif isinstance(frame, ContentBody):
            found[-1] = found[-1]._replace(body=found[-1].body + frame.value)
            assert len(found[-1].body) <= size_bytes
    return found


def read(stream: bytes) -> tuple[Sink, int]:
    sink = Sink()
    return sink, sink.lane.read(stream, 0, len(stream))


def bodies_of(sink: Sink) -> list[bytes]:
    return [body for _, _, body, _ in sink.taken]


SEPARATOR = b"\xce" + publish(b"?" * 9)[: -9 - 1]
BODIES = st.one_of(
    st.binary(max_size=12),
    st.binary(min_size=9, max_size=9),
    st.integers(0, 2000).map(lambda size: b"\xce\x01" * (size // 2)),
    st.sampled_from([SEPARATOR, SEPARATOR[:9], SEPARATOR[1:], b"123456789" + SEPARATOR, b"x" * 5000]),
)
KEYS = st.sampled_from(["tasks", "ta", "other", "schlüssel", "general", ""])
PROPERTIES = st.sampled_from(
    [
        {},
        {"delivery_mode": 2},
        {"content_type": "application/json", "delivery_mode": 1},
        {"message_id": "one", "correlation_id": "ü"},
        {"expiration": "5"},
        {"headers": {"a": "b"}, "priority": 3},
    ]
)
OTHERS = st.sampled_from(
    [
        marshal(commands.Basic.Ack(7), CHANNEL),
        marshal(commands.Basic.Get(0, "tasks"), CHANNEL),
        b"\x08\x00\x00\x00\x00\x00\x00\xce",
        publish(b"elsewhere", channel=CHANNEL + 1),
    ]
)


@st.composite
def runs(draw: st.DrawFn) -> bytes:
    """Publishes with one key and properties; equal in size, or each its own."""
    key, properties, body = draw(KEYS), draw(PROPERTIES), draw(BODIES)
    count = draw(st.sampled_from([1, 2, 3, 40]))
    if draw(st.booleans()):
        return publish(body, key, **properties) * count
    return b"".join(publish(draw(BODIES), key, **properties) for _ in range(min(count, 4)))


STREAMS = st.lists(st.one_of(runs(), runs(), OTHERS), max_size=7).map(b"".join)


# Publishes


@settings(max_examples=120, deadline=None)
@given(STREAMS, st.lists(st.floats(0, 1), max_size=6))
def test_every_publish_is_read_once_and_in_order_however_the_stream_is_cut(stream: bytes, cuts: list[float]) -> None:
    reader = Reader()
    edges = [0, *sorted(int(cut * len(stream)) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        reader.feed(stream[start:end])
    assert reader.published == decoded_stream(stream)


@settings(max_examples=60, deadline=None)
@given(STREAMS, st.booleans(), st.integers(0, 5000))
def test_destinations_that_are_apart_have_each_its_own_order(stream: bytes, forgets: bool, cut: int) -> None:
    reader = Reader(Sink(apart=True, forgets=forgets))
    reader.feed(stream[:cut])
    reader.feed(stream[cut:])
    expected = decoded_stream(stream)
    for first in {one.routing_key[:1] for one in expected}:
        own, theirs = ([one for one in each if one.routing_key[:1] == first] for each in (reader.published, expected))
        assert own == theirs


def test_what_goes_to_two_that_are_apart_in_turn_is_a_run_for_each() -> None:
    sink = Sink(apart=True)
    stream = b"".join(publish(b"body", key) for key in ("one", "two") * 20)
    sink.lane.read(stream, 0, len(stream))
    assert [(group, count) for group, count, _ in sink.runs] == [("o", 20), ("t", 20)]


@settings(max_examples=15, deadline=None)
@given(STREAMS.filter(lambda stream: len(stream) < 3000))
def test_octet_by_octet_is_the_same(stream: bytes) -> None:
    reader = Reader()
    for octet in stream:
        reader.feed(bytes((octet,)))
    assert reader.published == decoded_stream(stream)


def test_equal_publishes_are_one_uniform_run() -> None:
    bodies = [b"%09d" % number for number in range(5000)]
    sink, stop = read(b"".join(map(publish, bodies)))
    assert bodies_of(sink) == bodies
    assert stop == 5000 * len(publish(bodies[0]))
    assert sum(count for _, count, uniform in sink.runs if uniform) >= 4990
    assert len(sink.runs) < 12


def test_what_is_like_the_last_message_is_read_by_the_template_and_flags_stay_with_it() -> None:
    stream = publish(b"one", delivery_mode=2) * 3 + publish(b"one", delivery_mode=1) * 3
    sink, _ = read(stream)
    assert [flags for _, _, _, flags in sink.taken] == [1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("count", [2, 3, 40])
def test_each_end_of_a_run_that_is_cut_off_is_waited_for(count: int) -> None:
    one = publish(b"123456789", delivery_mode=2)
    stream = one * count
    for end in range(len(stream) - len(one), len(stream)):
        sink = Sink()
        stop = sink.lane.read(stream, 0, len(stream))
        sink.taken.clear()
        stop = sink.lane.read(stream[:end], 0, end)
        assert stop == len(stream) - len(one)
        # Fewer octets than show the method are nobody's yet.
        assert sink.lane.waiting == (end - stop >= 11)
        assert len(sink.taken) == count - 1


@pytest.mark.parametrize("body", [b"", b"1", b"x" * BODY_MAX_BYTES])
def test_the_first_message_is_waited_for_from_each_octet_on(body: bytes) -> None:
    whole = publish(body, content_type="text/plain")
    for end in [*range(min(len(whole), 120)), len(whole) - 1]:
        sink, stop = read(whole[:end])
        assert (stop, sink.taken) == (0, [])
        assert sink.lane.waiting == (end >= 11)


@pytest.mark.parametrize("lead", [0, 1, 2, 30])
def test_a_wrong_end_octet_leaves_the_message_alone(lead: int) -> None:
    one = publish(b"123456789")
    method_bytes = len(METHOD)
    header_bytes = len(marshal(ContentHeader(0, 9, Properties()), CHANNEL))
    for end_octet in (method_bytes, method_bytes + header_bytes, len(one)):
        wrong = one[: end_octet - 1] + b"\xcd" + one[end_octet:]
        sink, stop = read(one * lead + wrong + one * 30)
        assert (stop, len(sink.taken), sink.lane.waiting) == (lead * len(one), lead, False)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(publish(b"123456789", channel=CHANNEL + 1), id="another channel"),
        pytest.param(METHOD + publish(b"1"), id="no header"),
        pytest.param(publish(b"x" * (BODY_MAX_BYTES + 1)), id="a body of two frames"),
        pytest.param(METHOD + content(b"12345", Properties(), 9), id="a header astray"),
        pytest.param(METHOD + content(b"12345", Properties(), piece_bytes=3), id="a body in pieces"),
        pytest.param(publish(b"123456789").replace(b"\x00\x3c\x00\x00", b"\x00\x3d\x00\x00"), id="class 61"),
        pytest.param(publish(b"123456789").replace(b"\x00\x3c\x00\x00", b"\x00\x3c\x00\x01"), id="weight 1"),
        pytest.param(publish(b"123456789").replace(b"\x00\x3c\x00\x28", b"\x00\x3c\x00\x29"), id="not a publish"),
        pytest.param(publish(b"123456789", key="general"), id="a rule for the key"),
        pytest.param(publish(b"123456789", expiration="5"), id="a rule for the properties"),
        pytest.param(b"\x01\x00\x03\x7f\xff\xff\xff\x00\x3c\x00\x28" + b"x" * 50, id="a huge method"),
    ],
)
@pytest.mark.parametrize("lead", [0, 1, 30])
def test_what_is_odd_is_left_where_it_stands(odd: bytes, lead: int) -> None:
    one = publish(b"123456789")
    sink, stop = read(one * lead + odd + one * 3)
    assert (stop, len(sink.taken), sink.lane.waiting) == (lead * len(one), lead, False)


@pytest.mark.parametrize("octets", [b"\x80\x00", b"\x80\x00\x05text", b"\x80\x00\x04textx", b"\x00\x00x"])
def test_properties_that_do_not_fill_their_header_are_left_to_the_general_path(octets: bytes) -> None:
    header = b"\x00\x3c\x00\x00" + (1).to_bytes(8, "big") + octets
    frame = b"\x02\x00\x03" + len(header).to_bytes(4, "big") + header + b"\xce"
    stream = METHOD + frame + marshal(ContentBody(b"x"), CHANNEL)
    sink, stop = read(stream + publish(b"1") * 3)
    assert (stop, sink.taken, sink.lane.waiting) == (0, [], False)


@pytest.mark.parametrize("word", [0x0001, 0x0002, 0x8002])
def test_property_flags_that_mean_nothing_are_left_to_the_general_path(word: int) -> None:
    header = b"\x00\x3c\x00\x00" + (1).to_bytes(8, "big") + word.to_bytes(2, "big") + b"\x01a" * word.bit_count()
    frame = b"\x02\x00\x03" + len(header).to_bytes(4, "big") + header + b"\xce"
    sink, stop = read(METHOD + frame + marshal(ContentBody(b"x"), CHANNEL))
    assert (stop, sink.taken) == (0, [])


@pytest.mark.parametrize("lead", [0, 1])
def test_what_can_never_become_a_message_of_the_lane_is_not_waited_for(lead: int) -> None:
    one = publish(b"123456789")
    half = METHOD + content(b"123456789", Properties(), piece_bytes=4)[: -len("56789") - 16]
    other_channel = METHOD + publish(b"1", channel=CHANNEL + 1)[:20]
    for odd in (half, other_channel):
        sink, stop = read(one * lead + odd)
        assert (stop, sink.lane.waiting) == (lead * len(one), False)


def test_messages_without_a_body_are_the_lanes_too() -> None:
    sink, stop = read(publish(b"") * 5)
    assert bodies_of(sink) == [b""] * 5
    assert stop == 5 * len(publish(b""))


def test_what_is_forgotten_is_asked_for_again() -> None:
    sink, _ = read(publish(b"one"))
    sink.lane.forget()
    assert not sink.lane.routes
    sink.resolve = lambda method: None  # type: ignore[method-assign]
    stream = publish(b"one") * 3
    assert sink.lane.read(stream, 0, len(stream)) == 0


def test_what_goes_to_one_destination_is_one_run_whatever_its_key() -> None:
    sink, _ = read(publish(b"1", "tasks") + publish(b"22", "ta") + publish(b"333", "other"))
    assert sink.runs == [("t", 2, False), ("o", 1, False)]


# Bodies between separators


@given(st.lists(st.binary(min_size=3, max_size=3), max_size=9), st.binary(max_size=9))
def test_bodies_are_split_at_the_template(bodies: list[bytes], rest: bytes) -> None:
    template = b"template"
    data = (b"\xce" + template).join([*bodies, rest])
    assert _split_bodies(data, template, 3) == bodies


@pytest.mark.parametrize("place", [0, 1, 4])
def test_a_body_that_holds_the_separator_ends_the_split(place: int) -> None:
    template, separator = b"t", b"\xcet"
    bodies = [b"1234567"] * 5
    bodies[place] = b"12" + separator + b"345"
    split = _split_bodies(separator.join([*bodies, b"rest"]), template, 7)
    assert split == bodies[:place]


def test_a_body_of_nothing_but_separators_is_no_message_more() -> None:
    one = publish(SEPARATOR * 3)
    sink, stop = read(one * 20)
    assert stop == 20 * len(one)
    assert bodies_of(sink) == [SEPARATOR * 3] * 20


# Acknowledgements

TAGS = st.one_of(st.integers(0, 300), st.integers(2**32 - 2, 2**32 + 2), st.just(2**63 - 1))


def ack_frames(acks: list[tuple[int, bool]], channel: int = CHANNEL) -> bytes:
    return b"".join(marshal(commands.Basic.Ack(tag, multiple), channel) for tag, multiple in acks)


@given(st.integers(1, 2_047), TAGS, st.booleans())
def test_what_a_publisher_is_told_is_laid_as_pamqp_lays_it(channel: int, tag: int, multiple: bool) -> None:
    prefix = ack_prefix(channel)
    assert lay_ack(prefix, tag, multiple=multiple) == marshal(commands.Basic.Ack(tag, multiple), channel)
    assert lay_nack(prefix, tag) == marshal(commands.Basic.Nack(tag, False, True), channel)


@given(st.lists(st.tuples(TAGS, st.booleans()), max_size=20), st.integers(0, 25), st.binary(max_size=8))
def test_acks_are_read_up_to_the_first_that_is_not_whole(
    acks: list[tuple[int, bool]], missing: int, before: bytes
) -> None:
    stream = before + ack_frames(acks)
    end = max(len(stream) - missing, len(before))
    whole = (end - len(before)) // 21
    assert read_acks(stream, len(before), end, ack_prefix(CHANNEL)) == (acks[:whole], len(before) + whole * 21)


@pytest.mark.parametrize(
    "odd",
    [
        ack_frames([(2, False)], CHANNEL + 1),
        ack_frames([(2, False)])[:-1] + b"\xcd",
        marshal(commands.Basic.Reject(2), CHANNEL),
        marshal(commands.Basic.Nack(2), CHANNEL),
    ],
)
def test_what_is_no_ack_of_the_channel_ends_them(odd: bytes) -> None:
    stream = ack_frames([(1, False)]) + odd + ack_frames([(3, False)])
    assert read_acks(stream, 0, len(stream), ack_prefix(CHANNEL)) == ([(1, False)], 21)


def reject_frames(tags: list[tuple[int, bool]], channel: int = CHANNEL) -> bytes:
    return b"".join(marshal(commands.Basic.Reject(tag, requeue=False), channel) for tag, _ in tags)


def nack_frames(tags: list[tuple[int, bool]], channel: int = CHANNEL) -> bytes:
    return b"".join(marshal(commands.Basic.Nack(tag, multiple, requeue=False), channel) for tag, multiple in tags)


@given(
    st.sampled_from([reject_frames, nack_frames]),
    st.lists(st.tuples(TAGS, st.booleans()), min_size=1, max_size=20),
    st.integers(0, 25),
    st.binary(max_size=8),
    st.integers(0, 30),
)
def test_discards_are_read_up_to_the_first_that_is_not_whole(
    frames: Callable[[list[tuple[int, bool]]], bytes],
    tags: list[tuple[int, bool]],
    missing: int,
    before: bytes,
    most: int,
) -> None:
    stream = before + frames(tags)
    end = max(len(stream) - missing, len(before))
    whole = min((end - len(before)) // 21, most)
    expected = [(tag, multiple and frames is nack_frames) for tag, multiple in tags[:whole]]
    prefix = stream[len(before) : len(before) + 11]
    assert read_discards(stream, len(before), end, prefix, most) == (expected, len(before) + whole * 21)


@pytest.mark.parametrize("frames", [reject_frames, nack_frames])
@pytest.mark.parametrize(
    "odd",
    [
        reject_frames([(2, False)], CHANNEL + 1),
        nack_frames([(2, False)], CHANNEL + 1),
        reject_frames([(2, False)])[:-1] + b"\xcd",
        nack_frames([(2, False)])[:-1] + b"\xcd",
        marshal(commands.Basic.Reject(2, requeue=True), CHANNEL),
        marshal(commands.Basic.Nack(2, requeue=True), CHANNEL),
        ack_frames([(2, False)]),
    ],
)
def test_what_is_no_discard_of_its_kind_ends_them(
    frames: Callable[[list[tuple[int, bool]]], bytes], odd: bytes
) -> None:
    stream = frames([(1, False)]) + odd + frames([(3, False)])
    assert read_discards(stream, 0, len(stream), stream[:11], 9) == ([(1, False)], 21)


# Deliveries


def message(body: bytes, exchange: str = "", key: str = "tasks", **properties: object) -> Message:
    header = marshal(ContentHeader(0, len(body), Properties(**properties)), 1)[7:-1]
    return address_of(exchange, key), header, body, 0


def expected_deliveries(consumer_tag: str, tag: int, messages: list[Message], redelivered: bool, piece: int) -> bytes:
    frames = []
    for number, (address, header, body, _) in enumerate(messages):
        exchange, key = split_address(address)
        frames.append(
            marshal(commands.Basic.Deliver(consumer_tag, tag + number, redelivered, exchange, key), CHANNEL)
            + b"\x02"
            + CHANNEL.to_bytes(2, "big")
            + len(header).to_bytes(4, "big")
            + header
            + b"\xce"
        )
        frames += [marshal(ContentBody(body[at : at + piece]), CHANNEL) for at in range(0, len(body), piece)]
    return b"".join(frames)


FIRST_TAGS = st.one_of(st.integers(1, 600), st.integers(2**32 - 300, 2**32 + 2), st.integers(2**56, 2**62))
MESSAGES = st.builds(
    message,
    st.one_of(st.just(b""), st.binary(max_size=20), st.sampled_from([b"x" * 4088, b"y" * 4089, b"z" * 9000])),
    st.sampled_from(["", "logs", "größe"]),
    st.sampled_from(["", "tasks", "schlüssel", "k" * 255]),
    delivery_mode=st.sampled_from([1, 2]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["ctag", "", "marke-ä", "t" * 255]),
    FIRST_TAGS,
    st.lists(MESSAGES, min_size=1, max_size=6),
    st.integers(1, 400),
    st.booleans(),
    st.sampled_from([4096, 8192, 131_072, 0]),
)
def test_deliveries_are_what_pamqp_lays(
    consumer_tag: str, tag: int, some: list[Message], repeats: int, redelivered: bool, frame_max_bytes: int
) -> None:
    messages = some if len(some) > 1 else some * repeats
    outbox: list[bytes] = []
    lane = DeliverLane(CHANNEL, consumer_tag, frame_max_bytes)
    lane.lay(outbox, tag, messages, redelivered)
    piece = frame_max_bytes - 8 if frame_max_bytes else 1 << 31
    assert b"".join(outbox) == expected_deliveries(consumer_tag, tag, messages, redelivered, piece)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20), st.lists(st.sampled_from([message(b"123"), message(b"456"), message(b"")]), min_size=17))
def test_messages_alike_but_for_some_are_laid_each_as_it_is(lead: int, messages: list[Message]) -> None:
    messages = [message(b"123")] * lead + messages
    outbox: list[bytes] = []
    octets = DeliverLane(CHANNEL, "ctag", FRAME_MAX_BYTES).lay(outbox, 250, messages, False)
    laid = b"".join(outbox)
    assert laid == expected_deliveries("ctag", 250, messages, False, BODY_MAX_BYTES)
    assert len(laid) / 2 < octets < len(laid) * 2


@settings(max_examples=100, deadline=None)
@given(
    FIRST_TAGS,
    st.lists(MESSAGES | st.builds(message, st.binary(min_size=1, max_size=9)), min_size=1, max_size=300),
    st.booleans(),
    st.sampled_from([4096, 131_072, 0]),
    st.data(),
)
def test_messages_that_are_shared_are_laid_for_each_consumer_the_same(
    tag: int, messages: list[Message], redelivered: bool, frame_max_bytes: int, data: st.DataObject
) -> None:
    shared = SharedMessages()
    shared.append(messages)
    stop = data.draw(st.integers(1, len(messages)))
    start = data.draw(st.integers(0, stop - 1))
    piece = frame_max_bytes - 8 if frame_max_bytes else 1 << 31
    for consumer_tag in ("ctag", "other"):
        outbox: list[bytes] = []
        lane = DeliverLane(CHANNEL, consumer_tag, frame_max_bytes)
        octets = lane.lay(outbox, tag, SharedRun(shared, start, stop), redelivered)
        laid = b"".join(outbox)
        assert laid == expected_deliveries(consumer_tag, tag, messages[start:stop], redelivered, piece)
        assert octets == len(laid) or shared.parts(start, stop) is None


def test_first_and_repeated_deliveries_of_one_consumer_keep_apart() -> None:
    lane = DeliverLane(CHANNEL, "ctag", FRAME_MAX_BYTES)
    for tag, redelivered in ((1, False), (2, True), (3, False), (4, True)):
        outbox: list[bytes] = []
        lane.lay(outbox, tag, [message(b"1")], redelivered)
        assert b"".join(outbox) == expected_deliveries("ctag", tag, [message(b"1")], redelivered, BODY_MAX_BYTES)


def test_more_addresses_and_sizes_than_a_memo_holds_are_laid_the_same() -> None:
    lane = DeliverLane(CHANNEL, "ctag", 0)
    messages = [message(b"x" * (number % 5000 + 1), key=str(number)) for number in range(DELIVER_MEMO_MAX + 2)]
    messages += messages[:2]
    outbox: list[bytes] = []
    lane.lay(outbox, 1, messages, False)
    assert b"".join(outbox) == expected_deliveries("ctag", 1, messages, False, 1 << 31)
