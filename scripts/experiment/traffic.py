"""Publishers and consumers of a real broker, with aio-pika: each side of a queue is a process with a loop of its own.

Times are those of the system's monotonic clock, which is the same in all processes. The loops wait by select, which is
exact to microseconds: epoll rounds up to milliseconds, which would be some percent of 20 ms, and at a load of 80 % five
times as many percent of the wait.
"""

import asyncio
import selectors
from array import array
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from multiprocessing.connection import Connection
from random import Random
from struct import Struct
from typing import Any

import aio_pika

# The number of the message, and when it was published.
BODY = Struct(">Qd")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Of one queue. customers: messages in all. Arrivals are Poisson, services exponential, the prefetch is 1."""

    url: str
    queue: str
    arrivals_per_s: float
    service_s: float
    consumers: int
    customers: int
    seed: int


@dataclass(frozen=True, slots=True)
class Received:
    """waits_s: from publish to delivery, in the order of the messages. idle_s: of those that found a consumer free.

    late_s: by how much acknowledgements were later than they should have been, the mean.
    """

    waits_s: array
    idle_s: array
    late_s: float


def publish_all(traffic: Traffic, begin_at_s: float) -> None:
    """A process that publishes."""
    _run(lambda: publish(traffic, begin_at_s))


async def publish(traffic: Traffic, begin_at_s: float) -> None:
    """Publishes at times that were drawn beforehand: one that is late makes none of the others late."""
    random = Random(traffic.seed)
    loop = asyncio.get_running_loop()
    async with await aio_pika.connect(traffic.url) as connection:
        channel = await connection.channel(publisher_confirms=False)
        due_s = begin_at_s
        for number in range(traffic.customers):
            due_s += random.expovariate(traffic.arrivals_per_s)
            await asyncio.sleep(due_s - loop.time())
            message = aio_pika.Message(BODY.pack(number, loop.time()))
            await channel.default_exchange.publish(message, traffic.queue)


def consume_all(traffic: Traffic, to: Connection) -> None:
    """A process that consumes."""
    _run(lambda: consume(traffic, to))


async def consume(traffic: Traffic, to: Connection) -> None:
    """Consumes every message, and sends what is `Received`; before that None, once all consumers are there."""
    log = _Log(traffic.customers)
    consumers = [_Consumer(traffic, number, log) for number in range(traffic.consumers)]
    for consumer in consumers:
        await consumer.start()
    to.send(None)
    await log.finished.wait()
    for consumer in consumers:
        await consumer.connection.close()
    to.send(Received(log.waits_s, log.idle_s, log.late_s / traffic.customers))


class _Log:
    """What the consumers of a queue write down. left: messages that are not acknowledged yet."""

    def __init__(self, customers: int) -> None:
        self.waits_s = array("d", bytes(8 * customers))
        self.idle_s = array("d")
        self.late_s = 0.0
        self.left = customers
        self.finished = asyncio.Event()


class _Consumer:
    """Takes so long for a message as it is drawn, from the moment that it is there and the one before is done.

    The octets that go back and forth in between are part of the service, as they are for whoever measures from
    acknowledgement to acknowledgement: on top of it, half a millisecond would make 80 % of load 82 %, and the wait 16 %
    longer.
    """

    connection: aio_pika.abc.AbstractConnection

    def __init__(self, traffic: Traffic, number: int, log: _Log) -> None:
        self._traffic = traffic
        self._log = log
        self._random = Random(f"{traffic.seed} {number}")
        self._done_s = 0.0

    async def start(self) -> None:
        self.connection = await aio_pika.connect(self._traffic.url)
        channel = await self.connection.channel()
        await channel.set_qos(prefetch_count=1)
        queue = await channel.get_queue(self._traffic.queue)
        await queue.consume(self._work)

    async def _work(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        loop = asyncio.get_running_loop()
        log = self._log
        now_s = loop.time()
        number, published_s = BODY.unpack(message.body)
        log.waits_s[number] = now_s - published_s
        if published_s > self._done_s:
            log.idle_s.append(now_s - published_s)
        self._done_s = max(published_s, self._done_s) + self._random.expovariate(1 / self._traffic.service_s)
        await asyncio.sleep(self._done_s - loop.time())
        log.late_s += loop.time() - self._done_s
        await message.ack()
        log.left -= 1
        if not log.left:
            log.finished.set()


def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    try:
        loop.run_until_complete(work())
    finally:
        loop.close()
