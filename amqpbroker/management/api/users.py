"""/api/users: who may log in. Source: RabbitMQ `rabbit_mgmt_wm_user`, `rabbit_auth_backend_internal:put_user`."""

from collections.abc import Iterable
from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import administrator
from amqpbroker.management.errors import BadRequest, NotFound
from amqpbroker.management.formats.fields import json_object, names, short_string, text
from amqpbroker.management.lists.listing import Fields, item, list_response
from amqpbroker.management.requests import ApiRequest, truth
from amqpbroker.management.resources import CREATED, NO_CONTENT, Resource, empty_response
from amqpbroker.model.access import User
from amqpbroker.model.broker import Broker
from amqpbroker.model.policies.quotas import check_user_limits

_TAGS_MISSING: Final = "tags_not_present"
_TWO_PASSWORDS: Final = "both_password_and_password_hash_are_provided"


def _fields(broker: Broker) -> Fields:
    return {
        "name": lambda user: user.name,
        "password_hash": lambda user: user.password_hash,
        "hashing_algorithm": lambda user: user.hashing_algorithm,
        "tags": lambda user: list(user.tags),
        "limits": lambda user: dict(broker.quotas.user_limits().get(user.name, {})),
    }


def named_user(request: ApiRequest) -> User:
    """The user whom the path names. Raises 404."""
    user = request.broker.users.get(request.part("user"))
    if user is None:
        raise NotFound
    return user


async def all_users(request: ApiRequest) -> Response:
    return await _list(request, request.broker.users)


async def users_without_permissions(request: ApiRequest) -> Response:
    """Who may enter no virtual host."""
    broker = request.broker
    admitted = {permission.user for permission in broker.permissions}
    return await _list(request, (user for user in broker.users if user.name not in admitted))


async def _list(request: ApiRequest, users: Iterable[User]) -> Response:
    fields = _fields(request.broker)
    return await list_response(request, list(users), lambda _: fields, sort=("name",))


async def one_user(request: ApiRequest) -> dict[str, Any]:
    return item(request, named_user(request), _fields(request.broker))


async def put_user(request: ApiRequest) -> Response:
    """Makes a user, or changes one. Without a password and its hash nobody can log in with a password."""
    name = short_string(request.part("user"), "user")
    body = await request.object()
    tags = _tags(body)
    if "password" in body and "password_hash" in body:
        raise BadRequest(_TWO_PASSWORDS)
    secret: dict[str, str] = {}
    if "password" in body:
        if not isinstance(body["password"], str):
            # Nothing of it is shown.
            raise BadRequest("password: it is not a string")
        secret["password"] = body["password"]
    elif "password_hash" in body:
        # With a password the algorithm says nothing, as in RabbitMQ.
        secret = {key: text(body[key], key) for key in ("password_hash", "hashing_algorithm") if key in body}
    limits = json_object(body.get("limits", {}), "limits")
    check_user_limits(limits)
    broker = request.broker
    is_new = broker.users.set(name, tags=tags, user=request.user.name, **secret)
    if limits:
        broker.quotas.set_user_limits(name, limits, acting_user=request.user.name)
    await request.recorded()
    return empty_response(CREATED if is_new else NO_CONTENT)


def _tags(body: dict[str, Any]) -> list[str]:
    if "tags" in body:
        return names(body["tags"], "tags")
    if "administrator" in body:
        # So it was said before there were other tags.
        return ["administrator"] if truth(body["administrator"], "administrator") else []
    raise BadRequest(_TAGS_MISSING)


async def delete_user(request: ApiRequest) -> Response:
    """Forgets a user; whoever is connected as that user is disconnected."""
    user = named_user(request)
    await request.object()
    request.broker.delete_user(user.name, request.user.name)
    await request.recorded()
    return empty_response()


async def delete_users(request: ApiRequest) -> Response:
    """Forgets several users; those who are not there are no matter."""
    asked = (await request.object("users"))["users"]
    if not isinstance(asked, list):
        raise BadRequest("users: it is no list of names")
    for name in dict.fromkeys(text(one, "users") for one in asked):
        if name in request.broker.users:
            request.broker.delete_user(name, request.user.name)
    await request.recorded()
    return empty_response()


RESOURCES = (
    Resource("/users", {"GET": all_users}, administrator),
    Resource("/users/without-permissions", {"GET": users_without_permissions}, administrator),
    Resource("/users/bulk-delete", {"POST": delete_users}, administrator),
    Resource("/users/{user}", {"GET": one_user, "PUT": put_user, "DELETE": delete_user}, administrator),
)
