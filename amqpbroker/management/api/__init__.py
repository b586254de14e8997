"""The resources below /api: a file for each kind of thing, and here all of them together."""

from amqpbroker.management.api import (
    aliveness,
    auth,
    bindings,
    channels,
    config,
    connections,
    consumers,
    exchanges,
    features,
    health,
    inbox,
    index,
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
    *config.RESOURCES,
    *consumers.RESOURCES,
    *health.RESOURCES,
    *features.RESOURCES,
    *aliveness.RESOURCES,
    *auth.RESOURCES,
    *inbox.RESOURCES,
    *index.RESOURCES,
    *login.RESOURCES,
)
