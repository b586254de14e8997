"""Messages published. Source: RabbitMQ `rabbit_mgmt_wm_exchange_publish`."""

import base64
import binascii
from typing import Any

from amqpbroker.errors import AMQPError
from amqpbroker.management.api.changing.exchanges import exchange_name
from amqpbroker.management.direct import DirectChannel, channel_closed
from amqpbroker.management.errors import BadRequest
from amqpbroker.management.formats.fields import json_object, short_string, shown
from amqpbroker.management.formats.message_properties import properties_of
from amqpbroker.management.requests import ApiRequest
from amqpbroker.wire import properties
from amqpbroker.wire.methods import Basic


async def publish(request: ApiRequest) -> dict[str, bool]:
    """Publishes a message, and tells whether any queue has it."""
    channel = DirectChannel(request)
    exchange = exchange_name(request)
    # In base64 three octets are four, and there is more than the payload.
    request.body_max_bytes += request.server.config.message_size_max_bytes * 4 // 3
    body = await request.object("routing_key", "properties", "payload", "payload_encoding")
    payload = _octets(body["payload"], body["payload_encoding"])
    routing_key = short_string(body["routing_key"], "routing_key")
    values = properties_of(json_object(body["properties"], "properties"))
    try:
        channel.publish(exchange, routing_key, properties.encode(values, len(payload)), payload)
    except AMQPError as error:
        raise channel_closed(error) from error
    await request.recorded()
    methods = [answer.method for answer in channel.answers()]
    if any(isinstance(method, Basic.Nack) for method in methods):
        raise BadRequest("rejected Unable to publish message. Check queue limits.")
    return {"routed": not any(isinstance(method, Basic.Return) for method in methods)}


def _octets(payload: Any, encoding: Any) -> bytes:
    if not isinstance(payload, str):
        raise BadRequest("payload_not_string")
    if encoding == "string":
        return payload.encode()
    if encoding != "base64":
        raise BadRequest(f"payload_encoding: {shown(encoding)} is unknown; there are string and base64")
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"payload: {shown(payload)} is not base64") from error
