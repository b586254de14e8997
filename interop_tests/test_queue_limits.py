"""How much a queue holds: x-max-length and x-max-length-bytes, and what x-overflow does with what is too much."""

import pytest
from pamqp import commands
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from interop_tests.conftest import Names
from interop_tests.steps import Delivery, consume, declare, get, get_all, is_accepted, publish, settle, wait_for
from interop_tests.wire import Wire


def bodies(channel: BlockingChannel, queue: str) -> list[str]:
    """All that is ready, taken."""
    return [body for body, _ in get_all(channel, queue, auto_ack=True)]


def take(channel: BlockingChannel, queue: str, count: int) -> list[int]:
    """Get `count` messages and return their delivery tags."""
    return [get(channel, queue).method.delivery_tag for _ in range(count)]


@pytest.mark.parametrize("arguments", [{}, {"x_overflow": "drop-head"}])
def test_what_is_too_much_pushes_out_the_oldest(
    channel: BlockingChannel, name: Names, arguments: dict[str, str]
) -> None:
    queue = declare(channel, name.prefix, x_max_length=3, **arguments)
    publish(channel, queue, *range(10))
    settle(channel, queue, 3)
    assert bodies(channel, queue) == ["7", "8", "9"]


def test_messages_that_push_others_out_are_confirmed(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=1)
    assert [is_accepted(channel, queue, number) for number in range(3)] == [True, True, True]
    assert bodies(channel, queue) == ["2"]


def test_a_commit_may_bring_more_than_there_is_room_for(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=2)
    channel.tx_select()
    for number in range(50):
        channel.basic_publish("", queue, str(number).encode())
    channel.tx_commit()
    settle(channel, queue, 2)
    assert bodies(channel, queue) == ["48", "49"]


def test_only_ready_messages_count(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=2)
    publish(channel, queue, 1, 2)
    take(channel, queue, 2)
    publish(channel, queue, 3, 4)
    assert bodies(channel, queue) == ["3", "4"]


def test_a_requeued_message_is_pushed_out_if_it_is_the_oldest(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=2)
    publish(channel, queue, 1, 2)
    first, _ = take(channel, queue, 2)
    publish(channel, queue, 3, 4)
    channel.basic_nack(first)
    channel.basic_qos(prefetch_count=0)
    settle(channel, queue, 2)
    assert bodies(channel, queue) == ["3", "4"]


def test_a_requeued_message_pushes_out_an_older_one(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=2)
    publish(channel, queue, 1, 2)
    first, second = take(channel, queue, 2)
    channel.basic_nack(first)
    settle(channel, queue, 1)
    publish(channel, queue, 3)
    channel.basic_nack(second)
    channel.basic_qos(prefetch_count=0)
    settle(channel, queue, 2)
    assert get_all(channel, queue, auto_ack=True) == [("2", True), ("3", False)]


def test_what_is_handed_over_at_once_does_not_count(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=1)
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries)
    publish(channel, queue, *range(5))
    wait_for(channel, deliveries, 5)
    assert [delivery.body for delivery in deliveries] == ["0", "1", "2", "3", "4"]


def test_with_a_length_of_0_messages_are_handed_over_at_once_or_gone(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=0)
    publish(channel, queue, "gone")
    settle(channel, queue, 0)
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=1)
    consume(channel, queue, deliveries)
    publish(channel, queue, "handed over", "gone too")
    wait_for(channel, deliveries, 1)
    channel.basic_ack(deliveries[0].tag)
    settle(channel, queue, 0)
    publish(channel, queue, "handed over again")
    wait_for(channel, deliveries, 2)
    assert [delivery.body for delivery in deliveries] == ["handed over", "handed over again"]


def test_a_message_of_a_queue_of_length_0_cannot_be_requeued(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=0)
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries)
    publish(channel, queue, "once")
    wait_for(channel, deliveries, 1)
    channel.basic_nack(deliveries[0].tag)
    publish(channel, queue, "next")
    wait_for(channel, deliveries, 2)
    assert [(delivery.body, delivery.redelivered) for delivery in deliveries] == [("once", False), ("next", False)]


