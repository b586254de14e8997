"""/api/login: a browser shows name and password once, and gets a cookie for the session that begins with it.

The cookie is not to be read by scripts, and no page from elsewhere can have it sent. Source: for path and fields,
RabbitMQ 4's `rabbit_mgmt_wm_login`.
"""

from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response

from amqpbroker.management.access.authentication import admitted, log_in
from amqpbroker.management.access.sessions import Sessions, cookie_name, token_of
from amqpbroker.management.errors import BadRequest
from amqpbroker.management.requests import ApiRequest, parse_json
from amqpbroker.management.resources import Resource, empty_response, json_response

_BODY_MAX_BYTES = 16_384


async def who(request: ApiRequest) -> dict[str, Any]:
    """Whose session the cookie is, with null for nobody's: the page asks before it asks for a password."""
    token = token_of(request.request.cookies, request.port)
    user = request.request.app.state.sessions.user_of(token) if token is not None else None
    if user is None:
        return {"name": None, "tags": []}
    admitted(user, request.peer, request.broker.users)
    return {"name": user.name, "tags": list(user.tags)}


async def login(request: ApiRequest) -> Response:
    """Body: `username` (or `user`) and `password`, as JSON or as a form."""
    values = await _values(request)
    name, password = values.get("username", values.get("user")), values.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        raise BadRequest("username and password are to be given, both of them text")
    user = log_in(name, password.encode("utf-8", "surrogateescape"), request.peer, request.broker)
    sessions: Sessions = request.request.app.state.sessions
    response = json_response({"name": user.name, "tags": list(user.tags)})
    response.set_cookie(
        cookie_name(request.port),
        sessions.begin(user),
        secure=request.request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


async def logout(request: ApiRequest) -> Response:
    """Ends the session of the cookie, if there is one."""
    token = token_of(request.request.cookies, request.port)
    if token is not None:
        request.request.app.state.sessions.end(token)
    response = empty_response()
    response.delete_cookie(cookie_name(request.port), httponly=True, samesite="strict")
    return response


async def _values(request: ApiRequest) -> dict[str, Any]:
    octets = await request.octets()
    if request.request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(octets.decode("utf-8", "replace"), keep_blank_values=True))
    content = parse_json(octets)
    if not isinstance(content, dict):
        raise BadRequest("the body is neither a form nor a JSON object")
    return content


RESOURCES = (
    Resource(
        "/login", {"GET": who, "POST": login, "DELETE": logout}, is_for_strangers=True, body_max_bytes=_BODY_MAX_BYTES
    ),
)
