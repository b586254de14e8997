"""What a test reads of a message."""

import pika
import pytest


@pytest.fixture
def message(broker, channel):
    channel.queue_declare("tasks")
    properties = pika.BasicProperties(content_type="application/json", headers={"try": 1, "deep": {"list": [1, "a"]}})
    channel.basic_publish("", "tasks", b'{"id": 1}', properties)
    return broker.messages("tasks")[0]


def test_its_body_in_three_ways(message):
    assert (message.body, message.text, message.json) == (b'{"id": 1}', '{"id": 1}', {"id": 1})


def test_where_it_went_and_what_it_brings(message):
    assert (message.exchange, message.routing_key, message.redelivered) == ("", "tasks", False)
    assert message.properties.content_type == "application/json"
    assert message.headers == {"try": 1, "deep": {"list": [1, "a"]}}


def test_it_is_told_on_one_line(message):
    assert repr(message) == (
        "<Message exchange='' routing_key='tasks' body={\"id\": 1} content_type='application/json'"
        " headers={'try': 1, 'deep': {'list': [1, 'a']}}>"
    )


def test_a_body_that_is_no_json_is_shown(broker, channel):
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b"\xff" * 300)
    (message,) = broker.messages("tasks")
    with pytest.raises(ValueError, match=r"no JSON: b'\\xff.*300 bytes"):
        _ = message.json


def test_the_same_octets_are_the_same_message(broker, channel):
    channel.queue_declare("tasks")
    for body in (b"1", b"1", b"2"):
        channel.basic_publish("", "tasks", body)
    first, second, third = broker.messages("tasks")
    assert (first == second, first == third, len({first, second, third})) == (True, False, 2)