def test_bytes_of_bodies_count_and_those_of_headers_do_not(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length_bytes=10)
    publish(channel, queue, "aaaaa", "bbbbb", headers={"large": "x" * 1_000})
    assert channel.queue_declare(queue, passive=True).method.message_count == 2
    publish(channel, queue, "c")
    settle(channel, queue, 2)
    assert bodies(channel, queue) == ["bbbbb", "c"]


def test_a_message_pushes_out_as_many_as_it_takes(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length_bytes=10)
    publish(channel, queue, "aa", "bb", "cc", "dd", "eeeeeee")
    settle(channel, queue, 2)
    assert bodies(channel, queue) == ["dd", "eeeeeee"]


def test_a_message_larger_than_the_limit_pushes_out_all_and_itself(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length_bytes=10)
    publish(channel, queue, "aa", "bb", "c" * 11)
    settle(channel, queue, 0)
    assert bodies(channel, queue) == []


def test_with_0_bytes_empty_messages_stay(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length_bytes=0)
    publish(channel, queue, "", "", "x")
    settle(channel, queue, 0)
    publish(channel, queue, "", "")
    assert bodies(channel, queue) == ["", ""]


@pytest.mark.parametrize(("length", "size_bytes", "left"), [(2, 100, ["c", "d"]), (100, 3, ["b", "c", "d"])])
def test_of_both_limits_the_one_reached_first_counts(
    channel: BlockingChannel, name: Names, length: int, size_bytes: int, left: list[str]
) -> None:
    queue = declare(channel, name.prefix, x_max_length=length, x_max_length_bytes=size_bytes)
    publish(channel, queue, "a", "b", "c", "d")
    settle(channel, queue, len(left))
    assert bodies(channel, queue) == left


def test_with_reject_publish_what_is_too_much_is_nacked(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=2, x_overflow="reject-publish")
    assert [is_accepted(channel, queue, number) for number in range(4)] == [True, True, False, False]
    get(channel, queue)
    assert is_accepted(channel, queue, "room again")
    assert bodies(channel, queue) == ["1", "room again"]


def test_reject_publish_counts_bytes_before_it_takes_a_message(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length_bytes=5, x_overflow="reject-publish")
    accepted = [is_accepted(channel, queue, body) for body in ("aaa", "bbb", "cc", "", "d")]
    assert accepted == [True, False, True, True, False]
    assert bodies(channel, queue) == ["aaa", "cc", ""]


