"""The hot frames, cut and laid by hand: publish with its content, ack, reject, deliver.

Objects cost more than octets. Everything here works on the octets of one socket read, asks memos before it looks
closer, and hands over runs: messages with one destination, many at a time. What is rare, odd or wrong is left where it
stands for the general path, which knows every rule; this file only has to recognise what it may take.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Final, Protocol

from amqpbroker.limits import DELIVER_MEMO_MAX, FRAME_OVERHEAD_BYTES, HEADER_MEMO_MAX
from amqpbroker.wire.constants import (
    ACK,
    BASIC,
    BODY,
    DELIVER,
    FRAME_END,
    FRAME_END_OCTET,
    HEADER,
    METHOD,
    NACK,
    PUBLISH,
)
from amqpbroker.wire.frames import FRAME_HEADER, SIZE, TAG, content_frames
from amqpbroker.wire.runs import Message, SharedRun, UniformRun

# type, channel, size; class, weight, body size, property flags
_CONTENT_HEADER: Final = struct.Struct(">BHIHHQH")
_CONTENT_HEADER_MIN_BYTES: Final = 22
# delivery tag, multiple (or requeue), end octet
_ACK_TAIL: Final = struct.Struct(">QBB")
# The same with what stands before it.
_SETTLEMENT: Final = struct.Struct(">11sQBB")
_OCTETS: Final = [bytes((octet,)) for octet in range(256)]
# class, method, ticket, exchange, routing key, bits
_PUBLISH_MAX_BYTES: Final = 4 + 2 + 256 + 256 + 1
# Flags without a property: the first asks for another word of flags.
_NO_PROPERTIES: Final = 0x0003
# Property flags: headers, delivery-mode, priority, reply-to, expiration and user-id, which have rules of their own, and
# timestamp, which is no string.
_LOOK_CLOSER: Final = 0x3B50
# Property flags whose values are new with every message: headers, correlation-id, expiration, message-id, timestamp.
# Such a header would only push others out of the memo.
_UNIQUE: Final = 0x25C0
_ADDRESS: Final = itemgetter(0)
_HEADER: Final = itemgetter(1)
_BODY: Final = itemgetter(2)
# Fewer messages are laid one by one sooner than they are compared.
_UNIFORM_MIN_MESSAGES: Final = 16
# Of bodies over this the separator search costs more than it saves.
_SPLIT_BODY_MAX_BYTES: Final = 1_024
# How many messages the first search of a run looks at, and how many times as many each further one: a run that is
# short has not been searched for to the end of the read.
_SPLIT_FIRST_MESSAGES: Final = 32
_SPLIT_GROWTH: Final = 8

ACK_FRAME_BYTES: Final = 21


class Route(Protocol):
    """What the lane needs to know of a routing decision: it is opaque but for these."""

    @property
    def address(self) -> bytes: ...

    @property
    def group(self) -> object: ...


class PublishSink(Protocol):
    """Who takes the messages that the lane has read: the channel."""

    def resolve(self, method: bytes) -> Route | None:
        """The decision for the octets of a publish method; None leaves this message to the general path."""

    def inspect(self, header: bytes) -> int:
        """The flags of a content header; negative leaves this message to the general path."""

    def publish(self, group: object, messages: Sequence[Message]) -> None:
        """Takes a run of messages with one destination."""

    def are_apart(self, group: object, other: object) -> bool:
        """Whether nobody can tell in which order messages of one group and of the other are taken.

        Of more groups it is true if it is true of each and one of the others.
        """


class PublishLane:
    """Reads the publishes of one channel out of a socket read.

    `routes` maps publish method frames to decisions, `flags` content headers to their flags; the owner clears `routes`
    (and calls `forget`) when topology, permissions or the channel's mode change.
    """

    __slots__ = (
        "_body_prefix",
        "_channel",
        "_header_flags",
        "_header_prefix",
        "_method_bytes",
        "_method_prefix",
        "_sink",
        "_template",
        "_template_message",
        "body_max_bytes",
        "routes",
        "waiting",
    )

    def __init__(self, channel: int, sink: PublishSink, body_max_bytes: int) -> None:
        self._channel = channel
        self._sink = sink
        self._method_prefix = struct.pack(">BH", METHOD, channel)
        self._header_prefix = struct.pack(">BH", HEADER, channel)
        # The end octet of the header frame, and what a body frame begins with.
        self._body_prefix = struct.pack(">BBH", FRAME_END, BODY, channel)
        self.body_max_bytes = body_max_bytes
        self.routes: dict[bytes, Route] = {}
        self._header_flags: dict[bytes, int] = {}
        self._method_bytes = 0
        self._template: bytes | None = None
        # The route, header, flags and body size of the message whose first octets are the template.
        self._template_message: tuple[Route, bytes, int, int]
        # Set when the message at the returned position is the lane's but not all there yet.
        self.waiting = False

    def forget(self) -> None:
        """Drops every memo that depends on the topology or on the channel's mode."""
        self.routes.clear()
        self._template = None

    def read(self, data: bytes, position: int, end: int) -> int:
        """Takes whole publishes from data[position:end]; returns where it stopped.

        At that place is the beginning of something else, of a message for the general path, or (`waiting` is set) of
        a message that is not complete.
        """
        sink = self._sink
        routes = self.routes
        header_flags = self._header_flags
        channel = self._channel
        body_max = self.body_max_bytes
        method_bytes = self._method_bytes
        template = self._template
        body_prefix = self._body_prefix
        # By group, what was read and is not with the sink: more than one if they are apart. `messages`: the group's.
        runs: dict[object, list[Message]] = {}
        messages: list[Message] = []
        group: object = None
        window = _SPLIT_FIRST_MESSAGES
        self.waiting = False
        while True:
            if template is not None and data.startswith(template, position):
                route, header, flags, body_bytes = self._template_message
                body_start = position + len(template)
                stop = body_start + body_bytes
                if stop >= end:
                    self.waiting = True
                    break
                if data[stop] != FRAME_END:
                    break
                position = stop + 1
                if body_bytes <= _SPLIT_BODY_MAX_BYTES and data.startswith(template, position):
                    stride = len(template) + body_bytes + 1
                    search_end = min(body_start + window * stride, end)
                    bodies = _split_bodies(data[body_start:search_end], template, body_bytes)
                    window = window * _SPLIT_GROWTH if len(bodies) == window else _SPLIT_FIRST_MESSAGES
                    if len(bodies) > 1:
                        position += (len(bodies) - 1) * stride
                        _publish(sink, runs)
                        group = None
                        sink.publish(route.group, UniformRun(route.address, header, bodies, flags))
                        continue
                body = data[body_start:stop]
            else:
                # A message of its own. Its method frame is most often as long as the one before.
                method = data[position : position + method_bytes]
                known = routes.get(method)
                if known is None:
                    if end - position < 11 or not data.startswith(self._method_prefix, position):
                        break
                    if data[position + 7 : position + 11] != PUBLISH:
                        break
                    size = int.from_bytes(data[position + 3 : position + 7], "big")
                    if size > _PUBLISH_MAX_BYTES:
                        break
                    method_bytes = size + FRAME_OVERHEAD_BYTES
                    if position + method_bytes > end:
                        self.waiting = True
                        break
                    method = data[position : position + method_bytes]
                    if method[-1] != FRAME_END:
                        break
                    known = routes.get(method)
                    if known is None:
                        known = sink.resolve(method)
                        if known is None:
                            break
                        if len(routes) == 1:
                            # All others may have been forgotten: a group to come is not the one of before.
                            _publish(sink, runs)
                            group = template = None
                header_at = position + method_bytes
                if end - header_at < _CONTENT_HEADER_MIN_BYTES:
                    self.waiting = self._header_may_follow(data[header_at:end])
                    break
                kind, number, size, class_id, weight, body_bytes, word = _CONTENT_HEADER.unpack_from(data, header_at)
                if (
                    kind != HEADER
                    or number != channel
                    or class_id != BASIC
                    or weight
                    or word & _NO_PROPERTIES
                    or not 14 <= size <= body_max
                    or body_bytes > body_max
                ):
                    break
                header_end = header_at + 7 + size
                body_start = header_end + 8
                stop = body_start + body_bytes if body_bytes else header_end
                body_head = body_prefix + body_bytes.to_bytes(4, "big") if body_bytes else FRAME_END_OCTET
                if stop >= end:
                    # All that is there has to be right, or the general path would not hear of the fault.
                    self.waiting = body_head.startswith(data[header_end:body_start])
                    break
                if data[header_end] != FRAME_END or data[stop] != FRAME_END:
                    break
                if body_bytes:
                    if data[header_end:body_start] != body_head:
                        break
                    body = data[body_start:stop]
                else:
                    body = b""
                header = data[header_at + 7 : header_end]
                if not word & _LOOK_CLOSER:
                    # Only short strings that no rule asks for: see that they fill the header, and no more.
                    at = header_at + 21
                    for _ in range(word.bit_count()):
                        # A length that is not there is the end octet's, or a later frame's: too long in any case.
                        at += data[at] + 1 if at < header_end else stop
                    if at != header_end:
                        break
                    flags = 0
                else:
                    flags = header_flags.get(header, -1)
                    if flags < 0:
                        flags = sink.inspect(header)
                        if flags < 0:
                            break
                        if not word & _UNIQUE:
                            if len(header_flags) >= HEADER_MEMO_MAX:
                                header_flags.clear()
                            header_flags[header] = flags
                route = known
                if body_bytes and not word & _UNIQUE:
                    template = self._template = data[position:body_start]
                    self._template_message = (route, header, flags, body_bytes)
                position = stop + 1
            if route.group is not group:
                known_run = runs.get(route.group)
                if known_run is None:
                    if runs and not sink.are_apart(route.group, next(iter(runs))):
                        _publish(sink, runs)
                    known_run = runs[route.group] = []
                messages = known_run
                group = route.group
            messages.append((route.address, header, body, flags))
        self._method_bytes = method_bytes
        _publish(sink, runs)
        return position

    def _header_may_follow(self, octets: bytes) -> bool:
        """Whether these can be the beginning of a content header frame that the lane could take."""
        if not self._header_prefix.startswith(octets[:3]):
            return False
        return len(octets) < 7 or int.from_bytes(octets[3:7], "big") >= _CONTENT_HEADER_MIN_BYTES - FRAME_OVERHEAD_BYTES


