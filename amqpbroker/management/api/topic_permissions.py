"""/api/topic-permissions: under which routing keys users publish and bind.

Source: RabbitMQ `rabbit_mgmt_wm_topic_permission`.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import administrator
from amqpbroker.management.api.permissions import asked_for, whose
from amqpbroker.management.errors import NotFound
from amqpbroker.management.formats.fields import short_string, text
from amqpbroker.management.lists.listing import Fields, list_response
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import CREATED, NO_CONTENT, Resource, empty_response
from amqpbroker.model.access.permissions import Permission, TopicPermission

_FIELDS: Final[Fields] = {name: attrgetter(name) for name in ("user", "vhost", "exchange", "write", "read")}


async def list_topic_permissions(request: ApiRequest) -> Response:
    return await _list(request, asked_for(request, request.broker.topic_permissions))


async def topic_permissions_of_user_in_vhost(request: ApiRequest) -> Response:
    found = _named(request)
    if not found:
        raise NotFound
    return await _list(request, found)


async def _list(request: ApiRequest, permissions: Sequence[Permission | TopicPermission]) -> Response:
    usual = ("vhost", "user", "exchange")
    return await list_response(request, permissions, lambda _: _FIELDS, is_paged=False, sort=usual)


async def put_topic_permission(request: ApiRequest) -> Response:
    """Sets two regular expressions over routing keys, for the exchange that the body names."""
    user, vhost = whose(request)
    body = await request.object("exchange", "write", "read")
    exchange = short_string(body["exchange"], "exchange")
    write, read = (text(body[kind], kind) for kind in ("write", "read"))
    permissions = request.broker.topic_permissions
    # RabbitMQ takes what the user has for other exchanges for the same thing.
    is_new = not any(one.user == user for one in permissions.of_vhost(vhost))
    permissions.set(user, vhost, exchange, write=write, read=read, user=request.user.name)
    await request.recorded()
    return empty_response(CREATED if is_new else NO_CONTENT)


async def delete_topic_permissions(request: ApiRequest) -> Response:
    """Forgets what is set for the exchange of the path, or without one for all of them."""
    if not _named(request):
        raise NotFound
    await request.object()
    exchange = request.part("exchange") if request.has("exchange") else None
    user, vhost = request.part("user"), request.part("vhost")
    request.broker.topic_permissions.clear(user, vhost, exchange, request.user.name)
    await request.recorded()
    return empty_response()


def _named(request: ApiRequest) -> list[TopicPermission]:
    """Those of a user in a virtual host, and for an exchange if the path names one."""
    user = request.part("user")
    found = [one for one in request.broker.topic_permissions.of_vhost(request.part("vhost")) if one.user == user]
    return [one for one in found if not request.has("exchange") or one.exchange == request.part("exchange")]


_METHODS: Final = {
    "GET": topic_permissions_of_user_in_vhost,
    "PUT": put_topic_permission,
    "DELETE": delete_topic_permissions,
}
RESOURCES = (
    Resource("/topic-permissions", {"GET": list_topic_permissions}, administrator),
    Resource("/topic-permissions/{vhost}/{user}", _METHODS, administrator),
    Resource("/topic-permissions/{vhost}/{user}/{exchange}", _METHODS, administrator),
    Resource("/users/{user}/topic-permissions", {"GET": list_topic_permissions}, administrator),
    Resource("/vhosts/{vhost}/topic-permissions", {"GET": list_topic_permissions}, administrator),
)
