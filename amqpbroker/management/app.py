"""The management interface as an ASGI application: guards around the resources of the API."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from amqpbroker.capacity.measuring.watching import Measuring
from amqpbroker.management import api
from amqpbroker.management.access.guards import Guards
from amqpbroker.management.access.sessions import Sessions
from amqpbroker.management.errors import ApiError, NotFound
from amqpbroker.management.inbox.inbox import Inbox
from amqpbroker.management.inbox.showing import Showing
from amqpbroker.management.metrics.endpoints import resources
from amqpbroker.management.resources import Resource, error_response, route
from amqpbroker.management.serving import redirects, static
from amqpbroker.management.statistics.history import History

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

# Names of queues are text that anybody may choose: nothing but our own files is ever run or shown as a page.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The highest, 9, takes four times as long for lists as this one, and makes them no smaller.
_COMPRESSION: Final = 5
_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "vary": "origin",
}


def build_app(server: "Server", more: Sequence[Resource] = ()) -> ASGIApp:
    """All of it: what `listener` serves. more: resources beside those of an operator."""
    routes: list[BaseRoute] = [route(resource, server) for resource in (*api.RESOURCES, *more)]
    routes += static.ROUTES + redirects.ROUTES
    routes += [route(resource, server, prefix) for resource in resources(server) for prefix in ("", "/api")]
    inner = Starlette(routes=routes, exception_handlers={404: _not_found})
    inner.router.redirect_slashes = False
    inner.state.sessions = Sessions(server.broker.users, server.ticker.now_s)
    inner.state.inbox = Inbox(server.broker)
    inner.state.measuring = Measuring(server.broker.clock)
    inner.state.showing = Showing(server.broker)
    inner.state.history = History(server.broker, server.ticker)
    inner.state.history.begin()
    return Guarded(
        GZipMiddleware(inner, minimum_size=860, compresslevel=_COMPRESSION),
        Guards(server.config.http_hosts),
        inner.state.inbox.close,
    )


async def _not_found(request: Request, error: Exception) -> Response:
    return error_response(NotFound())


class Guarded:
    """Refuses what a browser was made to send, tidies paths up, and says in every answer how to take it."""

    def __init__(self, app: ASGIApp, guards: Guards, close: Callable[[], None]) -> None:
        self._app = app
        self._guards = guards
        # Ends answers that would go on as long as somebody reads them.
        self.close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._guards.check(scope["method"], Headers(scope=scope))
        except ApiError as error:
            await error_response(error)(scope, receive, send_with_headers)
            return
        # Quoted slashes are part of a name, which the decoded path does not tell; slashes at the end mean nothing.
        path = scope["raw_path"].decode("ascii", "replace").partition("?")[0].rstrip("/") or "/"
        await self._app({**scope, "path": path}, receive, send_with_headers)
