"""Connections that are lost in every way, and refused, with the bugs of clients that this finds."""

import amqp
import pytest
from kombu import Connection as KombuConnection
from kombu.exceptions import OperationalError
from pika.exceptions import AMQPConnectionError, ConnectionWrongStateError, StreamLostError

from amqpbroker.testing import FaultTargetError

LOST = (AMQPConnectionError, ConnectionWrongStateError)


def count(broker, queue: str) -> int:
    return broker.ask(lambda: broker.server.broker.vhosts["/"].queues[queue].message_count)


def connection_count(broker) -> int:
    return broker.ask(lambda: len(broker.server.broker.connections))


@pytest.mark.parametrize("how", ["rst", "eof"])
def test_a_publisher_without_confirms_loses_what_it_has_published(broker, channel, how):
    channel.queue_declare("orders", durable=True)
    with broker.faults.drop_connections(how, on="basic.publish", nth=2) as rule, pytest.raises(LOST):
        for number in range(1, 4):
            channel.basic_publish("", "orders", b"%d" % number)
            channel.connection.process_data_events()
        channel.queue_declare("orders", passive=True)
    rule.assert_hit(1)
    assert count(broker, "orders") == 1


def test_a_publisher_with_confirms_publishes_again_and_loses_nothing(broker, opened):
    channel = opened()
    channel.queue_declare("orders")
    with broker.faults.drop_connections(on="basic.publish", nth=2, new=False):
        for number in range(1, 4):
            for _attempt in range(2):
                try:
                    channel.confirm_delivery()
                    channel.basic_publish("", "orders", b"%d" % number)
                    break
                except LOST:
                    channel = opened()
    assert count(broker, "orders") == 3


@pytest.mark.parametrize("how", ["rst", "eof"])
def test_all_that_are_there_are_lost_and_those_who_come_until_it_ends(broker, opened, how):
    there = opened()
    with broker.faults.drop_connections(how):
        with pytest.raises(LOST):
            there.queue_declare("tasks")
        with pytest.raises(LOST):
            opened()
        assert connection_count(broker) == 0
    opened().queue_declare("tasks")


def test_only_the_connection_of_that_name_is_lost(broker, opened):
    worker = opened(client_properties={"connection_name": "worker-7"})
    web = opened(client_properties={"connection_name": "web"})
    broker.faults.drop_connections(connection="worker-*", new=False)
    web.queue_declare("tasks")
    with pytest.raises(LOST):
        worker.queue_declare("tasks")


def test_a_connection_that_is_not_there_is_told_with_those_that_are(broker, opened):
    opened(client_properties={"connection_name": "web"})
    with pytest.raises(FaultTargetError, match=r"connection='worker'.*matches now; there is\n.*'web' of guest"):
        broker.faults.drop_connections(connection="worker", new=False)


def test_a_black_hole_is_noticed_by_heartbeats_alone(broker):
    connection = amqp.Connection(broker.url[7:].split("@")[1].rstrip("/"), heartbeat=1)
    connection.connect()
    with broker.faults.drop_connections("black_hole"):
        connection.send_heartbeat()
        with pytest.raises(TimeoutError):
            connection.drain_events(timeout=0.05)
        broker.clock.advance("3s", heartbeats=True)
        assert connection_count(broker) == 0
    with pytest.raises(ConnectionError):
        connection.drain_events(timeout=1)


def test_what_a_black_hole_swallowed_arrives_when_the_network_is_whole_again(broker, channel):
    channel.queue_declare("tasks")
    with broker.faults.drop_connections("black_hole"):
        channel.basic_publish("", "tasks", b"late")
        channel.connection.process_data_events()
        assert count(broker, "tasks") == 0
    assert channel.queue_declare("tasks", passive=True).method.message_count == 1


def test_a_half_open_connection_is_reset_when_its_client_sends(broker, channel):
    channel.queue_declare("tasks")
    broker.faults.drop_connections("half_open", new=False)
    assert connection_count(broker) == 0
    channel.connection.process_data_events()
    with pytest.raises(StreamLostError):
        channel.queue_declare("tasks", passive=True)


def test_an_acknowledgement_that_is_lost_brings_the_message_again(broker, opened):
    channel = opened()
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b"charge the customer")
    charged = []
    with broker.faults.drop_connections(on="basic.ack", times=1):
        method, _, body = channel.basic_get("tasks")
        charged.append(body)
        channel.basic_ack(method.delivery_tag)
        with pytest.raises(LOST):
            channel.queue_declare("tasks", passive=True)
    method, _, body = opened().basic_get("tasks")
    assert (method.redelivered, [*charged, body]) == (True, [b"charge the customer"] * 2)


def test_a_loop_that_connects_again_and_gives_up_too_soon(broker):
    def connect(retries: int) -> None:
        with KombuConnection(broker.url) as connection:
            connection.ensure_connection(max_retries=retries, interval_start=0, interval_step=0)

    with broker.faults.refuse_connections("reset", times=2), pytest.raises(OperationalError):
        connect(retries=1)
    with broker.faults.refuse_connections("reset", times=2) as rule:
        connect(retries=3)
        rule.assert_hit(2)


def test_nobody_listens_until_it_ends_and_who_is_in_stays(broker, opened):
    there = opened()
    with broker.faults.refuse_connections():
        with pytest.raises(ConnectionRefusedError):
            amqp.Connection(f"127.0.0.1:{broker.port}").connect()
        there.queue_declare("tasks")
    opened().queue_declare("tasks", passive=True)


def test_who_is_refused_cannot_be_counted(broker):
    with pytest.raises(ValueError, match="never seen by the broker"):
        broker.faults.refuse_connections(times=3)
    with pytest.raises(ValueError, match="how='gently': there are 'rst', 'eof'"):
        broker.faults.drop_connections("gently")


def test_a_declaration_may_be_what_the_connection_is_lost_at(broker, channel):
    with broker.faults.drop_connections(on="queue.declare", queue="tasks"):
        channel.queue_declare("others")
        with pytest.raises(LOST):
            channel.queue_declare("tasks")
    assert "tasks" not in broker.ask(lambda: list(broker.server.broker.vhosts["/"].queues))
