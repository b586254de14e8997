"""The resources below /api: a file for each kind of thing, and here all of them together."""

from typing import Final

from amqpbroker.management.api import (
    aliveness,
    auth,
    bindings,
    channels,
    cluster,
    config,
    connections,
    consumers,
    definitions,
    exchanges,
    features,
    health,
    inbox,
    index,
    limits,
    login,
    nodes,
    overview,
    parameters,
    permissions,
    policies,
    queues,
    topic_permissions,
    users,
    vhosts,
    whoami,
)
from amqpbroker.management.resources import Resource

_KINDS: Final = (
    aliveness,
    auth,
    bindings,
    channels,
    cluster,
    config,
    connections,
    consumers,
    definitions,
    exchanges,
    features,
    health,
    inbox,
    index,
    limits,
    login,
    nodes,
    overview,
    parameters,
    permissions,
    policies,
    queues,
    topic_permissions,
    users,
    vhosts,
    whoami,
)

RESOURCES: tuple[Resource, ...] = tuple(resource for kind in _KINDS for resource in kind.RESOURCES)
