"""What queues give up: each rule with code that breaks it, and nearly the same that does not."""

import pika
import pytest

QUORUM = {"x-queue-type": "quorum"}


def declare(channel, queue: str, **arguments: object) -> None:
    named = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
    channel.queue_declare(queue, durable=True, arguments=named)


@pytest.mark.parametrize(
    "wrong",
    [
        {"dead_letter_exchange": "nowhere"},
        {"dead_letter_exchange": "", "dead_letter_routing_key": "nowhere"},
        {"dead_letter_exchange": "amq.fanout"},
    ],
)
def test_a_dead_letter_that_goes_nowhere(broker, channel, rules, wrong):
    declare(channel, "tasks", message_ttl=1000, **wrong)
    channel.basic_publish("", "tasks", b"")
    assert rules() == []
    broker.clock.advance("1s")
    assert rules() == ["dead-letter-lost"]


@pytest.mark.parametrize(
    "right",
    [
        {},
        {"dead_letter_exchange": "", "dead_letter_routing_key": "dead"},
        {"dead_letter_exchange": "amq.direct"},
    ],
)
def test_one_that_goes_somewhere_or_is_not_wanted(broker, channel, rules, right):
    declare(channel, "dead")
    channel.queue_bind("dead", "amq.direct", "tasks")
    declare(channel, "tasks", message_ttl=1000, **right)
    channel.basic_publish("", "tasks", b"")
    broker.clock.advance("1s")
    assert rules() == []


@pytest.mark.parametrize(("dead", "found"), [({}, ["delivery-limit"]), ({"dead_letter_exchange": "amq.fanout"}, [])])
def test_a_message_that_came_back_too_often(channel, rules, dead, found):
    declare(channel, "dead")
    channel.queue_bind("dead", "amq.fanout", "")
    declare(channel, "tasks", queue_type="quorum", delivery_limit=2, **dead)
    channel.basic_publish("", "tasks", b"")
    for _ in range(3):
        channel.basic_reject(channel.basic_get("tasks")[0].delivery_tag)
    assert channel.basic_get("tasks")[0] is None
    assert rules() == found


def test_a_message_that_is_published_again_with_its_deaths(channel, rules):
    declare(channel, "dead")
    declare(channel, "tasks", dead_letter_exchange="", dead_letter_routing_key="dead")
    channel.basic_publish("", "tasks", b"")
    for headers_go_on in (True, False):
        channel.basic_reject(channel.basic_get("tasks")[0].delivery_tag, requeue=False)
        _, died, body = channel.basic_get("dead", auto_ack=True)
        properties = died if headers_go_on else pika.BasicProperties(headers={"retries": 1})
        assert rules() == ([] if headers_go_on else ["republished-x-death"])
        channel.basic_publish("", "tasks", body, properties)
    channel.basic_reject(channel.basic_get("tasks")[0].delivery_tag, requeue=False)
    assert rules() == []
