"""The little of AMQP 0-9-1 the load tools speak: frames, a blocking connection, and messages encoded ahead of time."""

import random
import re
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

HOST = "127.0.0.1"
CONSUMER_TAG = "c"
CHANNEL = 1
FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT = 1, 2, 3, 8
FRAME_OVERHEAD = 8
FRAME_END = b"\xce"
RECEIVE_SIZE = 1 << 18

DISTINCT_MESSAGES = 20_000
DISTINCT_OCTETS = 1 << 25
"""So much of bodies is made to be sent over and over: more would measure this machine's memory, not the broker."""
ROUTING_KEYS = 1_000
FLAG_HEADERS, FLAG_DELIVERY_MODE, FLAG_PRIORITY = 0x2000, 0x1000, 0x0800
FLAG_CORRELATION_ID, FLAG_MESSAGE_ID = 0x0400, 0x0080
PERSISTENT = b"\x02"

# (class id, method id), section 1 of the specification's generated reference
CONNECTION_START, CONNECTION_START_OK = (10, 10), (10, 11)
CONNECTION_TUNE, CONNECTION_TUNE_OK = (10, 30), (10, 31)
CONNECTION_OPEN, CONNECTION_OPEN_OK = (10, 40), (10, 41)
CONNECTION_CLOSE, CONNECTION_CLOSE_OK = (10, 50), (10, 51)
CHANNEL_OPEN, CHANNEL_OPEN_OK = (20, 10), (20, 11)
CHANNEL_CLOSE, CHANNEL_CLOSE_OK = (20, 40), (20, 41)
EXCHANGE_DECLARE, EXCHANGE_DECLARE_OK = (40, 10), (40, 11)
EXCHANGE_DELETE, EXCHANGE_DELETE_OK = (40, 20), (40, 21)
QUEUE_DECLARE, QUEUE_DECLARE_OK = (50, 10), (50, 11)
QUEUE_BIND, QUEUE_BIND_OK = (50, 20), (50, 21)
QUEUE_DELETE, QUEUE_DELETE_OK = (50, 40), (50, 41)
BASIC_QOS, BASIC_QOS_OK = (60, 10), (60, 11)
BASIC_CONSUME, BASIC_CONSUME_OK = (60, 20), (60, 21)
BASIC_PUBLISH, BASIC_DELIVER, BASIC_ACK = (60, 40), (60, 60), (60, 80)
BASIC_REJECT, BASIC_NACK = (60, 90), (60, 120)
CONFIRM_SELECT, CONFIRM_SELECT_OK = (85, 10), (85, 11)

NO_ARGUMENTS = b"\0\0\0\0"
CLOSE_NORMALLY = struct.pack(">HBHH", 200, 0, 0, 0)


class BenchmarkError(Exception):
    """A broker did not do what the measurement needs; the text says what."""


def short_string(text: str) -> bytes:
    octets = text.encode()
    return bytes([len(octets)]) + octets


def long_string(octets: bytes) -> bytes:
    return struct.pack(">I", len(octets)) + octets


def table(values: Mapping[str, int | str]) -> bytes:
    """A table of 64-bit numbers and long strings."""
    fields = (
        short_string(name)
        + (struct.pack(">cq", b"l", value) if isinstance(value, int) else b"S" + long_string(value.encode()))
        for name, value in values.items()
    )
    return long_string(b"".join(fields))


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + FRAME_END


def method(channel: int, name: tuple[int, int], arguments: bytes = b"") -> bytes:
    return frame(FRAME_METHOD, channel, struct.pack(">HH", *name) + arguments)