def test_a_nack_follows_the_acks_of_what_was_taken(wire: Wire) -> None:
    queue = wire.queue(arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    wire.call(1, commands.Confirm.Select(), commands.Confirm.SelectOk)
    wire.publish("", queue, b"taken")
    ack = wire.method(1, commands.Basic.Ack)
    wire.publish("", queue, b"rejected")
    nack = wire.method(1, commands.Basic.Nack)
    assert (ack.delivery_tag, nack.delivery_tag, nack.requeue) == (1, 2, True)


def test_a_rejected_mandatory_message_is_not_returned(wire: Wire) -> None:
    queue = wire.queue(arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
    wire.call(1, commands.Confirm.Select(), commands.Confirm.SelectOk)
    wire.publish("", queue, b"rejected", mandatory=True)
    assert wire.method(1, commands.Basic.Nack).delivery_tag == 1


def test_without_confirms_what_is_rejected_is_gone_without_a_word(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=1, x_overflow="reject-publish")
    for body in (b"kept", b"gone", b"gone too"):
        channel.basic_publish("", queue, body)
    channel.basic_qos(prefetch_count=0)
    settle(channel, queue, 1)
    assert bodies(channel, queue) == ["kept"]


def test_a_commit_with_a_message_that_is_rejected_does_all_else_and_fails(
    channel: BlockingChannel, name: Names
) -> None:
    queue = declare(channel, name.prefix, x_max_length=2, x_overflow="reject-publish")
    publish(channel, queue, "acked in the transaction")
    transaction = channel.connection.channel()
    transaction.tx_select()
    transaction.basic_ack(get(transaction, queue).method.delivery_tag)
    for number in range(5):
        transaction.basic_publish("", queue, str(number).encode())
    with pytest.raises(ChannelClosedByBroker) as closed:
        transaction.tx_commit()
    assert (closed.value.reply_code, closed.value.reply_text) == (406, "PRECONDITION_FAILED - partial tx completion")
    settle(channel, queue, 2)
    assert bodies(channel, queue) == ["0", "1"]


def test_a_message_is_nacked_if_one_of_its_queues_rejects_it(channel: BlockingChannel, name: Names) -> None:
    full = declare(channel, f"{name.prefix}.full", x_max_length=0, x_overflow="reject-publish")
    free = declare(channel, f"{name.prefix}.free")
    assert not is_accepted(channel, free, "x", headers={"CC": [full]})
    settle(channel, free, 1)
    assert bodies(channel, free) == ["x"]


def test_a_waiting_consumer_keeps_a_queue_from_being_full(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=1, x_overflow="reject-publish")
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=2)
    consume(channel, queue, deliveries)
    assert [is_accepted(channel, queue, number) for number in range(5)] == [True, True, True, False, False]
    wait_for(channel, deliveries, 2)


def test_with_a_length_of_0_reject_publish_takes_nothing_even_for_a_waiting_consumer(
    channel: BlockingChannel, name: Names
) -> None:
    queue = declare(channel, name.prefix, x_max_length=0, x_overflow="reject-publish")
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries)
    assert not is_accepted(channel, queue, "x")
    assert deliveries == []


def test_a_requeue_is_never_rejected(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=2, x_overflow="reject-publish")
    publish(channel, queue, 1, 2)
    take(channel, queue, 2)
    publish(channel, queue, 3, 4)
    channel.basic_nack(0, multiple=True)
    settle(channel, queue, 4)
    assert not is_accepted(channel, queue, 5)
    assert bodies(channel, queue) == ["1", "2", "3", "4"]


def test_a_purge_makes_room(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length_bytes=2, x_overflow="reject-publish")
    publish(channel, queue, "ab")
    assert not is_accepted(channel, queue, "c")
    channel.queue_purge(queue)
    assert is_accepted(channel, queue, "cd")


def test_reject_publish_dlx_nacks_and_dead_letters(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    arguments = {"x_dead_letter_exchange": "", "x_dead_letter_routing_key": dead}
    queue = declare(channel, name.prefix, x_max_length=1, x_overflow="reject-publish-dlx", **arguments)
    assert [is_accepted(channel, queue, body) for body in ("kept", "second", "third")] == [True, False, False]
    _, properties, body = get(channel, dead)
    assert (body, properties.headers["x-death"][0]["reason"]) == (b"second", "maxlen")
    settle(channel, dead, 1)
    assert (bodies(channel, dead), bodies(channel, queue)) == (["third"], ["kept"])


def test_reject_publish_dlx_without_a_dead_letter_exchange_only_nacks(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=1, x_overflow="reject-publish-dlx")
    assert [is_accepted(channel, queue, number) for number in range(3)] == [True, False, False]
    assert bodies(channel, queue) == ["0"]


def test_reject_publish_dead_letters_nothing_that_it_rejects(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    arguments = {"x_dead_letter_exchange": "", "x_dead_letter_routing_key": dead}
    queue = declare(channel, name.prefix, x_max_length=1, x_overflow="reject-publish", **arguments)
    assert [is_accepted(channel, queue, number) for number in range(2)] == [True, False]
    channel.basic_reject(get(channel, queue).method.delivery_tag, requeue=False)
    settle(channel, dead, 1)
    assert bodies(channel, dead) == ["0"]
