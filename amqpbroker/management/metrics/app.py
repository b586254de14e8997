"""The metrics as an ASGI application of their own."""

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from amqpbroker.management.access.guards import Guards
from amqpbroker.management.app import Guarded
from amqpbroker.management.metrics.endpoints import routes

if TYPE_CHECKING:
    from amqpbroker.server.server import Server


def build_metrics_app(server: "Server") -> ASGIApp:
    """What the port of the metrics serves."""
    inner = Starlette(routes=routes(server))
    inner.router.redirect_slashes = False
    return Guarded(GZipMiddleware(inner, minimum_size=860, compresslevel=1), Guards(server.config.http_hosts), _nothing)


def _nothing() -> None:
    """No answer of it goes on for ever."""
