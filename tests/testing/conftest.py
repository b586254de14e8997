"""A broker in a thread of its own, and pika connected to it."""

from collections.abc import Iterator
from contextlib import suppress

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ConnectionClosedByBroker

from amqpbroker.testing import Broker


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


@pytest.fixture
def channel(broker: Broker) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    yield connection.channel()
    # A test may have had it closed from the other end, which the client learns only now.
    with suppress(ConnectionClosedByBroker):
        if connection.is_open:
            connection.close()
