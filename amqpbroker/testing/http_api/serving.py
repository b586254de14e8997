"""A broker as a process with the test API: `amqpbroker serve --test-api`."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from amqpbroker.management.management import Management
from amqpbroker.server.config import Config
from amqpbroker.testing.async_broker import AsyncBroker
from amqpbroker.testing.linter.linter import Linter
from amqpbroker.testing.server import ObservedServer

if TYPE_CHECKING:
    from amqpbroker.management.resources import Resource


def observed(config: Config) -> tuple[ObservedServer, Management]:
    """A server that can be looked into, and the API that does so. Raises ConfigError."""
    server = ObservedServer(config, Linter())
    return server, Management(server, partial(_resources, AsyncBroker.around(server)))


def _resources(broker: AsyncBroker) -> "Sequence[Resource]":
    from amqpbroker.testing.http_api.resources import resources_of  # with what HTTP needs, once AMQP is ready

    return resources_of(broker)
