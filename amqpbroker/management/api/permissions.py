"""/api/permissions: what users may configure, write and read. Source: RabbitMQ `rabbit_mgmt_wm_permission`."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import administrator
from amqpbroker.management.api.users import named_user
from amqpbroker.management.errors import BadRequest, NotFound
from amqpbroker.management.formats.fields import text
from amqpbroker.management.lists.listing import Fields, item, list_response
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import CREATED, NO_CONTENT, Resource, empty_response
from amqpbroker.model.access.permissions import Permission, Permissions, TopicPermission, TopicPermissions

_KINDS: Final = ("configure", "write", "read")
_FIELDS: Final[Fields] = {name: attrgetter(name) for name in ("user", "vhost", *_KINDS)}


def whose(request: ApiRequest) -> tuple[str, str]:
    """The user and the virtual host that the path names. Raises 400 unless both are there."""
    user, vhost = request.part("user"), request.part("vhost")
    if user not in request.broker.users or vhost not in request.broker.vhosts:
        raise BadRequest("vhost_or_user_not_found")
    return user, vhost


def asked_for(
    request: ApiRequest, permissions: Permissions | TopicPermissions
) -> Sequence[Permission | TopicPermission]:
    """Those of the user, or in the virtual host, that the path names; all if it names neither. Raises 404."""
    if request.has("user"):
        return permissions.of_user(named_user(request).name)
    if request.has("vhost"):
        return permissions.of_vhost(request.vhost.name)
    return list(permissions)


async def list_permissions(request: ApiRequest) -> Response:
    found = asked_for(request, request.broker.permissions)
    return await list_response(request, found, lambda _: _FIELDS, is_paged=False, sort=("vhost", "user"))


async def one_permission(request: ApiRequest) -> dict[str, Any]:
    return item(request, _named(request), _FIELDS)


async def put_permission(request: ApiRequest) -> Response:
    """Sets what a user may in a virtual host: three regular expressions over names, an empty one for nothing."""
    user, vhost = whose(request)
    body = await request.object(*_KINDS)
    patterns = {kind: text(body[kind], kind) for kind in _KINDS}
    is_new = request.broker.permissions.set(user, vhost, user=request.user.name, **patterns)
    await request.recorded()
    return empty_response(CREATED if is_new else NO_CONTENT)


async def delete_permission(request: ApiRequest) -> Response:
    """The user may not enter the virtual host any more."""
    permission = _named(request)
    await request.object()
    request.broker.permissions.clear(permission.user, permission.vhost, request.user.name)
    await request.recorded()
    return empty_response()


def _named(request: ApiRequest) -> Permission:
    permission = request.broker.permissions.get(request.part("user"), request.part("vhost"))
    if permission is None:
        raise NotFound
    return permission


RESOURCES = (
    Resource("/permissions", {"GET": list_permissions}, administrator),
    Resource(
        "/permissions/{vhost}/{user}",
        {"GET": one_permission, "PUT": put_permission, "DELETE": delete_permission},
        administrator,
    ),
    Resource("/users/{user}/permissions", {"GET": list_permissions}, administrator),
    Resource("/vhosts/{vhost}/permissions", {"GET": list_permissions}, administrator),
)
