"""/api/_test: GET tells what can be called, POST /api/_test/NAME calls it; the body has the arguments by name.

For administrators on this machine only: who may call it may take the broker down.
"""

import inspect
from collections.abc import Sequence
from typing import Any, Final

from amqpbroker.management.access.authorization import administrator
from amqpbroker.management.errors import ApiError, BadRequest, Forbidden, NotFound
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.server.listening import ip_address
from amqpbroker.testing.async_broker import AsyncBroker
from amqpbroker.testing.http_api.calls import NOT_OVER_HTTP, OF_A_VHOST, Calls, Function
from amqpbroker.testing.http_api.showing import shown
from amqpbroker.testing.snapshots import SnapshotError

# What a test has expected is not so.
_NOT_AS_EXPECTED: Final = 409


def resources_of(broker: AsyncBroker) -> Sequence[Resource]:
    """The rows of the API for this broker."""
    calls = Calls(broker)

    async def index(request: ApiRequest) -> dict[str, Any]:
        return {name: _parameters(name, _known(calls, name)) for name in calls.names()}

    async def call(request: ApiRequest) -> Any:
        name = request.part("name") + (f"/{request.part('detail')}" if request.has("detail") else "")
        arguments = await request.object()
        vhost = arguments.pop("vhost", None) if name in OF_A_VHOST else None
        if not isinstance(vhost, str | None):
            raise BadRequest(f"{name}: vhost is no text")
        return await _called(name, _known(calls, name, vhost), arguments)

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


def _known(calls: Calls, name: str, vhost: str | None = None) -> Function:
    """What answers to a name. Raises 404."""
    function = calls.find(name, vhost)
    if function is None:
        raise NotFound(f"there is no {name} in the test API; GET /api/_test has all of it")
    return function


async def _called(name: str, function: Function, arguments: dict[str, Any]) -> Any:
    """What a call gives, as JSON. Raises 400, and 409: it is not as the test expected, and what it is instead."""
    try:
        if refused := NOT_OVER_HTTP.intersection(arguments):
            raise TypeError(f"{', '.join(refused)} cannot be given over HTTP")
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        takes = ", ".join(_parameters(name, function)) or "nothing"
        raise BadRequest(f"{name}: {error}; it takes {takes}") from None
    try:
        found = function(**arguments)
        return shown(await found if inspect.isawaitable(found) else found)
    except AssertionError as error:
        raise ApiError(_NOT_AS_EXPECTED, "not_as_expected", str(error)) from None
    except LookupError as error:
        raise NotFound(str(error.args[0] if error.args else error)) from None
    except (TypeError, ValueError, OSError, SnapshotError) as error:
        raise BadRequest(f"{name}: {error}") from None


def _parameters(name: str, function: Function) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    found = [str(one) for one in parameters if one.name not in NOT_OVER_HTTP]
    return [*found, "vhost: str"] if name in OF_A_VHOST else found
