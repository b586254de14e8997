"""The resources below /api: a file for each kind of thing, and here all of them together."""

from amqpbroker.management.api import inbox, whoami
from amqpbroker.management.resources import Resource

RESOURCES: tuple[Resource, ...] = (
    *inbox.RESOURCES,
    *whoami.RESOURCES,
)
