"""/api/topology and …/route: which way messages go, as a picture and for one routing key. This broker's own."""

import asyncio
from typing import Any, Final

from amqpbroker.management.access.authorization import in_vhost, sees_vhost
from amqpbroker.management.api.changing.exchanges import named_exchange
from amqpbroker.management.errors import BadRequest
from amqpbroker.management.formats.field_tables import json_table
from amqpbroker.management.formats.fields import json_object, table
from amqpbroker.management.inbox.showing import step_shown
from amqpbroker.management.requests import ApiRequest, whole_number
from amqpbroker.management.resources import Resource
from amqpbroker.model.explaining import explain
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import texts

BINDINGS: Final = 200
BINDINGS_MAX: Final = 2_000
STEPS_MAX: Final = 1_000
_BINDINGS_A_STEP: Final = 500


async def topology(request: ApiRequest) -> dict[str, Any]:
    """The bindings of a virtual host, without those that every queue has by its name. limit: at most so many.

    `exchange`: only those on the way from there. Of what is left out only the number is told.
    """
    limit = min(whole_number(request.query.get("limit", BINDINGS), "limit"), BINDINGS_MAX)
    exchanges = request.vhost.exchanges
    wanted = request.query.get("exchange")
    names = list(exchanges) if wanted is None else [wanted]
    seen = set(names)
    told: list[dict[str, Any]] = []
    alternates: list[dict[str, str]] = []
    left_out = 0
    for name in names:
        exchange = exchanges.get(name)
        if exchange is None:
            continue
        further = [binding.destination.name for binding in exchange.bindings if binding.destination.kind == "exchange"]
        if exchange.alternate is not None:
            alternates.append({"source": name, "destination": exchange.alternate})
            further.append(exchange.alternate)
        # The list grows while it is gone through: what is reached is looked at in its turn.
        names += [one for one in dict.fromkeys(further) if one not in seen]
        seen.update(further)
        for nth, binding in enumerate(list(exchange.bindings)):
            if nth % _BINDINGS_A_STEP == _BINDINGS_A_STEP - 1:
                await asyncio.sleep(0)
            if len(told) >= limit:
                left_out += len(exchange.bindings) - nth
                break
            told.append(
                {
                    "source": name,
                    "destination": binding.destination.name,
                    "destination_type": binding.destination.kind,
                    "routing_key": binding.routing_key,
                    "arguments": json_table(binding.arguments),
                }
            )
    return {"bindings": told, "alternates": alternates, "left_out": left_out}


async def route(request: ApiRequest) -> dict[str, Any]:
    """Which queues a message would reach, and why; nothing is published. Body: `routing_key`, `headers`."""
    exchange = named_exchange(request)
    body = await request.object()
    routing_key = body.get("routing_key", "")
    if not isinstance(routing_key, str):
        raise BadRequest("routing_key: it is not text")
    headers = table(json_object(body.get("headers", {}), "headers"), "headers")
    keys = [routing_key, *texts(headers, "CC"), *texts(headers, "BCC")]
    told = explain(request.vhost, exchange, keys, Properties(headers=headers), STEPS_MAX)
    return {
        "queues": list(told.queue_names),
        "steps": [step_shown(step) for step in told.steps],
        "is_complete": told.is_complete,
    }


RESOURCES = (
    Resource("/topology/{vhost}", {"GET": topology}, sees_vhost),
    Resource("/exchanges/{vhost}/{exchange}/route", {"POST": route}, in_vhost),
)
