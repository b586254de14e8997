"""Octets that are late, and octets that are wrong."""

import amqp
import pika
import pytest
from pika.exceptions import AMQPConnectionError, ConnectionClosedByBroker


def test_a_delivery_is_late_by_the_brokers_clock(broker, channel):
    broker.clock.freeze()
    channel.queue_declare("tasks")
    got = []
    channel.basic_consume("tasks", lambda *message: got.append(message[-1]), auto_ack=True)
    with broker.faults.delay("30s", on="basic.deliver"):
        channel.basic_publish("", "tasks", b"late")
        broker.clock.advance("29s")
        channel.connection.process_data_events(time_limit=0)
        assert got == []
        broker.clock.advance("1s")
        channel.connection.process_data_events(time_limit=1)
    assert got == [b"late"]


@pytest.fixture
def impatient(broker):
    """A connection of py-amqp that waits no longer than it has to for anything to come, once it is open."""
    connection = amqp.Connection(f"127.0.0.1:{broker.port}")
    connection.connect()
    connection.channel(1)
    connection.sock.settimeout(0.05)
    yield connection
    connection.collect()


def test_a_client_that_waits_less_than_an_answer_takes_gives_up(broker, impatient):
    broker.clock.freeze()
    with broker.faults.delay("200ms", on="queue.declare"), pytest.raises(TimeoutError):
        impatient.channel(1).queue_declare("tasks")
    assert list(broker.queues) == ["tasks"]


def test_what_is_delayed_goes_on_in_its_order_when_it_ends(broker, channel):
    channel.queue_declare("tasks")
    with broker.faults.delay("1h", on="basic.publish", nth=2):
        for number in range(3):
            channel.basic_publish("", "tasks", b"%d" % number)
        channel.connection.process_data_events()
    assert [channel.basic_get("tasks", auto_ack=True)[2] for _ in range(3)] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("part", ["end", "type"])
def test_a_frame_that_is_corrupt_ends_the_connection_of_a_client_that_looks(broker, opened, part):
    channel = opened()
    with broker.faults.corrupt_frames(part, on="queue.declare_ok"), pytest.raises(AMQPConnectionError):
        channel.queue_declare("tasks")


def test_a_size_that_is_corrupt_lets_a_client_wait_for_the_rest_of_the_frame(broker, impatient):
    with broker.faults.corrupt_frames("size", on="queue.declare_ok"), pytest.raises(TimeoutError):
        impatient.channel(1).queue_declare("tasks")


def test_a_frame_of_a_client_that_is_corrupt_gets_501(broker, channel):
    with broker.faults.corrupt_frames("end", direction="in", on="queue.declare") as rule:
        with pytest.raises(ConnectionClosedByBroker) as caught:
            channel.queue_declare("tasks")
        rule.assert_hit(1)
    assert caught.value.reply_code == 501


def test_a_payload_that_is_corrupt_may_reach_a_program_that_has_no_checksum(broker, channel):
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b"10 EUR")
    with broker.faults.corrupt_frames("payload", on="body"):
        _, _, body = channel.basic_get("tasks", auto_ack=True)
    assert (len(body), body == b"10 EUR") == (6, False)


def test_a_handshake_may_be_corrupt(broker):
    with broker.faults.corrupt_frames("end", on="connection.start"), pytest.raises(AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(broker.url))
