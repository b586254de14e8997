"""/api/parameters and /api/global-parameters: what is set by name, in a virtual host and in all of the broker.

Source: RabbitMQ `rabbit_mgmt_wm_parameter`, `rabbit_mgmt_wm_global_parameter`.
"""

from collections.abc import Iterable
from operator import itemgetter
from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import policymaker
from amqpbroker.management.api.policies import entered_vhosts
from amqpbroker.management.errors import NotFound
from amqpbroker.management.formats.fields import short_string
from amqpbroker.management.lists.listing import Fields, item, list_response
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import CREATED, NO_CONTENT, Resource, empty_response
from amqpbroker.model.vhost import VirtualHost

_Json = dict[str, Any]
_FIELDS: Final[Fields] = {name: itemgetter(name) for name in ("value", "vhost", "component", "name")}
_GLOBAL_FIELDS: Final[Fields] = {name: itemgetter(name) for name in ("name", "value")}


def _told(vhosts: Iterable[VirtualHost]) -> list[_Json]:
    return [{**one._asdict(), "vhost": vhost.name} for vhost in vhosts for one in vhost.parameters]


async def all_parameters(request: ApiRequest) -> Response:
    return await _list(request, _told(entered_vhosts(request)))


async def parameters_of_component(request: ApiRequest) -> Response:
    vhosts = [request.vhost] if request.has("vhost") else entered_vhosts(request)
    component = request.part("component")
    return await _list(request, [one for one in _told(vhosts) if one["component"] == component])


async def _list(request: ApiRequest, parameters: list[_Json]) -> Response:
    return await list_response(request, parameters, lambda _: _FIELDS, is_paged=False)


async def one_parameter(request: ApiRequest) -> _Json:
    return item(request, _named(request), _FIELDS)


async def put_parameter(request: ApiRequest) -> Response:
    """Sets a parameter of one of the components that there are."""
    vhost, component = request.vhost, request.part("component")
    name = short_string(request.part("name"), "name")
    value = (await request.object("value"))["value"]
    is_new = _found(request) is None
    vhost.parameters.set(component, name, value, request.user.name)
    await request.recorded()
    return empty_response(CREATED if is_new else NO_CONTENT)


async def delete_parameter(request: ApiRequest) -> Response:
    """Forgets a parameter."""
    parameter = _named(request)
    await request.object()
    request.vhost.parameters.clear(parameter["component"], parameter["name"], request.user.name)
    await request.recorded()
    return empty_response()


def _found(request: ApiRequest) -> _Json | None:
    key = (request.part("component"), request.part("name"))
    return next((one for one in _told([request.vhost]) if (one["component"], one["name"]) == key), None)


def _named(request: ApiRequest) -> _Json:
    found = _found(request)
    if found is None:
        raise NotFound
    return found


# Global


def _told_globally(request: ApiRequest) -> list[_Json]:
    return [{"name": name, "value": value} for name, value in request.broker.global_parameters]


async def all_global_parameters(request: ApiRequest) -> Response:
    told = _told_globally(request)
    return await list_response(request, told, lambda _: _GLOBAL_FIELDS, is_paged=False, sort=("name",))


async def one_global_parameter(request: ApiRequest) -> _Json:
    return item(request, _named_globally(request), _GLOBAL_FIELDS)


async def put_global_parameter(request: ApiRequest) -> Response:
    """Sets a parameter, to whatever JSON can hold."""
    name = short_string(request.part("name"), "name")
    value = (await request.object("value"))["value"]
    is_new = all(one["name"] != name for one in _told_globally(request))
    request.broker.global_parameters.set(name, value)
    await request.recorded()
    return empty_response(CREATED if is_new else NO_CONTENT)


async def delete_global_parameter(request: ApiRequest) -> Response:
    """Forgets a parameter."""
    parameter = _named_globally(request)
    await request.object()
    request.broker.global_parameters.clear(parameter["name"])
    await request.recorded()
    return empty_response()


def _named_globally(request: ApiRequest) -> _Json:
    found = next((one for one in _told_globally(request) if one["name"] == request.part("name")), None)
    if found is None:
        raise NotFound
    return found


RESOURCES = (
    Resource("/parameters", {"GET": all_parameters}, policymaker),
    Resource("/parameters/{component}", {"GET": parameters_of_component}, policymaker),
    Resource("/parameters/{component}/{vhost}", {"GET": parameters_of_component}, policymaker),
    Resource(
        "/parameters/{component}/{vhost}/{name}",
        {"GET": one_parameter, "PUT": put_parameter, "DELETE": delete_parameter},
        policymaker,
    ),
    Resource("/global-parameters", {"GET": all_global_parameters}, policymaker),
    Resource(
        "/global-parameters/{name}",
        {"GET": one_global_parameter, "PUT": put_global_parameter, "DELETE": delete_global_parameter},
        policymaker,
    ),
)
