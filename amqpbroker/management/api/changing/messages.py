"""Messages looked at: taken off a queue and given back or not (get), and left where they are (peek).

Source: RabbitMQ `rabbit_mgmt_wm_queue_get`; to peek is this broker's own.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final

from amqpbroker.errors import AMQPError
from amqpbroker.management.api.changing.queues import named_queue
from amqpbroker.management.direct import ANSWER_MAX_BYTES, DirectChannel, refusal_of_get
from amqpbroker.management.errors import BadRequest
from amqpbroker.management.formats.fields import shown
from amqpbroker.management.formats.message_properties import json_properties
from amqpbroker.management.requests import ApiRequest, whole_number
from amqpbroker.model.message import Message, split_address
from amqpbroker.model.queue import Queue
from amqpbroker.wire import properties
from amqpbroker.wire.methods import Basic

# So many in one answer, which has all of them in memory.
COUNT_MAX: Final = 10_000
# Read at a time, and twice as many the next time: they may be on disk, and large.
_LOOKED_AT_MESSAGES: Final = 16
_ACK_MODES: Final = ("ack_requeue_true", "ack_requeue_false", "reject_requeue_true", "reject_requeue_false")


async def get_messages(request: ApiRequest) -> list[dict[str, Any]]:
    """Takes messages off a queue, and does with them what `ackmode` says."""
    channel = DirectChannel(request)
    body = await request.object("ackmode", "count", "encoding")
    mode = body["ackmode"]
    if mode not in _ACK_MODES:
        raise BadRequest(f"Invalid ackmode value: {shown(mode)}. Valid values are: {', '.join(_ACK_MODES)}")
    count, encoding, most_bytes = _count(body), _encoding(body), _truncate(body)
    try:
        got = channel.get(request.part("queue"), count, no_ack=mode == "ack_requeue_false")
        for tag in range(1, got + 1):
            if mode == "ack_requeue_true":
                channel.do(Basic.Nack(delivery_tag=tag, requeue=True))
            elif mode != "ack_requeue_false":
                channel.do(Basic.Reject(delivery_tag=tag, requeue=mode == "reject_requeue_true"))
    except AMQPError as error:
        channel.give_back()
        raise refusal_of_get(error) from error
    await request.recorded()
    found = []
    for method, header, payload in channel.answers():
        if isinstance(method, Basic.GetOk):
            found.append(
                {
                    **_payload(payload, encoding, most_bytes),
                    "redelivered": method.redelivered,
                    "exchange": method.exchange,
                    "routing_key": method.routing_key,
                    "message_count": method.message_count,
                    "properties": json_properties(properties.decode(header)),
                }
            )
    return found


async def peek_messages(request: ApiRequest) -> list[dict[str, Any]]:
    """Messages that wait in a queue, from `offset` on, as `get` shows them; nothing changes by that."""
    queue = named_queue(request)
    try:
        DirectChannel(request).authorize(Basic.Get(queue=queue.name), queue=queue.name)
    except AMQPError as error:
        raise refusal_of_get(error) from error
    body = await request.object("count", "encoding")
    count, encoding, most_bytes = _count(body), _encoding(body), _truncate(body)
    offset = whole_number(body.get("offset", 0), "offset")
    if offset < 0:
        raise BadRequest(f"offset: {offset} is below 0")
    request.vhost.check_owner(queue, None)
    behind = queue.message_count - offset
    found = []
    for place, (message, redelivered) in enumerate(_looked_at(queue, offset, count), 1):
        address, header, payload, _ = message
        exchange, routing_key = split_address(address)
        found.append(
            {
                **_payload(payload, encoding, most_bytes),
                "redelivered": redelivered,
                "exchange": exchange,
                "routing_key": routing_key,
                "message_count": max(behind - place, 0),
                "properties": json_properties(properties.decode(header)),
            }
        )
    return found


def _looked_at(queue: Queue, offset: int, count: int) -> Iterator[tuple[Message, bool]]:
    """What waits from there on, as much as goes into one answer; whether each has been out before."""
    size_bytes, step = 0, _LOOKED_AT_MESSAGES
    while count:
        part = queue.peek(offset, min(count, step))
        for _, message, redelivered in part:
            size_bytes += len(message[2])
            yield message, redelivered
            if size_bytes >= ANSWER_MAX_BYTES:
                return
        if not part:
            return
        offset += len(part)
        count -= len(part)
        step *= 2


def _count(body: Mapping[str, Any]) -> int:
    count = whole_number(body["count"], "count")
    if not 0 <= count <= COUNT_MAX:
        raise BadRequest(f"count: {count} is not from 0 to {COUNT_MAX}")
    return count


def _encoding(body: Mapping[str, Any]) -> str:
    encoding = body["encoding"]
    if encoding not in ("auto", "base64"):
        raise BadRequest("Unsupported encoding. Please use auto or base64.")
    return str(encoding)


def _truncate(body: Mapping[str, Any]) -> int | None:
    """How many octets of a payload are wanted at most; None: all of them."""
    if "truncate" not in body:
        return None
    most_bytes = whole_number(body["truncate"], "truncate")
    if most_bytes < 0:
        raise BadRequest(f"truncate: {most_bytes} is below 0")
    return most_bytes


def _payload(payload: bytes, encoding: str, most_bytes: int | None) -> dict[str, Any]:
    """The payload as text if it is any, else in base64."""
    front = payload[:most_bytes]
    shown_as = {"payload_bytes": len(payload), "payload": "", "payload_encoding": "base64"}
    if encoding == "auto":
        try:
            return shown_as | {"payload": front.decode("utf-8"), "payload_encoding": "string"}
        except UnicodeDecodeError:
            pass
    return shown_as | {"payload": base64.b64encode(front).decode()}