def _publish(sink: PublishSink, runs: dict[object, list[Message]]) -> None:
    """The sink takes what was read."""
    for group, messages in runs.items():
        sink.publish(group, messages)
    runs.clear()


def _split_bodies(data: bytes, template: bytes, body_bytes: int) -> list[bytes]:
    """The bodies of consecutive messages that begin with the same octets, cut by one search.

    data begins with a body. Between two bodies stand an end octet and the template. A body that holds these octets
    itself gives pieces of another length: the result ends before it. The last piece is left to the caller too, since
    nothing shows where it ends.
    """
    pieces = data.split(FRAME_END_OCTET + template)
    del pieces[-1]
    lengths = list(map(len, pieces))
    if lengths.count(body_bytes) != len(lengths):
        del pieces[next(i for i, length in enumerate(lengths) if length != body_bytes) :]
    return pieces


def read_acks(data: bytes, position: int, end: int, prefix: bytes) -> tuple[list[tuple[int, bool]], int]:
    """Consecutive basic.ack frames of one channel: ([(delivery tag, multiple)], where they end).

    prefix: the first eleven octets of such a frame, see `ack_prefix`.
    """
    acks: list[tuple[int, bool]] = []
    while end - position >= ACK_FRAME_BYTES and data.startswith(prefix, position):
        tag, multiple, frame_end = _ACK_TAIL.unpack_from(data, position + 11)
        if frame_end != FRAME_END:
            break
        acks.append((tag, bool(multiple & 1)))
        position += ACK_FRAME_BYTES
    return acks, position


