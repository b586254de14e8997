"""/api/queues/{vhost}/{queue}/capacity: how a queue is used, and what models forecast of it. It is this broker's own.

The queue is measured from the first question on, for as long as somebody asks again within a minute. What was measured
is looked at in a thread: distributions are fitted, which takes a while, and connections go on meanwhile.
"""

import asyncio
from typing import Any, Final

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.measuring.measured import Measured, measured
from amqpbroker.capacity.measuring.watching import Measuring
from amqpbroker.capacity.units import parse_duration_s
from amqpbroker.management.access.authorization import in_vhost
from amqpbroker.management.api.changing.queues import named_queue
from amqpbroker.management.errors import ApiError, BadRequest
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource

_MISSING: Final = "forecasts need SciPy, which is not installed beside the broker: pip install amqpbroker[capacity]"


async def capacity(request: ApiRequest) -> dict[str, Any]:
    """Query: `target`, the wait that is wanted, such as 500ms; `percentile`, for how many of a hundred messages."""
    queue = named_queue(request)
    target, percentile = request.query.get("target"), request.query.get("percentile", "99")
    try:
        target_s = None if target is None else parse_duration_s(target, "target")
        share = float(percentile)
    except WrongInput as error:
        raise BadRequest(str(error)) from error
    except ValueError as error:
        raise BadRequest(f"percentile: {percentile!r} is not a number") from error
    measuring: Measuring = request.request.app.state.measuring
    seen = measured(measuring.of(request.vhost, queue), request.broker.clock.now_s())
    about = {"vhost": request.vhost.name, "queue": queue.name}
    return {**about, **await asyncio.to_thread(_answer, seen, target_s, share)}


def _answer(seen: Measured, target_s: float | None, percentile: float) -> dict[str, Any]:
    try:
        from amqpbroker.capacity.observing.document import document
        from amqpbroker.capacity.observing.observation import observe
    except ModuleNotFoundError as error:
        if error.name not in ("numpy", "scipy"):
            raise
        raise ApiError(501, "not_implemented", _MISSING) from error
    try:
        return document(observe(seen, target_s, percentile))
    except WrongInput as error:
        raise BadRequest(str(error)) from error


RESOURCES = (Resource("/queues/{vhost}/{queue}/capacity", {"GET": capacity}, in_vhost),)
