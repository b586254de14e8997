"""x-max-priority: higher first, and how that goes together with requeues, limits and time to live."""

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from interop_tests.conftest import Names
from interop_tests.steps import (
    Delivery,
    consume,
    declare,
    get,
    get_all,
    is_accepted,
    let_pass,
    publish,
    settle,
    wait_for,
)


def publish_with(channel: BlockingChannel, queue: str, *priorities: int | None) -> None:
    """Publish a message of each priority; its body is its priority and its place."""
    for place, priority in enumerate(priorities):
        publish(channel, queue, f"{priority}:{place}", priority=priority)


def bodies(channel: BlockingChannel, queue: str) -> list[str]:
    """All that is ready, taken."""
    return [body for body, _ in get_all(channel, queue, auto_ack=True)]


def test_higher_priorities_come_first_and_equal_ones_in_order(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=10)
    publish_with(channel, queue, 1, 5, 3, 5, 1, 10)
    assert bodies(channel, queue) == ["10:5", "5:1", "5:3", "3:2", "1:0", "1:4"]


def test_a_message_without_priority_has_the_lowest(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=10)
    publish_with(channel, queue, None, 1, 0, None)
    assert bodies(channel, queue) == ["1:1", "None:0", "0:2", "None:3"]


def test_priorities_above_the_queues_are_equal_to_it_and_delivered_as_sent(
    channel: BlockingChannel, name: Names
) -> None:
    queue = declare(channel, name.prefix, x_max_priority=3)
    publish_with(channel, queue, 2, 200, 3, 255, 4)
    came = [get(channel, queue) for _ in range(5)]
    assert [(one.body.decode(), one.properties.priority) for one in came] == [
        ("200:1", 200),
        ("3:2", 3),
        ("255:3", 255),
        ("4:4", 4),
        ("2:0", 2),
    ]


def test_a_queue_may_have_255_priorities(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=255)
    publish_with(channel, queue, 0, 254, 255, 1)
    assert bodies(channel, queue) == ["255:2", "254:1", "1:3", "0:0"]


def test_a_highest_priority_of_0_means_1_since_3_13(
    channel: BlockingChannel, name: Names, series: tuple[int, int]
) -> None:
    queue = declare(channel, name.prefix, x_max_priority=0)
    publish_with(channel, queue, 0, 1, 0, 5)
    in_order = ["0:0", "1:1", "0:2", "5:3"]
    assert bodies(channel, queue) == (in_order if series < (4, 0) else ["1:1", "5:3", "0:0", "0:2"])


def test_without_x_max_priority_messages_stay_in_order(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix)
    publish_with(channel, queue, 1, 9, 0)
    assert bodies(channel, queue) == ["1:0", "9:1", "0:2"]


def test_a_consumer_gets_what_is_highest_when_it_has_room(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=5)
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=1)
    publish_with(channel, queue, 1, 1)
    consume(channel, queue, deliveries)
    wait_for(channel, deliveries, 1)
    publish(channel, queue, "urgent", priority=5)
    for count in (2, 3):
        channel.basic_ack(deliveries[-1].tag)
        wait_for(channel, deliveries, count)
    assert [delivery.body for delivery in deliveries] == ["1:0", "urgent", "1:1"]


def test_a_requeued_message_goes_back_among_its_equals(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=5)
    publish_with(channel, queue, 1, 2, 2, 1, 3)
    tags = [get(channel, queue).method.delivery_tag for _ in range(4)]
    channel.basic_nack(tags[3])
    channel.basic_nack(tags[1])
    settle(channel, queue, 3)
    assert get_all(channel, queue) == [("2:1", True), ("1:0", True), ("1:3", False)]


def test_a_requeue_of_all_restores_the_order(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=5)
    publish_with(channel, queue, 1, 5, 3, 5, 0)
    before = [body for body, _ in get_all(channel, queue)]
    channel.basic_nack(0, multiple=True)
    settle(channel, queue, 5)
    assert bodies(channel, queue) == before


def test_a_length_limit_pushes_out_the_highest(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=5, x_max_length=2)
    publish_with(channel, queue, 5, 1, 3, 4)
    settle(channel, queue, 2)
    assert bodies(channel, queue) == ["3:2", "1:1"]


