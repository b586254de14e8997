"""/metrics and what is below it: on a port of its own, for which nobody has to log in, and beside the API.

`/metrics` has sums, `/metrics/per-object` every thing for itself, `/metrics/detailed` what `family=` and `vhost=` ask
for, `/metrics/memory-breakdown` where the memory is. Source: RabbitMQ `rabbit_prometheus_handler`,
`prometheus_rabbitmq_core_metrics_collector`.
"""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from amqpbroker.management.access.authorization import monitor
from amqpbroker.management.metrics import clients, node, queues, topology
from amqpbroker.management.metrics.exposition import written
from amqpbroker.management.metrics.families import Group, Rows
from amqpbroker.management.metrics.global_counters import GLOBAL_COUNTERS
from amqpbroker.management.metrics.message_sizes import SizeCollector
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

PREFIX: Final = "rabbitmq_"
_DETAILED_PREFIX: Final = "rabbitmq_detailed_"
_CLUSTER_PREFIX: Final = "rabbitmq_cluster_"
MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

# What the detailed metrics may be asked for, beside what is true of a cluster.
_GROUPS: Final = (
    *node.NODE,
    node.ATTEMPTS,
    queues.LENGTHS,
    queues.CONTENTS,
    clients.STATES,
    clients.PUBLISHED,
    clients.DELIVERED,
    clients.OCTETS,
    clients.PACKETS,
    queues.PUBLISHED,
    queues.DELIVERED,
    topology.PUBLISHED,
)
_OF_ALL: Final = (*_GROUPS, *GLOBAL_COUNTERS, node.TOTALS, node.ALARMS)
# The metrics that are told, by what comes behind `/metrics/`.
_ENDPOINTS: Final = {"": "aggregated", "per-object": "per-object", "detailed": "detailed", "memory-breakdown": ""}


class Metrics:
    """The metrics of a server."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._sizes: SizeCollector | None = None

    def response(self, name: str, query: QueryParams) -> Response:
        """What is told below `/metrics/` by that name."""
        if name == "detailed":
            parts = self._detailed(query.getlist("family"), query.getlist("vhost"))
        elif name == "memory-breakdown":
            parts = self._memory()
        elif name in _ENDPOINTS:
            parts = self._everything(_ENDPOINTS[name])
        else:
            return PlainTextResponse("Unknown Registry", 404)
        return StreamingResponse(parts, media_type=MEDIA_TYPE)

    async def _everything(self, endpoint: str) -> AsyncIterator[bytes]:
        server, per_object = self._server, endpoint == "per-object"
        server.broker.count_up()
        async for part in written(server, [node.PROCESS], "", per_object=per_object):
            yield part
        groups = (*_OF_ALL, *([queues.INFOS] if per_object else []), *node.identity(endpoint))
        async for part in written(server, groups, PREFIX, per_object=per_object):
            yield part
        if self._sizes is None:
            self._sizes = SizeCollector(server.broker)
        yield self._sizes.written()

    async def _detailed(self, families: Sequence[str], vhosts: Sequence[str]) -> AsyncIterator[bytes]:
        server = self._server
        server.broker.count_up()
        wanted = [group for group in _GROUPS if group.name in families]
        if "queue_consumer_count" in families and queues.CONTENTS not in wanted:
            wanted.append(queues.CONSUMER_COUNTS)
        if any(group in wanted for group in (queues.LENGTHS, queues.CONSUMER_COUNTS, queues.CONTENTS)):
            wanted.append(queues.INFOS)
        of_cluster = [group for group in topology.CLUSTER if group.name in families]
        for groups, prefix in ((wanted, _DETAILED_PREFIX), (of_cluster, _CLUSTER_PREFIX)):
            filtered = [_in_vhosts(group, vhosts) for group in groups]
            async for part in written(server, filtered, prefix, per_object=True):
                yield part
        async for part in written(server, node.identity("detailed"), PREFIX, per_object=True):
            yield part

    async def _memory(self) -> AsyncIterator[bytes]:
        groups = (node.MEMORY_BREAKDOWN, *node.identity("memory-breakdown"))
        async for part in written(self._server, groups, PREFIX, per_object=True):
            yield part


def _in_vhosts(group: Group, vhosts: Sequence[str]) -> Group:
    """The group without the things of other virtual hosts; without any all of them."""
    if not vhosts:
        return group

    def rows(server: "Server") -> Rows:
        for labels, values in group.rows(server):
            if all(value in vhosts for name, value in labels if name in ("vhost", "queue_vhost")):
                yield labels, values

    return group._replace(rows=rows)


def routes(server: "Server") -> list[BaseRoute]:
    """On the port of the metrics: nobody has to log in, as with RabbitMQ."""
    metrics = Metrics(server)

    async def endpoint(request: Request) -> Response:
        return metrics.response(request.path_params.get("name", ""), request.query_params)

    return [Route(path, endpoint, methods=["GET"]) for path in ("/metrics", "/metrics/{name}")]


def resources(server: "Server") -> list[Resource]:
    """Beside the API, for whoever may watch."""
    metrics = Metrics(server)

    async def endpoint(request: ApiRequest) -> Response:
        name = request.part("name") if request.has("name") else ""
        return metrics.response(name, request.request.query_params)

    return [Resource(path, {"GET": endpoint}, monitor) for path in ("/metrics", "/metrics/{name}")]
