"""How queues come, count and go: exclusive, auto-delete, server-named, purge, delete, and the no-wait variants."""

import pytest
from pamqp import commands
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from interop_tests.conftest import Connect, Names
from interop_tests.steps import consume, get_all, publish, settle
from interop_tests.wire import Wire


def exists(channel: BlockingChannel, queue: str) -> bool:
    """Ask on a channel of its own, which a 404 closes."""
    asking = channel.connection.channel()
    try:
        asking.queue_declare(queue, passive=True)
    except ChannelClosedByBroker as closed:
        assert (closed.reply_code, closed.reply_text) == (404, f"NOT_FOUND - no queue '{queue}' in vhost '/'")
        return False
    asking.close()
    return True


def test_the_broker_chooses_names(wire: Wire) -> None:
    first, second = wire.queue(), wire.queue()
    assert first != second
    assert first.startswith("amq.gen-")
    assert len(first) == len("amq.gen-") + 22


def test_an_empty_name_means_the_last_declared_on_the_channel(wire: Wire) -> None:
    queue = wire.queue()
    wire.call(1, commands.Queue.Bind(0, "", "amq.direct", queue), commands.Queue.BindOk)
    wire.publish("amq.direct", queue, b"a")
    wire.publish("", queue, b"b")
    wire.settle(queue, 2)
    wire.send(1, commands.Basic.Get(0, ""))
    assert wire.message(1, commands.Basic.GetOk).method.message_count == 1
    wire.call(1, commands.Basic.Consume(0, "", "c"), commands.Basic.ConsumeOk)
    assert wire.message(1, commands.Basic.Deliver).body == b"b"
    assert wire.call(1, commands.Queue.Purge(0, ""), commands.Queue.PurgeOk).message_count == 0


def test_an_empty_key_with_an_empty_name_binds_by_the_queues_name(wire: Wire) -> None:
    queue = wire.queue()
    wire.call(1, commands.Queue.Bind(0, "", "amq.direct", ""), commands.Queue.BindOk)
    wire.publish("amq.direct", queue, b"x")
    wire.settle(queue, 1)


def test_an_empty_name_with_nothing_declared_is_refused(wire: Wire) -> None:
    wire.send(1, commands.Queue.Purge(0, ""))
    close = wire.method(1, commands.Channel.Close)
    assert (close.reply_code, close.reply_text) == (404, "NOT_FOUND - no previously declared queue")


def test_counts_are_of_ready_messages(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, *range(5))
    assert channel.basic_get(queue)[0].message_count == 4
    assert channel.queue_declare(queue, exclusive=True).method.message_count == 4
    assert channel.queue_purge(queue).method.message_count == 4
    channel.basic_recover(requeue=True)
    settle(channel, queue, 1)
    assert channel.queue_delete(queue).method.message_count == 1


