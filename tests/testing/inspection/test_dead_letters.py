"""What died, where, why, and where it went."""

import pika
import pytest


def declare(channel, kind: str = "classic", **arguments) -> None:
    channel.queue_declare("dead")
    dying = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead", "x-queue-type": kind}
    arguments = dying | {name.replace("_", "-"): value for name, value in arguments.items()}
    channel.queue_declare("tasks", durable=kind == "quorum", arguments=arguments)


def told(broker) -> list[tuple]:
    return [(one.body, one.queue, one.reason, one.went_to) for one in broker.dead_letters]


def test_rejected_expired_and_too_many_with_priorities(broker, channel):
    declare(channel, x_message_ttl=60_000, x_max_length=2, x_max_priority=3)
    for number in (1, 2, 3):
        channel.basic_publish("", "tasks", b"%d" % number, pika.BasicProperties(priority=number))
    channel.basic_reject(channel.basic_get("tasks")[0].delivery_tag, requeue=False)
    broker.clock.advance("1m")
    assert told(broker) == [
        (b"3", "tasks", "maxlen", ("dead",)),
        (b"2", "tasks", "rejected", ("dead",)),
        (b"1", "tasks", "expired", ("dead",)),
    ]


def test_it_counts_how_often(broker, channel):
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "tasks", "x-message-ttl": 1_000}
    channel.queue_declare("retry", arguments=arguments)
    channel.queue_declare(
        "tasks", arguments=arguments | {"x-dead-letter-routing-key": "retry", "x-message-ttl": 60_000}
    )
    channel.basic_publish("", "tasks", b"1")
    for _ in range(2):
        channel.basic_reject(channel.basic_get("tasks")[0].delivery_tag, requeue=False)
        broker.clock.advance("1s")
    assert [(one.queue, one.reason, one.count) for one in broker.dead_letters] == [
        ("tasks", "rejected", 1),
        ("retry", "expired", 1),
        ("tasks", "rejected", 2),
        ("retry", "expired", 2),
    ]


def test_a_quorum_queue_gives_up_after_its_delivery_limit(broker, channel):
    declare(channel, "quorum", x_delivery_limit=1)
    channel.basic_publish("", "tasks", b"1")
    for _ in range(2):
        channel.basic_reject(channel.basic_get("tasks")[0].delivery_tag, requeue=True)
    assert told(broker) == [(b"1", "tasks", "delivery_limit", ("dead",))]


@pytest.mark.parametrize("arguments", [{}, {"x-dead-letter-exchange": "nowhere"}])
def test_what_goes_nowhere_is_told_as_well(broker, channel, arguments):
    channel.queue_declare("tasks", arguments=arguments)
    channel.basic_publish("", "tasks", b"1")
    channel.basic_reject(channel.basic_get("tasks")[0].delivery_tag, requeue=False)
    assert told(broker) == [(b"1", "tasks", "rejected", ())]
    assert "went to nowhere" in repr(broker.dead_letters[0])


def test_a_chain_of_queues(broker, channel):
    channel.queue_declare("last")
    channel.queue_declare("dead", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "last"})
    channel.queue_declare("tasks", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
    channel.basic_publish("", "tasks", b"1")
    for queue in ("tasks", "dead"):
        channel.basic_reject(channel.basic_get(queue)[0].delivery_tag, requeue=False)
    assert [(one.queue, one.went_to) for one in broker.dead_letters] == [("tasks", ("dead",)), ("dead", ("last",))]
