"""/api/health/checks, /api/healthchecks: whether all is well, with 503 and why if not.

Source: RabbitMQ `rabbit_mgmt_wm_health_check_*`, `_healthchecks`.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.responses import Response

from amqpbroker.limits import CONNECTIONS_MAX
from amqpbroker.management.access.authorization import sees_vhost
from amqpbroker.management.api.nodes import require_node
from amqpbroker.management.errors import BadRequest
from amqpbroker.management.node.certificates import expiring
from amqpbroker.management.node.listeners import AMQP, listeners
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource, json_response

_FAILED: Final = 503
_OK: Final = {"status": "ok"}
_ALONE: Final = {"status": "ok", "reason": "single node cluster"}
# No certificate is meant for longer.
_DAYS_MAX: Final = 365_000
_DAYS_PER_UNIT: Final = {"days": 1.0, "weeks": 7.0, "months": 365 / 12, "years": 365.0}
# What clients call a protocol, as a name in small letters.
_AMQP_NAME: Final = re.compile(r"amqp(0[-_.]?9[-_.]?1|1[-_.]?0)")
_NAMES: Final = {
    "amqps": "amqp/ssl",
    "http1": "http",
    "http1.1": "http",
    "http_api": "http",
    "management": "http",
    "management_ui": "http",
    "ui": "http",
    "cli": "clustering",
    "distribution": "clustering",
}


async def alarms(request: ApiRequest) -> Response:
    return _without_alarms(request, "There are alarms in effect in the cluster")


async def local_alarms(request: ApiRequest) -> Response:
    return _without_alarms(request, "There are alarms in effect on the node")


async def fine(request: ApiRequest) -> dict[str, str]:
    """What is so whenever anybody is answered: on one node there are no others to wait for."""
    return _OK


async def alone(request: ApiRequest) -> dict[str, str]:
    """No other node depends on this one."""
    return _ALONE


async def certificate_expiration(request: ApiRequest) -> Response:
    days = _DAYS_PER_UNIT.get(request.part("unit").lower())
    if re.fullmatch(r"[+-]?[0-9]+", request.part("within")) is None:
        raise BadRequest("Invalid expiration value.")
    if days is None:
        raise BadRequest("Time unit not recognised. Supported units: days, weeks, months, years.")
    within = timedelta(days=max(-_DAYS_MAX, min(int(request.part("within")) * days, _DAYS_MAX)))
    until = datetime.now(UTC) + within
    expired = expiring(request.server, until)
    return _failed("Certificates expiring", expired=expired) if expired else json_response(_OK)


async def port_listener(request: ApiRequest) -> Response:
    if re.fullmatch(r"[0-9]{1,5}", request.part("port")) is None:
        raise BadRequest("Invalid port")
    port = int(request.part("port"))
    ports = list(dict.fromkeys(one.port for one in listeners(request.server)))
    if port in ports:
        return json_response({**_OK, "port": port})
    return _failed("No active listener", missing=port, ports=ports)


async def protocol_listener(request: ApiRequest) -> Response:
    """One protocol, or several between commas, of which one has to be there."""
    wanted = [_protocol(name) for name in request.part("protocols").split(",")]
    known = list(dict.fromkeys(one.protocol for one in listeners(request.server)))
    for name in wanted:
        if name in known:
            return json_response({**_OK, "protocol": name})
    missing = wanted if request.broker.profile.series >= (4, 1) else ",".join(wanted)
    return _failed("No active listener", missing=missing, protocols=known)


async def below_connection_limit(request: ApiRequest) -> Response:
    count = len(request.broker.connections)
    if count < CONNECTIONS_MAX:
        return json_response({**_OK, "limit": CONNECTIONS_MAX, "connections": count})
    return _failed("node connection limit is reached", limit=CONNECTIONS_MAX, connections=count)


async def ready_to_serve(request: ApiRequest) -> Response:
    if not any(one.protocol.startswith(AMQP) for one in listeners(request.server)):
        return _failed("no active listeners for AMQP/AMQPS")
    count = len(request.broker.connections)
    if count >= CONNECTIONS_MAX:
        return _failed("node connection limit is reached", connections=count)
    return json_response(_OK)


async def node(request: ApiRequest) -> Response:
    if request.has("node"):
        require_node(request)
    in_effect = [f"{{resource_limit,{name},{request.broker.node_name}}}" for name in sorted(request.broker.alarms)]
    if in_effect:
        return _failed(f"resource alarm(s) in effect:[{','.join(in_effect)}]")
    return json_response(_OK)


def _without_alarms(request: ApiRequest, reason: str) -> Response:
    broker = request.broker
    if not broker.alarms:
        return json_response(_OK)
    return _failed(reason, alarms=[{"node": broker.node_name, "resource": name} for name in sorted(broker.alarms)])


def _failed(reason: str, **details: Any) -> Response:
    return json_response({"status": "failed", "reason": reason, **details}, _FAILED)


def _protocol(name: str) -> str:
    name = name.strip().lower()
    return AMQP if _AMQP_NAME.fullmatch(name) else _NAMES.get(name, name)


_CHECKS: Final = "/health/checks"
_LEADERS: Final = f"{_CHECKS}/quorum-queues-without-elected-leaders"

RESOURCES = (
    Resource(f"{_CHECKS}/alarms", {"GET": alarms}),
    Resource(f"{_CHECKS}/local-alarms", {"GET": local_alarms}),
    Resource(f"{_CHECKS}/certificate-expiration/{{within}}/{{unit}}", {"GET": certificate_expiration}),
    Resource(f"{_CHECKS}/port-listener/{{port}}", {"GET": port_listener}),
    Resource(f"{_CHECKS}/protocol-listener/{{protocols}}", {"GET": protocol_listener}),
    Resource(f"{_CHECKS}/virtual-hosts", {"GET": fine}),
    Resource(f"{_CHECKS}/node-is-mirror-sync-critical", {"GET": alone}),
    Resource(f"{_CHECKS}/node-is-quorum-critical", {"GET": alone}),
    Resource(f"{_LEADERS}/all-vhosts", {"GET": fine}),
    Resource(f"{_LEADERS}/all-vhosts/pattern/{{pattern}}", {"GET": fine}),
    Resource(f"{_LEADERS}/vhost/{{vhost}}", {"GET": fine}, sees_vhost),
    Resource(f"{_LEADERS}/vhost/{{vhost}}/pattern/{{pattern}}", {"GET": fine}, sees_vhost),
    Resource(f"{_CHECKS}/metadata-store/initialized", {"GET": fine}),
    Resource(f"{_CHECKS}/metadata-store/initialized/with-data", {"GET": fine}),
    # What starts and watches programs has no password for them.
    Resource(f"{_CHECKS}/is-in-service", {"GET": fine}, is_for_strangers=True),
    Resource(f"{_CHECKS}/ready-to-serve-clients", {"GET": ready_to_serve}, is_for_strangers=True),
    Resource(f"{_CHECKS}/below-node-connection-limit", {"GET": below_connection_limit}, is_for_strangers=True),
    Resource(f"{_CHECKS}/reached-target-cluster-size", {"GET": fine}, is_for_strangers=True),
    Resource("/healthchecks/node", {"GET": node}),
    Resource("/healthchecks/node/{node}", {"GET": node}),
)
