"""What is in a broker, and that again: whatever was done in between."""

from contextlib import contextmanager, suppress

import pika
import pytest
from pika.exceptions import ConnectionClosedByBroker

from amqpbroker.testing import AsyncBroker, Broker, SnapshotError

DYING = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}


@contextmanager
def client(broker):
    connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    try:
        yield connection.channel()
    finally:
        with suppress(ConnectionClosedByBroker):
            if connection.is_open:
                connection.close()


def publish(channel, queue: str, *bodies: str, **properties) -> None:
    for body in bodies:
        channel.basic_publish("", queue, body.encode(), pika.BasicProperties(**properties))


def taken(channel, queue: str) -> list[tuple[str, bool]]:
    """All that is in a queue, as a client gets it: body, redelivered."""
    found = []
    while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
        found.append((got[2].decode(), got[0].redelivered))
    return found


def again(broker) -> None:
    """Something else happens, and then the snapshot is put back."""
    snapshot = broker.snapshot()
    with client(broker) as channel:
        for queue in broker.queues.values():
            if not queue.exclusive:
                channel.queue_delete(queue.name)
        channel.queue_declare("other", durable=True)
        channel.exchange_declare("another")
    broker.clock.advance("10s")
    broker.restore(snapshot)


@pytest.mark.parametrize("kind", ["classic", "priorities", "quorum"])
def test_messages_are_there_in_their_order_and_with_their_flags(broker, channel, kind):
    arguments = {"priorities": {"x-max-priority": 5}, "quorum": {"x-queue-type": "quorum"}}.get(kind, {})
    channel.queue_declare("tasks", durable=True, arguments=arguments)
    publish(channel, "tasks", "1", "2", "3", "4", priority=2)
    publish(channel, "tasks", "5", priority=5)
    tags = [channel.basic_get("tasks")[0].delivery_tag for _ in range(3)]
    channel.basic_ack(tags[1])
    channel.basic_nack(tags[0])
    expected = {
        "classic": [("1", True), ("3", True), ("4", False), ("5", False)],
        "priorities": [("5", True), ("2", True), ("3", False), ("4", False)],
        "quorum": [("5", True), ("2", True), ("3", False), ("4", False)],
    }
    again(broker)
    with client(broker) as other:
        assert taken(other, "tasks") == expected[kind]


@pytest.mark.parametrize("kind", ["classic", "priorities", "quorum"])
def test_what_had_a_deadline_has_as_much_time_left(broker, channel, kind):
    arguments = {"priorities": {"x-max-priority": 5}, "quorum": {"x-queue-type": "quorum"}}.get(kind, {})
    channel.queue_declare("dead")
    channel.queue_declare("tasks", durable=True, arguments=arguments | DYING | {"x-message-ttl": 60_000})
    publish(channel, "tasks", "1", "2", priority=1)
    broker.clock.advance("20s")
    again(broker)
    broker.clock.advance("39s")
    assert (broker.queues["tasks"].ready, broker.queues["dead"].ready) == (2, 0)
    broker.clock.advance("1s")
    assert (broker.queues["tasks"].ready, broker.queues["dead"].ready) == (0, 2)
    assert [one.reason for one in broker.dead_letters] == ["expired", "expired"]


def test_an_expiration_of_its_own_goes_on(broker, channel):
    channel.queue_declare("tasks")
    publish(channel, "tasks", "1", expiration="60000")
    again(broker)
    broker.clock.advance("1m")
    assert broker.queues["tasks"].ready == 0


def test_delayed_messages_history_and_seen_keys(broker, channel):
    channel.queue_declare("tasks")
    channel.exchange_declare("later", "x-delayed-message", arguments={"x-delayed-type": "fanout"})
    channel.exchange_declare("recent", "x-recent-history")
    channel.exchange_declare("once", "x-message-deduplication", arguments={"x-cache-size": 10})
    channel.queue_bind("tasks", "later")
    channel.queue_bind("tasks", "once")
    channel.basic_publish("later", "", b"1", pika.BasicProperties(headers={"x-delay": 60_000}))
    channel.basic_publish("recent", "", b"2")
    key = pika.BasicProperties(headers={"x-deduplication-header": "key"})
    channel.basic_publish("once", "", b"3", key)
    again(broker)
    with client(broker) as other:
        other.basic_publish("once", "", b"4", key)
        other.queue_bind("tasks", "recent")
        assert taken(other, "tasks") == [("3", False), ("2", False)]
        broker.clock.advance("1m")
        assert taken(other, "tasks") == [("1", False)]


