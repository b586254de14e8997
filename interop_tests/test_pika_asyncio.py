"""pika's AsyncioConnection: its callbacks turned into awaitables on asyncio's own loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pika
import pytest
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel

from interop_tests.conftest import Names

STEP_TIMEOUT_S = 10


async def called_back(start: Callable[[Callable[..., None]], Any]) -> tuple[Any, ...]:
    """Call `start` with a callback and wait for what that is called with."""
    came: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()
    start(lambda *arguments: came.done() or came.set_result(arguments))
    return await asyncio.wait_for(came, STEP_TIMEOUT_S)


@pytest.fixture
async def connection(amqp_url: str) -> AsyncIterator[AsyncioConnection]:
    """An open connection."""
    opening: list[AsyncioConnection] = []

    def start(callback: Callable[..., None]) -> None:
        parameters = pika.URLParameters(amqp_url)
        opening.append(AsyncioConnection(parameters, on_open_callback=callback, on_open_error_callback=callback))

    await called_back(start)
    assert opening[0].is_open
    yield opening[0]
    if opening[0].is_open:
        opening[0].add_on_close_callback(lambda *_: None)
        await called_back(lambda callback: (opening[0].add_on_close_callback(callback), opening[0].close()))


@pytest.fixture
async def channel(connection: AsyncioConnection) -> Channel:
    """An open channel."""
    (opened,) = await called_back(lambda callback: connection.channel(on_open_callback=callback))
    assert isinstance(opened, Channel)
    return opened


async def test_what_is_published_is_consumed(channel: Channel, name: Names) -> None:
    await called_back(lambda callback: channel.queue_declare(name.prefix, exclusive=True, callback=callback))

    def publish_and_consume(callback: Callable[..., None]) -> None:
        channel.basic_publish("", name.prefix, b"hello", pika.BasicProperties(headers={"k": "v"}))
        channel.basic_consume(name.prefix, callback)

    _, deliver, properties, body = await called_back(publish_and_consume)
    channel.basic_ack(deliver.delivery_tag)
    assert (properties.headers, body) == ({"k": "v"}, b"hello")
    (purged,) = await called_back(lambda callback: channel.queue_purge(name.prefix, callback=callback))
    assert purged.method.message_count == 0


async def test_a_publish_is_confirmed(channel: Channel) -> None:
    confirms: asyncio.Queue[pika.frame.Method] = asyncio.Queue()
    await called_back(lambda callback: channel.confirm_delivery(confirms.put_nowait, callback=callback))
    channel.basic_publish("", "interop-nowhere", b"x")
    confirm = await asyncio.wait_for(confirms.get(), STEP_TIMEOUT_S)
    assert (confirm.method.NAME, confirm.method.delivery_tag) == ("Basic.Ack", 1)


async def test_exchanges_are_bound(channel: Channel, name: Names) -> None:
    exchange = name.exchange()
    await called_back(lambda callback: channel.exchange_declare(exchange, "headers", callback=callback))
    await called_back(lambda callback: channel.queue_declare(name.prefix, exclusive=True, callback=callback))
    await called_back(
        lambda callback: channel.queue_bind(name.prefix, exchange, arguments={"format": "pdf"}, callback=callback)
    )
    for kind in ("zip", "pdf"):
        channel.basic_publish(exchange, "", kind.encode(), pika.BasicProperties(headers={"format": kind}))
    *_, body = await called_back(lambda callback: channel.basic_consume(name.prefix, callback, auto_ack=True))
    assert body == b"pdf"


async def test_the_broker_closes_a_faulty_channel(channel: Channel, name: Names) -> None:
    def consume_from_nowhere(callback: Callable[..., None]) -> None:
        channel.add_on_close_callback(callback)
        channel.basic_consume(f"{name.prefix}.none", print)

    _, reason = await called_back(consume_from_nowhere)
    assert reason.reply_code == 404
