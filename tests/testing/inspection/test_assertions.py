"""Assertions that say what was there instead."""

import pika
import pytest

from amqpbroker.testing import ExpectationError


@pytest.fixture
def orders(channel):
    channel.exchange_declare("orders", "topic")
    for number, state in ((1, "paid"), (2, "paid"), (3, "open")):
        properties = pika.BasicProperties(content_type="application/json", headers={"number": number})
        channel.basic_publish("orders", f"order.{number}.{state}", b'{"id": %d, "lines": [1, 2]}' % number, properties)


def test_what_was_published_is_given(broker, orders):
    found = broker.assert_published(exchange="orders", routing_key="order.*.paid", count=2)
    assert [event.json["id"] for event in found] == [1, 2]
    broker.assert_published(json={"id": 3, "lines": [1, 2]}, headers={"number": 3}, content_type="application/json")
    broker.assert_published(match=lambda event: event.json["id"] == 2, count=1)


def test_the_nearest_comes_first_with_its_differences(broker, orders):
    with pytest.raises(ExpectationError) as raised:
        broker.assert_published(
            routing_key="order.*.paid", json={"id": 2, "lines": [1, 3]}, headers={"number": 2, "why": "x"}, priority=1
        )
    assert str(raised.value).splitlines() == [
        "expected at least 1 message published like routing_key='order.*.paid' headers={'number': 2, 'why': 'x'}"
        ' priority=1 json={"id": 2, "lines": [1, 3]}, found 0',
        "others that were published, 3 in all, the nearest first:",
        "  published (no queue) exchange='orders' routing_key='order.2.paid' body={\"id\": 2, \"lines\": [1, 2]}"
        " content_type='application/json' headers={'number': 2}",
        "      json.lines[1]: 2, expected 3",
        "      headers['why']: not there, expected 'x'",
        "      priority: None, expected 1",
        *str(raised.value).splitlines()[6:],
    ]


def test_too_many_are_shown(broker, orders):
    with pytest.raises(AssertionError, match=r"expected 1 message published like exchange='orders', found 3\n  publis"):
        broker.assert_published(exchange="orders", count=1)


def test_nothing_was_published_at_all(broker, channel):
    channel.queue_declare("tasks")
    with pytest.raises(ExpectationError, match=r"(?s)published at all, found 0\nnothing was published\nqueues.*tasks"):
        broker.assert_published()


def test_not_published(broker, orders):
    broker.assert_not_published(exchange="payments")
    with pytest.raises(ExpectationError, match=r"(?s)expected no message .*found 1\n.*order\.3\.open"):
        broker.assert_not_published(routing_key="*.*.open")


def test_an_unknown_property_is_named_with_the_nearest(broker):
    with pytest.raises(TypeError, match="no property 'content_typ': did you mean content_type"):
        broker.assert_published(content_typ="text/plain")


def test_empty(broker, channel):
    for name in ("tasks", "others"):
        channel.queue_declare(name)
    channel.basic_publish("", "tasks", b"1")
    broker.assert_empty("others")
    with pytest.raises(
        ExpectationError, match=r"(?s)in any queue\n  tasks  ready 1  unacked 0\n      exchange.*body=1"
    ):
        broker.assert_empty()
