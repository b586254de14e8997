"""aio-pika: plain and robust connections, confirms, returns, transactions, iterators, and its RPC and work patterns."""

import asyncio
from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed, DeliveryError, QueueEmpty
from aio_pika.patterns import RPC, Master, Worker

from interop_tests.conftest import Names

STEP_TIMEOUT_S = 10


@pytest.fixture(params=[aio_pika.connect, aio_pika.connect_robust], ids=["plain", "robust"])
async def connection(request: pytest.FixtureRequest, amqp_url: str, name: Names) -> AsyncIterator[AbstractConnection]:
    """An open connection."""
    async with await request.param(amqp_url, timeout=STEP_TIMEOUT_S) as opened:
        yield opened


@pytest.fixture
async def channel(connection: AbstractConnection) -> AbstractChannel:
    """A channel in confirm mode."""
    return await connection.channel()


async def test_publish_and_get(channel: AbstractChannel, name: Names) -> None:
    queue = await channel.declare_queue(name.prefix, exclusive=True)
    sent = aio_pika.Message(b"hello", content_type="text/plain", headers={"n": 1}, priority=3, message_id="1")
    await channel.default_exchange.publish(sent, queue.name, timeout=STEP_TIMEOUT_S)
    message = await queue.get(timeout=STEP_TIMEOUT_S)
    await message.ack()
    assert (message.body, message.content_type, message.headers, message.priority) == (
        b"hello",
        "text/plain",
        {"n": 1},
        3,
    )
    with pytest.raises(QueueEmpty):
        await queue.get(timeout=STEP_TIMEOUT_S)


async def test_the_queue_iterator(channel: AbstractChannel, name: Names) -> None:
    await channel.set_qos(prefetch_count=2)
    queue = await channel.declare_queue(name.prefix, exclusive=True)
    for number in range(10):
        await channel.default_exchange.publish(aio_pika.Message(str(number).encode()), queue.name)
    bodies = []
    async with queue.iterator(timeout=STEP_TIMEOUT_S) as messages:
        async for message in messages:
            async with message.process():
                bodies.append(int(message.body))
            if len(bodies) == 10:
                break
    assert bodies == list(range(10))


async def test_an_exception_while_processing_requeues(channel: AbstractChannel, name: Names) -> None:
    queue = await channel.declare_queue(name.prefix, exclusive=True)
    await channel.default_exchange.publish(aio_pika.Message(b"x"), queue.name)
    message = await queue.get(timeout=STEP_TIMEOUT_S)
    with pytest.raises(ZeroDivisionError):
        async with message.process(requeue=True):
            raise ZeroDivisionError
    while (again := await queue.get(fail=False, timeout=STEP_TIMEOUT_S)) is None:
        pass
    assert again.redelivered
    await again.ack()


async def test_an_unroutable_publish_raises(connection: AbstractConnection) -> None:
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    with pytest.raises(DeliveryError):
        await channel.default_exchange.publish(aio_pika.Message(b"x"), "interop-nowhere", timeout=STEP_TIMEOUT_S)


async def test_a_transaction_commits_or_rolls_back(connection: AbstractConnection, name: Names) -> None:
    channel = await connection.channel(publisher_confirms=False)
    queue = await channel.declare_queue(name.prefix, exclusive=True)
    async with channel.transaction():
        await channel.default_exchange.publish(aio_pika.Message(b"kept"), queue.name)
    with pytest.raises(ZeroDivisionError):
        async with channel.transaction():
            await channel.default_exchange.publish(aio_pika.Message(b"dropped"), queue.name)
            raise ZeroDivisionError
    assert (await queue.get(timeout=STEP_TIMEOUT_S, no_ack=True)).body == b"kept"
    assert await queue.get(timeout=STEP_TIMEOUT_S, fail=False) is None


async def test_exchanges_bound_to_each_other(channel: AbstractChannel, name: Names) -> None:
    topics = await channel.declare_exchange(name.exchange("topics"), aio_pika.ExchangeType.TOPIC)
    fans = await channel.declare_exchange(name.exchange("fans"), aio_pika.ExchangeType.FANOUT)
    await fans.bind(topics, "news.#")
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(fans)
    await topics.publish(aio_pika.Message(b"x"), "news.today")
    message = await queue.get(timeout=STEP_TIMEOUT_S, no_ack=True)
    assert (message.exchange, message.routing_key) == (topics.name, "news.today")
    await fans.unbind(topics, "news.#")
    await topics.publish(aio_pika.Message(b"x"), "news.today", mandatory=False)
    assert await queue.get(timeout=STEP_TIMEOUT_S, fail=False) is None


async def test_the_brokers_errors_have_their_exceptions(connection: AbstractConnection, name: Names) -> None:
    with pytest.raises(ChannelNotFoundEntity):
        await (await connection.channel()).declare_queue(name.prefix, passive=True)
    await (await connection.channel()).declare_queue(name.queue(), durable=True)
    with pytest.raises(ChannelPreconditionFailed):
        await (await connection.channel()).declare_queue(name.queue(), durable=True, auto_delete=True)


async def test_many_publishers_at_once(channel: AbstractChannel, name: Names) -> None:
    queue = await channel.declare_queue(name.prefix, exclusive=True)
    publishes = (channel.default_exchange.publish(aio_pika.Message(b"x"), queue.name) for _ in range(200))
    await asyncio.gather(*publishes)
    assert (await queue.purge()).message_count == 200


@pytest.mark.until_4_3
async def test_rpc(connection: AbstractConnection, name: Names) -> None:
    rpc = await RPC.create(await connection.channel())

    async def multiply(*, x: int, y: int) -> int:
        return x * y

    method = name.queue("multiply")
    await rpc.register(method, multiply, auto_delete=True)
    results = await asyncio.gather(*(rpc.call(method, {"x": x, "y": 2}) for x in range(5)))
    assert results == [0, 2, 4, 6, 8]
    await rpc.close()


@pytest.mark.until_4_3
async def test_master_and_worker(connection: AbstractConnection, name: Names) -> None:
    master = Master(await connection.channel())
    done: asyncio.Queue[int] = asyncio.Queue()

    async def work(*, task_id: int) -> None:
        await done.put(task_id)

    job = name.queue("job")
    worker: Worker = await master.create_worker(job, work, auto_delete=True)
    for task_id in range(3):
        await master.create_task(job, {"task_id": task_id})
    assert [await asyncio.wait_for(done.get(), STEP_TIMEOUT_S) for _ in range(3)] == [0, 1, 2]
    await worker.close()
