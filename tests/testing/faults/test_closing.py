"""What the broker tells its clients, and they do not expect: channels and connections closed, consumers cancelled."""

import amqp
import pytest
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

from amqpbroker.testing import FaultTargetError


def test_a_consumer_that_does_not_handle_basic_cancel_waits_for_ever(broker, opened):
    deaf, careful = opened(), opened()
    deaf.queue_declare("tasks")
    got, cancelled = [], []
    deaf.basic_consume("tasks", lambda *message: got.append(message[-1]))
    careful.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    tag = careful.basic_consume("tasks", lambda *message: got.append(message[-1]))
    broker.faults.cancel_consumers(queue="tasks").assert_hit(2)
    deaf.basic_publish("", "tasks", b"nobody's")
    for channel in (deaf, careful):
        channel.connection.process_data_events(time_limit=1)
    assert (got, cancelled) == ([], [tag])


def test_a_consumer_may_be_cancelled_after_so_many_deliveries(broker, channel):
    channel.queue_declare("tasks")
    for number in range(5):
        channel.basic_publish("", "tasks", b"%d" % number)
    channel.basic_qos(prefetch_count=1)
    with broker.faults.cancel_consumers(on="basic.deliver", nth=3):
        got = []
        for method, _, body in channel.consume("tasks", inactivity_timeout=1):
            got.append(body)
            channel.basic_ack(method.delivery_tag)
    assert got == [b"0", b"1", b"2"]


def test_a_queue_without_consumers_has_none_to_cancel(broker, channel):
    channel.queue_declare("tasks")
    channel.basic_consume("tasks", lambda *_: None)
    with pytest.raises(
        FaultTargetError, match=r"queue='orders'.*\n.*consumer of queue 'tasks' on connection .* channel 1"
    ):
        broker.faults.cancel_consumers(queue="orders")


def test_a_channel_that_is_closed_by_the_broker_is_not_the_connection(broker, channel):
    channel.queue_declare("tasks")
    broker.faults.close_channels(406, "PRECONDITION_FAILED by a test", channel=channel.channel_number)
    with pytest.raises(ChannelClosedByBroker) as caught:
        channel.queue_declare("tasks", passive=True)
    assert (caught.value.reply_code, "by a test" in caught.value.reply_text) == (406, True)
    assert channel.connection.channel().queue_declare("tasks", passive=True)


def test_a_channel_is_closed_instead_of_what_was_published_on_it(broker, channel):
    channel.queue_declare("tasks")
    channel.confirm_delivery()
    with broker.faults.close_channels(on="basic.publish", exchange="", times=1), pytest.raises(ChannelClosedByBroker):
        channel.basic_publish("", "tasks", b"x" * 200_000)
    assert channel.connection.channel().queue_declare("tasks", passive=True).method.message_count == 0


def test_a_channel_that_is_closed_already_is_told_with_those_that_are_open(broker, channel):
    other = channel.connection.channel()
    number = other.channel_number
    other.close()
    with pytest.raises(FaultTargetError, match=rf"channel={number}\).*\n  channel on connection .* of guest channel 1"):
        broker.faults.close_channels(channel=number)


def test_a_connection_that_is_closed_by_an_operator(broker, opened):
    channel = opened()
    broker.faults.close_connections(320, "for maintenance", user="guest")
    with pytest.raises(ConnectionClosedByBroker, match="CONNECTION_FORCED - for maintenance"):
        channel.queue_declare("tasks")


def test_a_connection_may_be_closed_at_a_method_py_amqp_sends(broker):
    with amqp.Connection(f"127.0.0.1:{broker.port}") as connection:
        channel = connection.channel()
        with broker.faults.close_connections(541, on="exchange.declare"), pytest.raises(amqp.exceptions.InternalError):
            channel.exchange_declare("orders", "topic")


def test_codes_that_do_not_fit_are_told_with_those_that_do(broker):
    with pytest.raises(
        ValueError, match=r"code=320 closes no channel; .*406 PRECONDITION_FAILED.* use close_connections"
    ):
        broker.faults.close_channels(320)
    with pytest.raises(ValueError, match="code=999: there are 311"):
        broker.faults.close_connections(999)
    with pytest.raises(ValueError, match=r"on='basic.publisch': no such method; there are .*basic.publish"):
        broker.faults.close_connections(on="basic.publisch")
