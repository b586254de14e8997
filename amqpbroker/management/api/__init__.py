"""The resources below /api: a file for each kind of thing, and here all of them together."""

from amqpbroker.management.api import (
    bindings,
    exchanges,
    inbox,
    queues,
    whoami,
)
from amqpbroker.management.resources import Resource

RESOURCES: tuple[Resource, ...] = (
    *bindings.RESOURCES,
    *exchanges.RESOURCES,
    *inbox.RESOURCES,
    *queues.RESOURCES,
    *whoami.RESOURCES,
)
