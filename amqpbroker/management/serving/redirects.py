"""Addresses that RabbitMQ has had pages at. Source: RabbitMQ `rabbit_mgmt_dispatcher`."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route

_MOVED: Final = {"/doc/stats.html": "/api/index.html", "/stats": "/api/index.html", "/mgmt": "/"}


def _to(place: str) -> Callable[[Request], Awaitable[RedirectResponse]]:
    async def redirect(_request: Request) -> RedirectResponse:
        return RedirectResponse(place, 301)

    return redirect


ROUTES: Final[list[BaseRoute]] = [Route(path, _to(place)) for path, place in _MOVED.items()]
