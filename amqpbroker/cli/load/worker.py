"""Publishers and consumers of a load: a connection and a thread each."""

import itertools
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from amqpbroker.cli.amqp import Address
from amqpbroker.cli.load.connection import CHANNEL, LoadConnection, LoadError
from amqpbroker.cli.load.reading import Reading
from amqpbroker.wire import properties
from amqpbroker.wire.frames import content_frames
from amqpbroker.wire.methods import Basic, Confirm, encode_frame
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table

# So many octets of publishes go out in one write.
_BLOCK_BYTES: Final = 1 << 16
# With a rate, so often in a second some are sent.
_SLICES: Final = 50
# What a broker has for its answer when all is over.
_GOODBYE_S: Final = 5.0


@dataclass
class Plan:
    """What is published and consumed. Rates are messages a second of each worker, 0 as fast as may be.

    confirm: at most so many are unconfirmed, 0 without confirms. ack: after so many, 0 as they are sent. prefetch: 0 is
    any number.
    """

    exchange: str
    routing_key: str
    queue: str
    size_bytes: int = 16
    publish_rate: float = 0.0
    consume_rate: float = 0.0
    confirm: int = 0
    ack: int = 0
    prefetch: int = 0
    properties: Properties = field(default_factory=Properties)
    consumer_arguments: Table = field(default_factory=dict)


class Worker(ABC):
    """count: messages so far. limit: after so many it is done; None: never. error: why it ended by itself."""

    def __init__(self, to: Address, plan: Plan, limit: int | None, stop: threading.Event) -> None:
        self.count = 0
        self.error: Exception | None = None
        self.plan = plan
        self.limit = limit
        self.stop = stop
        self.reading = Reading()
        self.connection = LoadConnection(to)
        self.thread = threading.Thread(target=self._guarded, daemon=True)

    @property
    def is_done(self) -> bool:
        """Whether it has all that it was to have, or has failed."""
        return not self.thread.is_alive()

    def _guarded(self) -> None:
        try:
            self._run()
        except (OSError, LoadError) as error:
            # What fails after the end is the end: sockets are closed under threads that wait in them.
            if not self.stop.is_set():
                self.error = error

    @abstractmethod
    def _run(self) -> None: ...

    def close(self) -> None:
        """After `stop` was set: whoever reads goes on to the broker's answer; whoever is stuck is cut off."""
        if not self.thread.is_alive():
            self.connection.close(self.reading.rest)
            return
        try:
            self.connection.socket.settimeout(_GOODBYE_S)
            self.connection.say_goodbye()
            self.thread.join(_GOODBYE_S)
            self.connection.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the broker has gone first
        self.connection.socket.close()


class Publisher(Worker):
    """Publishes the same message again and again."""

    def _run(self) -> None:
        self.connection.socket.settimeout(None)
        if self.plan.confirm:
            self.connection.call(Confirm.Select(), Confirm.SelectOk)
        publish = self._publish()
        most = max(1, _BLOCK_BYTES // len(publish))
        if self.plan.confirm:
            most = min(most, self.plan.confirm)
        for allowed in self._allowed(most):
            count = allowed if self.limit is None else min(allowed, self.limit - self.count)
            if count <= 0:
                break
            self.connection.socket.sendall(publish * count)
            self.count += count
            self._await_confirms(self.plan.confirm - most if self.plan.confirm else None)
        self._await_confirms(0 if self.plan.confirm else None)
        if not self.plan.confirm and not self.stop.is_set():
            # Answered once all of it was read.
            self.connection.call(Basic.Qos(), Basic.QosOk)

    def _publish(self) -> bytes:
        plan = self.plan
        method = encode_frame(CHANNEL, Basic.Publish(exchange=plan.exchange, routing_key=plan.routing_key))
        body = bytes(64 + number % 27 for number in range(plan.size_bytes))
        header = properties.encode(plan.properties, len(body))
        return method + content_frames(CHANNEL, header, body, self.connection.frame_max_bytes)

    def _allowed(self, most: int) -> Iterator[int]:
        """How many may be sent now, until it is to stop; a rate is kept by waiting."""
        rate, started_s = self.plan.publish_rate, time.perf_counter()
        while not self.stop.is_set():
            if not rate:
                yield most
                continue
            due = int((time.perf_counter() - started_s) * rate) + 1
            if due > self.count:
                yield min(most, due - self.count)
            else:
                self.stop.wait(max(1 / _SLICES, 1 / rate) / 2)

    def _await_confirms(self, unconfirmed_max: int | None) -> None:
        """Until no more than so many are unconfirmed; None: nobody confirms."""
        if unconfirmed_max is None:
            return
        reading = self.reading
        while self.count - reading.confirmed - reading.nacked > max(unconfirmed_max, 0) and not self.stop.is_set():
            reading.feed(self.connection.read())


class Consumer(Worker):
    """Consumes from a queue."""

    def _run(self) -> None:
        plan, reading = self.plan, self.reading
        self.connection.socket.settimeout(None)
        if plan.prefetch:
            self.connection.call(Basic.Qos(prefetch_count=plan.prefetch), Basic.QosOk)
        consume = Basic.Consume(
            queue=plan.queue, consumer_tag="c", no_ack=not plan.ack, arguments=plan.consumer_arguments
        )
        self.connection.call(consume, Basic.ConsumeOk)
        reading.feed(self.connection.unread)
        acked, started_s = 0, time.perf_counter()
        for number in itertools.count():
            if number:
                reading.feed(self.connection.read())
            if reading.is_closed:
                return
            if self.stop.is_set():
                continue
            self.count = reading.deliveries
            is_enough = self.limit is not None and self.count >= self.limit
            # Tags of a channel count its deliveries. The last of them may be fewer, and are acknowledged, too.
            if plan.ack and acked < self.count and (is_enough or self.count - acked >= plan.ack):
                acked = self.count
                self.connection.send(CHANNEL, Basic.Ack(delivery_tag=acked, multiple=True))
            if is_enough:
                return
            if plan.consume_rate:
                self.stop.wait(max(0.0, self.count / plan.consume_rate - (time.perf_counter() - started_s)))