def test_consumer_counts(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    consume(channel, queue, [], "a")
    consume(channel, queue, [], "b")
    assert channel.queue_declare(queue, passive=True).method.consumer_count == 2
    channel.basic_cancel("a")
    assert channel.queue_declare(queue, passive=True).method.consumer_count == 1


def test_purge_spares_what_is_unacked(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, "held", "purged")
    tag = channel.basic_get(queue)[0].delivery_tag
    assert channel.queue_purge(queue).method.message_count == 1
    channel.basic_nack(tag)
    assert get_all(channel, queue) == [("held", True)]


def test_get_of_an_empty_queue(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    assert channel.basic_get(queue) == (None, None, None)


def test_get_and_deliver_share_the_delivery_tags(wire: Wire) -> None:
    queue = wire.queue()
    for body in (b"a", b"b", b"c"):
        wire.publish("", queue, body)
    wire.settle(queue, 3)
    wire.send(1, commands.Basic.Get(0, queue, no_ack=True))
    assert wire.message(1, commands.Basic.GetOk).method.delivery_tag == 1
    wire.send(1, commands.Basic.Get(0, queue))
    assert wire.message(1, commands.Basic.GetOk).method.delivery_tag == 2
    wire.call(1, commands.Basic.Consume(0, queue, "c"), commands.Basic.ConsumeOk)
    assert wire.message(1, commands.Basic.Deliver).method.delivery_tag == 3
    wire.send(1, commands.Basic.Ack(3, multiple=True))
    wire.call(1, commands.Basic.Qos(0, 1), commands.Basic.QosOk)


def test_an_auto_acked_tag_cannot_be_acked(wire: Wire) -> None:
    queue = wire.queue()
    wire.publish("", queue, b"x")
    wire.settle(queue, 1)
    wire.send(1, commands.Basic.Get(0, queue, no_ack=True))
    wire.message(1, commands.Basic.GetOk)
    wire.send(1, commands.Basic.Ack(1))
    assert wire.method(1, commands.Channel.Close).reply_text == "PRECONDITION_FAILED - unknown delivery tag 1"


def test_ack_of_tag_0_multiple_with_nothing_outstanding_is_fine(wire: Wire) -> None:
    wire.send(1, commands.Basic.Ack(0, multiple=True))
    wire.call(1, commands.Basic.Qos(0, 1), commands.Basic.QosOk)


def test_an_exclusive_queue_is_its_connections_alone(connect: Connect, name: Names) -> None:
    owner, other = connect(), connect()
    owner.channel().queue_declare(name.prefix, exclusive=True)
    for attempt in (
        lambda channel: channel.queue_declare(name.prefix, exclusive=True),
        lambda channel: channel.queue_declare(name.prefix, passive=True),
        lambda channel: channel.basic_consume(name.prefix, print),
        lambda channel: channel.basic_get(name.prefix),
        lambda channel: channel.queue_bind(name.prefix, "amq.direct"),
        lambda channel: channel.queue_purge(name.prefix),
        lambda channel: channel.queue_delete(name.prefix),
    ):
        with pytest.raises(ChannelClosedByBroker) as closed:
            attempt(other.channel())
        assert closed.value.reply_code == 405


def test_others_may_publish_to_an_exclusive_queue(connect: Connect, name: Names) -> None:
    owner, other = connect().channel(), connect().channel()
    queue = owner.queue_declare(name.prefix, exclusive=True).method.queue
    other.basic_publish("", queue, b"from elsewhere")
    settle(owner, queue, 1)


def test_an_exclusive_queue_goes_with_its_connection(connect: Connect, name: Names) -> None:
    owner, other = connect(), connect().channel()
    tag_gone: list[object] = []
    queue = owner.channel().queue_declare(name.prefix, exclusive=True, durable=True).method.queue
    other.confirm_delivery()
    other.add_on_return_callback(lambda *returned: tag_gone.append(returned))
    other.basic_publish("", queue, b"there", mandatory=True)
    owner.close()
    assert not exists(other, queue)


def test_an_auto_delete_queue_goes_with_its_last_consumer(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.queue(), durable=True, auto_delete=True).method.queue
    publish(channel, queue, "x")
    channel.basic_get(queue, auto_ack=True)
    consume(channel, queue, [], "a")
    consume(channel, queue, [], "b")
    channel.basic_cancel("a")
    assert exists(channel, queue)
    channel.basic_cancel("b")
    assert not exists(channel, queue)


def test_an_auto_delete_queue_never_consumed_stays(connect: Connect, name: Names) -> None:
    declaring = connect()
    queue = declaring.channel().queue_declare(name.queue(), durable=True, auto_delete=True).method.queue
    declaring.close()
    assert exists(connect().channel(), queue)


def test_an_auto_delete_queue_goes_with_its_consumers_connection(connect: Connect, name: Names) -> None:
    consuming, other = connect(), connect().channel()
    consumer = consuming.channel()
    queue = consumer.queue_declare(name.queue(), durable=True, auto_delete=True).method.queue
    consume(consumer, queue, [])
    consumer.close()
    assert not exists(other, queue)


def test_deleting_if_empty_and_if_unused(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, "x")
    with pytest.raises(ChannelClosedByBroker) as not_empty:
        channel.connection.channel().queue_delete(queue, if_empty=True)
    assert not_empty.value.reply_text == f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' not empty"
    consume(channel, queue, [])
    with pytest.raises(ChannelClosedByBroker) as used:
        channel.connection.channel().queue_delete(queue, if_unused=True)
    assert used.value.reply_text == f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' in use"


def test_declaring_a_queue_differently_is_refused(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.queue(), durable=True).method.queue
    channel.queue_declare(queue, durable=True)
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.queue_declare(queue, durable=True, auto_delete=True)
    expected = (
        f"inequivalent arg 'auto_delete' for queue '{queue}' in vhost '/': received 'true' but current is 'false'"
    )
    assert closed.value.reply_text == f"PRECONDITION_FAILED - {expected}"


def test_the_prefix_amq_is_reserved(channel: BlockingChannel) -> None:
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.queue_declare("amq.interop", exclusive=True)
    assert closed.value.reply_text == "ACCESS_REFUSED - queue name 'amq.interop' contains reserved prefix 'amq.*'"


def test_no_wait_methods_are_not_answered(wire: Wire, name: Names) -> None:
    queue, exchange, other = name.prefix, name.exchange("one"), name.exchange("two")
    for method in (
        commands.Queue.Declare(0, queue, exclusive=True, nowait=True),
        commands.Exchange.Declare(0, exchange, "fanout", nowait=True),
        commands.Exchange.Declare(0, other, "fanout", nowait=True),
        commands.Exchange.Bind(0, other, exchange, "", nowait=True),
        commands.Queue.Bind(0, queue, other, "", nowait=True),
        commands.Confirm.Select(nowait=True),
    ):
        wire.send(1, method)
    wire.publish(exchange, "", b"through both")
    assert wire.method(1, commands.Basic.Ack).delivery_tag == 1
    wire.settle(queue, 1)
    for method in (
        commands.Queue.Purge(0, queue, nowait=True),
        commands.Exchange.Unbind(0, other, exchange, "", nowait=True),
        commands.Exchange.Delete(0, exchange, nowait=True),
        commands.Exchange.Delete(0, other, nowait=True),
    ):
        wire.send(1, method)
    wire.settle(queue, 0)
    wire.send(1, commands.Queue.Delete(0, queue, nowait=True))
    wire.send(1, commands.Queue.Declare(0, queue, passive=True))
    assert wire.method(1, commands.Channel.Close).reply_code == 404
