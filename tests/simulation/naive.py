"""What a broker should do, written as simply as can be: lists, linear scans, one thing at a time.

The model takes each command, changes its lists, and expects the answers among what the clients received. Only who is
given a message is taken from what was observed, and then held to the rules: the queue's first message, to a consumer
with credit of the highest priority, and among equals to the one that has waited longest.

What queues do with messages beyond that is from docs/behaviour/queues.md and docs/behaviour/quorum.md. Where RabbitMQ
promises no order (what two queues give up at one time and comes to a third one), the run is over: `Undetermined`.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from amqpbroker.wire.methods import Basic, Channel, Confirm, Connection, Exchange, Method, Queue, Tx
from tests.simulation.commands import (
    BindExchange,
    BindQueue,
    Cancel,
    CloseChannel,
    CloseConnection,
    Command,
    Commit,
    Consume,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    Flow,
    Get,
    OpenChannel,
    Publish,
    PurgeQueue,
    Qos,
    Recover,
    Rollback,
    SelectConfirms,
    SelectTransaction,
    Settle,
)
from tests.simulation.naive_deaths import NaiveMessage, closes_a_cycle, counted, died
from tests.simulation.world import Event

CHANNEL_CODES = (311, 403, 404, 405, 406)
Arguments = tuple[tuple[str, Any], ...]
# Of these the smaller holds where an argument and a policy both say something; of others the argument.
SMALLER = ("message-ttl", "expires", "max-length", "max-length-bytes")


class Mismatch(AssertionError):
    """The broker did something else than the model."""


class Undetermined(Exception):
    """From here on more than one thing would be right."""


class Refused(Exception):
    """A command that is answered by closing the channel or the connection."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True, eq=False)
class Item:
    """A message in one queue. position: when it came. level: its priority there. deadline_ms: 0 for none.

    Of a quorum queue: front: the how many-eth it was to come back to the front, 0 for one that stands where it came;
    returned, failed: how often it came back, and how often of these its delivery had failed.
    """

    position: int
    message: NaiveMessage
    redelivered: bool = False
    level: int = 0
    deadline_ms: int = 0
    front: int = 0
    returned: int = 0
    failed: int = 0

    @property
    def place(self) -> tuple[bool, int, int, int]:
        return not self.front, self.front, -self.level, self.position


@dataclass(slots=True, eq=False)
class NaiveExchange:
    name: str
    kind: str
    auto_delete: bool = False
    internal: bool = False
    alternate: str = ""
    bindings: list[tuple[str, str, str, Arguments]] = field(default_factory=list)
    """(kind of destination, its name, key, arguments)"""


