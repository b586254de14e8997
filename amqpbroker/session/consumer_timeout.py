"""Consumer timeout: what a client leaves unacknowledged for too long.

Until 4.2 the channel is closed with 406 when its oldest delivery is too old, whatever the type of its queue. Since 4.3
only quorum queues have a timeout: what is too old goes back to the queue, and the consumer is cancelled.

Nothing is done for a delivery. From time to time the next delivery tag of the channel is noted, and that tells of any
tag by when it was out; so a timeout is noticed late by up to two of these looks, of which RabbitMQ has one a minute.

Source: RabbitMQ `rabbit_channel` (evaluate_consumer_timeout, handle_consumer_timed_out), since 4.3 `rabbit_fifo`;
docs/behaviour/consumers.md.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError
from amqpbroker.model.arguments import CONSUMER_TIMEOUT, QUORUM
from amqpbroker.model.message import Message
from amqpbroker.model.queue import Entry, Queue, Return
from amqpbroker.wire.methods import Basic

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.ports import Deadline
    from amqpbroker.session.channel import Channel

logger = logging.getLogger("amqpbroker.channel")

# RabbitMQ's channel_tick_interval. A timeout that is short is looked at more often.
_LOOK_MAX_S: Final = 60.0
_LOOK_MIN_S: Final = 0.1
_LOOKS_PER_TIMEOUT: Final = 4
# What RabbitMQ 4.3 says in its text: by then its channel does not know the number.
_UNKNOWN_MS: Final = -1


class ConsumerTimeout:
    """The timeout of one channel; its timer runs only while somebody may have something to acknowledge."""

    __slots__ = ("_channel", "_interval_s", "_samples", "_timer")

    def __init__(self, channel: "Channel") -> None:
        self._channel = channel
        self._timer: Deadline | None = None
        self._interval_s = _LOOK_MAX_S
        # (when, the next delivery tag at that time), oldest first.
        self._samples: list[tuple[float, int]] = []

    def watch(self, consumer: "Consumer") -> None:
        """A consumer, or a getter, of the channel may have something to acknowledge from now on."""
        timeout_ms = timeout_ms_of(self._channel, consumer)
        if timeout_ms is not None and (self._timer is None or _interval_s(timeout_ms) < self._interval_s):
            self.stop()
            self._arm(timeout_ms)

    def stop(self) -> None:
        """The channel is no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, timeout_ms: int) -> None:
        clock = self._channel.connection.broker.clock
        self._interval_s = _interval_s(timeout_ms)
        self._timer = clock.at(clock.now_s() + self._interval_s, self._look)

    def _look(self) -> None:
        self._timer = None
        channel = self._channel
        now_s = channel.connection.broker.clock.now_s()
        timeouts_ms = {
            number: timeout_ms
            for number, consumer in channel.by_number.items()
            if (timeout_ms := timeout_ms_of(self._channel, consumer)) is not None
        }
        if not timeouts_ms:
            self._samples.clear()
            return
        self._sample(now_s, max(timeouts_ms.values()) / 1000)
        self._arm(min(timeouts_ms.values()))
        if channel.connection.vhost.profile.series >= (4, 3):
            self._return_late(now_s, timeouts_ms)
        else:
            self._look_at_oldest(now_s, timeouts_ms)

    def _sample(self, now_s: float, longest_s: float) -> None:
        samples = self._samples
        next_tag = self._channel.next_delivery_tag
        if not samples or samples[-1][1] != next_tag:
            samples.append((now_s, next_tag))
        # All that was out by the second of them is older than any timeout: the first tells nothing more.
        while len(samples) > 1 and samples[1][0] <= now_s - longest_s:
            del samples[0]

    def _age_s(self, tag: int, now_s: float) -> float:
        """The least age that a delivery can have."""
        return next((now_s - when_s for when_s, next_tag in self._samples if tag < next_tag), 0.0)

    # Until 4.2

    def _look_at_oldest(self, now_s: float, timeouts_ms: dict[int, int]) -> None:
        channel = self._channel
        if not channel.unacked.entries:
            return
        tag, (_, _, number) = next(iter(channel.unacked.entries.items()))
        timeout_ms = timeouts_ms.get(number)
        if timeout_ms is not None and self._age_s(tag, now_s) * 1000 >= timeout_ms:
            self._close(channel.by_number[number], tag, timeout_ms)

    def _close(self, consumer: "Consumer", tag: int, timeout_ms: int) -> None:
        channel = self._channel
        logger.warning(
            "Consumer '%s' on channel %d and %s has timed out waiting for a consumer acknowledgement of a delivery "
            "with delivery tag = %d. Timeout used: %d ms. This timeout value can be configured: consumer_timeout",
            consumer.tag,
            channel.number,
            channel.connection.vhost.describe("queue", consumer.queue.name),
            tag,
            timeout_ms,
        )
        text = (
            f"delivery acknowledgement on channel {channel.number} timed out. Timeout value used: {timeout_ms} ms. "
            "This timeout value can be configured, see consumers doc guide to learn more"
        )
        channel.connection.wire.fail_channel(channel.number, AMQPError(PRECONDITION_FAILED, text))

    # Since 4.3

    def _return_late(self, now_s: float, timeouts_ms: dict[int, int]) -> None:
        channel = self._channel
        late: dict[int, list[int]] = {}
        shortest_ms = min(timeouts_ms.values())
        for tag, (_, _, number) in channel.unacked.entries.items():
            age_ms = self._age_s(tag, now_s) * 1000
            if age_ms < shortest_ms:
                break
            if number in timeouts_ms and age_ms >= timeouts_ms[number]:
                late.setdefault(number, []).append(tag)
        for number, tags in late.items():
            consumer = channel.by_number[number]
            if not (consumer.registered and channel.connection.has_capability("consumer_cancel_notify")):
                self._close(consumer, tags[0], _UNKNOWN_MS)
                return
            self._return(consumer, tags)

    def _return(self, consumer: "Consumer", tags: list[int]) -> None:
        """Messages are anybody's again; the client may still settle them, and has to before it gets others."""
        channel = self._channel
        entries = channel.unacked.entries
        returned = [entries[tag] for tag in tags]
        stand_in = channel.stand_in(TimedOut(consumer))
        stand_in.spend(len(tags))
        for tag, (position, message, _) in zip(tags, returned, strict=True):
            entries[tag] = (position, message, stand_in.number)
        consumer.queue.timed_out(consumer, len(tags))
        channel.reply(Basic.Cancel(consumer_tag=consumer.tag, nowait=True))
        channel.settle(returned, Return.REQUEUED)


