"""The resources below /api: a file for each kind of thing, and here all of them together."""

from amqpbroker.management.api import (
    aliveness,
    auth,
    bindings,
    channels,
    connections,
    consumers,
    exchanges,
    features,
    health,
    inbox,
    login,
    nodes,
    overview,
    queues,
    whoami,
)
from amqpbroker.management.resources import Resource

RESOURCES: tuple[Resource, ...] = (
    *whoami.RESOURCES,
    *overview.RESOURCES,
    *nodes.RESOURCES,
    *queues.RESOURCES,
    *exchanges.RESOURCES,
    *bindings.RESOURCES,
    *connections.RESOURCES,
    *channels.RESOURCES,
    *consumers.RESOURCES,
    *health.RESOURCES,
    *features.RESOURCES,
    *aliveness.RESOURCES,
    *auth.RESOURCES,
    *inbox.RESOURCES,
    *login.RESOURCES,
)
