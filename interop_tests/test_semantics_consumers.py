"""Who gets the next message: round robin, prefetch, priorities, exclusive consumers, cancellation."""

import pytest
from pamqp import commands
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from interop_tests.conftest import Connect, Names, OpenWire
from interop_tests.steps import Delivery, consume, publish, settle
from interop_tests.wire import Wire


@pytest.fixture
def queue(channel: BlockingChannel, name: Names) -> str:
    """An exclusive queue of the channel's connection."""
    declared: str = channel.queue_declare(name.prefix, exclusive=True).method.queue
    return declared


def consumers(deliveries: list[Delivery]) -> str:
    """Which consumer got each delivery, in order."""
    return " ".join(delivery.consumer for delivery in deliveries)


def test_consumers_take_turns_in_the_order_they_subscribed(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    for consumer in "abc":
        consume(channel, queue, deliveries, consumer)
    publish(channel, queue, *range(7))
    settle(channel, queue, 0)
    assert [(delivery.consumer, delivery.body) for delivery in deliveries] == list(
        zip("abcabca", "0123456", strict=True)
    )


def test_a_backlog_is_shared_up_to_each_prefetch(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    publish(channel, queue, *range(6))
    channel.basic_qos(prefetch_count=2)
    consume(channel, queue, deliveries, "a")
    consume(channel, queue, deliveries, "b")
    settle(channel, queue, 2)
    assert consumers(deliveries) == "a a b b"


def test_without_prefetch_the_first_consumer_takes_the_backlog(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    publish(channel, queue, *range(6))
    consume(channel, queue, deliveries, "a")
    consume(channel, queue, deliveries, "b")
    settle(channel, queue, 0)
    assert consumers(deliveries) == "a a a a a a"


def test_an_ack_makes_room_for_one_more(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    publish(channel, queue, *range(5))
    channel.basic_qos(prefetch_count=2)
    consume(channel, queue, deliveries)
    settle(channel, queue, 3)
    channel.basic_ack(deliveries[0].tag)
    settle(channel, queue, 2)
    assert [delivery.body for delivery in deliveries] == ["0", "1", "2"]


def test_a_busy_consumer_is_passed_over(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=1)
    consume(channel, queue, deliveries, "busy")
    channel.basic_qos(prefetch_count=0)
    consume(channel, queue, deliveries, "free")
    publish(channel, queue, *range(4))
    settle(channel, queue, 0)
    assert consumers(deliveries) == "busy free free free"


def test_prefetch_applies_to_consumers_started_later(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=1)
    consume(channel, queue, deliveries)
    channel.basic_qos(prefetch_count=5)
    publish(channel, queue, *range(3))
    settle(channel, queue, 2)
    assert len(deliveries) == 1


@pytest.mark.until_4_3
def test_a_global_prefetch_is_one_budget_for_the_channel(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=3, global_qos=True)
    consume(channel, queue, deliveries, "a")
    consume(channel, queue, deliveries, "b")
    publish(channel, queue, *range(6))
    settle(channel, queue, 3)
    assert len(deliveries) == 3


@pytest.mark.until_4_3
def test_a_global_prefetch_binds_running_consumers(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, "a")
    channel.basic_qos(prefetch_count=2, global_qos=True)
    publish(channel, queue, *range(4))
    settle(channel, queue, 2)
    channel.basic_ack(deliveries[-1].tag, multiple=True)
    settle(channel, queue, 0)


def test_prefetch_limits_neither_get_nor_auto_ack(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=1)
    publish(channel, queue, *range(5))
    assert [channel.basic_get(queue)[2] for _ in range(2)] == [b"0", b"1"]
    consume(channel, queue, deliveries, auto_ack=True)
    settle(channel, queue, 0)
    assert [delivery.body for delivery in deliveries] == ["2", "3", "4"]


def test_higher_priorities_are_filled_first(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=2)
    for consumer, priority in (("low", -1), ("default", None), ("high1", 5), ("high2", 5)):
        arguments = {} if priority is None else {"x-priority": priority}
        consume(channel, queue, deliveries, consumer, arguments=arguments)
    publish(channel, queue, *range(8))
    settle(channel, queue, 0)
    assert consumers(deliveries) == "high1 high2 high1 high2 default default low low"


def test_a_priority_that_is_no_number_is_refused(channel: BlockingChannel, queue: str) -> None:
    with pytest.raises(ChannelClosedByBroker) as closed:
        consume(channel, queue, [], arguments={"x-priority": "high"})
    assert closed.value.reply_code == 406


def test_an_exclusive_consumer_keeps_others_away(channel: BlockingChannel, queue: str) -> None:
    consume(channel, queue, [], "only", exclusive=True)
    other = channel.connection.channel()
    with pytest.raises(ChannelClosedByBroker) as closed:
        consume(other, queue, [], "other")
    assert closed.value.reply_code == 403
    assert closed.value.reply_text == f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use"


def test_exclusive_consume_beside_others_is_refused(channel: BlockingChannel, queue: str) -> None:
    consume(channel, queue, [], "first")
    with pytest.raises(ChannelClosedByBroker) as closed:
        consume(channel, queue, [], "only", exclusive=True)
    assert closed.value.reply_code == 403


def test_after_an_exclusive_consumer_the_queue_is_free_again(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    consume(channel, queue, [], "only", exclusive=True)
    channel.basic_cancel("only")
    consume(channel, queue, deliveries, "next")
    publish(channel, queue, "free")
    settle(channel, queue, 0)
    assert consumers(deliveries) == "next"


def test_the_broker_chooses_consumer_tags(wire: Wire) -> None:
    tag = wire.call(1, commands.Basic.Consume(0, wire.queue()), commands.Basic.ConsumeOk).consumer_tag
    assert tag.startswith("amq.ctag-")
    assert len(tag) == len("amq.ctag-") + 22


def test_a_consumer_tag_twice_on_a_channel_closes_the_connection(wire: Wire) -> None:
    queue = wire.queue()
    wire.call(1, commands.Basic.Consume(0, queue, "same"), commands.Basic.ConsumeOk)
    wire.send(1, commands.Basic.Consume(0, queue, "same"))
    close = wire.method(0, commands.Connection.Close)
    assert (close.reply_code, close.class_id, close.method_id) == (530, 60, 20)


def test_a_consumer_tag_may_be_reused_on_another_channel(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    other = channel.connection.channel()
    consume(channel, queue, deliveries, "same")
    consume(other, queue, deliveries, "same")
    publish(channel, queue, "a", "b")
    settle(channel, queue, 0)
    settle(other, queue, 0)
    assert [delivery.tag for delivery in deliveries] == [1, 1]


def test_cancelling_an_unknown_consumer_is_answered(wire: Wire) -> None:
    assert wire.call(1, commands.Basic.Cancel("nobody"), commands.Basic.CancelOk).consumer_tag == "nobody"


def test_after_cancel_ok_nothing_is_delivered(wire: Wire) -> None:
    queue = wire.queue()
    wire.call(1, commands.Basic.Consume(0, queue, "c", no_ack=True), commands.Basic.ConsumeOk)
    wire.call(1, commands.Basic.Cancel("c"), commands.Basic.CancelOk)
    wire.publish("", queue, b"stays")
    wire.settle(queue, 1)


def test_a_deleted_queue_cancels_its_consumers(wire: Wire) -> None:
    queue = wire.queue()
    wire.call(1, commands.Basic.Consume(0, queue, "c"), commands.Basic.ConsumeOk)
    wire.send(1, commands.Queue.Delete(0, queue))
    answers = {type(method): method for method in (wire.method(1), wire.method(1))}
    cancel = answers[commands.Basic.Cancel]
    assert (cancel.consumer_tag, cancel.nowait) == ("c", True)
    assert commands.Queue.DeleteOk in answers


def test_without_the_capability_a_client_is_not_told(open_wire: OpenWire) -> None:
    wire = open_wire(capabilities={})
    queue = wire.queue()
    wire.call(1, commands.Basic.Consume(0, queue, "c"), commands.Basic.ConsumeOk)
    wire.call(1, commands.Queue.Delete(0, queue), commands.Queue.DeleteOk)
    wire.call(1, commands.Basic.Qos(0, 1), commands.Basic.QosOk)


def test_a_cancel_notice_reaches_the_consumer_of_another_connection(connect: Connect, name: Names) -> None:
    consumer, deleter = connect().channel(), connect().channel()
    queue = consumer.queue_declare(name.queue(), durable=True).method.queue
    cancelled: list[str] = []
    consumer.add_on_cancel_callback(lambda method: cancelled.append(method.method.consumer_tag))
    consume(consumer, queue, [], "c")
    deleter.queue_delete(queue)
    while not cancelled:
        consumer.connection.process_data_events(1)
    assert cancelled == ["c"]


def test_a_closed_channel_leaves_its_share_to_the_others(channel: BlockingChannel, queue: str) -> None:
    deliveries: list[Delivery] = []
    leaving = channel.connection.channel()
    consume(leaving, queue, deliveries, "leaving")
    consume(channel, queue, deliveries, "staying")
    leaving.close()
    publish(channel, queue, "a", "b")
    settle(channel, queue, 0)
    assert consumers(deliveries) == "staying staying"


def test_consume_without_wait_is_not_answered(wire: Wire) -> None:
    queue = wire.queue()
    wire.send(1, commands.Basic.Consume(0, queue, "c", no_ack=True, nowait=True))
    wire.publish("", queue, b"first")
    assert wire.message(1, commands.Basic.Deliver).body == b"first"
    wire.send(1, commands.Basic.Cancel("c", nowait=True))
    wire.publish("", queue, b"second")
    wire.settle(queue, 1)
