"""A simulated broker and its clients: octets in, octets out, and a fault is not passed over."""

from random import Random

import pytest

from amqpbroker.capacity.simulation.broker import (
    CHANNEL,
    SimulatedBroker,
    SimulatedClient,
    SimulationError,
    deliveries,
)
from amqpbroker.wire.methods import Basic, Queue, encode_frame
from tests.helpers.wire_client import publish_octets


def client_with_queue() -> SimulatedClient:
    client = SimulatedClient(SimulatedBroker(Random(1)))
    client.call(Queue.Declare(queue="tasks"))
    return client


def test_a_consumer_gets_what_is_published_as_octets():
    client, came = client_with_queue(), []
    client.call(Basic.Consume(queue="tasks", no_ack=True))
    client.received = came.append
    client.feed(publish_octets(CHANNEL, Basic.Publish(routing_key="tasks"), b"hello"))
    client.feed(publish_octets(CHANNEL, Basic.Publish(routing_key="tasks"), b"world"))
    assert list(deliveries(b"".join(came))) == [(1, b"hello"), (2, b"world")]


def test_a_method_that_is_refused_ends_the_simulation():
    client = client_with_queue()
    with pytest.raises(SimulationError, match="NOT_FOUND"):
        client.call(Basic.Consume(queue="nowhere"))


def test_anything_but_deliveries_ends_it_where_deliveries_are_expected():
    cancel = encode_frame(CHANNEL, Basic.Cancel(consumer_tag="worker"))
    with pytest.raises(SimulationError, match="worker"):
        list(deliveries(cancel))
