"""Copies of what comes and goes; keys, headers and their types as recorded from RabbitMQ 3.10.8."""

from typing import Any

import pytest

from amqpbroker.model.observing.firehose import TRACE_EXCHANGE
from amqpbroker.wire import properties
from amqpbroker.wire.methods import Basic, Queue, Tx
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table
from tests.helpers.sessions import bind, consume, opened, publish_numbers, with_queue
from tests.helpers.wire_client import WireClient

ALL_PROPERTIES: dict[str, Any] = {
    "content_type": "text/plain",
    "headers": {"a": Field("I", 1)},
    "delivery_mode": 2,
    "priority": 3,
    "timestamp": 1_700_000_000,
    "user_id": "guest",
}


def traced(client: WireClient, name: str = "copies", key: str = "#") -> WireClient:
    """The same client; every copy goes to a queue."""
    client.broker.trace(client.vhost, True)
    client.send(1, Queue.Declare(queue=name, nowait=True))
    bind(client, TRACE_EXCHANGE, name, key)
    return client


def copies(client: WireClient, name: str = "copies") -> list[tuple[str, Table, bytes]]:
    """(routing key, headers, body) of the copies so far."""
    client.advance(0)
    found = []
    for _, (address, header, body, _), _ in client.vhost.queues[name].messages():
        values = properties.decode(header)
        assert values == Properties(headers=values.headers)
        found.append((address[2 + address[0] :].decode(), values.headers or {}, body))
    return found


def keys(client: WireClient) -> list[str]:
    return [key for key, _, _ in copies(client)]


def names(*values: str) -> Field:
    return Field("A", [Field("S", value.encode()) for value in values])


def test_a_publish_is_copied_with_all_that_is_known_of_it() -> None:
    client = traced(with_queue())
    client.publish(1, "", "tasks", b"body", **ALL_PROPERTIES)
    expected: Table = {
        "exchange_name": Field("S", b""),
        "routing_keys": names("tasks"),
        "properties": Field(
            "F",
            {
                "user_id": Field("S", b"guest"),
                "timestamp": Field("I", 1_700_000_000),
                "priority": Field("I", 3),
                "delivery_mode": Field("I", 2),
                "headers": Field("F", {"a": Field("I", 1)}),
                "content_type": Field("S", b"text/plain"),
            },
        ),
        "node": Field("S", b"rabbit@localhost"),
        "vhost": Field("S", b"/"),
        "connection": Field("S", b""),
        "channel": Field("I", 1),
        "user": Field("S", b"guest"),
        "routed_queues": names("tasks"),
    }
    ((key, headers, body),) = copies(client)
    assert (key, headers, body) == ("publish.", expected, b"body")
    assert list(headers) == list(expected)
    assert list(headers["properties"].value) == list(expected["properties"].value)


def test_a_delivery_says_its_queue_and_whether_it_is_the_first() -> None:
    client = traced(with_queue(), key="deliver.#")
    publish_numbers(client, 1)
    client.send(1, Basic.Get(queue="tasks"), Basic.Reject(delivery_tag=1, requeue=True))
    consume(client, "ctag")
    first, second = copies(client)
    assert (first[0], first[2], second[0]) == ("deliver.tasks", b"1", "deliver.tasks")
    assert [headers["redelivered"] for _, headers, _ in (first, second)] == [Field("I", 0), Field("I", 1)]
    before = ["exchange_name", "routing_keys", "properties", "node", "redelivered", "vhost", "connection"]
    assert list(first[1]) == [*before, "channel", "user"]


def test_a_publish_is_copied_before_its_delivery() -> None:
    client = traced(with_queue())
    consume(client, "ctag")
    publish_numbers(client, 3)
    assert keys(client) == ["publish.", "deliver.tasks"] * 3


def test_the_name_of_the_exchange_is_in_the_key_and_queues_are_in_the_order_of_their_names() -> None:
    client = traced(with_queue(), key="publish.amq.topic")
    client.send(1, Queue.Declare(queue="also", nowait=True))
    bind(client, "amq.topic", key="#")
    bind(client, "amq.topic", "also", "#")
    client.publish(1, "amq.topic", "some.key")
    client.publish(1, "amq.direct", "some.key")
    ((_, headers, _),) = copies(client)
    assert headers["routed_queues"] == names("also", "tasks")


def test_to_the_default_exchange_each_key_is_a_queue_whether_it_is_there_or_not() -> None:
    client = traced(opened())
    client.publish(1, "", "nowhere", headers={"CC": names("else")})
    ((_, headers, _),) = copies(client)
    assert headers["routing_keys"] == names("nowhere", "else")
    assert headers["routed_queues"] == names("else", "nowhere")


def test_nobody_is_told_the_keys_of_bcc() -> None:
    client = traced(with_queue())
    client.publish(1, "amq.direct", "key", headers={"BCC": names("secret")})
    ((_, headers, _),) = copies(client)
    assert headers["routing_keys"] == names("key")
    assert headers["properties"] == Field("F", {"headers": Field("F", {})})


def test_a_timestamp_is_cut_to_32_bits() -> None:
    client = traced(opened())
    client.publish(1, "amq.direct", "key", timestamp=(1 << 40) + (1 << 31) + 5)
    ((_, headers, _),) = copies(client)
    assert headers["properties"].value["timestamp"] == Field("I", 5 - (1 << 31))


def test_a_transaction_is_copied_at_its_commit() -> None:
    client = traced(with_queue())
    client.send(1, Tx.Select())
    publish_numbers(client, 1)
    assert keys(client) == []
    client.send(1, Tx.Commit())
    assert keys(client) == ["publish."]


def test_copies_are_not_copied() -> None:
    client = traced(with_queue())
    consume(client, "ctag", name="copies")
    publish_numbers(client, 2)
    client.advance(0)
    assert keys(client) == []
    client.vhost.count_up()
    assert client.vhost.queues["copies"].counters.deliver == 2


def test_dead_letters_and_other_messages_of_the_brokers_own_are_copied_when_they_are_delivered() -> None:
    client = traced(with_queue())
    client.vhost.publish_from_server("", "tasks", Properties(), b"1")
    assert keys(client) == []
    client.send(1, Basic.Get(queue="tasks"))
    assert keys(client) == ["deliver.tasks"]


@pytest.mark.parametrize(("profile", "traces"), [("3.13", False), ("4.2", True)])
def test_answers_by_direct_reply_to_are_traced_since_4_2(profile: str, traces: bool) -> None:
    client = traced(opened(profile=profile))
    client.send(1, Basic.Consume(queue="amq.rabbitmq.reply-to", consumer_tag="answers", no_ack=True, nowait=True))
    (name,) = client.broker.reply_queues
    client.publish(1, "", name, b"answer")
    published, *answers = copies(client)
    assert published[1]["routed_queues"] == (names(name) if traces else names())
    assert [key for key, _, _ in answers] == [f"deliver.{name}"] * traces


def test_only_a_virtual_host_that_is_traced_has_a_tap() -> None:
    client = traced(with_queue())
    client.broker.trace(client.vhost, False)
    publish_numbers(client, 1)
    assert copies(client) == []
    assert client.vhost.tap is None


def test_nothing_is_put_together_while_nobody_is_bound() -> None:
    client = with_queue()
    client.broker.trace(client.vhost, True)
    before = client.clock.waiting
    publish_numbers(client, 1)
    client.send(1, Basic.Get(queue="tasks", no_ack=True))
    assert client.clock.waiting == before
