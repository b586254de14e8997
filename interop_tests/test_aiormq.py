"""aiormq: AMQP's methods one by one, under asyncio."""

import asyncio
from collections.abc import AsyncIterator

import aiormq
import pytest
from aiormq.abc import AbstractChannel, DeliveredMessage

from interop_tests.conftest import Names

STEP_TIMEOUT_S = 10


@pytest.fixture
async def channel(amqp_url: str, name: Names) -> AsyncIterator[AbstractChannel]:
    """A channel of a connection of its own."""
    connection = await aiormq.connect(amqp_url)
    yield await connection.channel()
    await connection.close()


async def test_consume(channel: AbstractChannel, name: Names) -> None:
    queue = (await channel.queue_declare(name.prefix, exclusive=True)).queue
    came: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
    await channel.basic_qos(prefetch_count=1)
    tag = (await channel.basic_consume(queue, came.put)).consumer_tag
    for number in range(3):
        await channel.basic_publish(str(number).encode(), routing_key=queue)
    for number in range(3):
        message = await asyncio.wait_for(came.get(), STEP_TIMEOUT_S)
        assert message.body == str(number).encode()
        await channel.basic_ack(message.delivery_tag)
    await channel.basic_cancel(tag)


async def test_properties(channel: AbstractChannel, name: Names) -> None:
    queue = (await channel.queue_declare(name.prefix, exclusive=True)).queue
    properties = aiormq.spec.Basic.Properties(content_type="a/b", headers={"list": [1, 2], "text": "ä"}, priority=4)
    await channel.basic_publish(b"x", routing_key=queue, properties=properties)
    message = await channel.basic_get(queue, no_ack=True)
    assert dict(message.header.properties) == dict(properties)


async def test_mandatory_unroutable_publish_raises(channel: AbstractChannel) -> None:
    with pytest.raises(aiormq.exceptions.PublishError):
        await channel.basic_publish(b"x", routing_key="interop-nowhere", mandatory=True, timeout=STEP_TIMEOUT_S)


async def test_nack_and_reject(channel: AbstractChannel, name: Names) -> None:
    queue = (await channel.queue_declare(name.prefix, exclusive=True)).queue
    await channel.basic_publish(b"x", routing_key=queue)
    first = await channel.basic_get(queue)
    await channel.basic_nack(first.delivery.delivery_tag, requeue=True)
    second = await channel.basic_get(queue)
    assert (first.delivery.redelivered, second.delivery.redelivered) == (False, True)
    await channel.basic_reject(second.delivery.delivery_tag, requeue=False)
    assert isinstance((await channel.basic_get(queue)).delivery, aiormq.spec.Basic.GetEmpty)


async def test_exchanges_and_queues(channel: AbstractChannel, name: Names) -> None:
    one, two, queue = name.exchange("one"), name.exchange("two"), name.prefix
    await channel.exchange_declare(one, exchange_type="topic")
    await channel.exchange_declare(two, exchange_type="fanout")
    await channel.exchange_bind(two, one, routing_key="#.x")
    await channel.queue_declare(queue, exclusive=True)
    await channel.queue_bind(queue, two)
    await channel.basic_publish(b"x", exchange=one, routing_key="a.b.x")
    assert (await channel.queue_purge(queue)).message_count == 1
    await channel.exchange_unbind(two, one, routing_key="#.x")
    await channel.queue_unbind(queue, two)
    assert (await channel.queue_delete(queue)).message_count == 0
    await channel.exchange_delete(one, if_unused=True)


async def test_transactions(amqp_url: str, name: Names) -> None:
    connection = await aiormq.connect(amqp_url)
    channel = await connection.channel(publisher_confirms=False)
    queue = (await channel.queue_declare(name.prefix, exclusive=True)).queue
    await channel.tx_select()
    await channel.basic_publish(b"dropped", routing_key=queue)
    await channel.tx_rollback()
    await channel.basic_publish(b"kept", routing_key=queue)
    await channel.tx_commit()
    assert (await channel.basic_get(queue, no_ack=True)).body == b"kept"
    await connection.close()


async def test_flow_and_recover(channel: AbstractChannel) -> None:
    assert (await channel.flow(active=True)).active is True
    await channel.basic_recover(requeue=True)


async def test_errors(amqp_url: str, name: Names) -> None:
    async with aiormq.Connection(amqp_url) as connection:
        with pytest.raises(aiormq.exceptions.ChannelNotFoundEntity):
            await (await connection.channel()).queue_declare(name.prefix, passive=True)
        with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
            await (await connection.channel()).queue_declare("amq.interop")
    with pytest.raises(aiormq.exceptions.ProbableAuthenticationError):
        await aiormq.connect(amqp_url.replace("guest:guest", "guest:wrong"))


async def test_update_secret(amqp_url: str) -> None:
    async with aiormq.Connection(amqp_url) as connection:
        await connection.update_secret("guest", reason="test")
