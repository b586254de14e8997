"""/api/_test: GET tells what can be called, POST /api/_test/NAME calls it; the body has the arguments by name.

For administrators on this machine only: who may call it may take the broker down.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final

from amqpbroker.management.access.authorization import administrator
from amqpbroker.management.errors import ApiError, BadRequest, Forbidden, NotFound
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.server.listening import ip_address
from amqpbroker.testing.async_broker import AsyncBroker
from amqpbroker.testing.http_api.calls import CALLS
from amqpbroker.testing.http_api.showing import shown

# What a test has expected is not so.
_NOT_AS_EXPECTED: Final = 409


def resources_of(broker: AsyncBroker) -> Sequence[Resource]:
    """The rows of the API for this broker."""

    async def index(request: ApiRequest) -> dict[str, Any]:
        return {name: _parameters(find(broker)) for name, find in CALLS.items()}

    async def call(request: ApiRequest) -> Any:
        name = request.part("name") + (f"/{request.part('detail')}" if request.has("detail") else "")
        find = CALLS.get(name)
        if find is None:
            raise NotFound(f"there is no {name} in the test API; GET /api/_test has all of it")
        return await _called(name, find(broker), await request.object())

    return (
        Resource("/_test", {"GET": index}, access=tester),
        Resource("/_test/{name}", {"POST": call}, access=tester),
        Resource("/_test/{name}/{detail}", {"POST": call}, access=tester),
    )


def tester(request: ApiRequest) -> None:
    """Administrators, from this machine. Raises 401, 403."""
    administrator(request)
    if request.peer is not None and not ip_address(request.peer).is_loopback:
        raise Forbidden("the test API is for this machine only")


async def _called(name: str, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """What a call gives, as JSON. Raises 400, and 409: it is not as the test expected, and what it is instead."""
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise BadRequest(f"{name}: {error}; it takes {', '.join(_parameters(function)) or 'nothing'}") from None
    try:
        found = function(**arguments)
        return shown(await found if inspect.isawaitable(found) else found)
    except AssertionError as error:
        raise ApiError(_NOT_AS_EXPECTED, "not_as_expected", str(error)) from None
    except LookupError as error:
        raise NotFound(str(error.args[0] if error.args else error)) from None
    except (TypeError, ValueError) as error:
        raise BadRequest(f"{name}: {error}") from None


def _parameters(function: Callable[..., Any]) -> list[str]:
    return [str(one) for one in inspect.signature(function).parameters.values()]