def read_discards(data: bytes, position: int, end: int, prefix: bytes, most: int) -> tuple[list[tuple[int, bool]], int]:
    """Consecutive basic.reject or basic.nack frames of one channel, of messages that are not wanted back.

    prefix: the first eleven octets of such a frame. Returns at most so many, as `read_acks` does.
    """
    # The bits that a discard may have set: none of basic.reject, which has requeue alone; multiple of basic.nack.
    bits_max = int(prefix.endswith(NACK))
    whole = min((end - position) // ACK_FRAME_BYTES, most)
    discards: list[tuple[int, bool]] = []
    frames = memoryview(data)[position : position + whole * ACK_FRAME_BYTES]
    for head, tag, bits, frame_end in _SETTLEMENT.iter_unpack(frames):
        if head != prefix or bits > bits_max or frame_end != FRAME_END:
            break
        discards.append((tag, bool(bits)))
    return discards, position + len(discards) * ACK_FRAME_BYTES


def lay_ack(prefix: bytes, tag: int, *, multiple: bool) -> bytes:
    """A basic.ack frame. prefix: see `ack_prefix`."""
    return prefix + _ACK_TAIL.pack(tag, multiple, FRAME_END)


def lay_nack(prefix: bytes, tag: int) -> bytes:
    """A basic.nack frame that a publisher gets, for one message. prefix: of its acks, see `ack_prefix`."""
    # Bit 1, requeue, is set wherever nobody says otherwise.
    return prefix[: -len(ACK)] + NACK + _ACK_TAIL.pack(tag, 2, FRAME_END)


def ack_prefix(channel: int) -> bytes:
    """What every basic.ack frame of a channel begins with: type, channel, size 13, class 60, method 80."""
    return struct.pack(">BHI", METHOD, channel, 13) + ACK


class DeliverLane:
    """Lays the basic.deliver frames of one consumer, with their contents."""

    __slots__ = (
        "_again",
        "_body_heads",
        "_body_max_bytes",
        "_body_prefix",
        "_channel",
        "_consumer_tag",
        "_first",
        "_frame_max_bytes",
        "_header_prefix",
    )

    def __init__(self, channel: int, consumer_tag: str, frame_max_bytes: int) -> None:
        octets = consumer_tag.encode("utf-8", "surrogateescape")
        self._channel = channel
        self._consumer_tag = bytes((len(octets),)) + octets
        self._frame_max_bytes = frame_max_bytes
        self._body_max_bytes = frame_max_bytes - FRAME_OVERHEAD_BYTES if frame_max_bytes else 1 << 31
        self._header_prefix = struct.pack(">BBH", FRAME_END, HEADER, channel)
        self._body_prefix = struct.pack(">BBH", FRAME_END, BODY, channel)
        # address -> what stands before and after the delivery tag, for the first delivery and for another one
        self._first: dict[bytes, tuple[bytes, bytes]] = {}
        self._again: dict[bytes, tuple[bytes, bytes]] = {}
        # body size -> end octet of the header frame and head of the body frame
        self._body_heads: dict[int, bytes] = {}

    def _heads(self, address: bytes, redelivered: bool) -> tuple[bytes, bytes]:
        memo = self._again if redelivered else self._first
        if len(memo) >= DELIVER_MEMO_MAX:
            memo.clear()
        size = 4 + len(self._consumer_tag) + 9 + len(address)
        heads = memo[address] = (
            FRAME_HEADER.pack(METHOD, self._channel, size) + DELIVER + self._consumer_tag,
            (b"\x01" if redelivered else b"\x00") + address + self._header_prefix,
        )
        return heads

    def _body_head(self, body_bytes: int) -> bytes:
        if len(self._body_heads) >= DELIVER_MEMO_MAX:
            self._body_heads.clear()
        head = self._body_heads[body_bytes] = self._body_prefix + SIZE.pack(body_bytes)
        return head

    def lay(self, outbox: list[bytes], tag: int, messages: Sequence[Message], redelivered: bool) -> int:
        """Appends the frames of consecutive deliveries to outbox; returns about how many octets they are.

        tag: delivery tag of the first.
        """
        memo = self._again if redelivered else self._first
        if type(messages) is SharedRun and (parts := messages.shared.parts(messages.start, messages.stop)):
            address = messages.shared.messages[messages.start][0]
            return self._lay_shared(outbox, tag, memo.get(address) or self._heads(address, redelivered), *parts)
        known_address, known_header, body, _ = messages[0]
        body_bytes = len(body)
        if 0 < body_bytes <= self._body_max_bytes and (bodies := _uniform_bodies(messages)):
            before, after = memo.get(known_address) or self._heads(known_address, redelivered)
            between = after + SIZE.pack(len(known_header)) + known_header + self._body_head(body_bytes)
            _lay_uniform(outbox, before, tag, between, bodies)
            return len(bodies) * (len(before) + 9 + len(between) + body_bytes)
        extend = outbox.extend
        pack_tag = TAG.pack
        body_heads = self._body_heads
        body_max = self._body_max_bytes
        known_address = b""
        total_bytes = len(messages) * 100
        for address, header, body, _ in messages:
            if address is not known_address:
                before, after = memo.get(address) or self._heads(address, redelivered)
                known_address = address
            body_bytes = len(body)
            if 0 < body_bytes <= body_max:
                extend(
                    (
                        before,
                        pack_tag(tag),
                        after,
                        SIZE.pack(len(header)),
                        header,
                        body_heads.get(body_bytes) or self._body_head(body_bytes),
                        body,
                        FRAME_END_OCTET,
                    )
                )
            else:
                method = before + pack_tag(tag) + after[:-3]
                extend((method, content_frames(self._channel, header, body, self._frame_max_bytes)))
            tag += 1
            total_bytes += body_bytes
        return total_bytes

    def _lay_shared(
        self, outbox: list[bytes], tag: int, heads: tuple[bytes, bytes], headers: list[bytes], bodies: list[bytes]
    ) -> int:
        """Deliveries whose content frames are laid but for the channel's number."""
        before, after = heads
        body_head = self._body_prefix[1:]
        count = len(headers)
        for head, lows, start, stop in _tag_stretches(before, tag, count):
            outbox.append(head)
            outbox += chain.from_iterable(
                zip(
                    lows,
                    repeat(after),
                    headers[start:stop],
                    repeat(body_head),
                    bodies[start:stop],
                    repeat(head),
                    strict=False,
                )
            )
            del outbox[-1]
        return count * (len(before) + 8 + len(after) + len(body_head)) + sum(map(len, headers)) + sum(map(len, bodies))


def _uniform_bodies(messages: Sequence[Message]) -> list[bytes] | None:
    """The bodies of messages that all have one address, one header and one size of body; None of others."""
    if type(messages) is UniformRun:
        return messages.bodies
    address, header, body, _ = messages[0]
    if messages[-1][1] is not header or messages[-1][0] is not address or len(messages) < _UNIFORM_MIN_MESSAGES:
        return None
    count = len(messages)
    bodies = list(map(_BODY, messages))
    if (
        list(map(_ADDRESS, messages)).count(address) == count
        and list(map(_HEADER, messages)).count(header) == count
        and list(map(len, bodies)).count(len(body)) == count
    ):
        return bodies
    return None


def _lay_uniform(outbox: list[bytes], before: bytes, tag: int, between: bytes, bodies: list[bytes]) -> None:
    """Deliveries that differ in their tags and bodies alone: each is four references and no new object."""
    for head, lows, start, stop in _tag_stretches(before, tag, len(bodies)):
        outbox.append(head)
        outbox += chain.from_iterable(
            zip(lows, repeat(between), bodies[start:stop], repeat(FRAME_END_OCTET + head), strict=False)
        )
        outbox[-1] = FRAME_END_OCTET


def _tag_stretches(before: bytes, tag: int, count: int) -> Iterator[tuple[bytes, list[bytes], int, int]]:
    """Deliveries in a row, from this tag on, in stretches: (what stands before, last octets of the tags, from, to).

    A tag's last octet is one of 256 that are there already; the other seven change so seldom that they are laid as part
    of what stands before.
    """
    start = 0
    while start < count:
        high, low = divmod(tag + start, 256)
        stop = min(start + 256 - low, count)
        yield before + high.to_bytes(7, "big"), _OCTETS[low : low + stop - start], start, stop
        start = stop
