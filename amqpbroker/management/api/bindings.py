"""/api/bindings: what leads from exchanges to queues and exchanges.

Every queue is bound to the default exchange by its name; nobody has made these bindings, and lists show them.

Source: RabbitMQ `rabbit_mgmt_wm_bindings`, `rabbit_mgmt_wm_binding`.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from amqpbroker.management.access.authorization import in_vhost, vhosts_shown
from amqpbroker.management.api.changing.bindings import delete_binding, post_binding
from amqpbroker.management.api.changing.exchanges import exchange_name
from amqpbroker.management.errors import NotFound
from amqpbroker.management.formats.field_tables import json_table
from amqpbroker.management.formats.properties_key import find_binding, properties_key
from amqpbroker.management.lists.listing import Fields, item, list_response
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.wire.tables import Table

_SORT: Final = ("vhost", "source", "destination", "routing_key")


class BindingIn(NamedTuple):
    """A binding, made or implied, and where it is."""

    vhost: str
    source: str
    destination: Destination
    routing_key: str
    arguments: Table


FIELDS: Final[Fields] = {
    "source": lambda one: one.source,
    "vhost": lambda one: one.vhost,
    "destination": lambda one: one.destination.name,
    "destination_type": lambda one: one.destination.kind,
    "routing_key": lambda one: one.routing_key,
    "arguments": lambda one: json_table(one.arguments),
    "properties_key": lambda one: properties_key(one.routing_key, one.arguments),
}


async def list_bindings(request: ApiRequest) -> Response:
    return await _listed(request, chain.from_iterable(map(bindings_in, vhosts_shown(request))))


async def bindings_between(request: ApiRequest) -> Response:
    return await _listed(request, between(request))


async def one_binding(request: ApiRequest) -> dict[str, Any]:
    found = find_binding(between(request), request.part("props"))
    if found is None:
        raise NotFound
    return item(request, found, FIELDS)


async def bindings_of_queue(request: ApiRequest) -> Response:
    return await _listed(request, _leading_to(request.vhost, Destination("queue", request.part("queue"))))


async def bindings_from_exchange(request: ApiRequest) -> Response:
    return await _listed(request, _leading_from(request.vhost, exchange_name(request)))


async def bindings_to_exchange(request: ApiRequest) -> Response:
    destination = Destination("exchange", exchange_name(request, "exchange"))
    return await _listed(request, _leading_to(request.vhost, destination))


def bindings_in(vhost: VirtualHost) -> Iterator[BindingIn]:
    """All bindings of a virtual host."""
    return chain.from_iterable(_leading_from(vhost, name) for name in vhost.exchanges)


def between(request: ApiRequest) -> list[BindingIn]:
    """The bindings between the two things that the path names, if they are there."""
    source = exchange_name(request, "source")
    return [one for one in _leading_to(request.vhost, destination_of(request)) if one.source == source]


def destination_of(request: ApiRequest) -> Destination:
    """What the path says that bindings lead to, whether it is there or not. Raises 404 for neither `e` nor `q`."""
    match request.part("dtype"):
        case "q":
            return Destination("queue", request.part("destination"))
        case "e":
            return Destination("exchange", exchange_name(request, "destination"))
    raise NotFound


def _leading_from(vhost: VirtualHost, source: str) -> Iterator[BindingIn]:
    if not source:
        return (_implied(vhost, name) for name in vhost.queues)
    exchange = vhost.exchanges.get(source)
    return (_made(vhost, binding) for binding in exchange.bindings) if exchange is not None else iter(())


def _leading_to(vhost: VirtualHost, destination: Destination) -> list[BindingIn]:
    is_queue = destination.kind == "queue" and destination.name in vhost.queues
    implied = [_implied(vhost, destination.name)] if is_queue else []
    return implied + [_made(vhost, binding) for binding in vhost.bindings_to(destination)]


def _implied(vhost: VirtualHost, queue: str) -> BindingIn:
    return BindingIn(vhost.name, "", Destination("queue", queue), queue, {})


def _made(vhost: VirtualHost, binding: Binding) -> BindingIn:
    return BindingIn(vhost.name, binding.source, binding.destination, binding.routing_key, binding.arguments)


async def _listed(request: ApiRequest, bindings: Iterable[BindingIn]) -> Response:
    return await list_response(request, list(bindings), lambda _: FIELDS, is_paged=False, sort=_SORT)


_BETWEEN: Final = "/bindings/{vhost}/e/{source}/{dtype}/{destination}"

RESOURCES = (
    Resource("/bindings", {"GET": list_bindings}),
    Resource("/bindings/{vhost}", {"GET": list_bindings}, in_vhost),
    Resource(_BETWEEN, {"GET": bindings_between, "POST": post_binding}, in_vhost),
    Resource(f"{_BETWEEN}/{{props}}", {"GET": one_binding, "DELETE": delete_binding}, in_vhost),
    Resource("/queues/{vhost}/{queue}/bindings", {"GET": bindings_of_queue}, in_vhost),
    Resource("/exchanges/{vhost}/{exchange}/bindings/source", {"GET": bindings_from_exchange}, in_vhost),
    Resource("/exchanges/{vhost}/{exchange}/bindings/destination", {"GET": bindings_to_exchange}, in_vhost),
)
