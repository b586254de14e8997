"""A resource of the API: a path, who may use it, a handler for each method. Here a handler's result becomes an answer.

The same for every resource: HEAD is GET without a body, OPTIONS tells the methods, any other gets 405; who asks is
known before anything else is looked at; what handlers raise is answered as RabbitMQ does.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from amqpbroker.errors import AMQPError
from amqpbroker.management.access.authentication import admitted, authenticate, of_token
from amqpbroker.management.access.authorization import Access, anybody
from amqpbroker.management.access.sessions import token_of
from amqpbroker.management.errors import ApiError, BadRequest, NotAuthenticated, refusal
from amqpbroker.management.lists.columns import only, read_columns
from amqpbroker.management.requests import BODY_MAX_BYTES, ApiRequest, peer_of, port_of
from amqpbroker.model.access import User
from amqpbroker.model.policies.validation import InvalidParameterError

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

logger = logging.getLogger("amqpbroker.management")

# Gives a value for JSON, or an answer of its own.
Handler = Callable[[ApiRequest], Awaitable[Any]]

# What scripts say of themselves, and no other page's can.
_ASKED_BY_SCRIPT: Final = "x-requested-with"
_NOBODY: Final = User("")

CREATED: Final = 201
NO_CONTENT: Final = 204


@dataclass(frozen=True, slots=True)
class Resource:
    """path: below /api, its parts in braces. access: raises 401 unless the user may. methods: handlers by method.

    changing: who may use the methods that change something, if not the same. body_max_bytes: a larger one is refused.
    is_for_strangers: whether it is answered without knowing who asks, who is nobody then.
    """

    path: str
    methods: Mapping[str, Handler]
    access: Access = anybody
    changing: Access | None = None
    body_max_bytes: int = BODY_MAX_BYTES
    is_for_strangers: bool = False
    allow: str = field(init=False)

    def __post_init__(self) -> None:
        methods = [*(["HEAD"] if "GET" in self.methods else []), *self.methods, "OPTIONS"]
        object.__setattr__(self, "allow", ", ".join(methods))


def route(resource: Resource, server: "Server", prefix: str = "/api") -> Route:
    """The resource as starlette knows it, below the prefix; the endpoint looks at the method itself."""

    async def endpoint(request: Request) -> Response:
        try:
            return await _answer(resource, server, request)
        except ApiError as error:
            response = error_response(error)
            if _ASKED_BY_SCRIPT in request.headers:
                # The browser would ask for a name and a password with a window of its own.
                del response.headers["www-authenticate"]
            return response
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            # Told once, with all of it, where the operator looks, and to the client that it is no fault of theirs.
            logger.exception("%s %s: internal error", request.method, resource.path)
            return error_response(ApiError(500, "Internal Server Error", "a fault of the broker; its log has more"))

    return Route(prefix + resource.path, endpoint, methods=["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"])


async def _answer(resource: Resource, server: "Server", request: Request) -> Response:
    method = "GET" if request.method == "HEAD" else request.method
    if method == "OPTIONS":
        return Response(headers={"allow": resource.allow})
    handler = resource.methods.get(method)
    if handler is None:
        raise ApiError(405, headers={"allow": resource.allow})
    user = _NOBODY if resource.is_for_strangers else _who_asks(request, server)
    asked = ApiRequest(request, server, user, resource.body_max_bytes)
    access = resource.access if method == "GET" or resource.changing is None else resource.changing
    access(asked)
    server.broker.count_up()
    try:
        result = await handler(asked)
    except AMQPError as error:
        raise refusal(error) from error
    except InvalidParameterError as error:
        raise BadRequest(str(error)) from error
    if isinstance(result, Response):
        return result
    if method == "GET" and (named := asked.query.get("columns")) is not None:
        result = only(read_columns(named), result)
    return json_response(result)


def _who_asks(request: Request, server: "Server") -> User:
    """By the token of the broker's own user, the cookie of a session, or by name and password. Raises 401."""
    broker = server.broker
    authorization = request.headers.get("authorization", "")
    if insider := of_token(authorization, peer_of(request), server.local_token):
        return insider
    token = token_of(request.cookies, port_of(request))
    if token is None or "authorization" in request.headers:
        return authenticate(request.headers, peer_of(request), broker)
    user = request.app.state.sessions.user_of(token)
    if user is None:
        raise NotAuthenticated("the session is over")
    return admitted(user, peer_of(request), broker.users)


def json_response(content: Any, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(json_octets(content), status, {"cache-control": "no-cache"}, "application/json")


def json_octets(content: Any) -> bytes:
    """JSON; of what is no Unicode in names only the place is left."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def empty_response(status: int = NO_CONTENT, **headers: str) -> Response:
    """An answer without a body."""
    return Response(status_code=status, headers=headers)


def error_response(error: ApiError) -> Response:
    """What was refused, and why."""
    if not error.error:
        return Response(status_code=error.status, headers=error.headers)
    response = json_response({"error": error.error, "reason": error.reason}, error.status)
    del response.headers["cache-control"]
    response.headers.update(error.headers)
    return response
