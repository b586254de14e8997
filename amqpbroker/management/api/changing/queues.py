"""Queues declared, deleted, purged, paused and resumed.

Source: RabbitMQ `rabbit_mgmt_wm_queue`, `rabbit_mgmt_wm_queue_purge`, `rabbit_mgmt_wm_queue_actions`; to pause a queue
is this broker's own.
"""

from typing import Final

from starlette.responses import Response

from amqpbroker.management.direct import DirectChannel
from amqpbroker.management.errors import BadRequest, NotFound
from amqpbroker.management.formats.fields import json_object, short_string, shown, table
from amqpbroker.management.requests import ApiRequest, truth
from amqpbroker.management.resources import CREATED, NO_CONTENT, empty_response
from amqpbroker.model.queue import Queue as QueueModel
from amqpbroker.session.names import clean
from amqpbroker.wire.methods import Queue

# Queues that are mirrored were synchronised by these; here there is nothing to do.
_NOTHING_TO_DO: Final = ("sync", "cancel_sync")


def named_queue(request: ApiRequest) -> QueueModel:
    """The queue that the path names. Raises 404."""
    queue = request.vhost.queues.get(request.part("queue"))
    if queue is None:
        raise NotFound
    return queue


async def put_queue(request: ApiRequest) -> Response:
    """Declares a queue: 201 if there was none, 204 if there is the same, 400 if there is another."""
    channel = DirectChannel(request)
    name = short_string(request.part("queue"), "queue")
    body = await request.object()
    is_new = clean(name) not in request.vhost.queues
    # One that belongs to a connection could only belong to this request: RabbitMQ makes one that nobody owns.
    durable = truth(body.get("durable", False), "durable") and not truth(body.get("exclusive", False), "exclusive")
    channel.do(
        Queue.Declare(
            queue=name,
            passive=truth(body.get("passive", False), "passive"),
            durable=durable,
            auto_delete=truth(body.get("auto_delete", False), "auto_delete"),
            arguments=table(json_object(body.get("arguments", {}), "arguments"), "arguments"),
            nowait=True,
        )
    )
    await request.recorded()
    return empty_response(CREATED if is_new else NO_CONTENT)


async def delete_queue(request: ApiRequest) -> Response:
    """Deletes a queue; if-empty and if-unused in the query are conditions."""
    queue = named_queue(request)
    # Some clients say here again what they want deleted.
    await request.object()
    DirectChannel(request).do(
        Queue.Delete(
            queue=queue.name, if_unused=request.flag("if-unused"), if_empty=request.flag("if-empty"), nowait=True
        )
    )
    await request.recorded()
    return empty_response()


async def purge_queue(request: ApiRequest) -> Response:
    """Drops what waits in a queue."""
    queue = named_queue(request)
    await request.object()
    DirectChannel(request).do(Queue.Purge(queue=queue.name, nowait=True))
    await request.recorded()
    return empty_response()


async def post_queue_action(request: ApiRequest) -> Response:
    """Does what the body's `action` says. A paused queue is paused until it is resumed, or the broker starts again."""
    queue = named_queue(request)
    action = (await request.object("action"))["action"]
    if action == "pause":
        queue.pause()
    elif action == "resume":
        queue.resume()
    elif action not in _NOTHING_TO_DO:
        raise BadRequest(f"action: {shown(action)} is unknown; there are sync, cancel_sync, pause, resume")
    await request.recorded()
    return empty_response()
