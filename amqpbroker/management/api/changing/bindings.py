"""Bindings made and taken away. Source: RabbitMQ `rabbit_mgmt_wm_bindings`, `rabbit_mgmt_wm_binding`."""

from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from amqpbroker.management.api.changing.exchanges import exchange_name
from amqpbroker.management.direct import DirectChannel
from amqpbroker.management.errors import NotFound
from amqpbroker.management.formats.fields import json_object, short_string, table
from amqpbroker.management.formats.properties_key import find_binding, properties_key
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import CREATED, empty_response
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.wire.methods import Exchange, Queue
from amqpbroker.wire.tables import Table

# What paths call the two kinds of destinations.
_QUEUE: Final = "q"
_EXCHANGE: Final = "e"


async def post_binding(request: ApiRequest) -> Response:
    """Binds; the Location of the answer names the binding."""
    channel = DirectChannel(request)
    destination = _destination(request)
    body = await request.object()
    routing_key = short_string(body.get("routing_key", ""), "routing_key")
    arguments = table(json_object(body.get("arguments", {}), "arguments"), "arguments")
    source = exchange_name(request, "source")
    name = destination.name
    if destination.kind == "queue":
        channel.do(Queue.Bind(queue=name, exchange=source, routing_key=routing_key, arguments=arguments, nowait=True))
    else:
        channel.do(
            Exchange.Bind(destination=name, source=source, routing_key=routing_key, arguments=arguments, nowait=True)
        )
    await request.recorded()
    return empty_response(CREATED, location=_location(destination, routing_key, arguments))


async def delete_binding(request: ApiRequest) -> Response:
    """Takes away the binding that the path names."""
    destination = _destination(request)
    exchange = request.vhost.exchanges.get(exchange_name(request, "source"))
    between: list[Binding] = []
    if exchange is not None:
        between = [binding for binding in exchange.bindings if binding.destination == destination]
    binding = find_binding(between, request.part("props"))
    if binding is None:
        raise NotFound
    await request.object()
    channel = DirectChannel(request)
    name, source = destination.name, binding.source
    if destination.kind == "queue":
        channel.do(
            Queue.Unbind(queue=name, exchange=source, routing_key=binding.routing_key, arguments=binding.arguments)
        )
    else:
        channel.do(
            Exchange.Unbind(
                destination=name,
                source=source,
                routing_key=binding.routing_key,
                arguments=binding.arguments,
                nowait=True,
            )
        )
    await request.recorded()
    return empty_response()


def _destination(request: ApiRequest) -> Destination:
    """What the path says the binding leads to. Raises 404."""
    kind = request.part("dtype")
    if kind == _QUEUE:
        return Destination("queue", short_string(request.part("destination"), "destination"))
    if kind == _EXCHANGE:
        return Destination("exchange", exchange_name(request, "destination"))
    raise NotFound


def _location(destination: Destination, routing_key: str, arguments: Table) -> str:
    """From the path of the request on; its last part is quoted twice, as it is a quoted name."""
    name = properties_key(routing_key, arguments)
    return f"{_quoted(destination.name)}/{_quoted(name)}"


def _quoted(part: str) -> str:
    return quote(part, safe="~", errors="surrogateescape")
