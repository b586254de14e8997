"""How clients consume, get, acknowledge and give back."""

import re
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError
from amqpbroker.model.arguments import CLASSIC
from amqpbroker.model.consumer import Consumer
from amqpbroker.model.message import OWN_FLAGS
from amqpbroker.model.queue import Entry, Queue
from amqpbroker.session.channel import Channel
from amqpbroker.testing.linter.findings import Findings
from amqpbroker.testing.linter.places import place_of
from amqpbroker.testing.linter.rules import (
    AckOnWrongChannelWarning,
    AckTwiceWarning,
    AutoDeleteLostWarning,
    GlobalQosWarning,
    PollingWarning,
    PrefetchWarning,
    RequeueLoopWarning,
)
from amqpbroker.wire.methods import Basic, Method

# So often the same message is requeued, in so short a time, before that is a loop.
REQUEUES_MAX: Final = 10
REQUEUES_WITHIN_S: Final = 10.0
# So often in a row an empty queue is asked for a message.
EMPTY_GETS_MAX: Final = 100
_MESSAGES_REMEMBERED_MAX: Final = 10_000
_UNKNOWN_TAG: Final = re.compile(r"unknown delivery tag (\d+)")

_Key = tuple[Queue, int, int]


class Consuming:
    """Remembers what was requeued how often, and who asks in vain."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        # (first time in seconds, how often since), the message least recently requeued first.
        self._requeues: OrderedDict[_Key, tuple[float, int]] = OrderedDict()
        self._empty_gets: WeakKeyDictionary[Channel, Counter[str]] = WeakKeyDictionary()

    def forget(self) -> None:
        """Counts anew."""
        self._requeues.clear()
        self._empty_gets.clear()

    def done(self, channel: Channel, method: Method) -> None:
        """A client has asked for this, and it was done."""
        if isinstance(method, Basic.Qos) and method.global_ and method.prefetch_count:
            what = f"basic.qos sets a prefetch of {method.prefetch_count} for the whole channel"
            self._findings.add(GlobalQosWarning, what, place_of(channel))
        elif isinstance(method, Basic.Consume) and not method.no_ack:
            self._consumer(channel, channel.expand_queue(method.queue))

    def _consumer(self, channel: Channel, name: str) -> None:
        queue = channel.connection.vhost.queues.get(name)
        if queue is None or queue.owner is not None or queue.settings.kind != CLASSIC:
            return
        if not channel.prefetch and not channel.global_prefetch:
            what = "a consumer acknowledges by hand and has no prefetch"
            self._findings.add(PrefetchWarning, what, place_of(channel, queue=name))

    def got(self, channel: Channel, queue: Queue, *, is_empty: bool) -> None:
        """basic.get was answered."""
        counts = self._empty_gets.setdefault(channel, Counter())
        counts[queue.name] = counts[queue.name] + 1 if is_empty else 0
        if counts[queue.name] >= EMPTY_GETS_MAX:
            what = f"basic.get has found the queue empty {EMPTY_GETS_MAX} times in a row"
            self._findings.add(PollingWarning, what, place_of(channel, queue=queue.name))

    def settled(self, consumer: Consumer, entries: Sequence[Entry], how: str, now_s: float) -> None:
        """Messages left the hands of a client."""
        channel, queue = consumer.sink, consumer.queue
        # What a closed channel had goes back by itself; a quorum queue has a limit of its own.
        if not isinstance(channel, Channel) or channel.is_closed or queue.settings.kind != CLASSIC:
            return
        if how != "requeue" and not self._requeues:
            return
        for position, message, _ in entries:
            key = (queue, position, message[3] & OWN_FLAGS)
            if how == "requeue":
                self._requeued(channel, key, now_s)
            else:
                self._requeues.pop(key, None)

    def _requeued(self, channel: Channel, key: _Key, now_s: float) -> None:
        first_s, count = self._requeues.pop(key, (now_s, 0))
        if now_s - first_s > REQUEUES_WITHIN_S:
            first_s, count = now_s, 0
        self._requeues[key] = (first_s, count + 1)
        if len(self._requeues) > _MESSAGES_REMEMBERED_MAX:
            self._requeues.popitem(last=False)
        if count + 1 >= REQUEUES_MAX:
            what = f"the same message was requeued {REQUEUES_MAX} times within {REQUEUES_WITHIN_S:.0f} s"
            self._findings.add(RequeueLoopWarning, what, place_of(channel, queue=key[0].name))

    def refused(self, channel: Channel, fault: AMQPError) -> None:
        """A method of the client's was."""
        unknown = _UNKNOWN_TAG.fullmatch(fault.explanation) if fault.code == PRECONDITION_FAILED else None
        tag = int(unknown[1]) if unknown is not None else 0
        if not tag:
            return
        if tag < channel.next_delivery_tag:
            what = f"delivery tag {tag} is acknowledged, which was before or needs none"
            self._findings.add(AckTwiceWarning, what, place_of(channel))
            return
        for other in channel.connection.channels.values():
            if other is not channel and tag in other.unacked.entries:
                what = (
                    f"delivery tag {tag} is acknowledged on channel {channel.number}, and was given on {other.number}"
                )
                self._findings.add(AckOnWrongChannelWarning, what, place_of(channel))

    def consumer_removed(self, channel: Channel, queue: Queue, waiting_count: int) -> None:
        """A consumer of the channel has gone. waiting_count: how many messages there were that nobody else had."""
        if queue.deleted and queue.auto_delete and queue.durable and waiting_count:
            what = f"a durable queue went with its last consumer, and {waiting_count} messages with it"
            self._findings.add(AutoDeleteLostWarning, what, place_of(channel, queue=queue.name))