def ack(delivery_tag: int) -> bytes:
    """basic.ack for everything up to `delivery_tag`."""
    return method(CHANNEL, BASIC_ACK, struct.pack(">QB", delivery_tag, 1))


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it is published and as it must come back."""

    exchange: str
    routing_key: str
    body: bytes
    identity: str = ""
    """Its message-id and its correlation-id; a transient message without one has no properties at all."""
    persistent: bool = False
    priority: int | None = None
    headers: bytes = b""
    """A table; empty: it has none."""

    def header(self) -> bytes:
        flags, properties = 0, b""
        if self.headers:
            flags, properties = FLAG_HEADERS, self.headers
        if self.persistent:
            flags |= FLAG_DELIVERY_MODE
            properties += PERSISTENT
        if self.priority is not None:
            flags |= FLAG_PRIORITY
            properties += bytes([self.priority])
        if self.identity:
            flags |= FLAG_CORRELATION_ID | FLAG_MESSAGE_ID
            properties += short_string(self.identity) * 2
        return struct.pack(">HHQH", 60, 0, len(self.body), flags) + properties

    def address(self) -> bytes:
        return short_string(self.exchange) + short_string(self.routing_key)

    def publish(self, frame_max: int) -> bytes:
        """basic.publish, the header and the body, on the load's channel."""
        return method(CHANNEL, BASIC_PUBLISH, b"\0\0" + self.address() + b"\0") + self._content(frame_max)

    def delivery(self, delivery_tag: int) -> bytes:
        """The payload of the basic.deliver that brings it for the first time."""
        envelope = short_string(CONSUMER_TAG) + struct.pack(">QB", delivery_tag, 0)
        return struct.pack(">HH", *BASIC_DELIVER) + envelope + self.address()

    def delivery_size(self, frame_max: int) -> int:
        """Octets of the whole delivery on the wire; the same for every message of one load."""
        return FRAME_OVERHEAD + len(self.delivery(1)) + len(self._content(frame_max))

    def _content(self, frame_max: int) -> bytes:
        step = frame_max - FRAME_OVERHEAD
        parts = [self.body[start : start + step] for start in range(0, len(self.body), step)]
        return frame(FRAME_HEADER, CHANNEL, self.header()) + b"".join(
            frame(FRAME_BODY, CHANNEL, part) for part in parts
        )


