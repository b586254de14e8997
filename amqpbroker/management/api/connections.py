"""/api/connections: who is connected, and closing their connections.

Source: RabbitMQ `rabbit_mgmt_wm_connections`, `_connection`, `_connection_user_name`, `_connections_vhost`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import MONITORS, has_tag, in_vhost
from amqpbroker.management.api.details import host, port
from amqpbroker.management.api.erlang import PROCESS_FIELDS
from amqpbroker.management.errors import NotAuthorised, NotFound
from amqpbroker.management.formats.field_tables import json_table
from amqpbroker.management.lists.listing import Fields, item, list_response
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import NO_CONTENT, Resource, empty_response
from amqpbroker.management.statistics.counters import NO_RATE
from amqpbroker.model.broker import Broker
from amqpbroker.session.connection import Connection
from amqpbroker.wire.tables import text

_CLOSED: Final = "Closed via management plugin"


def _state(connection: Connection) -> str:
    """RabbitMQ's words: `blocking` has not published since an alarm is up."""
    if connection.is_blocked:
        return "blocked"
    return "running" if connection.broker.blocked_reason is None else "blocking"


def _provided_name(connection: Connection) -> str | None:
    named = connection.wire.client_properties.get("connection_name")
    return text(named) if named is not None and named.kind in "Sx" else None


def _of_tls(name: str) -> Callable[[Connection], str | None]:
    """What is told of the TLS of a connection that has it."""
    return lambda one: getattr(one.facts().tls, name, None)


def _of_certificate(name: str) -> Callable[[Connection], str | None]:
    """What the client has shown of itself, if it has."""
    return lambda one: getattr(getattr(one.facts().tls, "peer_certificate", None), name, None)


FIELDS: Final[Fields] = {
    "auth_mechanism": lambda one: one.facts().mechanism,
    "channel_max": lambda one: one.wire.channel_max,
    "channels": lambda one: len(one.channels),
    "client_properties": lambda one: json_table(one.wire.client_properties),
    "connected_at": lambda one: one.facts().connected_at_ms,
    "frame_max": lambda one: one.wire.frame_max_bytes,
    "host": lambda one: host(one.facts().here),
    "name": lambda one: one.name,
    "node": lambda one: one.broker.node_name,
    "peer_cert_issuer": _of_certificate("issuer"),
    "peer_cert_subject": _of_certificate("subject"),
    "peer_cert_validity": _of_certificate("validity"),
    "peer_host": lambda one: host(one.facts().peer),
    "peer_port": lambda one: port(one.facts().peer),
    "port": lambda one: port(one.facts().here),
    "protocol": lambda _: "AMQP 0-9-1",
    "recv_cnt": lambda one: one.traffic().recv_cnt,
    "recv_oct": lambda one: one.traffic().recv_oct,
    "recv_oct_details": lambda _: NO_RATE,
    "send_cnt": lambda one: one.traffic().send_cnt,
    "send_oct": lambda one: one.traffic().send_oct,
    "send_oct_details": lambda _: NO_RATE,
    "send_pend": lambda _: 0,
    "ssl": lambda one: one.facts().tls is not None,
    "ssl_cipher": _of_tls("cipher"),
    "ssl_hash": _of_tls("hash"),
    "ssl_key_exchange": _of_tls("key_exchange"),
    "ssl_protocol": _of_tls("protocol"),
    "state": _state,
    "timeout": lambda one: one.wire.heartbeat.interval_s,
    "type": lambda _: "network",
    "user": lambda one: one.user_name,
    "user_provided_name": _provided_name,
    "user_who_performed_action": lambda one: one.user_name,
    "vhost": lambda one: one.vhost.name,
    **PROCESS_FIELDS,
}


async def all_connections(request: ApiRequest) -> Response:
    return await _listed(request, open_connections(request.broker))


async def connections_in_vhost(request: ApiRequest) -> Response:
    vhost = request.vhost
    inside = [one for one in open_connections(request.broker) if one.vhost is vhost]
    return await _listed(request, inside, is_paged=False)


async def connections_of_user(request: ApiRequest) -> Response:
    require_own(request, request.part("username"))
    return await _listed(request, _of_user(request))


async def one_connection(request: ApiRequest) -> dict[str, Any]:
    return item(request, named_connection(request), FIELDS)


async def delete_connection(request: ApiRequest) -> Response:
    """Closes it, with the reason of a header."""
    _close(request, [named_connection(request)])
    return empty_response(NO_CONTENT)


async def delete_connections_of_user(request: ApiRequest) -> Response:
    """Closes all that a user has."""
    require_own(request, request.part("username"))
    _close(request, _of_user(request))
    return empty_response(NO_CONTENT)


def open_connections(broker: Broker) -> list[Connection]:
    """Those of clients that have a virtual host."""
    return [one for one in broker.connections if isinstance(one, Connection)]


def named_connection(request: ApiRequest) -> Connection:
    """The connection that the path names. Raises 404, and 401 if it is somebody else's."""
    name = request.part("connection")
    found = next((one for one in open_connections(request.broker) if one.name == name), None)
    if found is None:
        raise NotFound
    require_own(request, found.user_name)
    return found


def visible(request: ApiRequest, connections: Iterable[Connection]) -> list[Connection]:
    """Those that are shown to who asks: who does not watch sees his own."""
    sees_all = has_tag(request.user, MONITORS)
    return [one for one in connections if sees_all or one.user_name == request.user.name]


def require_own(request: ApiRequest, user_name: str) -> None:
    """Who watches sees all connections and administrators close them all; others have their own."""
    tags = MONITORS if request.request.method in ("GET", "HEAD") else ("administrator",)
    if user_name != request.user.name and not has_tag(request.user, tags):
        raise NotAuthorised("User not authorised to access object")


def _of_user(request: ApiRequest) -> list[Connection]:
    name = request.part("username")
    return [one for one in open_connections(request.broker) if one.user_name == name]


def _close(request: ApiRequest, connections: Sequence[Connection]) -> None:
    reason = request.request.headers.get("x-reason", _CLOSED)
    for connection in connections:
        connection.force_close(reason)
    request.server.flush_soon()


async def _listed(request: ApiRequest, connections: Sequence[Connection], *, is_paged: bool = True) -> Response:
    return await list_response(request, visible(request, connections), lambda _: FIELDS, is_paged=is_paged)


RESOURCES = (
    Resource("/connections", {"GET": all_connections}),
    Resource("/connections/{connection}", {"GET": one_connection, "DELETE": delete_connection}),
    Resource("/connections/username/{username}", {"GET": connections_of_user, "DELETE": delete_connections_of_user}),
    Resource("/vhosts/{vhost}/connections", {"GET": connections_in_vhost}, in_vhost),
)
