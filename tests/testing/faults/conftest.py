"""Clients of a broker in whose hands things go wrong."""

from collections.abc import Callable, Iterator

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from amqpbroker.testing import Broker

Open = Callable[..., BlockingChannel]


@pytest.fixture
def opened(broker: Broker) -> Iterator[Open]:
    """Opens a channel on a connection of its own; parameters: pika's, beside the URL."""
    connections: list[pika.BlockingConnection] = []

    def open_channel(**parameters: object) -> BlockingChannel:
        url = pika.URLParameters(broker.url)
        for name, value in parameters.items():
            setattr(url, name, value)
        connections.append(pika.BlockingConnection(url))
        return connections[-1].channel()

    yield open_channel
    for connection in connections:
        if connection.is_open:
            connection.close()
