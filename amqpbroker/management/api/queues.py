"""/api/queues: queues, what waits in them and who takes it.

The fields are those of RabbitMQ 3.10 and 4.x together. What only its implementation has is left out
(`backing_queue_status`), as is what nobody keeps here (`idle_since`).

Source: RabbitMQ `rabbit_mgmt_wm_queues`, `_queue`, `rabbit_mgmt_db`, `rabbit_mgmt_format`.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import administrator, in_vhost, vhosts_shown
from amqpbroker.management.api.changing.messages import get_messages, peek_messages
from amqpbroker.management.api.changing.moving import move_messages
from amqpbroker.management.api.changing.queues import (
    delete_queue,
    named_queue,
    post_queue_action,
    purge_queue,
    put_queue,
)
from amqpbroker.management.api.consumers import consumer_details, consumers_of
from amqpbroker.management.api.details import connection_details
from amqpbroker.management.api.erlang import PROCESS_FIELDS
from amqpbroker.management.formats.field_tables import json_table
from amqpbroker.management.lists.listing import Fields, FieldsOf, item, list_response
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource
from amqpbroker.management.statistics.counters import NO_RATE, OF_QUEUES, message_stats
from amqpbroker.management.statistics.queue_contents import Contents, contents_of, head_of, waiting_bytes
from amqpbroker.model.arguments import CLASSIC, QUORUM, STREAM
from amqpbroker.model.policies.policy import Policy
from amqpbroker.model.policies.policy_keys import merged
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.quorum import QuorumQueue
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.session.connection import Connection
from amqpbroker.wire import properties


class QueueIn:
    """A queue and where it is. What several fields are made of is looked up once."""

    def __init__(self, vhost: VirtualHost, queue: Queue, node: str) -> None:
        self.vhost = vhost
        self.queue = queue
        self.node = node

    @property
    def subject(self) -> Queue:
        """What rates are of."""
        return self.queue

    @cached_property
    def contents(self) -> Contents:
        """What it holds."""
        return contents_of(self.queue)

    @cached_property
    def policies(self) -> tuple[Policy | None, Policy | None]:
        """The policy and the operator policy that it has."""
        parameters, kind = self.vhost.parameters, self.queue.settings.kind
        name = self.queue.name
        return parameters.policies.of_queue(name, kind), parameters.operator_policies.of_queue(name, kind)


def _name_of(policy: Policy | None) -> str | None:
    return policy.name if policy is not None else None


def _definition(one: QueueIn) -> Mapping[str, Any]:
    policy, operator_policy = (found.definition if found is not None else {} for found in one.policies)
    return merged(policy, operator_policy)


def _head_timestamp(one: QueueIn) -> int | None:
    head = head_of(one.queue)
    return properties.decode(head[1]).timestamp if head is not None else None


def _consumer_capacity(one: QueueIn) -> float:
    """RabbitMQ's share of the time in which consumers could be given more: here, whether they can now."""
    consumers = one.queue.consumers
    return 1.0 if any(consumer.capacity > 0 for consumer in consumers) else 0.0 if consumers else 0


def _exclusive_tag(one: QueueIn) -> str | None:
    return one.queue.exclusive_consumer.tag if one.queue.exclusive_consumer is not None else None


def _single_active_tag(one: QueueIn) -> str | None:
    single = one.queue.single_active
    return single.active.tag if single is not None and single.active is not None else None


def _dead(one: QueueIn) -> int:
    """Messages that wait for being dead-lettered."""
    assert isinstance(one.queue, QuorumQueue)
    return sum(part.message_count for part in one.queue.dead())


def _delivery_limit(one: QueueIn) -> int | str:
    limit = one.queue.settings.delivery_limit
    return "unlimited" if limit is None else limit


def _owner(one: QueueIn) -> dict[str, Any]:
    owner = one.queue.owner
    return connection_details(owner) if isinstance(owner, Connection) else {}


