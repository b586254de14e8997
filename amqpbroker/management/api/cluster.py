"""/api/cluster-name, /api/rebalance, /api/reset: what is asked of a cluster, which here is one node.

Source: RabbitMQ `rabbit_mgmt_wm_cluster_name`, `_rebalance_queues`, `_reset`.
"""

from starlette.responses import Response

from amqpbroker.management.access.authorization import administrator, anybody
from amqpbroker.management.errors import NotFound
from amqpbroker.management.formats.fields import short_string
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource, empty_response


async def cluster_name(request: ApiRequest) -> dict[str, str]:
    return {"name": request.broker.cluster_name}


async def put_cluster_name(request: ApiRequest) -> Response:
    """Names the cluster: what operators, and clients that connect from now on, are told."""
    name = short_string((await request.object("name"))["name"], "name")
    request.server.name_cluster(name)
    await request.recorded()
    return empty_response()


async def rebalance_queues(request: ApiRequest) -> Response:
    """All queues are on the one node that there is."""
    await request.object()
    return empty_response()


async def reset_statistics(request: ApiRequest) -> Response:
    """Counts begin with the broker, and are not forgotten. Clients that ask for it go on."""
    if request.has("node") and request.part("node") != request.broker.node_name:
        raise NotFound
    await request.object()
    return empty_response()


RESOURCES = (
    Resource("/cluster-name", {"GET": cluster_name, "PUT": put_cluster_name}, anybody, administrator),
    Resource("/rebalance/queues", {"POST": rebalance_queues}, administrator),
    Resource("/reset", {"DELETE": reset_statistics}, administrator),
    Resource("/reset/{node}", {"DELETE": reset_statistics}, administrator),
)