def test_streams_keep_their_offsets(broker, channel):
    arguments = {"x-queue-type": "stream", "x-max-length-bytes": 1_000_000}
    channel.queue_declare("log", durable=True, arguments=arguments)
    publish(channel, "log", *map(str, range(2_500)))
    again(broker)
    (last,) = broker.messages("log", skip=2_499)
    assert (broker.queues["log"].ready, last.text, last.headers["x-stream-offset"]) == (2_500, "2499", 2_499)


def test_counts_and_retries_of_a_quorum_queue():
    with Broker(profile="4.3") as broker, client(broker) as channel:
        retry = {"x-delayed-retry-type": "all", "x-delayed-retry-min": 60_000, "x-delivery-limit": 1}
        channel.queue_declare("dead", durable=True)
        channel.queue_declare("tasks", durable=True, arguments=retry | DYING | {"x-queue-type": "quorum"})
        publish(channel, "tasks", "1")
        channel.basic_reject(channel.basic_get("tasks")[0].delivery_tag)
        again(broker)
        assert broker.queues["tasks"].ready == 0
        broker.clock.advance("1m")
        with client(broker) as other:
            method, properties, _ = other.basic_get("tasks")
            assert (method.redelivered, properties.headers["x-delivery-count"]) == (True, 1)
            other.basic_reject(method.delivery_tag)
            assert [one.reason for one in broker.dead_letters] == ["delivery_limit"]


def test_topology_policies_virtual_hosts_and_users(broker, channel):
    channel.exchange_declare("orders", "topic", durable=True, arguments={"alternate-exchange": "lost"})
    channel.queue_declare("tasks", arguments={"x-max-priority": 3})
    channel.queue_declare("mine", exclusive=True)
    channel.queue_bind("tasks", "orders", "a.#")
    channel.queue_bind("mine", "orders", "b.#")
    broker.create_vhost("other")
    model = broker.server.broker
    limit = {"pattern": "^tasks$", "definition": {"max-length": 1}}
    broker.ask(lambda: model.vhosts["/"].parameters.set_policy("p", limit))
    broker.ask(lambda: model.users.set("anna", password="a"))
    before = (
        broker.exchanges["orders"],
        broker.queues["tasks"],
        [one for one in broker.bindings if one.routing_key == "a.#"],
    )
    again(broker)
    assert (broker.exchanges["orders"], broker.queues["tasks"], broker.bindings) == before
    assert list(broker.queues) == ["tasks"]
    assert broker.ask(lambda: [user.name for user in model.users]) == ["anna", "guest"]
    with client(broker.vhost("other")), client(broker) as other:
        publish(other, "tasks", "1", "2")
        assert broker.queues["tasks"].ready == 1


def test_it_can_be_put_back_again_and_into_another_broker(broker, channel):
    channel.queue_declare("tasks")
    publish(channel, "tasks", "1")
    snapshot = broker.snapshot()
    with Broker() as another:
        for _ in range(2):
            for one in (broker, another):
                one.restore(snapshot)
                with client(one) as other:
                    assert taken(other, "tasks") == [("1", False)]


def test_connections_as_in_a_reset(broker, channel):
    channel.queue_declare("tasks")
    snapshot = broker.snapshot()
    channel.basic_consume("tasks", lambda *_: None)
    broker.restore(snapshot, keep_connections=True)
    assert (broker.queues["tasks"].consumers, len(broker.connections)) == (0, 1)
    broker.restore(snapshot)
    with pytest.raises(ConnectionClosedByBroker):
        channel.queue_declare("tasks")


def test_what_is_on_disk_is_refused(tmp_path, broker):
    with Broker(data_dir=tmp_path) as durable:
        with pytest.raises(SnapshotError, match="has a data directory"):
            durable.snapshot()
        with pytest.raises(SnapshotError, match="has a data directory"):
            durable.restore(broker.snapshot())


async def test_on_the_loop_of_the_caller():
    async with AsyncBroker() as broker:
        await broker.create_vhost("other")
        snapshot = await broker.snapshot()
        await broker.delete_vhost("other")
        await broker.restore(snapshot)
        assert len(await broker.vhost("other").queues()) == 0
