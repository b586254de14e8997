"""/api/queues/quorum: the members of quorum queues, of which each has one, this node.

Source: RabbitMQ `rabbit_mgmt_wm_quorum_queue_status`, `_replicas_add_member` and its like, `rabbit_quorum_queue`.
"""

from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import administrator, in_vhost
from amqpbroker.management.api.changing.queues import named_queue
from amqpbroker.management.errors import NotFound, Unavailable
from amqpbroker.management.formats.fields import text
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource, empty_response, json_response
from amqpbroker.model.queues.quorum import QuorumQueue

_ACCEPTED: Final = 202
_NO_QUORUM_QUEUE: Final = "classic_queue_not_supported"


async def status(request: ApiRequest) -> Response:
    """What RabbitMQ tells of each member: here all that is recorded is also applied."""
    queue = named_queue(request)
    if not isinstance(queue, QuorumQueue):
        return json_response({"status": "failed", "reason": _NO_QUORUM_QUEUE}, 503)
    last = sum(part.tail - 1 for part in queue.parts.values())
    member: dict[str, Any] = {
        "Node Name": request.broker.node_name,
        "Raft State": "leader",
        "Membership": "voter",
        **dict.fromkeys(("Last Log Index", "Last Written", "Last Applied", "Commit Index"), last),
        "Snapshot Index": 0,
        "Term": 1,
        "Machine Version": 0,
    }
    return json_response([member])


async def add_member(request: ApiRequest) -> Response:
    """This node is a member already, and there is no other one."""
    if await _node(request) != request.broker.node_name:
        raise Unavailable("node_not_running")
    return empty_response()


async def delete_member(request: ApiRequest) -> Response:
    """The last member stays; who is none can go."""
    if await _node(request) == request.broker.node_name:
        raise Unavailable("last_node")
    return empty_response(_ACCEPTED)


async def _node(request: ApiRequest) -> str:
    queue = named_queue(request)
    node = text((await request.object("node"))["node"], "node")
    if not isinstance(queue, QuorumQueue):
        raise Unavailable(_NO_QUORUM_QUEUE)
    return node


async def grow(request: ApiRequest) -> Response:
    """All quorum queues have a member here already."""
    await request.object("vhost_pattern", "queue_pattern", "strategy")
    _check_node(request)
    return empty_response()


async def shrink(request: ApiRequest) -> Response:
    """None of them has a member that it could do without."""
    await request.object()
    _check_node(request)
    return empty_response(_ACCEPTED)


def _check_node(request: ApiRequest) -> None:
    if request.part("node") != request.broker.node_name:
        raise NotFound


_QUEUE: Final = "/queues/quorum/{vhost}/{queue}"
_NODE: Final = "/queues/quorum/replicas/on/{node}"
RESOURCES = (
    Resource(f"{_QUEUE}/status", {"GET": status}, in_vhost),
    Resource(f"{_QUEUE}/replicas/add", {"POST": add_member}, administrator),
    Resource(f"{_QUEUE}/replicas/delete", {"DELETE": delete_member}, administrator),
    Resource(f"{_NODE}/grow", {"POST": grow}, administrator),
    Resource(f"{_NODE}/shrink", {"DELETE": shrink}, administrator),
)