_BASIC: Final[Fields] = {
    "arguments": lambda one: json_table(one.queue.arguments),
    "auto_delete": lambda one: one.queue.auto_delete,
    "durable": lambda one: one.queue.durable,
    "exclusive": lambda one: one.queue.owner is not None,
    "leader": lambda one: one.node,
    "members": lambda one: [one.node],
    "name": lambda one: one.queue.name,
    "node": lambda one: one.node,
    "online": lambda one: [one.node],
    "policy": lambda one: _name_of(one.policies[0]),
    "state": lambda one: "paused" if one.queue.paused else "running",
    "type": lambda one: one.queue.settings.kind,
    "vhost": lambda one: one.vhost.name,
}
_TOTALS: Final[Fields] = {
    "messages": lambda one: one.queue.message_count + one.queue.unacked,
    "messages_ready": lambda one: one.queue.message_count,
    "messages_unacknowledged": lambda one: one.queue.unacked,
}
_OF_EVERY_TYPE: Final[Fields] = {
    **_BASIC,
    **_TOTALS,
    **PROCESS_FIELDS,
    "consumers": lambda one: len(one.queue.consumers),
    "effective_policy_definition": _definition,
    "memory": lambda one: one.queue.memory_bytes,
    "message_stats": lambda one: message_stats(one.queue.counters, OF_QUEUES),
    "messages_details": lambda _: NO_RATE,
    "messages_ready_details": lambda _: NO_RATE,
    "messages_unacknowledged_details": lambda _: NO_RATE,
    "operator_policy": lambda one: _name_of(one.policies[1]),
}
_IN_MEMORY: Final[Fields] = {
    "consumer_capacity": _consumer_capacity,
    "consumer_utilisation": _consumer_capacity,
    "message_bytes": lambda one: one.contents.message_bytes,
    "message_bytes_persistent": lambda one: one.contents.persistent_bytes,
    # What clients have is in memory, too.
    "message_bytes_ram": lambda one: one.contents.ram_bytes + one.contents.unacked_bytes,
    "message_bytes_ready": lambda one: one.contents.ready_bytes,
    "message_bytes_unacknowledged": lambda one: one.contents.unacked_bytes,
    "messages_persistent": lambda one: one.contents.persistent,
    "messages_ram": lambda one: one.contents.ram + one.queue.unacked,
    "single_active_consumer_tag": _single_active_tag,
}
FIELDS_BY_TYPE: Final[Mapping[str, Fields]] = {
    CLASSIC: {
        **_OF_EVERY_TYPE,
        **_IN_MEMORY,
        "exclusive_consumer_tag": _exclusive_tag,
        "head_message_timestamp": _head_timestamp,
        "message_bytes_paged_out": lambda one: one.contents.ready_bytes - one.contents.ram_bytes,
        "messages_paged_out": lambda one: one.contents.ready - one.contents.ram,
        "messages_ready_ram": lambda one: one.contents.ram,
        "messages_unacknowledged_ram": lambda one: one.queue.unacked,
        "recoverable_slaves": lambda _: None,
        "storage_version": lambda _: 2,
    },
    QUORUM: {
        **_OF_EVERY_TYPE,
        **_IN_MEMORY,
        "delivery_limit": _delivery_limit,
        "message_bytes_dlx": lambda one: sum(map(waiting_bytes, one.queue.dead())),
        "messages_dlx": _dead,
        "open_files": lambda one: {one.node: 0},
        "single_active_consumer_ctag": _single_active_tag,
    },
    STREAM: {**_OF_EVERY_TYPE, "readers": lambda one: {one.node: len(one.queue.consumers)}},
}
_DETAILS: Final[Fields] = {
    "consumer_details": lambda one: consumer_details(consumers_of(one.vhost, one.queue.consumers)),
    "deliveries": lambda _: [],
    "incoming": lambda _: [],
}
_EXCLUSIVE: Final[Fields] = {**FIELDS_BY_TYPE[CLASSIC], "owner_pid_details": _owner}


async def list_queues(request: ApiRequest) -> Response:
    node = request.broker.node_name
    found = [QueueIn(vhost, queue, node) for vhost in vhosts_shown(request) for queue in vhost.queues.values()]
    return await list_response(request, found, _fields_of(request))


async def one_queue(request: ApiRequest) -> dict[str, Any]:
    one = QueueIn(request.vhost, named_queue(request), request.broker.node_name)
    return item(request, one, {**_fields_of(request)(one), **_DETAILS})


def _fields_of(request: ApiRequest) -> FieldsOf:
    if request.flag("disable_stats"):
        basic = {**_BASIC, **_TOTALS} if request.flag("enable_queue_totals") else _BASIC
        return lambda _: basic
    return _all_fields


def _all_fields(one: QueueIn) -> Fields:
    return _EXCLUSIVE if one.queue.owner is not None else FIELDS_BY_TYPE[one.queue.settings.kind]


RESOURCES = (
    Resource("/queues", {"GET": list_queues}),
    Resource("/queues/detailed", {"GET": list_queues}),
    Resource("/queues/{vhost}", {"GET": list_queues}, in_vhost),
    Resource("/queues/{vhost}/{queue}", {"GET": one_queue, "PUT": put_queue, "DELETE": delete_queue}, in_vhost),
    Resource("/queues/{vhost}/{queue}/contents", {"DELETE": purge_queue}, in_vhost),
    Resource("/queues/{vhost}/{queue}/get", {"POST": get_messages}, in_vhost),
    Resource("/queues/{vhost}/{queue}/peek", {"POST": peek_messages}, in_vhost),
    Resource("/queues/{vhost}/{queue}/move", {"POST": move_messages}, in_vhost),
    Resource("/queues/{vhost}/{queue}/actions", {"POST": post_queue_action}, administrator),
)