@dataclass(slots=True, eq=False)
class NaiveQueue:
    """arguments: without their `x-`. policy: the definition that applies. used_ms: when it was used last.

    active: the consumer that gets everything, if only one does. Of a quorum queue: closed: it refuses; fronts: how many
    messages have come back to the front.
    """

    name: str
    durable: bool
    auto_delete: bool
    owner: "NaiveConnection | None"
    arguments: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    used_ms: int = 0
    active: "NaiveConsumer | None" = None
    closed: bool = False
    fronts: int = 0
    ready: list[Item] = field(default_factory=list)
    consumers: list["NaiveConsumer"] = field(default_factory=list)
    deleted: bool = False
    unacked: int = 0
    count: int = 0

    def rule(self, name: str) -> Any:
        """What argument and policy come to; None if neither says anything."""
        if not self.arguments and not self.policy:
            return None
        said = [where[name] for where in (self.arguments, self.policy) if name in where]
        if not said:
            return None
        if name == "overflow" and self.is_quorum:
            return said[-1]
        return min(said) if name in SMALLER else said[0]

    @property
    def is_quorum(self) -> bool:
        return bool(self.arguments.get("queue-type") == "quorum")

    @property
    def rules(self) -> dict[str, Any]:
        names = (*self.arguments, *self.policy)
        return {"overflow": "drop-head"} | {name: self.rule(name) for name in names}

    @property
    def drops_head(self) -> bool:
        overflow = self.rule("overflow") or "drop-head"
        return overflow == "drop-head" or (self.is_quorum and overflow == "reject-publish-dlx")

    def is_over(self, count: int, size: int) -> bool:
        """Whether so many more messages with so many octets would be too much."""
        most, most_bytes = self.rule("max-length"), self.rule("max-length-bytes")
        if most is None and most_bytes is None:
            return False
        size += sum(len(item.message.body) for item in self.ready)
        return (most is not None and len(self.ready) + count > most) or (most_bytes is not None and size > most_bytes)

    def refuses(self, message: NaiveMessage) -> bool:
        if self.is_quorum:
            return not self.drops_head and self.closed
        return not self.drops_head and self.is_over(1, len(message.body))

    def open_or_close(self) -> None:
        """A quorum queue refuses from one message over its limit until it is down to eight tenths of it."""
        limits = (
            (len(self.ready), self.rule("max-length")),
            (sum(len(item.message.body) for item in self.ready), self.rule("max-length-bytes")),
        )
        there = [(now, limit) for now, limit in limits if limit is not None]
        if any(now > limit for now, limit in there):
            self.closed = True
        elif all(now <= limit * 8 // 10 for now, limit in there):
            self.closed = False

    @property
    def shares(self) -> bool:
        """Whether all of its consumers get messages."""
        return not self.arguments.get("single-active-consumer")


@dataclass(slots=True, eq=False)
class NaiveConsumer:
    """waits_since: when it was served or got credit last; between the two, as a queue may find out late."""

    channel: "NaiveChannel"
    tag: str
    queue: NaiveQueue
    no_ack: bool
    exclusive: bool
    priority: int
    prefetch: int
    outstanding: int = 0
    waits_since: tuple[int, int] = (0, 0)
    was_able: bool = False

    @property
    def able(self) -> bool:
        channel = self.channel
        if channel.connection.paused or not (self.queue.shares or self.queue.active is self):
            return False
        if self.no_ack:
            return True
        return (not self.prefetch or self.outstanding < self.prefetch) and (
            not channel.limit or channel.volume < channel.limit
        )


@dataclass(slots=True, eq=False)
class Unacked:
    tag: int
    item: Item
    queue: NaiveQueue
    consumer: NaiveConsumer | None


@dataclass(slots=True, eq=False)
class NaiveChannel:
    """prefetch: of consumers to come. limit: of all together; volume: what they have and is not settled."""

    connection: "NaiveConnection"
    number: int
    consumers: list[NaiveConsumer] = field(default_factory=list)
    unacked: list[Unacked] = field(default_factory=list)
    next_tag: int = 1
    prefetch: int = 0
    limit: int = 0
    volume: int = 0
    last_queue: str | None = None
    confirms: bool = False
    published: int = 0
    unconfirmed: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    handed_out: int = 0
    returns: list[tuple[int, int]] = field(default_factory=list)
    transaction: bool = False
    pending: list[tuple[list[NaiveQueue], bool, NaiveMessage]] = field(default_factory=list)
    settled: list[tuple[list[Unacked], str]] = field(default_factory=list)
    closing: bool = False


@dataclass(slots=True, eq=False)
class NaiveConnection:
    number: int
    cancel_notify: bool
    events: dict[int, deque[Event]]
    channels: dict[int, NaiveChannel] = field(default_factory=dict)
    acks: dict[int, list[Event]] = field(default_factory=dict)
    paused: bool = False
    closed: bool = False


class NaiveBroker:
    """fair: whether turns are compared, too. now_ms: the time of day. dying: what queues have given up, in order.
    burying: that is under way; held: it has to wait.

    policies: (pattern, priority, definition) by name. origins: since the last message that was published alone, by
    queue, where its messages came from: from which queue, or from a publisher ("").
    """

    def __init__(self, profile: tuple[int, int], fair: bool, now_ms: int) -> None:
        self.profile = profile
        self.fair = fair
        self.now_ms = now_ms
        self.dying: deque[tuple[NaiveQueue, str, list[NaiveMessage]]] = deque()
        self.burying = False
        self.held = False
        self.policies: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self.origins: dict[NaiveQueue, set[str]] = {}
        self.several = False
        self.last_route: tuple[object, ...] = ()
        self.time = 0
        self.acting: NaiveConnection | None = None
        self.connections: dict[int, NaiveConnection] = {}
        self.queues: dict[str, NaiveQueue] = {}
        self.exchanges = {
            name: NaiveExchange(name, kind)
            for name, kind in (
                ("", "direct"),
                ("amq.direct", "direct"),
                ("amq.fanout", "fanout"),
                ("amq.headers", "headers"),
                ("amq.match", "headers"),
                ("amq.topic", "topic"),
            )
        }
        self.exchanges["amq.rabbitmq.trace"] = NaiveExchange("amq.rabbitmq.trace", "topic", internal=True)

    # What was observed

    def expect(self, channel: NaiveChannel, kind: type[Method], number: int | None = None, **values: Any) -> Event:
        """The next method on a channel, after the deliveries in front of it."""
        self.dispatch()
        number = channel.number if number is None else number
        events = channel.connection.events.get(number)
        where = f"connection {channel.connection.number} channel {number}"
        if not events:
            raise Mismatch(f"{where}: expected {kind.name} {values}, got nothing")
        event = events.popleft()
        if event.method.id != kind.id:
            raise Mismatch(f"{where}: expected {kind.name} {values}, got {event.method} {event.body!r}")
        for name, value in values.items():
            got = getattr(event.method, name)
            if got != value:
                raise Mismatch(f"{where}: {kind.name} with {name}={got!r}, expected {value!r}")
        return event

    def _is_content(self, event: Event, message: NaiveMessage) -> bool:
        method: Any = event.method
        if event.body != message.body:
            return False
        return NaiveMessage(method.exchange, method.routing_key, event.header, event.body) == message

    def shown(self, item: Item) -> NaiveMessage:
        """As it is given out."""
        return counted(item.message, item.returned, item.failed, self.profile) if item.returned else item.message

    def content(self, event: Event, message: NaiveMessage) -> None:
        if not self._is_content(event, message):
            raise Mismatch(f"{event}, expected {message}")

    def take_confirms(self) -> None:
        """Sets basic.acks and basic.nacks aside, as they may come at any place."""
        for connection in self.connections.values():
            for number in [number for number in connection.acks if number not in connection.channels]:
                del connection.acks[number]
            for number, events in connection.events.items():
                for event in [one for one in events if one.method.id in ((60, 80), (60, 120))]:
                    events.remove(event)
                    connection.acks.setdefault(number, []).append(event)

    def check_confirms(self, channel: NaiveChannel) -> None:
        answered: dict[int, int] = {}
        for event in channel.connection.acks.pop(channel.number, []):
            method: Any = event.method
            tag = method.delivery_tag
            covered = {one for one in channel.unconfirmed if one == tag or (method.multiple and one < tag)}
            if not covered:
                raise Mismatch(f"{method} of {channel.unconfirmed} on channel {channel.number}")
            wrong = covered & channel.refused if isinstance(method, Basic.Ack) else covered - channel.refused
            if wrong:
                raise Mismatch(f"{method} on channel {channel.number}, refused are {channel.refused}")
            channel.unconfirmed -= covered
            answered |= dict.fromkeys(covered, event.number)
        if channel.unconfirmed:
            raise Mismatch(f"{channel.unconfirmed} not confirmed on channel {channel.number}")
        for sequence, number in channel.returns:
            if sequence in answered and number > answered[sequence]:
                raise Mismatch(f"publish {sequence} was confirmed before it was returned")
        channel.returns.clear()

    # Giving out

    def dispatch(self) -> None:
        """Takes every observed delivery that is lawful now."""
        going = True
        while going:
            going = False
            for queue in self.queues.values():
                while queue.ready and self._serve_first(queue):
                    going = True

    def _serve_first(self, queue: NaiveQueue) -> bool:
        item = queue.ready[0]
        found = self._first_delivery(queue, item)
        if found is None:
            return False
        consumer, event = found
        channel = consumer.channel
        events = channel.connection.events[channel.number]
        others = {one.tag for one in channel.consumers if one.queue is not queue}
        for earlier in events:
            # What other queues give out has no order with this.
            if earlier is event:
                break
            if not isinstance(earlier.method, Basic.Deliver) or earlier.method.consumer_tag not in others:
                return False
        if not self._may_be_served(consumer):
            return False
        events.remove(event)
        method: Any = event.method
        queue.ready.pop(0)
        self._hand_out(channel, queue, item, consumer, method.delivery_tag)
        self.time += 1
        consumer.waits_since = (self.time, self.time)
        self.note_able()
        self._enforce(queue)
        self._bury()
        return True

    def _first_delivery(self, queue: NaiveQueue, item: Item) -> tuple[NaiveConsumer, Event] | None:
        """Who was given a message. Of several only the connection that acts can have had it and given it back."""
        found: list[tuple[bool, int, NaiveConsumer, Event]] = []
        for consumer in queue.consumers:
            connection = consumer.channel.connection
            for event in connection.events.get(consumer.channel.number, ()):
                method: Any = event.method
                if (
                    method.id == (60, 60)
                    and method.consumer_tag == consumer.tag
                    and method.redelivered == item.redelivered
                    and self._is_content(event, self.shown(item))
                ):
                    found.append((connection is not self.acting, event.number, consumer, event))
                    break
        if not found:
            return None
        _, _, consumer, event = min(found, key=lambda one: one[:2])
        return consumer, event

    def _may_be_served(self, consumer: NaiveConsumer) -> bool:
        if not consumer.able:
            return False
        for other in consumer.queue.consumers:
            if other is not consumer and other.able:
                if other.priority > consumer.priority:
                    return not self.fair
                waited_longer = other.waits_since[1] < consumer.waits_since[0]
                if self.fair and other.priority == consumer.priority and waited_longer:
                    return False
        return True

    def _hand_out(
        self, channel: NaiveChannel, queue: NaiveQueue, item: Item, consumer: NaiveConsumer | bool, tag: int
    ) -> None:
        """consumer: for basic.get whether there is nothing to acknowledge."""
        channel.next_tag = max(channel.next_tag, tag + 1)
        channel.handed_out += 1
        if consumer is True or (isinstance(consumer, NaiveConsumer) and consumer.no_ack):
            return
        had_by = consumer or None
        channel.unacked.append(Unacked(tag, item, queue, had_by))
        channel.unacked.sort(key=lambda entry: entry.tag)
        queue.unacked += 1
        if had_by is not None:
            had_by.outstanding += 1
            channel.volume += 1

    def note_able(self) -> None:
        """Who has credit again waits from now on."""
        self.time += 1
        for queue in self.queues.values():
            for consumer in queue.consumers:
                able = consumer.able
                if able and not consumer.was_able:
                    consumer.waits_since = (consumer.waits_since[0], self.time)
                consumer.was_able = able

    def check_nobody_starves(self) -> None:
        for queue in self.queues.values():
            for consumer in queue.consumers:
                if queue.ready and consumer.able:
                    first = queue.ready[0]
                    raise Mismatch(
                        f"queue {queue.name!r} keeps {len(queue.ready)} from {consumer.tag!r} of channel"
                        f" {consumer.channel.number}, connection {consumer.channel.connection.number};"
                        f" first: {first.message.body!r} redelivered={first.redelivered}"
                    )

    # Ends

    def _settle(self, entries: Iterable[Unacked], how: str, at_once: bool = False) -> None:
        """how: ack, reject, requeue, fail (a requeue by basic.reject). A queue is told of each consumer's by itself;
        at_once: of all in one go, as its channel is gone.
        """
        groups: dict[tuple[NaiveQueue, NaiveConsumer | None], list[Item]] = {}
        for entry in entries:
            entry.queue.unacked -= 1
            if entry.consumer is not None:
                entry.consumer.outstanding -= 1
                entry.consumer.channel.volume -= 1
            if not entry.queue.deleted:
                groups.setdefault((entry.queue, None if at_once else entry.consumer), []).append(entry.item)
        self.note_able()
        for (queue, _), items in groups.items():
            if how in ("requeue", "fail"):
                for item in items:
                    item.redelivered = True
                    if queue.is_quorum:
                        self._count(queue, item, "lost" if at_once else how)
                    else:
                        queue.ready.append(item)
                queue.ready.sort(key=lambda item: item.place)
                self._enforce(queue)
            elif how == "reject":
                self._die(queue, "rejected", items)
        # Queues give out what is theirs before dead letters of others are there.
        self.held = True
        self.dispatch()
        self.held = False
        self._bury()

    def _count(self, queue: NaiveQueue, item: Item, how: str) -> None:
        """A message comes back to a quorum queue. how: requeue, fail, lost."""
        failed = self.profile < (4, 3) or how != "requeue"
        item.returned += 1
        item.failed += failed
        limit = queue.arguments.get("delivery-limit", 20 if self.profile >= (4, 0) else None)
        if limit is not None and limit < 0:
            limit = None
        if limit is not None and item.failed > limit:
            self._die(queue, "delivery_limit", [item])
            return
        if limit is None and (how == "requeue" or (how == "fail" and self.profile < (4, 3))):
            queue.count += 1
            item.position, item.front, item.level = queue.count, 0, self._level(queue, None)
        else:
            queue.fronts += 1
            item.front = queue.fronts
        queue.ready.append(item)

    def _remove_consumer(self, consumer: NaiveConsumer) -> None:
        consumer.channel.consumers.remove(consumer)
        queue = consumer.queue
        queue.consumers.remove(consumer)
        queue.used_ms = self.now_ms
        self._choose_active(queue)
        if queue.auto_delete and not queue.consumers:
            self._delete_queue(queue)

    def _choose_active(self, queue: NaiveQueue) -> None:
        """Of a queue with a single active consumer: the next one when that has gone."""
        if queue.active not in queue.consumers:
            queue.active = None
            for consumer in queue.consumers:
                if queue.active is None or consumer.priority > queue.active.priority:
                    queue.active = consumer
            self.note_able()

    def _delete_queue(self, queue: NaiveQueue) -> None:
        queue.deleted = True
        queue.active = None
        queue.ready.clear()
        del self.queues[queue.name]
        self._unbind_all("queue", queue.name)
        for consumer in list(queue.consumers):
            queue.consumers.remove(consumer)
            consumer.channel.consumers.remove(consumer)
            if consumer.channel.connection.cancel_notify:
                self._expect_cancel(consumer)

    def _expect_cancel(self, consumer: NaiveConsumer) -> None:
        """The client is told that its consumer is gone, before or after what it is answered."""
        self.dispatch()
        channel = consumer.channel
        events = channel.connection.events.get(channel.number, deque())
        for event in events:
            method: Any = event.method
            if method.id == (60, 30) and method.consumer_tag == consumer.tag and method.nowait:
                events.remove(event)
                return
        raise Mismatch(f"connection {channel.connection.number} channel {channel.number}: no cancel of {consumer.tag}")

    def _unbind_all(self, kind: str, name: str) -> None:
        for exchange in list(self.exchanges.values()):
            for binding in [one for one in exchange.bindings if one[:2] == (kind, name)]:
                self._unbind(exchange, binding)

    def _unbind(self, exchange: NaiveExchange, binding: tuple[str, str, str, Arguments]) -> None:
        if binding in exchange.bindings:
            exchange.bindings.remove(binding)
            if exchange.auto_delete and not exchange.bindings and exchange.name in self.exchanges:
                self._delete_exchange(exchange)

    def _delete_exchange(self, exchange: NaiveExchange) -> None:
        del self.exchanges[exchange.name]
        self._unbind_all("exchange", exchange.name)

    def _close_channel(self, channel: NaiveChannel) -> None:
        for consumer in list(channel.consumers):
            self._remove_consumer(consumer)
        held = channel.unacked + [entry for entries, _ in channel.settled for entry in entries]
        # What one consumer had comes back after the other's.
        consumers = list(dict.fromkeys(entry.consumer for entry in held))
        held.sort(key=lambda entry: consumers.index(entry.consumer))
        channel.unacked = []
        channel.settled = []
        channel.pending = []
        self._settle(held, "requeue", at_once=True)
        self.dispatch()

    def release(self, connection: NaiveConnection) -> None:
        """The connection is gone, whichever way."""
        connection.closed = True
        self.acting = connection
        for channel in list(connection.channels.values()):
            if not channel.closing:
                self._close_channel(channel)
        connection.channels.clear()
        for queue in [one for one in self.queues.values() if one.owner is connection]:
            self._delete_queue(queue)

    # Rules of queues

    def _enforce(self, queue: NaiveQueue, drops_head: bool | None = None) -> None:
        """Something has come or gone: what is too much goes off the head, then what has expired there.

        A quorum queue looks at what has expired first.
        """
        if queue.deleted:
            return
        if queue.is_quorum:
            self._expire(queue)
        too_much: list[Item] = []
        while queue.ready and (queue.drops_head if drops_head is None else drops_head) and queue.is_over(0, 0):
            too_much.append(queue.ready.pop(0))
        self._die(queue, "maxlen", too_much)
        self._expire(queue)
        if queue.is_quorum:
            queue.open_or_close()

    def _expire(self, queue: NaiveQueue) -> None:
        late: list[Item] = []
        while expired := [item for item in self._heads(queue) if 0 < item.deadline_ms <= self.now_ms]:
            late.append(expired[0])
            queue.ready.remove(expired[0])
        self._die(queue, "expired", late)

    def _heads(self, queue: NaiveQueue) -> list[Item]:
        """The messages that may expire: the first one, of a quorum queue since 4.3 the first one of each level."""
        if not queue.is_quorum or self.profile < (4, 3):
            return queue.ready[:1]
        heads: dict[int, Item] = {}
        for item in queue.ready:
            heads.setdefault(-1 if item.front else item.level, item)
        return list(heads.values())

    def _die(self, queue: NaiveQueue, reason: str, items: list[Item]) -> None:
        if items and queue.rule("dead-letter-exchange") is not None:
            self.dying.append((queue, reason, [item.message for item in items]))

    def _bury(self) -> None:
        """What queues have given up goes to their dead-letter exchanges; what dies by that comes behind."""
        if self.burying or self.held:
            return
        self.burying = True
        while self.dying:
            queue, reason, messages = self.dying.popleft()
            to = queue.rule("dead-letter-exchange")
            for message in messages:
                if to in self.exchanges:
                    if message.deaths and not message.carbon and b"\x02CC" in message.header:
                        # A CC that counts no more: the broker cannot tell since 4.0.
                        raise Undetermined
                    if message.copies != message.carbon:
                        # BCC is not imitated.
                        raise Undetermined
                    own_key = queue.rule("dead-letter-routing-key")
                    dead = died(message, queue.name, reason, self.now_ms // 1000, to, own_key, self.profile)
                    targets = self.route(dead, dead.keys, dict(dead.headers))
                    if reason != "rejected":
                        targets = [one for one in targets if not closes_a_cycle(dead, one.name)]
                    self._put(targets, dead, queue.name)
        self.burying = False

    def _put(self, queues: list[NaiveQueue], message: NaiveMessage, origin: str) -> bool:
        """A message comes to queues; False: one of them does not take it."""
        full = [queue for queue in queues if queue.refuses(message)]
        others = [queue for queue in queues if queue not in full and not queue.deleted]
        for queue in others:
            origins = self.origins.setdefault(queue, set())
            origins.add(origin)
            if self.several and len(origins) > 1:
                raise Undetermined
            queue.count += 1
            queue.ready.append(self._item(queue, message))
            queue.ready.sort(key=lambda item: item.place)
        self.dispatch()
        for queue in others:
            self._enforce(queue)
        for queue in full:
            if queue.rule("overflow") == "reject-publish-dlx":
                self._die(queue, "maxlen", [Item(0, message)])
        self._bury()
        return not full

    def _item(self, queue: NaiveQueue, message: NaiveMessage) -> Item:
        item = Item(queue.count, message)
        lives = [one for one in (queue.rule("message-ttl"), message.expiration) if one is not None]
        if lives:
            item.deadline_ms = self.now_ms + min(lives)
        item.level = self._level(queue, message.priority)
        return item

    def _level(self, queue: NaiveQueue, priority: int | None) -> int:
        if queue.is_quorum:
            # In 4.0 to 4.2 there are two; here they are never mixed.
            return 4 if priority is None or self.profile < (4, 3) else min(priority, 31)
        most = queue.arguments.get("max-priority")
        if most is None:
            return 0
        return min(priority or 0, max(int(most), 1) if self.profile >= (4, 0) else int(most))

    def pass_time(self, until_ms: int) -> None:
        """Whatever falls due by then is done when it is."""
        self.origins.clear()
        self.several = False
        while True:
            due = [
                (min(item.deadline_ms for item in heads), 0, queue)
                for queue in self.queues.values()
                if (heads := [item for item in self._heads(queue) if item.deadline_ms])
            ]
            due += [
                (queue.used_ms + queue.rule("expires"), 1, queue)
                for queue in self.queues.values()
                if queue.rule("expires") is not None and not queue.consumers
            ]
            first_ms = min((one[0] for one in due), default=until_ms + 1)
            if first_ms > until_ms:
                break
            now = [one for one in due if one[0] == first_ms]
            if len(now) > 1:
                raise Undetermined
            self.now_ms = first_ms
            self.origins.clear()
            _, is_end, queue = now[0]
            if is_end:
                self._delete_queue(queue)
            else:
                self._enforce(queue)
            self._bury()
            self.dispatch()
        self.now_ms = until_ms

    def set_policy(self, name: str, pattern: str, priority: int, definition: dict[str, Any]) -> None:
        self.policies[name] = pattern, priority, definition
        self._apply_policies()

    def clear_policy(self, name: str) -> None:
        del self.policies[name]
        self._apply_policies()

    def _apply_policies(self) -> None:
        self.origins.clear()
        self.several = True
        for queue in list(self.queues.values()):
            before, dropped_head = queue.rules, queue.drops_head
            self._find_policy(queue)
            if queue.rules != before:
                queue.used_ms = self.now_ms
                if not queue.is_quorum:
                    # Limits are taken in before `overflow` is.
                    self._enforce(queue, dropped_head)
                self._enforce(queue)
                self._bury()
        self.dispatch()

    def _find_policy(self, queue: NaiveQueue) -> None:
        matching = [
            (-priority, name, definition)
            for name, (pattern, priority, definition) in self.policies.items()
            if re.search(pattern, queue.name)
        ]
        queue.policy = min(matching, key=lambda one: one[:2])[2] if matching else {}

    # Routing

    def route(self, message: NaiveMessage, keys: list[str], headers: dict[str, Any]) -> list[NaiveQueue]:
        found: list[NaiveQueue] = []
        seen = [message.exchange]
        waiting = [message.exchange]
        while waiting:
            exchange = self.exchanges[waiting.pop(0)]
            matched = False
            after: list[str] = []
            for key in keys:
                if exchange.name == "":
                    matched = True
                    if key in self.queues and self.queues[key] not in found:
                        found.append(self.queues[key])
                for kind, name, pattern, arguments in exchange.bindings:
                    if _matches(exchange.kind, key, headers, pattern, dict(arguments)):
                        matched = True
                        if kind == "exchange":
                            after.append(name)
                        elif self.queues[name] not in found:
                            found.append(self.queues[name])
            if not matched and exchange.alternate:
                after.append(exchange.alternate)
            for name in after:
                if name not in seen and name in self.exchanges:
                    seen.append(name)
                    waiting.append(name)
        return found

    def _publish(self, channel: NaiveChannel, queues: list[NaiveQueue], back: bool, message: NaiveMessage) -> bool:
        """False: a full queue does not take it."""
        if back:
            event = self.expect(
                channel, Basic.Return, reply_code=312, exchange=message.exchange, routing_key=message.key
            )
            self.content(event, message)
            if channel.confirms:
                channel.returns.append((channel.published, event.number))
        return self._put([queue for queue in queues if not queue.deleted], message, "")

    # Commands

    def run(self, connection: NaiveConnection, command: Command, payload: Any) -> None:
        """payload: of a publish its messages (what is sent, what is to arrive), of a settle the delivery tag."""
        self.acting = connection
        if connection.closed:
            return
        self._note_route(connection, command)
        if isinstance(command, CloseConnection):
            self.release(connection)
            self._expect_on_connection(connection, Connection.CloseOk)
            return
        channel = connection.channels.get(command.channel)
        if channel is not None and channel.closing:
            if isinstance(command, CloseChannel):
                self.expect(channel, Channel.CloseOk)
            return
        try:
            if isinstance(command, OpenChannel):
                if channel is not None:
                    raise Refused(504)
                channel = connection.channels[command.channel] = NaiveChannel(connection, command.channel)
                self.expect(channel, Channel.OpenOk)
            elif channel is None:
                raise Refused(504)
            else:
                HANDLERS[type(command)](self, channel, command, payload)
        except Refused as refused:
            if channel is not None and refused.code in CHANNEL_CODES:
                self._close_channel(channel)
                self.expect(channel, Channel.Close, reply_code=refused.code)
                channel.closing = True
            else:
                self.release(connection)
                self._expect_on_connection(connection, Connection.Close, reply_code=refused.code)
        self.note_able()
        self.dispatch()

    def _note_route(self, connection: NaiveConnection, command: Command) -> None:
        """Messages published one after the other the same way may be taken as one run, or as several."""
        route: tuple[object, ...] = ()
        if isinstance(command, Publish):
            route = connection, command.channel, command.exchange, command.key, command.mandatory
        same = bool(route) and route == self.last_route
        if not same:
            self.origins.clear()
        self.several = same or (isinstance(command, Publish) and command.count > 1)
        self.last_route = route

    def _expect_on_connection(self, connection: NaiveConnection, kind: type[Method], **values: Any) -> None:
        self.expect(NaiveChannel(connection, 0), kind, **values)
        for number, events in connection.events.items():
            # What is still on its way to a channel of a closing connection belongs to nobody.
            if number and any(event.method.id != (60, 80) for event in events):
                raise Mismatch(f"left on a closed connection: {events[0].method}")
            events.clear()

    def find_queue(self, channel: NaiveChannel, name: str) -> NaiveQueue:
        queue = self.queues.get(self.expand(channel, name))
        if queue is None:
            raise Refused(404)
        if queue.owner is not None and queue.owner is not channel.connection:
            raise Refused(405)
        return queue

    def expand(self, channel: NaiveChannel, name: str) -> str:
        if name:
            return name
        if channel.last_queue is None:
            raise Refused(404)
        return channel.last_queue

    def find_exchange(self, name: str) -> NaiveExchange:
        if name not in self.exchanges:
            raise Refused(404)
        return self.exchanges[name]

    def close_channel(self, channel: NaiveChannel, command: CloseChannel, _: Any) -> None:
        self._close_channel(channel)
        self.expect(channel, Channel.CloseOk)
        del channel.connection.channels[channel.number]

    def declare_exchange(self, channel: NaiveChannel, command: DeclareExchange, _: Any) -> None:
        current = self.exchanges.get(command.name)
        if command.passive:
            if command.name == "":
                raise Refused(403)
            self.find_exchange(command.name)
        else:
            if command.kind not in ("direct", "fanout", "topic", "headers"):
                raise Refused(406 if self.profile >= (4, 0) else 503)
            if command.name == "" or (current is None and command.name.startswith("amq.")):
                raise Refused(403)
            made = NaiveExchange(command.name, command.kind, command.auto_delete, command.internal, command.alternate)
            if current is None:
                self.exchanges[command.name] = made
            elif _properties(current) != _properties(made):
                raise Refused(406)
        self.expect(channel, Exchange.DeclareOk)

    def delete_exchange(self, channel: NaiveChannel, command: DeleteExchange, _: Any) -> None:
        if command.name == "" or command.name.startswith("amq."):
            raise Refused(403)
        exchange = self.exchanges.get(command.name)
        if exchange is not None:
            if command.if_unused and exchange.bindings:
                raise Refused(406)
            self._delete_exchange(exchange)
        self.expect(channel, Exchange.DeleteOk)

    def bind_exchange(self, channel: NaiveChannel, command: BindExchange, _: Any) -> None:
        if command.source == "" or command.destination == "":
            raise Refused(403)
        binding = ("exchange", command.destination, command.key, tuple(sorted(command.arguments)))
        if command.undo:
            if command.source in self.exchanges:
                self._unbind(self.exchanges[command.source], binding)
            self.expect(channel, Exchange.UnbindOk)
            return
        source = self.find_exchange(command.source)
        self.find_exchange(command.destination)
        if binding not in source.bindings:
            source.bindings.append(binding)
        self.expect(channel, Exchange.BindOk)

    def declare_queue(self, channel: NaiveChannel, command: DeclareQueue, _: Any) -> None:
        queue = self.queues.get(command.name)
        name = command.name
        if command.passive:
            if queue is None:
                raise Refused(404)
            queue = self.find_queue(channel, command.name)
            queue.used_ms = self.now_ms
        else:
            owner = channel.connection if command.exclusive else None
            arguments = {name.removeprefix("x-"): value for name, value in command.arguments}
            durable = command.durable and not command.exclusive
            if queue is None and name.startswith("amq."):
                raise Refused(403)
            if queue is not None:
                if queue.owner is not owner:
                    raise Refused(405)
                if (queue.durable, queue.auto_delete) != (durable, command.auto_delete):
                    raise Refused(406)
                if queue.arguments != arguments:
                    raise Refused(406)
                queue.used_ms = self.now_ms
            else:
                if "dead-letter-routing-key" in arguments and "dead-letter-exchange" not in arguments:
                    raise Refused(406)
                if self.profile >= (4, 3) and not durable and owner is None:
                    raise Refused(541)
                if name == "":
                    self.dispatch()
                    events = channel.connection.events.get(channel.number)
                    if not events or not isinstance(events[0].method, Queue.DeclareOk):
                        raise Mismatch("no name for a queue")
                    name = events[0].method.queue
                    if name in self.queues or not name.startswith("amq.gen-"):
                        raise Mismatch(f"a generated name that is none: {name}")
                queue = self.queues[name] = NaiveQueue(name, durable, command.auto_delete, owner, arguments)
                queue.used_ms = self.now_ms
                self._find_policy(queue)
        channel.last_queue = name
        if not command.nowait:
            self.dispatch()
            self.expect(
                channel,
                Queue.DeclareOk,
                queue=name,
                message_count=len(queue.ready),
                consumer_count=len(queue.consumers),
            )

    def delete_queue(self, channel: NaiveChannel, command: DeleteQueue, _: Any) -> None:
        queue = self.queues.get(self.expand(channel, command.name))
        count = 0
        if queue is not None:
            self.find_queue(channel, queue.name)
            if queue.is_quorum and (command.if_unused or command.if_empty):
                raise Refused(540)
            if (command.if_unused and queue.consumers) or (command.if_empty and queue.ready):
                raise Refused(406)
            count = len(queue.ready)
            self._delete_queue(queue)
        self.expect(channel, Queue.DeleteOk, message_count=count)

    def bind_queue(self, channel: NaiveChannel, command: BindQueue, _: Any) -> None:
        name = self.expand(channel, command.queue)
        key = name if command.queue == "" and command.key == "" else command.key
        if command.exchange == "":
            raise Refused(403)
        binding = ("queue", name, key, tuple(sorted(command.arguments)))
        if command.undo:
            exchange = self.exchanges.get(command.exchange)
            if exchange is not None and binding in exchange.bindings:
                self.find_queue(channel, name)
                self._unbind(exchange, binding)
            self.expect(channel, Queue.UnbindOk)
            return
        exchange = self.find_exchange(command.exchange)
        self.find_queue(channel, name)
        if binding not in exchange.bindings:
            exchange.bindings.append(binding)
        self.expect(channel, Queue.BindOk)

    def purge_queue(self, channel: NaiveChannel, command: PurgeQueue, _: Any) -> None:
        queue = self.find_queue(channel, command.name)
        count = len(queue.ready)
        queue.ready.clear()
        queue.open_or_close()
        self.expect(channel, Queue.PurgeOk, message_count=count)

    def publish(self, channel: NaiveChannel, command: Publish, messages: list[NaiveMessage]) -> None:
        for message in messages:
            exchange = self.find_exchange(command.exchange)
            if exchange.internal:
                raise Refused(403)
            if command.style.startswith("bad"):
                raise Refused(406)
            queues = self.route(message, message.keys, dict(command.headers))
            back = command.mandatory and not queues
            if channel.transaction:
                channel.pending.append((queues, back, message))
                continue
            if channel.confirms:
                channel.published += 1
                channel.unconfirmed.add(channel.published)
            if not self._publish(channel, queues, back, message) and channel.confirms:
                channel.refused.add(channel.published)
        self.dispatch()

    def consume(self, channel: NaiveChannel, command: Consume, _: Any) -> None:
        if command.tag and any(one.tag == command.tag for one in channel.consumers):
            raise Refused(530)
        queue = self.find_queue(channel, command.queue)
        is_exclusive = command.exclusive and not queue.is_quorum
        if any(one.exclusive for one in queue.consumers) or (is_exclusive and (queue.consumers or not queue.shares)):
            raise Refused(403)
        if queue.is_quorum and channel.limit:
            raise Refused(540)
        tag = command.tag
        if not command.nowait or not tag:
            self.dispatch()
            reply: Any = self.expect(channel, Basic.ConsumeOk).method
            tag = reply.consumer_tag
            if command.tag not in ("", tag):
                raise Mismatch(f"consumer tag {tag} instead of {command.tag}")
        self.time += 1
        consumer = NaiveConsumer(channel, tag, queue, command.no_ack, is_exclusive, command.priority, channel.prefetch)
        consumer.waits_since = (self.time, self.time)
        consumer.was_able = consumer.able
        channel.consumers.append(consumer)
        queue.consumers.append(consumer)
        self._choose_active(queue)

    def cancel(self, channel: NaiveChannel, command: Cancel, _: Any) -> None:
        if not command.nowait:
            self.expect(channel, Basic.CancelOk, consumer_tag=command.tag)
        for consumer in [one for one in channel.consumers if one.tag == command.tag]:
            self._remove_consumer(consumer)

    def get(self, channel: NaiveChannel, command: Get, _: Any) -> None:
        queue = self.find_queue(channel, command.queue)
        queue.used_ms = self.now_ms
        self.dispatch()
        if not queue.ready:
            self.expect(channel, Basic.GetEmpty)
            return
        item = queue.ready.pop(0)
        self._enforce(queue)
        self._bury()
        self.dispatch()
        tag = channel.next_tag
        event = self.expect(
            channel,
            Basic.GetOk,
            delivery_tag=tag,
            redelivered=item.redelivered,
            message_count=len(queue.ready),
        )
        self.content(event, self.shown(item))
        self._hand_out(channel, queue, item, command.no_ack, tag)

    def settle(self, channel: NaiveChannel, command: Settle, tag: int) -> None:
        multiple = command.multiple and command.by != "reject"
        if multiple and tag == 0:
            taken = list(channel.unacked)
        elif not any(entry.tag == tag for entry in channel.unacked):
            raise Refused(406)
        else:
            taken = [entry for entry in channel.unacked if entry.tag == tag or (multiple and entry.tag < tag)]
        channel.unacked = [entry for entry in channel.unacked if entry not in taken]
        how = "fail" if command.how == "requeue" and command.by == "reject" else command.how
        if channel.transaction:
            channel.settled.append((taken, how))
        else:
            self._settle(taken, how)

    def recover(self, channel: NaiveChannel, command: Recover, _: Any) -> None:
        if not command.requeue:
            raise Refused(540)
        if command.waited:
            self.expect(channel, Basic.RecoverOk)
        taken, channel.unacked = channel.unacked, []
        self._settle(taken, "requeue")

    def qos(self, channel: NaiveChannel, command: Qos, _: Any) -> None:
        if command.size:
            raise Refused(540)
        if command.whole_channel and self.profile < (4, 3):
            channel.limit = command.count
        else:
            channel.prefetch = command.count
            channel.limit = 0
        self.expect(channel, Basic.QosOk)

    def select_confirms(self, channel: NaiveChannel, command: SelectConfirms, _: Any) -> None:
        if channel.transaction:
            raise Refused(406)
        channel.confirms = True
        self.expect(channel, Confirm.SelectOk)

    def select_transaction(self, channel: NaiveChannel, command: SelectTransaction, _: Any) -> None:
        if channel.confirms:
            raise Refused(406)
        channel.transaction = True
        self.expect(channel, Tx.SelectOk)

    def commit(self, channel: NaiveChannel, command: Commit, _: Any) -> None:
        if not channel.transaction:
            raise Refused(406)
        pending, channel.pending = channel.pending, []
        settled, channel.settled = channel.settled, []
        self.several = len(pending) > 1
        all_taken = True
        for queues, back, message in pending:
            all_taken = self._publish(channel, queues, back, message) and all_taken
            self.dispatch()
        for entries, how in settled:
            self._settle(entries, how)
            self.dispatch()
        if not all_taken:
            raise Refused(406)
        self.expect(channel, Tx.CommitOk)

    def rollback(self, channel: NaiveChannel, command: Rollback, _: Any) -> None:
        if not channel.transaction:
            raise Refused(406)
        channel.pending = []
        for entries, _how in channel.settled:
            channel.unacked += entries
        channel.settled = []
        channel.unacked.sort(key=lambda entry: entry.tag)
        self.expect(channel, Tx.RollbackOk)

    def flow(self, channel: NaiveChannel, command: Flow, _: Any) -> None:
        if not command.active:
            raise Refused(540)
        self.expect(channel, Channel.FlowOk, active=True)


HANDLERS: dict[type, Callable[..., None]] = {
    CloseChannel: NaiveBroker.close_channel,
    DeclareExchange: NaiveBroker.declare_exchange,
    DeleteExchange: NaiveBroker.delete_exchange,
    BindExchange: NaiveBroker.bind_exchange,
    DeclareQueue: NaiveBroker.declare_queue,
    DeleteQueue: NaiveBroker.delete_queue,
    BindQueue: NaiveBroker.bind_queue,
    PurgeQueue: NaiveBroker.purge_queue,
    Publish: NaiveBroker.publish,
    Consume: NaiveBroker.consume,
    Cancel: NaiveBroker.cancel,
    Get: NaiveBroker.get,
    Settle: NaiveBroker.settle,
    Recover: NaiveBroker.recover,
    Qos: NaiveBroker.qos,
    SelectConfirms: NaiveBroker.select_confirms,
    SelectTransaction: NaiveBroker.select_transaction,
    Commit: NaiveBroker.commit,
    Rollback: NaiveBroker.rollback,
    Flow: NaiveBroker.flow,
}


def _properties(exchange: NaiveExchange) -> tuple[str, bool, bool, str]:
    return exchange.kind, exchange.auto_delete, exchange.internal, exchange.alternate


def _matches(kind: str, key: str, headers: dict[str, Any], pattern: str, arguments: dict[str, Any]) -> bool:
    if kind == "fanout":
        return True
    if kind == "direct":
        return key == pattern
    if kind == "topic":
        return _topic(key.split(".") if key else [], pattern.split(".") if pattern else [])
    how = arguments.get("x-match", "all")
    wanted = {
        name: value
        for name, value in arguments.items()
        if name != "x-match" and (how.endswith("-with-x") or not name.startswith("x-"))
    }
    met = [name in headers and (value is None or headers[name] == value) for name, value in wanted.items()]
    return all(met) if how.startswith("all") else any(met)


def _topic(words: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_topic(words[skip:], pattern[1:]) for skip in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and _topic(words[1:], pattern[1:])
