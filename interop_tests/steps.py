"""Steps the tests share: pika's blocking channel seen as deliveries in a list, and asyncio with a deadline."""

import asyncio
import itertools
import time
from collections.abc import Coroutine
from typing import Any, NamedTuple, TypeVar

from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import NackError
from pika.spec import Basic, BasicProperties

ASYNC_TIMEOUT_S = 20.0
SETTLE_TIMEOUT_S = 5.0
T = TypeVar("T")


class Gotten(NamedTuple):
    """What came with basic.get-ok."""

    method: Basic.GetOk
    properties: BasicProperties
    body: bytes


class Delivery(NamedTuple):
    """What came with basic.deliver."""

    consumer: str
    body: str
    redelivered: bool
    tag: int


def consume(channel: BlockingChannel, queue: str, into: list[Delivery], consumer: str = "", **settings: Any) -> str:
    """Start a consumer that only appends what it gets; returns its consumer tag."""

    def append(_channel: BlockingChannel, deliver: Basic.Deliver, _properties: BasicProperties, body: bytes) -> None:
        into.append(Delivery(deliver.consumer_tag, body.decode(), deliver.redelivered, deliver.delivery_tag))

    tag: str = channel.basic_consume(queue, append, consumer_tag=consumer or None, **settings)
    return tag


def declare(channel: BlockingChannel, queue: str, **arguments: Any) -> str:
    """Declare an exclusive queue and return its name; arguments with underscores: x_message_ttl=50."""
    wanted = {argument.replace("_", "-"): value for argument, value in arguments.items()}
    declared: str = channel.queue_declare(queue, exclusive=True, arguments=wanted).method.queue
    return declared


def publish(channel: BlockingChannel, queue: str, *bodies: object, **properties: Any) -> None:
    """Publish the bodies, as text, to the queue by the default exchange; the queue has them all when this returns."""
    with channel.connection.channel() as publisher:
        publisher.confirm_delivery()
        for body in bodies:
            publisher.basic_publish("", queue, str(body).encode(), BasicProperties(**properties))


def settle(channel: BlockingChannel, queue: str, ready: int) -> None:
    """Ask until `ready` messages are ready in the queue: acks and requeues of before may still be on their way to it.

    The deliveries the queue has sent to this channel by then are in.
    """
    deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
    while (count := channel.queue_declare(queue, passive=True).method.message_count) != ready:
        assert time.monotonic() < deadline_s, f"{count} messages are ready instead of {ready}"
    channel.connection.process_data_events(0)


def let_pass(channel: BlockingChannel, time_ms: int) -> None:
    """Wait until a message published after this call, to live so long in a queue of its own, is gone."""
    clock = declare(channel, "")
    publish(channel, clock, "tick", expiration=str(time_ms))
    settle(channel, clock, 0)
    channel.queue_delete(clock)


def is_accepted(channel: BlockingChannel, queue: str, body: object, **properties: Any) -> bool:
    """Publish one message, by the default exchange, and tell whether it is acknowledged: a queue may reject it."""
    with channel.connection.channel() as publisher:
        publisher.confirm_delivery()
        try:
            publisher.basic_publish("", queue, str(body).encode(), BasicProperties(**properties))
        except NackError:
            return False
        return True


def get(channel: BlockingChannel, queue: str, **settings: Any) -> Gotten:
    """Get the next message, which may still be on its way to the queue."""
    deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
    while (gotten := Gotten(*channel.basic_get(queue, **settings))).method is None:
        assert time.monotonic() < deadline_s, f"there is no message in {queue}"
    return gotten


def get_all(channel: BlockingChannel, queue: str, **settings: Any) -> list[tuple[str, bool]]:
    """Get until the queue is empty: bodies with their redelivered flags."""
    gotten = (channel.basic_get(queue, **settings) for _ in itertools.count())
    return [(body.decode(), get_ok.redelivered) for get_ok, _, body in itertools.takewhile(lambda got: got[0], gotten)]


def wait_for(channel: BlockingChannel, deliveries: list[Delivery], count: int) -> None:
    """Process events until `count` deliveries are in; the test's deadline bounds it."""
    while len(deliveries) < count:
        channel.connection.process_data_events(1)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine to its end within the deadline."""

    async def bounded() -> T:
        return await asyncio.wait_for(coroutine, ASYNC_TIMEOUT_S)

    return asyncio.run(bounded())
