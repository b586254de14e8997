"""What stands in a socket's place leaves nothing when the broker is gone."""

import gc
import os

import amqp
import pytest

from amqpbroker.testing import Broker


def open_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("how", ["rst", "eof", "black_hole", "half_open"])
def test_no_descriptor_is_left_of_a_connection_that_was_dropped(how):
    with Broker() as warm_up:
        assert warm_up.connections == []
    before = open_descriptors()
    with Broker() as broker:
        client = amqp.Connection(f"127.0.0.1:{broker.port}")
        client.connect()
        broker.faults.drop_connections(how)
        broker.faults.refuse_connections()
    client.collect()
    assert open_descriptors() <= before


def test_a_black_hole_takes_what_the_broker_has_to_say_and_gives_it_back(broker, opened):
    consumer, publisher = opened(), opened(client_properties={"connection_name": "publisher"})
    consumer.queue_declare("tasks")
    got = []
    consumer.basic_consume("tasks", lambda *message: got.append(message[-1]), auto_ack=True)
    name = next(one.name for one in broker.connections if one.client_name != "publisher")
    with broker.faults.drop_connections("black_hole", new=False, connection=name):
        publisher.basic_publish("", "tasks", b"late")
        publisher.queue_declare("tasks", passive=True)
        consumer.connection.process_data_events(0.02)
        assert got == []
    consumer.connection.process_data_events(1)
    assert got == [b"late"]
