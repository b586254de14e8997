"""Publishes that are refused, returned, duplicated or blocked, and confirms that do not come."""

import asyncio

import aio_pika
import aiormq
import pytest
from kombu import Connection as KombuConnection
from pika.exceptions import AMQPConnectionError, ConnectionBlockedTimeout, NackError, UnroutableError

from amqpbroker.testing import AsyncBroker


def bodies(broker, queue: str) -> list[bytes]:
    def look():
        return [message[2] for _, message, _ in broker.server.broker.vhosts["/"].queues[queue].messages()]

    return broker.ask(look)


def test_a_nack_is_an_error_for_who_asks_for_confirms_and_silence_for_who_does_not(broker, opened):
    careless, careful = opened(), opened()
    careful.confirm_delivery()
    careful.queue_declare("orders")
    with broker.faults.nack_publishes(queue="orders", nth=(1, 2)) as rule:
        careless.basic_publish("", "orders", b"lost")
        careless.connection.process_data_events()
        rule.assert_hit(1)
        with pytest.raises(NackError):
            careful.basic_publish("", "orders", b"refused")
        careful.basic_publish("", "orders", b"taken")
    assert bodies(broker, "orders") == [b"taken"]


def test_faults_strike_the_messages_they_match_in_the_order_in_which_they_were_published(broker, channel):
    channel.queue_declare("orders")
    with broker.faults.nack_publishes(routing_key="orders", every=3) as rule:
        for number in range(1, 8):
            channel.basic_publish("", "orders", b"%d" % number)
        assert bodies(broker, "orders") == [b"1", b"2", b"4", b"5", b"7"]
        assert [hit.nth for hit in rule.hits] == [3, 6]


async def test_a_program_that_does_not_publish_a_nacked_message_again():
    async with AsyncBroker() as broker:
        connection = await aio_pika.connect(broker.url)
        channel = await connection.channel()
        await channel.declare_queue("orders")
        async with broker.faults.nack_publishes(times=1) as rule:
            with pytest.raises(aiormq.exceptions.DeliveryError):
                await channel.default_exchange.publish(aio_pika.Message(b"1"), "orders")
            await channel.default_exchange.publish(aio_pika.Message(b"1"), "orders")
            await rule.assert_hit(1)
        await connection.close()


def test_who_does_not_look_at_basic_return_takes_a_confirm_for_a_delivery(broker, opened):
    careless, careful = opened(), opened()
    careless.confirm_delivery()
    careful.confirm_delivery()
    careful.queue_declare("orders")
    with broker.faults.return_publishes(exchange=""):
        careless.basic_publish("", "orders", b"confirmed, and nowhere")
        with pytest.raises(UnroutableError) as caught:
            careful.basic_publish("", "orders", b"comes back", mandatory=True)
    assert [returned.body for returned in caught.value.messages] == [b"comes back"]
    assert bodies(broker, "orders") == []


def test_a_consumer_that_counts_a_payment_twice(broker):
    with KombuConnection(broker.url) as connection, connection.SimpleQueue("payments") as queue:
        with broker.faults.duplicate_publishes(queue="payments"):
            queue.put({"id": 1, "amount": 10})
        naive, seen, idempotent = 0, set(), 0
        for _ in range(2):
            message = queue.get(timeout=1)
            payment = message.payload
            naive += payment["amount"]
            if payment["id"] not in seen:
                seen.add(payment["id"])
                idempotent += payment["amount"]
            message.ack()
    assert (naive, idempotent) == (20, 10)


async def test_a_publisher_that_waits_for_its_confirm_without_a_timeout_waits_for_ever():
    async with AsyncBroker() as broker:
        connection = await aio_pika.connect(broker.url)
        channel = await connection.channel()
        await channel.declare_queue("orders")
        async with broker.faults.withhold_confirms(nth=1):
            first, second = (
                asyncio.create_task(channel.default_exchange.publish(aio_pika.Message(body), "orders"))
                for body in (b"1", b"2")
            )
            done, waiting = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
            assert (done, waiting) == ({second}, {first})
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(first), 0.05)
        await asyncio.wait_for(first, 1)
        await connection.close()


def test_a_confirm_that_is_lost_makes_a_publisher_publish_twice(broker, opened):
    channel = opened()
    channel.queue_declare("orders")
    channel.confirm_delivery()
    with broker.faults.lose_confirms("rst", times=1) as rule:
        with pytest.raises(AMQPConnectionError):
            channel.basic_publish("", "orders", b"1")
        rule.assert_hit(1)
    channel = opened()
    channel.confirm_delivery()
    channel.basic_publish("", "orders", b"1")
    assert bodies(broker, "orders") == [b"1", b"1"]


def test_confirms_for_many_never_cover_one_that_is_lost(broker):
    with KombuConnection(broker.url) as connection:
        channel = connection.channel()
        acks = []
        channel.events["basic_ack"].add(lambda number, multiple: acks.append((number, multiple)))
        channel.queue_declare("orders")
        channel.confirm_select()
        with broker.faults.lose_confirms(nth=3):
            for number in range(5):
                channel.basic_publish(channel.prepare_message(b"%d" % number), "", "orders")
        assert len(bodies(broker, "orders")) == 5
        channel.queue_declare("orders", passive=True)
        told = {one for number, multiple in acks for one in (range(1, number + 1) if multiple else [number])}
    assert told == {1, 2, 4, 5}


def test_a_program_that_is_blocked_waits_for_ever_unless_it_has_a_timeout(broker, opened):
    channel = opened(blocked_connection_timeout=0.05)
    channel.queue_declare("orders")
    with broker.faults.block_publishers():
        channel.basic_publish("", "orders", b"1")
        assert bodies(broker, "orders") == [b"1"]
        with pytest.raises(ConnectionBlockedTimeout):
            channel.queue_declare("orders", passive=True)


def test_who_was_blocked_goes_on_when_it_ends(broker, channel):
    channel.queue_declare("orders")
    events = []
    channel.connection.add_on_connection_blocked_callback(lambda _, frame: events.append(frame.method.reason))
    channel.connection.add_on_connection_unblocked_callback(lambda *_: events.append("unblocked"))
    with broker.faults.block_publishers():
        channel.basic_publish("", "orders", b"1")
        assert bodies(broker, "orders") == [b"1"]
        channel.basic_publish("", "orders", b"2")
        assert bodies(broker, "orders") == [b"1"]
    channel.queue_declare("orders", passive=True)
    channel.connection.process_data_events()
    assert (events, bodies(broker, "orders")) == (["low on memory", "unblocked"], [b"1", b"2"])
