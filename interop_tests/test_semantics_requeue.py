"""What happens to a message that is not acknowledged: where it goes back to and how it is marked."""

from pamqp import commands
from pika.adapters.blocking_connection import BlockingChannel

from interop_tests.conftest import Connect, Names
from interop_tests.steps import Delivery, consume, get_all, publish, settle
from interop_tests.wire import Wire


def take(channel: BlockingChannel, queue: str, count: int) -> list[int]:
    """Get `count` messages and return their delivery tags."""
    return [channel.basic_get(queue)[0].delivery_tag for _ in range(count)]


def test_a_requeued_message_goes_back_to_its_original_place(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, 1, 2, 3, 4, 5, 6)
    tags = take(channel, queue, 5)
    channel.basic_nack(tags[3])
    channel.basic_nack(tags[1])
    settle(channel, queue, 3)
    assert get_all(channel, queue) == [("2", True), ("4", True), ("6", False)]


def test_nack_of_tag_0_multiple_requeues_all_in_order(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, *range(5))
    take(channel, queue, 5)
    channel.basic_nack(0, multiple=True)
    assert get_all(channel, queue) == [(str(number), True) for number in range(5)]


def test_nack_multiple_requeues_up_to_its_tag(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, *range(5))
    tags = take(channel, queue, 5)
    channel.basic_nack(tags[2], multiple=True)
    assert get_all(channel, queue) == [("0", True), ("1", True), ("2", True)]


def test_reject_requeues_with_redelivered_set(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, "again")
    channel.basic_reject(take(channel, queue, 1)[0], requeue=True)
    assert get_all(channel, queue) == [("again", True)]


def test_reject_and_nack_without_requeue_drop(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, "a", "b", "c")
    tags = take(channel, queue, 3)
    channel.basic_reject(tags[0], requeue=False)
    channel.basic_nack(tags[2], multiple=True, requeue=False)
    settle(channel, queue, 0)
    assert get_all(channel, queue) == []


def test_closing_a_channel_requeues_in_order(connect: Connect, name: Names) -> None:
    connection = connect()
    channel, other = connection.channel(), connection.channel()
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, *range(4))
    take(channel, queue, 3)
    channel.close()
    assert get_all(other, queue) == [("0", True), ("1", True), ("2", True), ("3", False)]


def test_closing_a_connection_requeues(connect: Connect, name: Names) -> None:
    first = connect()
    queue = first.channel().queue_declare(name.queue(), durable=True).method.queue
    holder = first.channel()
    publish(holder, queue, "held")
    take(holder, queue, 1)
    first.close()
    deliveries: list[Delivery] = []
    second = connect().channel()
    consume(second, queue, deliveries)
    while not deliveries:
        second.connection.process_data_events(1)
    assert (deliveries[0].body, deliveries[0].redelivered) == ("held", True)


def test_redelivered_marks_the_attempt_not_the_consumer(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, "seen", "unseen")
    channel.basic_nack(take(channel, queue, 1)[0])
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries)
    settle(channel, queue, 0)
    assert [(delivery.body, delivery.redelivered) for delivery in deliveries] == [("seen", True), ("unseen", False)]


def test_recover_answers_first_and_then_redelivers_in_order(wire: Wire) -> None:
    queue = wire.queue()
    for body in (b"1", b"2", b"3"):
        wire.publish("", queue, body)
    wire.call(1, commands.Basic.Consume(0, queue, "c"), commands.Basic.ConsumeOk)
    assert [wire.message(1, commands.Basic.Deliver).body for _ in range(3)] == [b"1", b"2", b"3"]
    wire.call(1, commands.Basic.Recover(requeue=True), commands.Basic.RecoverOk)
    again = [wire.message(1, commands.Basic.Deliver) for _ in range(3)]
    assert [(m.method.delivery_tag, m.body, m.method.redelivered) for m in again] == [
        (4, b"1", True),
        (5, b"2", True),
        (6, b"3", True),
    ]


def test_recover_of_what_was_got_makes_it_ready(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    publish(channel, queue, "a", "b")
    take(channel, queue, 2)
    channel.basic_recover(requeue=True)
    assert get_all(channel, queue) == [("a", True), ("b", True)]


def test_recover_without_requeue_is_not_implemented(wire: Wire) -> None:
    wire.send(1, commands.Basic.Recover(requeue=False))
    close = wire.method(0, commands.Connection.Close)
    assert (close.reply_code, close.class_id, close.method_id) == (540, 60, 110)


def test_what_a_cancelled_consumer_holds_may_still_be_acked(channel: BlockingChannel, name: Names) -> None:
    queue = channel.queue_declare(name.prefix, exclusive=True).method.queue
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, "c")
    publish(channel, queue, "held")
    settle(channel, queue, 0)
    channel.basic_cancel("c")
    settle(channel, queue, 0)
    channel.basic_ack(deliveries[0].tag)
    channel.basic_recover(requeue=True)
    assert get_all(channel, queue) == []


def test_an_acked_tag_cannot_be_acked_again(wire: Wire) -> None:
    queue = wire.queue()
    wire.publish("", queue, b"once")
    wire.send(1, commands.Basic.Get(0, queue))
    wire.message(1, commands.Basic.GetOk)
    wire.send(1, commands.Basic.Ack(1))
    wire.send(1, commands.Basic.Ack(1))
    close = wire.method(1, commands.Channel.Close)
    assert (close.reply_code, close.reply_text) == (406, "PRECONDITION_FAILED - unknown delivery tag 1")
