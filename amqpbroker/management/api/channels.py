"""/api/channels: the channels of connections.

Source: RabbitMQ `rabbit_mgmt_wm_channels`, `_channel`, `_connection_channels`, `_channels_vhost`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import in_vhost
from amqpbroker.management.api.connections import named_connection, open_connections, require_own, visible
from amqpbroker.management.api.consumers import consumer_details, consumers_of
from amqpbroker.management.api.details import channel_name, connection_details
from amqpbroker.management.api.erlang import PROCESS_FIELDS
from amqpbroker.management.errors import NotFound
from amqpbroker.management.lists.listing import Fields, item, list_response
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.management.statistics.counters import OF_CHANNELS, message_stats
from amqpbroker.session.channel import Channel
from amqpbroker.session.connection import Connection


def _uncommitted(channel: Channel) -> int:
    transaction = channel.transaction
    return sum(len(messages) for _, messages in transaction.published) if transaction is not None else 0


def _uncommitted_acks(channel: Channel) -> int:
    transaction = channel.transaction
    return sum(len(entries) for entries, _ in transaction.settled) if transaction is not None else 0


FIELDS: Final[Fields] = {
    "acks_uncommitted": _uncommitted_acks,
    "confirm": lambda one: one.confirms is not None,
    "connection_details": lambda one: connection_details(one.connection),
    "consumer_count": lambda one: len(one.consumers),
    "global_prefetch_count": lambda one: one.global_prefetch,
    "message_stats": lambda one: message_stats(one.counters, OF_CHANNELS),
    "messages_unacknowledged": lambda one: len(one.unacked.entries),
    "messages_uncommitted": _uncommitted,
    "messages_unconfirmed": lambda one: one.confirms.unconfirmed if one.confirms is not None else 0,
    "name": channel_name,
    "node": lambda one: one.connection.broker.node_name,
    "number": lambda one: one.number,
    "pending_raft_commands": lambda _: 0,
    "prefetch_count": lambda one: one.prefetch,
    "state": lambda _: "running",
    "transactional": lambda one: one.transaction is not None,
    "user": lambda one: one.connection.user_name,
    "user_who_performed_action": lambda one: one.connection.user_name,
    "vhost": lambda one: one.connection.vhost.name,
    **PROCESS_FIELDS,
}
# Where from and where to messages went is not counted one by one.
DETAILED_FIELDS: Final[Fields] = {
    **FIELDS,
    "consumer_details": lambda one: consumer_details(consumers_of(one.connection.vhost, one.consumers.values())),
    "deliveries": lambda _: [],
    "publishes": lambda _: [],
}


async def all_channels(request: ApiRequest) -> Response:
    return await _listed(request, channels_of(visible(request, open_connections(request.broker))))


async def channels_in_vhost(request: ApiRequest) -> Response:
    vhost = request.vhost
    inside = [one for one in open_connections(request.broker) if one.vhost is vhost]
    return await _listed(request, channels_of(visible(request, inside)), is_paged=False)


async def channels_of_connection(request: ApiRequest) -> Response:
    return await _listed(request, channels_of([named_connection(request)]), is_paged=False)


async def one_channel(request: ApiRequest) -> dict[str, Any]:
    name = request.part("channel")
    found = next((one for one in channels_of(open_connections(request.broker)) if channel_name(one) == name), None)
    if found is None:
        raise NotFound
    require_own(request, found.connection.user_name)
    return item(request, found, DETAILED_FIELDS)


def channels_of(connections: Iterable[Connection]) -> list[Channel]:
    """Their open channels."""
    return [channel for connection in connections for channel in connection.channels.values()]


async def _listed(request: ApiRequest, channels: Sequence[Channel], *, is_paged: bool = True) -> Response:
    return await list_response(request, channels, lambda _: FIELDS, is_paged=is_paged)


async def sessions_of_connection(request: ApiRequest) -> list[Any]:
    """AMQP 1.0 has sessions; there are none."""
    named_connection(request)
    return []


RESOURCES = (
    Resource("/channels", {"GET": all_channels}),
    Resource("/channels/{channel}", {"GET": one_channel}),
    Resource("/connections/{connection}/channels", {"GET": channels_of_connection}),
    Resource("/connections/{connection}/sessions", {"GET": sessions_of_connection}),
    Resource("/vhosts/{vhost}/channels", {"GET": channels_in_vhost}, in_vhost),
)
