"""/api/consumers: who takes messages from which queue. Source: RabbitMQ `rabbit_mgmt_wm_consumers`."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from amqpbroker.management.access.authorization import MONITORS, has_tag
from amqpbroker.management.api.details import channel_details
from amqpbroker.management.formats.field_tables import json_table
from amqpbroker.management.lists.listing import Fields, list_response
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.model.consumer import Consumer
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.session.channel import Channel
from amqpbroker.session.consumer_timeout import timeout_ms_of


class ConsumerIn(NamedTuple):
    """A consumer, its channel, and the virtual host that both are in."""

    vhost: VirtualHost
    consumer: Consumer
    channel: Channel


def _activity(one: ConsumerIn) -> str:
    """RabbitMQ's words for what a consumer is about to get."""
    single = one.consumer.queue.single_active
    if single is None:
        return "waiting" if one.consumer.timed_out else "up"
    return "single_active" if single.active is one.consumer else "waiting"


FIELDS: Final[Fields] = {
    "arguments": lambda one: json_table(one.consumer.arguments),
    "ack_required": lambda one: not one.consumer.no_ack,
    "active": lambda one: _activity(one) != "waiting",
    "activity_status": _activity,
    "channel_details": lambda one: channel_details(one.channel),
    "consumer_tag": lambda one: one.consumer.tag,
    "consumer_timeout": lambda one: timeout_ms_of(one.channel, one.consumer) or 0,
    "exclusive": lambda one: one.consumer.exclusive,
    "prefetch_count": lambda one: one.consumer.prefetch,
    "queue": lambda one: {"name": one.consumer.queue.name, "vhost": one.vhost.name},
}


async def all_consumers(request: ApiRequest) -> Response:
    return await _listed(request, list(request.broker.vhosts.values()))


async def consumers_in_vhost(request: ApiRequest) -> Response:
    return await _listed(request, [request.vhost])


def consumers_of(vhost: VirtualHost, consumers: Iterable[Consumer]) -> list[ConsumerIn]:
    """Those that are a client's: the broker itself may have some, too."""
    return [ConsumerIn(vhost, one, one.sink) for one in consumers if isinstance(one.sink, Channel)]


def consumer_details(consumers: Iterable[ConsumerIn]) -> list[dict[str, Any]]:
    """What is told of consumers with what they belong to."""
    return [{name: value_of(one) for name, value_of in FIELDS.items()} for one in consumers]


async def _listed(request: ApiRequest, vhosts: list[VirtualHost]) -> Response:
    """Who does not watch sees his own, wherever they are."""
    user, sees_all = request.user.name, has_tag(request.user, MONITORS)
    found = [
        one
        for vhost in vhosts
        for queue in vhost.queues.values()
        for one in consumers_of(vhost, queue.consumers)
        if sees_all or one.channel.connection.user_name == user
    ]
    return await list_response(request, found, lambda _: FIELDS, is_paged=False, sort=("queue.vhost", "queue.name"))


RESOURCES = (
    Resource("/consumers", {"GET": all_consumers}),
    Resource("/consumers/{vhost}", {"GET": consumers_in_vhost}),
)
