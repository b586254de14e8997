"""What the broker publishes of its own accord goes out when what it is about is over."""

from amqpbroker.wire.methods import Basic, Queue
from amqpbroker.wire.properties import Properties
from tests.helpers.sessions import bind, bodies, consume, waiting, with_queue
from tests.helpers.wire_client import WireClient

TRACE = "amq.rabbitmq.trace"


def listening() -> WireClient:
    client = with_queue()
    bind(client, TRACE, key="#")
    return client


def announce(client: WireClient, *messages: bytes) -> None:
    for message in messages:
        client.broker.announcer.publish(client.vhost, TRACE, "news", Properties(), message)


def test_nothing_is_published_before_the_clocks_next_call() -> None:
    client = listening()
    announce(client, b"1")
    assert waiting(client) == []
    client.advance(0)
    assert waiting(client) == [(b"1", False)]


def test_the_order_is_that_of_the_telling() -> None:
    client = listening()
    announce(client, b"1", b"2")
    client.advance(0)
    announce(client, b"3")
    client.advance(0)
    assert [body for body, _ in waiting(client)] == [b"1", b"2", b"3"]


def test_what_publishing_brings_about_is_published_too() -> None:
    client = listening()
    consume(client, "ctag")
    client.broker.trace(client.vhost, True)
    client.send(1, Queue.Declare(queue="copies"))
    bind(client, TRACE, "copies", "deliver.#")
    client.broker.announcer.publish(client.vhost, "amq.topic", "news", Properties(), b"about itself")
    bind(client, "amq.topic", key="news")
    client.advance(0)
    assert bodies(client) == "about itself about itself"
    assert waiting(client, "copies") == [(b"about itself", False)]


def test_an_exchange_that_is_gone_loses_its_messages() -> None:
    client = listening()
    client.broker.announcer.publish(client.vhost, "gone", "news", Properties(), b"1")
    announce(client, b"2")
    client.advance(0)
    assert waiting(client) == [(b"2", False)]


def test_a_queue_may_hear_of_its_own_deliveries() -> None:
    client = listening()
    client.broker.trace(client.vhost, True)
    consume(client, "ctag")
    client.publish(1, "", "tasks", b"1")
    client.advance(0)
    assert bodies(client) == "1 1 1"
    client.send(1, Basic.Ack(delivery_tag=0, multiple=True))
    client.advance(0)
    assert client.vhost.queues["tasks"].unacked == 0
