"""/api/bindings: what leads from exchanges to queues and exchanges.

Every queue is bound to the default exchange by its name; nobody has made these bindings, and lists show them.

Source: RabbitMQ `rabbit_mgmt_wm_bindings`, `rabbit_mgmt_wm_binding`.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from amqpbroker.management.access import in_vhost, visible_vhosts
from amqpbroker.management.api.changing.bindings import delete_binding, post_binding
from amqpbroker.management.api.changing.exchanges import exchange_name
from amqpbroker.management.errors import NotFound
from amqpbroker.management.formatting import json_table
from amqpbroker.management.listing import Fields, item, list_response
from amqpbroker.management.properties_key import find_binding, properties_key
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.vhost import VirtualHost

_SORT: Final = ("vhost", "source", "destination", "routing_key", "properties_key")


class BindingIn(NamedTuple):
    """A binding and where it is."""

    vhost: str
    binding: Binding


FIELDS: Final[Fields] = {
    "source": lambda one: one.binding.source,
    "vhost": lambda one: one.vhost,
    "destination": lambda one: one.binding.destination.name,
    "destination_type": lambda one: one.binding.destination.kind,
    "routing_key": lambda one: one.binding.routing_key,
    "arguments": lambda one: json_table(one.binding.arguments),
    "properties_key": lambda one: properties_key(one.binding.routing_key, one.binding.arguments),
}


async def all_bindings(request: ApiRequest) -> Response:
    vhosts = [request.broker.vhosts[name] for name in visible_vhosts(request.user, request.broker)]
    return await _listed(request, chain.from_iterable(map(bindings_in, vhosts)))


async def bindings_in_vhost(request: ApiRequest) -> Response:
    return await _listed(request, bindings_in(request.vhost))


async def bindings_between(request: ApiRequest) -> Response:
    return await _listed(request, _within(request, between(request)))


async def one_binding(request: ApiRequest) -> dict[str, Any]:
    return item(request, BindingIn(request.vhost.name, named_binding(request)), FIELDS)


async def bindings_of_queue(request: ApiRequest) -> Response:
    found = _leading_to(request.vhost, Destination("queue", request.part("queue")))
    return await _listed(request, _within(request, found))


async def bindings_from_exchange(request: ApiRequest) -> Response:
    name = exchange_name(request, "exchange")
    return await _listed(request, [one for one in bindings_in(request.vhost) if one.binding.source == name])


async def bindings_to_exchange(request: ApiRequest) -> Response:
    found = _leading_to(request.vhost, Destination("exchange", exchange_name(request, "exchange")))
    return await _listed(request, _within(request, found))


def bindings_in(vhost: VirtualHost) -> Iterator[BindingIn]:
    """All bindings of a virtual host; the implied ones first."""
    for name in vhost.queues:
        yield BindingIn(vhost.name, _implied(name))
    for exchange in vhost.exchanges.values():
        for binding in exchange.bindings:
            yield BindingIn(vhost.name, binding)


def between(request: ApiRequest) -> list[Binding]:
    """The bindings between the two things that the path names, if they are there."""
    source = exchange_name(request, "source")
    return [one for one in _leading_to(request.vhost, destination_of(request)) if one.source == source]


def named_binding(request: ApiRequest) -> Binding:
    """The binding that the path names. Raises 404."""
    found = find_binding(between(request), request.part("props"))
    if found is None:
        raise NotFound
    return found


def destination_of(request: ApiRequest) -> Destination:
    """What the path says that bindings lead to, whether it is there or not. Raises 404 for neither `e` nor `q`."""
    match request.part("dtype"):
        case "q":
            return Destination("queue", request.part("destination"))
        case "e":
            return Destination("exchange", exchange_name(request, "destination"))
    raise NotFound


def _within(request: ApiRequest, bindings: Iterable[Binding]) -> list[BindingIn]:
    return [BindingIn(request.vhost.name, one) for one in bindings]


def _implied(queue: str) -> Binding:
    return Binding("", Destination("queue", queue), queue, {})


def _leading_to(vhost: VirtualHost, destination: Destination) -> list[Binding]:
    is_queue = destination.kind == "queue" and destination.name in vhost.queues
    return [*([_implied(destination.name)] if is_queue else []), *vhost.bindings_to(destination)]


async def _listed(request: ApiRequest, bindings: Iterable[BindingIn]) -> Response:
    return await list_response(request, list(bindings), lambda _: FIELDS, is_paged=False, sort=_SORT)


_BETWEEN: Final = "/bindings/{vhost}/e/{source}/{dtype}/{destination}"

RESOURCES = (
    Resource("/bindings", {"GET": all_bindings}),
    Resource("/bindings/{vhost}", {"GET": bindings_in_vhost}, in_vhost),
    Resource(_BETWEEN, {"GET": bindings_between, "POST": post_binding}, in_vhost),
    Resource(f"{_BETWEEN}/{{props}}", {"GET": one_binding, "DELETE": delete_binding}, in_vhost),
    Resource("/queues/{vhost}/{queue}/bindings", {"GET": bindings_of_queue}, in_vhost),
    Resource("/exchanges/{vhost}/{exchange}/bindings/source", {"GET": bindings_from_exchange}, in_vhost),
    Resource("/exchanges/{vhost}/{exchange}/bindings/destination", {"GET": bindings_to_exchange}, in_vhost),
)