class TimedOut(Queue):
    """Takes what a client settles too late, to no effect but that its consumer goes on."""

    __slots__ = ("_consumer",)

    def __init__(self, consumer: "Consumer") -> None:
        super().__init__(consumer.queue.name)
        self._consumer = consumer

    def requeue(self, entries: Iterable[tuple[int, Message]], how: Return = Return.REQUEUED) -> None:
        pass

    def discard(self, entries: Sequence[Entry]) -> None:
        pass

    def settle(self, consumer: "Consumer", count: int) -> None:
        consumer.restore(count)
        self._consumer.queue.settle_timed_out(self._consumer, count)


def timeout_ms_of(channel: "Channel", consumer: "Consumer") -> int | None:
    """How long a consumer of a channel may take to acknowledge; None: as long as it likes."""
    connection = channel.connection
    settings = consumer.queue.settings
    timeout_ms = settings.consumer_timeout_ms
    if connection.vhost.profile.series >= (4, 3):
        if settings.kind != QUORUM:
            return None
        own = consumer.arguments.get(CONSUMER_TIMEOUT)
        timeout_ms = own.value if own is not None else timeout_ms
    if timeout_ms is None:
        timeout_ms = connection.broker.consumer_timeout_ms
    return None if consumer.no_ack else timeout_ms


def _interval_s(timeout_ms: int) -> float:
    return min(max(timeout_ms / 1000 / _LOOKS_PER_TIMEOUT, _LOOK_MIN_S), _LOOK_MAX_S)
