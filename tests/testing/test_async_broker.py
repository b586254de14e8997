"""A broker on the loop of its caller."""

import aio_pika
import pytest

from amqpbroker.testing import AsyncBroker, BrokerStoppedError


async def test_aio_pika_on_the_same_loop():
    async with AsyncBroker() as broker, await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("tasks")
        await channel.default_exchange.publish(aio_pika.Message(b"first"), "tasks")
        assert await broker.ask(lambda: broker.server.broker.vhosts["/"].queues["tasks"].message_count) == 1
        async with (await queue.get()).process():
            pass


async def test_it_starts_once():
    broker = AsyncBroker()
    async with broker:
        pass
    with pytest.raises(BrokerStoppedError, match="has been stopped"):
        await broker.start()