def test_a_full_queue_that_rejects_does_not_look_at_priorities(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=5, x_max_length=1, x_overflow="reject-publish")
    assert [is_accepted(channel, queue, priority, priority=priority) for priority in (1, 5)] == [True, False]
    assert bodies(channel, queue) == ["1"]


def test_a_byte_limit_counts_all_priorities(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=5, x_max_length_bytes=6)
    publish_with(channel, queue, 1, 2, 3)
    settle(channel, queue, 2)
    assert bodies(channel, queue) == ["2:1", "1:0"]


def test_counts_and_purges_are_of_all_priorities(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=5)
    publish_with(channel, queue, 0, 5, 3, None)
    assert get(channel, queue).method.message_count == 3
    assert channel.queue_declare(queue, passive=True).method.message_count == 3
    assert channel.queue_purge(queue).method.message_count == 3
    assert bodies(channel, queue) == []


def test_messages_of_each_priority_expire(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=5, x_message_ttl=50)
    publish_with(channel, queue, 0, 5, 3, None)
    settle(channel, queue, 0)


def test_an_expired_message_waits_behind_a_higher_one_that_is_not(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=5)
    publish(channel, queue, "high", priority=5)
    publish(channel, queue, "low", priority=1, expiration="50")
    let_pass(channel, 100)
    assert channel.queue_declare(queue, passive=True).method.message_count == 2
    assert get(channel, queue, auto_ack=True).body == b"high"
    settle(channel, queue, 0)


def test_a_high_message_expires_before_lower_ones(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_priority=5)
    publish(channel, queue, "high", priority=5, expiration="50")
    publish(channel, queue, "low", priority=1)
    settle(channel, queue, 1)
    assert bodies(channel, queue) == ["low"]


def test_dead_letters_of_expired_messages_come_by_priority(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    arguments = {"x_dead_letter_exchange": "", "x_dead_letter_routing_key": dead}
    queue = declare(channel, name.prefix, x_max_priority=5, **arguments)
    publish(channel, queue, "head", priority=5, expiration="300")
    for body, priority in (("low", 1), ("middle", 3), ("low too", 1), ("high", 5)):
        publish(channel, queue, body, priority=priority, expiration="1")
    settle(channel, dead, 5)
    assert bodies(channel, dead) == ["head", "high", "middle", "low", "low too"]


def test_dead_letters_of_messages_rejected_one_by_one_come_in_that_order(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    arguments = {"x_dead_letter_exchange": "", "x_dead_letter_routing_key": dead}
    queue = declare(channel, name.prefix, x_max_priority=5, **arguments)
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries)
    publish_with(channel, queue, 1, 3, 5, 1)
    wait_for(channel, deliveries, 4)
    for place in (1, 0, 3, 2):
        channel.basic_reject(deliveries[place].tag, requeue=False)
    settle(channel, dead, 4)
    assert bodies(channel, dead) == ["3:1", "1:0", "1:3", "5:2"]


def test_dead_letters_keep_the_priority_property(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead", x_max_priority=9)
    arguments = {"x_dead_letter_exchange": "", "x_dead_letter_routing_key": dead}
    queue = declare(channel, name.prefix, x_message_ttl=50, **arguments)
    publish_with(channel, queue, 1, 7, 3)
    settle(channel, dead, 3)
    assert bodies(channel, dead) == ["7:1", "3:2", "1:0"]


@pytest.mark.parametrize("arguments", [{"x_queue_mode": "lazy"}, {"x_queue_mode": "default"}, {"x_queue_version": 2}])
def test_mode_and_version_change_nothing_that_is_seen(
    channel: BlockingChannel, name: Names, arguments: dict[str, object]
) -> None:
    queue = declare(channel, name.prefix, x_max_priority=5, x_max_length=3, **arguments)
    publish_with(channel, queue, 1, 5, 3, 2)
    channel.basic_nack(get(channel, queue).method.delivery_tag)
    settle(channel, queue, 3)
    assert bodies(channel, queue) == ["3:2", "2:3", "1:0"]
