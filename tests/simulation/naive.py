"""What a broker should do, written as simply as can be: lists, linear scans, one thing at a time.

The model takes each command, changes its lists, and expects the answers among what the clients received. Only who is
given a message is taken from what was observed, and then held to the rules: the queue's first message, to a consumer
with credit of the highest priority, and among equals to the one that has waited longest.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, cast

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
from tests.simulation.world import Event

CHANNEL_CODES = (311, 403, 404, 405, 406)
Arguments = tuple[tuple[str, Any], ...]


class Mismatch(AssertionError):
    """The broker did something else than the model."""


class Refused(Exception):
    """A command that is answered by closing the channel or the connection."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class NaiveMessage:
    exchange: str
    key: str
    header: bytes
    body: bytes


@dataclass(slots=True, eq=False)
class Item:
    """A message in one queue. position: when it came."""

    position: int
    message: NaiveMessage
    redelivered: bool = False


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
    name: str
    durable: bool
    auto_delete: bool
    owner: "NaiveConnection | None"
    ready: list[Item] = field(default_factory=list)
    consumers: list["NaiveConsumer"] = field(default_factory=list)
    deleted: bool = False
    unacked: int = 0
    count: int = 0


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
        if channel.connection.paused:
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
    confirmed: int = 0
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
    """fair: whether turns are compared, too."""

    def __init__(self, profile: tuple[int, int], fair: bool) -> None:
        self.profile = profile
        self.fair = fair
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

    def content(self, event: Event, message: NaiveMessage) -> None:
        method: Any = event.method
        got = NaiveMessage(method.exchange, method.routing_key, event.header, event.body)
        if got != message:
            raise Mismatch(f"{method.name} of {got}, expected {message}")

    def take_confirms(self) -> None:
        """Sets basic.acks aside, as they may come at any place."""
        for connection in self.connections.values():
            for number in [number for number in connection.acks if number not in connection.channels]:
                del connection.acks[number]
            for number, events in connection.events.items():
                for event in [one for one in events if one.method.id == (60, 80)]:
                    events.remove(event)
                    connection.acks.setdefault(number, []).append(event)

    def check_confirms(self, channel: NaiveChannel) -> None:
        done = channel.confirmed
        acks = channel.connection.acks.pop(channel.number, [])
        for event in acks:
            ack: Any = event.method
            if ack.delivery_tag != done + 1 and not (ack.multiple and ack.delivery_tag > done):
                raise Mismatch(f"confirmed {ack} after {done}")
            done = ack.delivery_tag
        if done != channel.published:
            raise Mismatch(f"{done} of {channel.published} publishes confirmed on channel {channel.number}")
        for sequence, number in channel.returns:
            covering: list[Any] = [one for one in acks if cast(Any, one.method).delivery_tag >= sequence]
            if any(number > one.number for one in covering):
                raise Mismatch(f"publish {sequence} was confirmed before it was returned")
        channel.confirmed = done
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
        if event is not events[0] or not self._may_be_served(consumer):
            return False
        events.popleft()
        self.content(event, item.message)
        method: Any = event.method
        if method.delivery_tag != channel.next_tag:
            raise Mismatch(f"delivery tag {method.delivery_tag}, expected {channel.next_tag}")
        queue.ready.pop(0)
        self._hand_out(channel, queue, item, None if consumer.no_ack else consumer, consumer.no_ack)
        self.time += 1
        consumer.waits_since = (self.time, self.time)
        self.note_able()
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
                    and event.body == item.message.body
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
        self, channel: NaiveChannel, queue: NaiveQueue, item: Item, consumer: NaiveConsumer | None, no_ack: bool
    ) -> None:
        tag = channel.next_tag
        channel.next_tag += 1
        if no_ack:
            return
        channel.unacked.append(Unacked(tag, item, queue, consumer))
        queue.unacked += 1
        if consumer is not None:
            consumer.outstanding += 1
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

    def _settle(self, entries: Iterable[Unacked], how: str) -> None:
        """how: ack, reject, requeue."""
        for entry in entries:
            entry.queue.unacked -= 1
            if entry.consumer is not None:
                entry.consumer.outstanding -= 1
                entry.consumer.channel.volume -= 1
            if how == "requeue" and not entry.queue.deleted:
                entry.item.redelivered = True
                entry.queue.ready.append(entry.item)
                entry.queue.ready.sort(key=lambda item: item.position)
        self.note_able()

    def _remove_consumer(self, consumer: NaiveConsumer) -> None:
        consumer.channel.consumers.remove(consumer)
        consumer.queue.consumers.remove(consumer)
        if consumer.queue.auto_delete and not consumer.queue.consumers:
            self._delete_queue(consumer.queue)

    def _delete_queue(self, queue: NaiveQueue) -> None:
        queue.deleted = True
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
        channel.unacked = []
        channel.settled = []
        channel.pending = []
        self._settle(held, "requeue")
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

    def _publish(self, channel: NaiveChannel, queues: list[NaiveQueue], back: bool, message: NaiveMessage) -> None:
        if back:
            event = self.expect(
                channel, Basic.Return, reply_code=312, exchange=message.exchange, routing_key=message.key
            )
            self.content(event, message)
            if channel.confirms:
                channel.returns.append((channel.published, event.number))
        for queue in queues:
            if not queue.deleted:
                queue.count += 1
                queue.ready.append(Item(queue.count, message))

    # Commands

    def run(self, connection: NaiveConnection, command: Command, payload: Any) -> None:
        """payload: of a publish its messages (what is sent, what is to arrive), of a settle the delivery tag."""
        self.acting = connection
        if connection.closed:
            return
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
        else:
            owner = channel.connection if command.exclusive else None
            durable = command.durable and not command.exclusive
            if queue is None and name.startswith("amq."):
                raise Refused(403)
            if queue is not None:
                if queue.owner is not owner:
                    raise Refused(405)
                if (queue.durable, queue.auto_delete) != (durable, command.auto_delete):
                    raise Refused(406)
            else:
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
                queue = self.queues[name] = NaiveQueue(name, durable, command.auto_delete, owner)
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
        self.expect(channel, Queue.PurgeOk, message_count=count)

    def publish(self, channel: NaiveChannel, command: Publish, messages: list[NaiveMessage]) -> None:
        for message in messages:
            exchange = self.find_exchange(command.exchange)
            if exchange.internal:
                raise Refused(403)
            if command.style.startswith("bad"):
                raise Refused(406)
            keys = [command.key, *command.cc, *command.bcc]
            queues = self.route(message, keys, dict(command.headers))
            back = command.mandatory and not queues
            if channel.transaction:
                channel.pending.append((queues, back, message))
                continue
            if channel.confirms:
                channel.published += 1
            self._publish(channel, queues, back, message)
        self.dispatch()

    def consume(self, channel: NaiveChannel, command: Consume, _: Any) -> None:
        if command.tag and any(one.tag == command.tag for one in channel.consumers):
            raise Refused(530)
        queue = self.find_queue(channel, command.queue)
        if any(one.exclusive for one in queue.consumers) or (command.exclusive and queue.consumers):
            raise Refused(403)
        tag = command.tag
        if not command.nowait or not tag:
            self.dispatch()
            reply: Any = self.expect(channel, Basic.ConsumeOk).method
            tag = reply.consumer_tag
            if command.tag not in ("", tag):
                raise Mismatch(f"consumer tag {tag} instead of {command.tag}")
        self.time += 1
        consumer = NaiveConsumer(
            channel, tag, queue, command.no_ack, command.exclusive, command.priority, channel.prefetch
        )
        consumer.waits_since = (self.time, self.time)
        consumer.was_able = consumer.able
        channel.consumers.append(consumer)
        queue.consumers.append(consumer)

    def cancel(self, channel: NaiveChannel, command: Cancel, _: Any) -> None:
        if not command.nowait:
            self.expect(channel, Basic.CancelOk, consumer_tag=command.tag)
        for consumer in [one for one in channel.consumers if one.tag == command.tag]:
            self._remove_consumer(consumer)

    def get(self, channel: NaiveChannel, command: Get, _: Any) -> None:
        queue = self.find_queue(channel, command.queue)
        self.dispatch()
        if not queue.ready:
            self.expect(channel, Basic.GetEmpty)
            return
        item = queue.ready.pop(0)
        event = self.expect(
            channel,
            Basic.GetOk,
            delivery_tag=channel.next_tag,
            redelivered=item.redelivered,
            message_count=len(queue.ready),
        )
        self.content(event, item.message)
        self._hand_out(channel, queue, item, None, command.no_ack)

    def settle(self, channel: NaiveChannel, command: Settle, tag: int) -> None:
        multiple = command.multiple and command.by != "reject"
        if multiple and tag == 0:
            taken = list(channel.unacked)
        elif not any(entry.tag == tag for entry in channel.unacked):
            raise Refused(406)
        else:
            taken = [entry for entry in channel.unacked if entry.tag == tag or (multiple and entry.tag < tag)]
        channel.unacked = [entry for entry in channel.unacked if entry not in taken]
        if channel.transaction:
            channel.settled.append((taken, command.how))
        else:
            self._settle(taken, command.how)

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
        for queues, back, message in pending:
            self._publish(channel, queues, back, message)
            self.dispatch()
        for entries, how in settled:
            self._settle(entries, how)
            self.dispatch()
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