def varied_messages(exchange: str, size: int, count: int, persistent: bool = False) -> list[Message]:
    """Messages that differ in body, message-id and correlation-id, over 1,000 routing keys; all of one length."""
    source = random.Random(size)
    return [
        Message(
            exchange,
            f"key.{number % ROUTING_KEYS:04d}",
            source.randbytes(-(-size // 2)).hex().encode()[:size],
            source.randbytes(8).hex(),
            persistent,
        )
        for number in range(count)
    ]


class Connection:
    """A blocking connection with channel 1 open, logged in as guest.

    Every wait is bounded by `timeout_s`. Raises BenchmarkError when the broker closes, answers something else or lets
    it wait too long, OSError when the socket fails.
    """

    def __init__(self, port: int, timeout_s: float = 30.0) -> None:
        self.socket = socket.create_connection((HOST, port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._timeout_s = timeout_s
        self._buffer = b""
        self._position = 0
        try:
            self._log_in()
        except BaseException:
            self.socket.close()
            raise

    def _log_in(self) -> None:
        self.send(b"AMQP\x00\x00\x09\x01")
        start = self.expect(CONNECTION_START)
        version = re.search(rb"\x07versionS\0\0\0(.)([\d.a-z+-]+)", start, re.DOTALL)
        self.server_version = version[2][: version[1][0]].decode() if version else "unknown"
        answer = b"\0guest\0guest"
        start_ok = long_string(b"") + short_string("PLAIN") + long_string(answer) + short_string("en_US")
        self.send(method(0, CONNECTION_START_OK, start_ok))
        channel_max, frame_max, _heartbeat = struct.unpack(">HIH", self.expect(CONNECTION_TUNE)[4:12])
        self.frame_max: int = frame_max or 131072
        self.send(method(0, CONNECTION_TUNE_OK, struct.pack(">HIH", channel_max, self.frame_max, 0)))
        self.call(CONNECTION_OPEN, short_string("/") + b"\0\0", CONNECTION_OPEN_OK, channel=0)
        self.open_channel(CHANNEL)

    def send(self, octets: bytes | memoryview) -> None:
        try:
            self.socket.sendall(octets)
        except TimeoutError:
            raise BenchmarkError(f"the broker did not take {len(octets)} octets in {self._timeout_s:g} s") from None

    def read_frame(self) -> tuple[int, int, bytes]:
        """The next frame: kind, channel, payload."""
        header_end = self._position + 7
        while len(self._buffer) < header_end:
            self._receive()
            header_end = self._position + 7
        kind, channel, size = struct.unpack_from(">BHI", self._buffer, self._position)
        while len(self._buffer) <= self._position + 7 + size:
            self._receive()
        start = self._position + 7
        if self._buffer[start + size] != FRAME_END[0]:
            raise BenchmarkError(f"a frame of kind {kind} and {size} octets lacks its end octet")
        self._position = start + size + 1
        return kind, channel, self._buffer[start : start + size]

    def _receive(self) -> None:
        try:
            chunk = self.socket.recv(RECEIVE_SIZE)
        except TimeoutError:
            raise BenchmarkError(f"waited {self._timeout_s:g} s for the rest of a frame") from None
        if not chunk:
            raise BenchmarkError("the broker closed the socket")
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0

    def unread(self) -> bytes:
        """What has been received but not yet read as frames; the caller takes it over."""
        rest = self._buffer[self._position :]
        self._buffer, self._position = b"", 0
        return rest

    def expect(self, name: tuple[int, int]) -> bytes:
        """The payload of the method `name`, the next frame but for heartbeats."""
        while True:
            kind, _channel, payload = self.read_frame()
            if kind == FRAME_HEARTBEAT:
                continue
            got = struct.unpack_from(">HH", payload)
            if kind == FRAME_METHOD and got == name:
                return payload
            if kind == FRAME_METHOD and got in (CONNECTION_CLOSE, CHANNEL_CLOSE):
                code, length = struct.unpack_from(">HB", payload, 4)
                raise BenchmarkError(f"the broker closed with {code} {payload[7 : 7 + length].decode()}")
            raise BenchmarkError(f"expected method {name}, got a frame of kind {kind}: {payload[:60]!r}")

    def read_delivery(self) -> int:
        """The next delivery, which has one body frame; returns how many octets it was."""
        return sum(FRAME_OVERHEAD + len(self.read_frame()[2]) for _method_header_body in range(3))

    def call(self, name: tuple[int, int], arguments: bytes, reply: tuple[int, int], channel: int = CHANNEL) -> bytes:
        self.send(method(channel, name, arguments))
        return self.expect(reply)

    def open_channel(self, channel: int) -> None:
        self.call(CHANNEL_OPEN, b"\0", CHANNEL_OPEN_OK, channel)

    def close_channel(self, channel: int) -> None:
        self.call(CHANNEL_CLOSE, CLOSE_NORMALLY, CHANNEL_CLOSE_OK, channel)

    def close(self) -> None:
        """connection.close and its answer, then the socket's end without the kernel's wait for late segments.

        That wait would use up the local ports when thousands of connections come and go."""
        self.call(CONNECTION_CLOSE, CLOSE_NORMALLY, CONNECTION_CLOSE_OK, channel=0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def declare_queue(
        self, queue: str, exclusive: bool = False, durable: bool = False, arguments: bytes = NO_ARGUMENTS
    ) -> None:
        flags = bytes([durable << 1 | exclusive << 2])
        self.call(QUEUE_DECLARE, b"\0\0" + short_string(queue) + flags + arguments, QUEUE_DECLARE_OK)

    def delete_queue(self, queue: str) -> None:
        self.call(QUEUE_DELETE, b"\0\0" + short_string(queue) + b"\0", QUEUE_DELETE_OK)

    def message_count(self, queue: str) -> int:
        """Messages ready in `queue`, by a passive declare."""
        reply = self.call(QUEUE_DECLARE, b"\0\0" + short_string(queue) + b"\1" + NO_ARGUMENTS, QUEUE_DECLARE_OK)
        count: int = struct.unpack_from(">I", reply, 5 + reply[4])[0]
        return count

    def declare_exchange(
        self, exchange: str, kind: str, durable: bool = False, arguments: bytes = NO_ARGUMENTS
    ) -> None:
        names = b"\0\0" + short_string(exchange) + short_string(kind)
        self.call(EXCHANGE_DECLARE, names + bytes([durable << 1]) + arguments, EXCHANGE_DECLARE_OK)

    def delete_exchange(self, exchange: str) -> None:
        self.call(EXCHANGE_DELETE, b"\0\0" + short_string(exchange) + b"\0", EXCHANGE_DELETE_OK)

    def bind_queue(self, queue: str, exchange: str, key: str) -> None:
        self.call(QUEUE_BIND, _binding(queue, exchange, key, nowait=False), QUEUE_BIND_OK)

    def bind_many(self, bindings: Iterable[tuple[str, str, str]]) -> None:
        """Makes the bindings of (queue, exchange, key) and returns when they are all there."""
        self.send(b"".join(method(CHANNEL, QUEUE_BIND, _binding(*each, nowait=True)) for each in bindings))
        self.synchronise()

    def set_prefetch(self, count: int) -> None:
        self.call(BASIC_QOS, struct.pack(">IHB", 0, count, 0), BASIC_QOS_OK)

    def synchronise(self) -> None:
        """Returns when the broker has read everything sent so far: a call that changes nothing, and its answer."""
        self.set_prefetch(0)

    def select_confirms(self) -> None:
        self.call(CONFIRM_SELECT, b"\0", CONFIRM_SELECT_OK)

    def consume(self, queue: str, no_ack: bool, arguments: bytes = NO_ARGUMENTS) -> None:
        names = short_string(queue) + short_string(CONSUMER_TAG)
        self.call(BASIC_CONSUME, b"\0\0" + names + bytes([no_ack << 1]) + arguments, BASIC_CONSUME_OK)


def _binding(queue: str, exchange: str, key: str, *, nowait: bool) -> bytes:
    """The arguments of queue.bind."""
    return b"\0\0" + short_string(queue) + short_string(exchange) + short_string(key) + bytes([nowait]) + NO_ARGUMENTS


@dataclass(frozen=True, slots=True)
class Topology:
    """The queues of one load and how its messages reach them; made before and removed after it.

    One queue is reached by the default exchange, several by a fanout exchange, and varied messages always by a topic
    exchange with every queue bound by `#`. durable: queues and exchange are, and the messages are persistent.
    arguments: of every queue, a table. priorities: the messages have priorities below that, in turn; 0: they have none.
    """

    name: str
    queue_count: int = 1
    vary: bool = False
    durable: bool = False
    arguments: bytes = NO_ARGUMENTS
    priorities: int = 0

    @property
    def queues(self) -> list[str]:
        return [f"{self.name}.{number}" for number in range(self.queue_count)]

    @property
    def exchange(self) -> str:
        if self.vary:
            return f"{self.name}.topic"
        return f"{self.name}.fanout" if self.queue_count > 1 else ""

    def create(self, connection: Connection) -> None:
        for queue in self.queues:
            connection.declare_queue(queue, durable=self.durable, arguments=self.arguments)
        if self.exchange:
            connection.declare_exchange(self.exchange, "topic" if self.vary else "fanout", self.durable)
            for queue in self.queues:
                connection.bind_queue(queue, self.exchange, "#" if self.vary else "")

    def remove(self, connection: Connection) -> None:
        for queue in self.queues:
            connection.delete_queue(queue)
        if self.exchange:
            connection.delete_exchange(self.exchange)

    def messages(self, size: int, count: int | None = None) -> list[Message]:
        """Different messages when they vary, as many as asked for or as are good to repeat; else one of each priority.

        All of them are of one length.
        """
        if self.vary:
            distinct = count or min(DISTINCT_MESSAGES, DISTINCT_OCTETS // size)
            messages = varied_messages(self.exchange, size, distinct, self.durable)
        else:
            key = "key" if self.exchange else self.queues[0]
            messages = [Message(self.exchange, key, b"x" * size, persistent=self.durable)] * max(self.priorities, 1)
        if self.priorities:
            messages = [replace(each, priority=number % self.priorities) for number, each in enumerate(messages)]
        return messages


def blocks(publishes: list[bytes], block_size: int = 1 << 16) -> Iterator[bytes]:
    """Cuts encoded publishes into blocks of whole messages, each at most `block_size` octets or one message."""
    block: list[bytes] = []
    filled = 0
    for publish in publishes:
        if block and filled + len(publish) > block_size:
            yield b"".join(block)
            block, filled = [], 0
        block.append(publish)
        filled += len(publish)
    if block:
        yield b"".join(block)
