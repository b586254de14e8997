"""/api/vhosts: virtual hosts. Source: RabbitMQ `rabbit_mgmt_wm_vhost`, `rabbit_vhost:put_vhost`."""

from collections.abc import Callable
from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import administrator, visible_vhosts
from amqpbroker.management.api.connections import open_connections
from amqpbroker.management.errors import BadRequest, PreconditionFailed
from amqpbroker.management.formats.fields import names, short_string, text
from amqpbroker.management.lists.listing import Fields, item, list_response
from amqpbroker.management.requests import ApiRequest, truth
from amqpbroker.management.resources import CREATED, NO_CONTENT, Resource, empty_response
from amqpbroker.management.statistics.counters import NO_RATE, OF_ALL, counters_of, message_stats, traffic_of
from amqpbroker.model.arguments import CLASSIC
from amqpbroker.model.broker import Broker
from amqpbroker.model.vhost import VirtualHost

_UNSAID: Final = (None, "", "undefined", "null", "nil")


def _fields(broker: Broker) -> Fields:
    counts: dict[str, Callable[[VirtualHost], int]] = {
        "messages_ready": lambda vhost: sum(queue.message_count for queue in vhost.queues.values()),
        "messages_unacknowledged": lambda vhost: sum(queue.unacked for queue in vhost.queues.values()),
        "messages": lambda vhost: sum(queue.message_count + queue.unacked for queue in vhost.queues.values()),
        "recv_oct": lambda vhost: traffic_of(vhost, open_connections(broker)).recv_oct,
        "send_oct": lambda vhost: traffic_of(vhost, open_connections(broker)).send_oct,
    }
    return {
        "name": lambda vhost: vhost.name,
        "description": lambda vhost: vhost.description,
        "tags": lambda vhost: list(vhost.tags),
        "default_queue_type": lambda vhost: _default_queue_type(broker, vhost),
        "metadata": lambda vhost: {
            "description": vhost.description,
            "tags": list(vhost.tags),
            "default_queue_type": _default_queue_type(broker, vhost),
        },
        "protected_from_deletion": lambda vhost: vhost.protected_from_deletion,
        "tracing": lambda vhost: vhost.firehose is not None,
        "cluster_state": lambda _: {broker.node_name: "running"},
        "message_stats": lambda vhost: message_stats(counters_of(vhost, open_connections(broker)), OF_ALL),
        **counts,
        **{f"{name}_details": lambda _: NO_RATE for name in counts},
    }


def _default_queue_type(broker: Broker, vhost: VirtualHost) -> str:
    """Before 4.0 one that nobody has set has no name."""
    usual = CLASSIC if broker.profile.series >= (4, 0) else "undefined"
    return vhost.default_queue_type or broker.default_queue_type or usual


async def all_vhosts(request: ApiRequest) -> Response:
    broker = request.broker
    fields = _fields(broker)
    seen = [broker.vhosts[name] for name in visible_vhosts(request.user, broker)]
    return await list_response(request, seen, lambda _: fields, sort=("name",))


async def one_vhost(request: ApiRequest) -> dict[str, Any]:
    return item(request, request.vhost, _fields(request.broker))


async def put_vhost(request: ApiRequest) -> Response:
    """Makes a virtual host, in which who makes it may do everything, or says something else of one."""
    broker, name = request.broker, short_string(request.part("vhost"), "vhost")
    body = await request.object()
    kind = body.get("default_queue_type", body.get("defaultqueuetype"))
    said: dict[str, Any] = {
        "description": text(body.get("description", ""), "description"),
        "tags": () if body.get("tags") in _UNSAID else names(body["tags"], "tags"),
        "default_queue_type": None if kind in _UNSAID else text(kind, "default_queue_type"),
    }
    tracing = truth(body["tracing"], "tracing") if "tracing" in body else None
    protected = body.get("protected_from_deletion")
    is_protected = None if protected is None else truth(protected, "protected_from_deletion")
    vhost, user = broker.vhosts.get(name), request.user.name
    is_new = vhost is None
    if vhost is None:
        vhost = broker.create_vhost(name, **said, user=user)
        broker.permissions.set(user, name, configure=".*", write=".*", read=".*", user=user)
    else:
        vhost.set_metadata(**said, user=user)
    if is_protected is not None:
        vhost.protect_from_deletion(is_protected)
    if tracing is not None:
        broker.trace(vhost, tracing)
    await request.recorded()
    return empty_response(CREATED if is_new else NO_CONTENT)


async def delete_vhost(request: ApiRequest) -> Response:
    """Forgets a virtual host with all that is in it; whoever is connected to it is disconnected."""
    vhost = request.vhost
    await request.object()
    if vhost.protected_from_deletion:
        text = f"Refusing to delete virtual host '{vhost.name}' because it is protected from deletion"
        raise PreconditionFailed(text)
    request.broker.delete_vhost(vhost.name, request.user.name)
    await request.recorded()
    return empty_response()


async def protect_vhost(request: ApiRequest) -> Response:
    """It is deleted no more before this is taken back."""
    return await _protect(request, True)


async def unprotect_vhost(request: ApiRequest) -> Response:
    return await _protect(request, False)


async def _protect(request: ApiRequest, is_protected: bool) -> Response:
    vhost = request.vhost
    await request.object()
    vhost.protect_from_deletion(is_protected)
    await request.recorded()
    return empty_response()


async def start_vhost(request: ApiRequest) -> Response:
    """All of them run on this node, which is the only one."""
    _ = request.vhost
    if request.part("node") != request.broker.node_name:
        raise BadRequest(f"Unknown node: {request.part('node')}")
    return empty_response()


RESOURCES = (
    Resource("/vhosts", {"GET": all_vhosts}),
    Resource("/vhosts/{vhost}", {"GET": one_vhost, "PUT": put_vhost, "DELETE": delete_vhost}, administrator),
    Resource("/vhosts/{vhost}/deletion/protection", {"POST": protect_vhost, "DELETE": unprotect_vhost}, administrator),
    Resource("/vhosts/{vhost}/start/{node}", {"POST": start_vhost}, administrator),
)
