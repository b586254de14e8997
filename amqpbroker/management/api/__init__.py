"""The resources below /api: a file for each kind of thing, and here all of them together."""

from amqpbroker.management.api import (
    bindings,
    exchanges,
    inbox,
    login,
    queues,
    whoami,
)
from amqpbroker.management.resources import Resource

RESOURCES: tuple[Resource, ...] = (
    *bindings.RESOURCES,
    *exchanges.RESOURCES,
    *inbox.RESOURCES,
    *login.RESOURCES,
    *queues.RESOURCES,
    *whoami.RESOURCES,
)
