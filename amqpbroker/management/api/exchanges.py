"""/api/exchanges: exchanges, and what they are bound to. Source: RabbitMQ `rabbit_mgmt_wm_exchanges`, `_exchange`."""

from typing import Any, Final, NamedTuple

from starlette.responses import Response

from amqpbroker.management.access.authorization import in_vhost, vhosts_shown
from amqpbroker.management.api.changing.exchanges import delete_exchange, named_exchange, put_exchange
from amqpbroker.management.api.changing.publishing import publish
from amqpbroker.management.formats.field_tables import json_table
from amqpbroker.management.lists.listing import Fields, item, list_response
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.management.statistics.counters import OF_EXCHANGES, message_stats
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.observing.announcer import INTERNAL_USER
from amqpbroker.model.vhost import VirtualHost


class ExchangeIn(NamedTuple):
    """An exchange and where it is."""

    vhost: VirtualHost
    exchange: Exchange

    @property
    def subject(self) -> Exchange:
        """What rates are of."""
        return self.exchange


def _policy(one: ExchangeIn) -> str | None:
    if not one.exchange.name:  # the default exchange has none
        return None
    found = one.vhost.parameters.policies.of_exchange(one.exchange.name)
    return found.name if found is not None else None


BASIC_FIELDS: Final[Fields] = {
    "arguments": lambda one: json_table(one.exchange.arguments),
    "auto_delete": lambda one: one.exchange.auto_delete,
    "durable": lambda one: one.exchange.durable,
    "internal": lambda one: one.exchange.internal,
    "name": lambda one: one.exchange.name,
    "policy": _policy,
    "type": lambda one: one.exchange.type,
    # Who declared a thing is not kept: it says who the broker is to itself.
    "user_who_performed_action": lambda _: INTERNAL_USER,
    "vhost": lambda one: one.vhost.name,
}
FIELDS: Final[Fields] = {
    **BASIC_FIELDS,
    "message_stats": lambda one: message_stats(one.exchange.counters, OF_EXCHANGES),
}
# What publishes here, and where from here messages went, is not counted one by one.
DETAILED_FIELDS: Final[Fields] = {**FIELDS, "incoming": lambda _: [], "outgoing": lambda _: []}


async def list_exchanges(request: ApiRequest) -> Response:
    fields = BASIC_FIELDS if request.flag("disable_stats") else FIELDS
    found = [ExchangeIn(vhost, one) for vhost in vhosts_shown(request) for one in vhost.exchanges.values()]
    return await list_response(request, found, lambda _: fields)


async def one_exchange(request: ApiRequest) -> dict[str, Any]:
    return item(request, ExchangeIn(request.vhost, named_exchange(request)), DETAILED_FIELDS)


RESOURCES = (
    Resource("/exchanges", {"GET": list_exchanges}),
    Resource("/exchanges/{vhost}", {"GET": list_exchanges}, in_vhost),
    Resource(
        "/exchanges/{vhost}/{exchange}",
        {"GET": one_exchange, "PUT": put_exchange, "DELETE": delete_exchange},
        in_vhost,
    ),
    Resource("/exchanges/{vhost}/{exchange}/publish", {"POST": publish}, in_vhost),
)
