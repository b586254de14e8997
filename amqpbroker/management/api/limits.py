"""/api/vhost-limits and /api/user-limits: how many connections, queues and channels there may be.

Source: RabbitMQ `rabbit_mgmt_wm_limit`, `rabbit_mgmt_wm_user_limit`.
"""

from typing import Any

from starlette.responses import Response

from amqpbroker.management.access.authorization import MONITORS, administrator, has_tag, sees_vhost, visible_vhosts
from amqpbroker.management.api.users import named_user
from amqpbroker.management.errors import BadRequest, NotAuthorised
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource, empty_response

_Json = dict[str, Any]


async def all_vhost_limits(request: ApiRequest) -> list[_Json]:
    return [one for name in visible_vhosts(request.user, request.broker) for one in _of_vhost(request, name)]


async def limits_of_vhost(request: ApiRequest) -> list[_Json]:
    return _of_vhost(request, request.vhost.name)


def _of_vhost(request: ApiRequest, name: str) -> list[_Json]:
    limits = dict(request.broker.vhosts[name].parameters.limits)
    return [{"vhost": name, "value": limits}] if limits else []


async def put_vhost_limit(request: ApiRequest) -> Response:
    """Sets a limit; one below 0 is none. What is there already stays."""
    vhost = request.vhost
    limit = (await request.object("value"))["value"]
    vhost.parameters.set_limit(request.part("name"), limit, request.user.name)
    await request.recorded()
    return empty_response()


async def delete_vhost_limit(request: ApiRequest) -> Response:
    """Forgets a limit, if it is set."""
    vhost = request.vhost
    await request.object()
    vhost.parameters.clear_limit(request.part("name"), request.user.name)
    await request.recorded()
    return empty_response()


async def all_user_limits(request: ApiRequest) -> list[_Json]:
    limits = request.broker.quotas.user_limits()
    return [{"user": user, "value": dict(limits[user])} for user in sorted(limits)]


async def limits_of_user(request: ApiRequest) -> list[_Json]:
    user = named_user(request)
    limits = request.broker.quotas.user_limits().get(user.name)
    return [{"user": user.name, "value": dict(limits)}] if limits else []


def _own(request: ApiRequest) -> None:
    """Everybody may know of their own, and who watches of all."""
    if request.user.name != request.part("user") and not has_tag(request.user, MONITORS):
        raise NotAuthorised("User not authorised to access object")


async def put_user_limit(request: ApiRequest) -> Response:
    """Sets a limit; one below 0 is none."""
    name = request.part("user")
    limit = (await request.object("value"))["value"]
    if name not in request.broker.users:
        raise BadRequest(f"no_such_user: {name}")
    request.broker.quotas.set_user_limits(name, {request.part("name"): limit}, acting_user=request.user.name)
    await request.recorded()
    return empty_response()


async def delete_user_limit(request: ApiRequest) -> Response:
    """Forgets a limit, if it is set."""
    user = named_user(request)
    await request.object()
    request.broker.quotas.clear_user_limit(user.name, request.part("name"), acting_user=request.user.name)
    await request.recorded()
    return empty_response()


RESOURCES = (
    Resource("/vhost-limits", {"GET": all_vhost_limits}),
    Resource("/vhost-limits/{vhost}", {"GET": limits_of_vhost}, sees_vhost),
    Resource("/vhost-limits/{vhost}/{name}", {"PUT": put_vhost_limit, "DELETE": delete_vhost_limit}, administrator),
    Resource("/user-limits", {"GET": all_user_limits}, administrator),
    Resource("/user-limits/{user}", {"GET": limits_of_user}, _own),
    Resource("/user-limits/{user}/{name}", {"PUT": put_user_limit, "DELETE": delete_user_limit}, administrator),
)
