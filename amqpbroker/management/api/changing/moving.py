"""Messages moved from a queue elsewhere, for good or not at all. This broker's own: RabbitMQ has a shovel for it."""

import asyncio
from typing import Any

from amqpbroker.management.api.changing.exchanges import DEFAULT_EXCHANGE
from amqpbroker.management.api.changing.queues import named_queue
from amqpbroker.management.direct import DirectChannel
from amqpbroker.management.errors import BadRequest, Unavailable
from amqpbroker.management.formats.fields import json_object, short_string
from amqpbroker.management.requests import ApiRequest, whole_number
from amqpbroker.model.message import split_address
from amqpbroker.model.moving import STEP_MESSAGES, Way, move
from amqpbroker.model.queues.stream import StreamQueue, refusal
from amqpbroker.wire.methods import Basic


async def move_messages(request: ApiRequest) -> dict[str, int]:
    """Moves messages to where `destination` says: {"queue": name}, or {"exchange": name, "routing_key": key}.

    Without a routing key each message has its own. count: at most so many; all that wait now, if it is not said. The
    answer tells how many have found a place: one that finds none stays, with all behind it.
    """
    source = named_queue(request)
    channel = DirectChannel(request)
    channel.authorize(Basic.Get(queue=source.name), queue=source.name)
    body = await request.object("destination")
    way = _way(request, json_object(body["destination"], "destination"))
    channel.authorize_publish(way.exchange.name, () if way.routing_key is None else (way.routing_key,))
    count = whole_number(body.get("count", source.message_count), "count")
    if count < 0:
        raise BadRequest(f"count: {count} is below 0")
    if isinstance(source, StreamQueue):
        raise refusal("move", source.name, request.vhost.name)
    request.vhost.check_owner(source, None)
    moved = 0
    # What comes back to the source by that is not moved again.
    left = min(count, source.message_count)
    while left and not source.deleted:
        if request.broker.blocked_reason is not None:
            raise Unavailable(f"publishers are held back: the broker is {request.broker.blocked_reason}")
        step = min(left, STEP_MESSAGES)
        if way.routing_key is None:
            keys = {split_address(message[0])[1] for _, message, _ in source.peek(0, step)}
            channel.authorize_publish(way.exchange.name, sorted(keys))
        done = move(request.vhost, source, way, step)
        moved += done
        left -= step
        if done < step:
            break
        request.server.flush_soon()
        await asyncio.sleep(0)
    await request.recorded()
    return {"moved": moved}


def _way(request: ApiRequest, destination: dict[str, Any]) -> Way:
    """Where messages are to go. Raises 400, and AMQPError."""
    vhost = request.vhost
    if ("queue" in destination) == ("exchange" in destination):
        raise BadRequest("destination: it has either a queue or an exchange")
    if "queue" in destination:
        queue = vhost.queue(short_string(destination["queue"], "destination.queue"), None)
        if queue.name == request.part("queue"):
            raise BadRequest("destination: the messages are in that queue already")
        return Way(vhost.exchange(""), queue.name)
    name = short_string(destination["exchange"], "destination.exchange")
    key = destination.get("routing_key")
    return Way(
        vhost.exchange("" if name == DEFAULT_EXCHANGE else name),
        None if key is None else short_string(key, "destination.routing_key"),
    )
