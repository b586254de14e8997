"""Who is connected."""

import pika


def test_connections_channels_and_consumers(broker):
    parameters = pika.URLParameters(broker.url)
    parameters.client_properties = {"connection_name": "billing"}
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=3)
    channel.confirm_delivery()
    channel.queue_declare("tasks")
    for _ in range(5):
        channel.basic_publish("", "tasks", b"1")
    channel.basic_consume("tasks", lambda *_: None, consumer_tag="worker")
    (state,) = broker.connections
    assert (state.client_name, state.user, state.vhost, state.unacked) == ("billing", "guest", "/", 3)
    assert state.client_properties["product"].startswith("Pika")
    (seen,) = state.channels
    assert (seen.number, seen.prefetch, seen.confirms, seen.is_transactional) == (1, 3, True, False)
    (consumer,) = state.consumers
    assert (consumer.tag, consumer.queue, consumer.prefetch, consumer.unacked) == ("worker", "tasks", 3, 3)
    connection.close()
    assert broker.connections == []


def test_of_single_active_consumers_one_is_active(broker, channel):
    channel.queue_declare("tasks", arguments={"x-single-active-consumer": True})
    for tag in ("first", "second"):
        channel.basic_consume("tasks", lambda *_: None, consumer_tag=tag)
    assert [(one.tag, one.is_active) for one in broker.connections[0].consumers] == [("first", True), ("second", False)]
