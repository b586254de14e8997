"""What a user asks for over HTTP, done as if it was asked for over AMQP: a channel without a socket.

So the same is allowed, refused and told to those who watch, whichever way it comes; RabbitMQ has it so too. The channel
is there for one request: no one sees it, and it counts for no limit. What it changes is on disk when `recorded` of the
request has ended.

Source: RabbitMQ `rabbit_mgmt_util` (direct_request, with_channel).
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from amqpbroker.errors import ACCESS_REFUSED, NOT_FOUND, AMQPError
from amqpbroker.limits import FRAME_OVERHEAD_BYTES
from amqpbroker.management.errors import ApiError, BadRequest, NotAuthorised, NotFound, Unavailable
from amqpbroker.management.requests import ApiRequest
from amqpbroker.model.queue import Return
from amqpbroker.protocol.connection import Connection as WireConnection
from amqpbroker.session.authorize import authorize, authorize_topics
from amqpbroker.session.batch import Batch
from amqpbroker.session.channel import Channel
from amqpbroker.session.connection import Connection, Transport
from amqpbroker.wire.constants import METHOD
from amqpbroker.wire.frames import FRAME_HEADER
from amqpbroker.wire.methods import Basic, Confirm, Method, decode, encode

# What those who watch are told the connection is.
NAME: Final = "HTTP API"
# Of messages so many octets are in one answer, which is in memory as a whole; one message may be larger.
ANSWER_MAX_BYTES: Final = 67_108_864
_NUMBER: Final = 1


class Answer(NamedTuple):
    """A method that the broker sends, with its content where it has one. header: the payload of the header frame."""

    method: Method
    header: bytes = b""
    body: bytes = b""


class DirectChannel:
    """A channel in the virtual host of the path, of the user who asks. Raises 404: there is no such virtual host."""

    def __init__(self, request: ApiRequest) -> None:
        server = request.server
        wire = WireConnection(server.settings, server.ticker.now_s())
        # Frames of any size: nobody has to read them.
        wire.frame_max_bytes = 0
        self._flush_soon = server.flush_soon
        self._written: list[bytes] = []
        self._connection = wire.handler = Connection(
            server.broker,
            Batch(),
            wire,
            Transport(self._written.append, _ignore, _ignore, True, force_close=_ignore, name=NAME),
            server.config.message_size_max_bytes,
        )
        self._connection.user = request.user
        self._connection.vhost = request.vhost
        self._channel = Channel(self._connection, _NUMBER)

    def do(self, method: Method) -> None:
        """Does what a method asks for, which has to be one that nobody waits to be answered. Raises AMQPError."""
        self._channel.method(method)

    def authorize(self, method: Method, **names: str) -> None:
        """Raises AMQPError unless the user may do what a method asks for. names: as the method's row wants them."""
        authorize(self._connection, method, **names)

    def authorize_publish(self, exchange: str, routing_keys: Sequence[str]) -> None:
        """Raises AMQPError unless the user may publish there, with these routing keys."""
        authorize(self._connection, Basic.Publish(exchange=exchange), exchange=exchange)
        authorize_topics(self._connection, exchange, routing_keys)

    # Getting

    def get(self, queue: str, count: int, *, no_ack: bool) -> int:
        """Gets at most so many messages off a queue, and no more octets than go into one answer; returns how many.

        `answers` has them when all is recorded. What is not acknowledged is to be given back. Raises AMQPError.
        """
        first_tag = self._channel.next_delivery_tag
        size_bytes = 0
        for tag in range(first_tag, first_tag + count):
            self._channel.method(Basic.Get(queue=queue, no_ack=no_ack))
            if self._channel.next_delivery_tag == tag:
                break
            wire = self._connection.wire
            # It waits for the disk, or goes out.
            held = wire.held.get(_NUMBER)
            size_bytes += len(held[-1][1] if held else wire.outbox[-1])
            if size_bytes >= ANSWER_MAX_BYTES:
                break
        return self._channel.next_delivery_tag - first_tag

    def give_back(self) -> None:
        """What was got and not settled goes back, as if its client had gone."""
        self._channel.settle(self._channel.unacked.take(0, True), Return.LOST)
        self._flush_soon()

    # Publishing

    def publish(self, exchange: str, routing_key: str, header: bytes, body: bytes) -> None:
        """Publishes a message; what became of it is among `answers` when all is recorded. Raises AMQPError, and 503.

        header: the payload of its header frame.
        """
        reason = self._connection.broker.blocked_reason
        if reason is not None:
            raise Unavailable(f"publishers are held back: the broker is {reason}")
        method = Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True)
        self._channel.method(Confirm.Select(nowait=True))
        self._channel.publish_announced(len(body))
        self._channel.publish(encode(method), header, body)

    # Answers

    def answers(self) -> Iterator[Answer]:
        """What the broker has sent. To be called once, when all is recorded: that ends it."""
        self._connection.flush()
        self._channel.keep_counters()
        data = b"".join(self._written)
        self._written.clear()
        position = 0
        method: Method | None = None
        contents: list[bytes] = []
        while position < len(data):
            kind, _, size_bytes = FRAME_HEADER.unpack_from(data, position)
            payload = data[position + FRAME_HEADER.size : position + FRAME_HEADER.size + size_bytes]
            position += size_bytes + FRAME_OVERHEAD_BYTES
            if kind != METHOD:
                contents.append(payload)
                continue
            if method is not None:
                yield Answer(method, *contents)
            method, contents = decode(payload), []
        if method is not None:
            yield Answer(method, *contents)


def channel_closed(error: AMQPError) -> BadRequest:
    """What a fault of a channel is to whoever asks over HTTP: a 400, with its code.

    RabbitMQ tells only the explanation of one that would have closed the connection.
    """
    return BadRequest(f"{error.code} {error.explanation if error.closes_connection else error.text}")


def refusal_of_get(error: AMQPError) -> ApiError:
    """The same for basic.get, with statuses of their own for what is not there and not allowed."""
    if error.code == NOT_FOUND:
        return NotFound(error.text)
    return NotAuthorised(error.text) if error.code == ACCESS_REFUSED else channel_closed(error)


def _ignore(_reason: str = "") -> None:
    """Nothing is read, and nobody closes what nobody sees."""
