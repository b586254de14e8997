"""An open channel: what its client publishes, consumes and owes.

Methods go to the handler of their class (`basic`, `exchange`, `queue`, `tx`), each a file of functions. What the hot
frames need is here: runs of publishes, deliveries, acknowledgements.
"""

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Final

from amqpbroker.errors import COMMAND_INVALID, NOT_FOUND, PRECONDITION_FAILED, AMQPError
from amqpbroker.limits import FRAME_OVERHEAD_BYTES, OUTBOX_MAX_BYTES
from amqpbroker.model.consumer import ChannelBudget, Consumer
from amqpbroker.model.counters import Counters
from amqpbroker.model.dead_letter import REJECTED
from amqpbroker.model.message import OWN_FLAGS, PERSISTENT, Message, by_flags
from amqpbroker.model.observing.announcer import INTERNAL_USER
from amqpbroker.model.ports import Client
from amqpbroker.model.queue import Queue, Return
from amqpbroker.session import basic, control, exchange, queue, tx
from amqpbroker.session.authorize import ROWS
from amqpbroker.session.confirms import Confirms
from amqpbroker.session.consumer_timeout import ConsumerTimeout
from amqpbroker.session.publishing import Publisher, RouteGroup, return_frames
from amqpbroker.session.transaction import Transaction
from amqpbroker.session.unacked import Entry, Unacked
from amqpbroker.wire.hot import DeliverLane, PublishLane
from amqpbroker.wire.methods import Basic, Method, encode_frame

if TYPE_CHECKING:
    from amqpbroker.session.connection import Connection

_RETURNS: Final = frozenset(Return)

# Each handler takes the one method that it stands beside.
HANDLERS: dict[tuple[int, int], Callable[..., None]] = {
    **control.HANDLERS,
    **exchange.HANDLERS,
    **queue.HANDLERS,
    **basic.HANDLERS,
    **tx.HANDLERS,
}


class Channel:
    """One channel of a connection, and the sink of its consumers.

    consumers: by consumer tag. by_number: the same by the number that unacknowledged messages carry, with those that
    were cancelled and those that stand for basic.get while they have such messages. last_queue: the queue that an empty
    name stands for. waits_to_deliver: an answer to basic.consume waits for the disk. publisher_type: of what decides
    where its messages go; a test suite has one of its own.
    """

    publisher_type: type[Publisher] = Publisher

    def __init__(self, connection: "Connection", number: int) -> None:
        self.connection = connection
        self.number = number
        wire = connection.wire
        body_max_bytes = connection.message_size_max_bytes
        if wire.frame_max_bytes:
            body_max_bytes = min(body_max_bytes, wire.frame_max_bytes - FRAME_OVERHEAD_BYTES)
        self._publisher = self.publisher_type(self)
        self.lane = PublishLane(number, self._publisher, body_max_bytes)
        self.unacked = Unacked()
        self.consumers: dict[str, Consumer] = {}
        self.by_number: dict[int, Consumer] = {}
        self.lanes: dict[int, DeliverLane] = {}
        self.budget = ChannelBudget()
        self.budget.writable = not connection.full
        self.prefetch = 0
        self.global_prefetch = 0
        self.next_delivery_tag = 1
        self.last_queue: str | None = None
        self.confirms: Confirms | None = None
        self.transaction: Transaction | None = None
        self.reply_consumer: Consumer | None = None
        self.is_closed = False
        self.waits_to_deliver = False
        self._counters = Counters()
        self._consumer_timeout = ConsumerTimeout(self)
        self._getters: dict[str, Consumer] = {}
        self._next_number = 1

    @property
    def counters(self) -> Counters:
        """What it has counted so far; see `VirtualHost.count_up`."""
        if self.confirms is not None:
            self._counters.publish_confirm = self.confirms.published
            self._counters.confirm = self.confirms.confirmed
        return self._counters

    # What the protocol calls

    def before_publishes(self) -> None:
        self._publisher.refresh()

    def publish(self, method: bytes, header: bytes, body: bytes) -> None:
        self._publisher.refresh()
        self._publisher.publish_one(method, header, body)

    def publish_announced(self, body_bytes: int) -> None:
        limit_bytes = self.connection.message_size_max_bytes
        if body_bytes > limit_bytes:
            text = f"message size {body_bytes} is larger than configured max size {limit_bytes}"
            raise AMQPError(PRECONDITION_FAILED, text)

    def acknowledge(self, acks: list[tuple[int, bool]]) -> None:
        self._settle_tags(acks, "ack")

    def discard(self, discards: list[tuple[int, bool]]) -> None:
        self._settle_tags(discards, "discard")

    def _settle_tags(self, tags: list[tuple[int, bool]], how: str) -> None:
        """Settles what stands for (delivery tag, multiple), as far as there are such tags. Raises 406 at the first."""
        if self.transaction is not None:
            for tag, multiple in tags:
                tx.settle(self, tag, multiple, how)
            return
        # What different consumers reject becomes dead letters in the order in which it was rejected.
        apart = how == "discard" and len(self.by_number) > 1
        entries: list[Entry] = []
        try:
            for tag, multiple in tags:
                taken = self.unacked.take(tag, multiple)
                if apart and entries and (multiple or taken[0][2] != entries[-1][2]):
                    done, entries = entries, []
                    self.settle(done, how)
                entries += taken
                if apart and multiple:
                    done, entries = entries, []
                    self.settle(done, how)
        finally:
            self.settle(entries, how)

    def method(self, method: Method) -> None:
        handler = HANDLERS.get(method.id)
        if handler is None or method.id not in ROWS:
            raise AMQPError(COMMAND_INVALID, "unimplemented method")
        handler(self, method)

    def reply(self, method: Method, *, nowait: bool = False, after: int = 0) -> None:
        """Answers a method, unless its client asked for no answer. after: see `reply_octets`."""
        if not nowait:
            self.reply_octets(encode_frame(self.number, method), after)

    def reply_octets(self, octets: bytes, after: int) -> None:
        """Answers when the journal has written so far, and not before the answers that wait already."""
        self.connection.reply(self.number, octets, after)

    def when_defined(self, durable: bool) -> int:
        """What the journal has to have written before a definition may be told to be there, or gone."""
        journal = self.connection.broker.journal
        return journal.defined_number if durable and journal is not None else 0

    def consume_ok(self, consumer_tag: str, nowait: bool) -> None:
        """Answers basic.consume: nothing is delivered before that is out."""
        self.reply(Basic.ConsumeOk(consumer_tag=consumer_tag), nowait=nowait)
        if self.number in self.connection.wire.held:
            self.waits_to_deliver = True
            self.budget.writable = False

    def replies_are_out(self) -> None:
        """No answer waits any more."""
        if self.waits_to_deliver:
            self.waits_to_deliver = False
            self.budget.writable = not self.connection.full
            self.wake()

    def closed(self) -> None:
        """Whatever the client held goes back; its consumers are gone."""
        self.is_closed = True
        self._consumer_timeout.stop()
        consumer_count = len(self.consumers)
        left = [consumer.queue for consumer in self.consumers.values()]
        for tag in list(self.consumers):
            self.remove_consumer(tag)
        if self.reply_consumer is not None:
            self.drop_reply_consumer()
        entries = self.unacked.take(0, True)
        if self.transaction is not None:
            entries += [entry for settled, _ in self.transaction.settled for entry in settled.values()]
        self.settle(entries, Return.LOST)
        for target in left:
            # It may have had the single active consumer, and others wait.
            target.drain()
        self.keep_counters()
        self.connection.channel_closed(self)
        self.connection.vhost.events.channel_closed(self, consumer_count, self.connection.user_name)

    # Publishing

    def publish_run(self, group: RouteGroup, messages: Sequence[Message]) -> None:
        """Messages with one destination are on their way."""
        if group.logged:
            for part in by_flags(messages, OWN_FLAGS if group.by_level else PERSISTENT):
                self._publish_part(group, part)
        else:
            self._publish_part(group, messages)
        if self.connection.broker.blocked_reason is not None:
            self.connection.published_while_blocked()

    def _publish_part(self, group: RouteGroup, messages: Sequence[Message]) -> None:
        """Messages that are all recorded, or none of them."""
        if self.transaction is not None:
            self.transaction.published.append((group, messages))
        elif group.refusing:
            for message in messages:
                self._publish_if_taken(group, message)
        else:
            self._count_publishes(group, messages)
            self.route_run(group, messages)

    def _publish_if_taken(self, group: RouteGroup, message: Message) -> None:
        """A message of which some queue may say that it is full: the others have it, and its publisher a nack."""
        refusers = group.refusers(message)
        if not refusers:
            self._count_publishes(group, [message])
        elif self.confirms is not None:
            self.confirms.refuse()
            self.connection.confirms_due(self)
        self.route_run(group, [message], refusers)

    def _count_publishes(self, group: RouteGroup, messages: Sequence[Message]) -> None:
        if self.confirms is not None:
            journal = self.connection.broker.journal
            if journal is not None and (group.kept or group.recording(messages[0][3])):
                self.confirms.wait(len(messages), journal.open_number)
                self.connection.confirms_wait(self, journal)
            else:
                self.confirms.add(len(messages))
                self.connection.confirms_due(self)

    def route_committed(self, group: RouteGroup, messages: Sequence[Message]) -> bool:
        """Messages of a transaction; False: a full queue did not take one of them."""
        # Queues may be gone since it was published, or refuse now.
        left = tuple(target for target in group.queues if not target.deleted)
        group = RouteGroup(group.exchange, left, group.mandatory, self._counters)
        if not group.refusing:
            self.route_run(group, messages)
            return True
        all_taken = True
        for message in messages:
            refusers = group.refusers(message)
            all_taken = all_taken and not refusers
            self.route_run(group, [message], refusers)
        return all_taken

    def route_run(self, group: RouteGroup, messages: Sequence[Message], refusers: Sequence[Queue] = ()) -> None:
        """Puts messages into their queues, or sends them back. refusers: those that take none."""
        vhost = self.connection.vhost
        if group.count:
            group.count += len(messages)
        else:
            group.count = len(messages)
            vhost.will_count(group)
        if vhost.message_sizes is not None:
            vhost.message_sizes.observe(messages)
        if refusers:
            group = group.without(refusers)
        tap = vhost.tap
        if tap is not None:
            tap.published(self, group.exchange, group.queues, messages)
        if group.mandatory:
            if tap is not None:
                tap.returned(messages)
            wire = self.connection.wire
            for message in messages:
                wire.write(return_frames(self.number, message, wire.frame_max_bytes))
        if group.logged and (recording := group.recording(flags := messages[0][3])):
            journal = self.connection.broker.journal
            assert journal is not None
            journal.publish([target.part_for(flags) for target in recording], messages)
            self.connection.publishes_logged = True
        if len(group.queues) == 1:
            self._put(group.queues[0], messages)
        else:
            with vhost.dead_letters.held():
                for target in group.queues:
                    self._put(target, messages)
        for refuser in refusers:
            # What others take is with them before the dead letter of this one may come there.
            assert refuser.rules is not None
            refuser.rules.refused(messages[0])

    def _put(self, target: Queue, messages: Sequence[Message]) -> None:
        target.extend(messages)
        if target.is_lagging:
            self.connection.lagging = target

    # Delivering

    def deliver(
        self,
        consumer: Consumer,
        positions: Sequence[int],
        messages: Sequence[Message],
        redelivered: bool,
    ) -> None:
        """Takes what a queue gives to a consumer of this channel."""
        count = len(messages)
        tag = self.next_delivery_tag
        self.next_delivery_tag = tag + count
        number = consumer.number
        vhost = self.connection.vhost
        if consumer.given:
            consumer.given += count
        else:
            consumer.given = count
            vhost.will_count(consumer)
        if redelivered:
            consumer.queue.counters.redeliver += count
            self._counters.redeliver += count
        if not consumer.no_ack:
            self.unacked.entries.update(
                zip(range(tag, tag + count), zip(positions, messages, repeat(number)), strict=False)
            )
        wire = self.connection.wire
        wire.outbox_bytes += self.lanes[number].lay(wire.outbox, tag, messages, redelivered)
        if not wire.touched:
            wire.touched = True
            self.connection.touched()
        if wire.outbox_bytes > OUTBOX_MAX_BYTES:
            self.connection.fill()
        tap = vhost.tap
        if tap is not None:
            tap.delivered(consumer, positions, messages, redelivered)

    def cancelled(self, consumer: Consumer) -> None:
        """The queue of a consumer was deleted."""
        del self.consumers[consumer.tag]
        self._forget_if_done(consumer)
        if self.connection.has_capability("consumer_cancel_notify"):
            self.reply(Basic.Cancel(consumer_tag=consumer.tag, nowait=True))

    def outlet(self) -> object:
        return self.connection

    def client(self) -> Client:
        return Client(self.connection.name, self.number, self.connection.user_name)

    # Settling

    def settle(self, entries: Sequence[Entry], how: str) -> None:
        """Does with what the client had as it says. how: 'ack', 'discard' or a Return."""
        if not entries:
            return
        if how == "ack":
            self._settle(entries, how)
            return
        # What queues give up by that comes to others when those have all that is theirs, and have given it out.
        with self.connection.vhost.dead_letters.held():
            self._settle(entries, how)

    def _settle(self, entries: Sequence[Entry], how: str) -> None:
        number = entries[0][2]
        if all([entry[2] == number for entry in entries]):
            self._settle_consumer(self.by_number[number], entries, how)
            return
        by_number: dict[int, list[Entry]] = {}
        for entry in entries:
            by_number.setdefault(entry[2], []).append(entry)
        if how == Return.LOST:
            self._settle_lost(by_number)
            return
        # All that goes back is back before anything goes out again.
        queues: dict[Queue, None] = {}
        for number, own in by_number.items():
            consumer = self.by_number[number]
            queues[consumer.queue] = None
            self._return_to_queue(consumer, own, how)
        self._wake_siblings()
        for target in queues:
            target.drain()

    def _settle_lost(self, by_number: dict[int, list[Entry]]) -> None:
        """The channel is closed: a queue gets back at once what all of its consumers here had.

        Source: RabbitMQ `rabbit_amqqueue_process:handle_ch_down`.
        """
        by_queue: dict[Queue, list[int]] = {}
        for number in by_number:
            by_queue.setdefault(self.by_number[number].queue, []).append(number)
        for target, numbers in by_queue.items():
            entries = [(position, message) for number in numbers for position, message, _ in by_number[number]]
            target.requeue(entries, Return.LOST)
            consumers = [self.by_number[number] for number in numbers]
            for consumer in consumers:
                target.settle(consumer, len(by_number[consumer.number]))
                self._forget_if_done(consumer)
            tap = self.connection.vhost.tap
            if tap is not None:
                for consumer in consumers:
                    tap.settled(consumer, by_number[consumer.number], "requeue")
        for target in by_queue:
            target.drain()

    def _settle_consumer(self, consumer: Consumer, entries: Sequence[Entry], how: str) -> None:
        self._return_to_queue(consumer, entries, how)
        self._wake_siblings()
        consumer.queue.drain()

    def _return_to_queue(self, consumer: Consumer, entries: Sequence[Entry], how: str) -> None:
        target = consumer.queue
        comes_back = how in _RETURNS
        if how == "discard":
            # It has credit before its dead letters are anywhere: they may come back to it.
            target.settle(consumer, len(entries))
        if comes_back:
            target.requeue([(position, message) for position, message, _ in entries], Return(how))
        elif how == "ack":
            target.counters.ack += len(entries)
            self._counters.ack += len(entries)
            target.forget(entries)
        else:
            target.discard(entries)
            if target.rules is None:
                # Otherwise the rules count it.
                self.connection.vhost.dead_letters.count(target, REJECTED, len(entries))
        if how != "discard":
            target.settle(consumer, len(entries))
        self._forget_if_done(consumer)
        tap = self.connection.vhost.tap
        if tap is not None:
            tap.settled(consumer, entries, "requeue" if comes_back else how)

    def _wake_siblings(self) -> None:
        """A prefetch for the whole channel was freed by one consumer: the others may go on too, not always after it."""
        if self.global_prefetch and not self.is_closed:
            self.wake()

    def wake(self) -> None:
        """The consumers may have capacity again: what waits for them goes out."""
        self.rejoin()
        self.drain()

    def rejoin(self) -> None:
        """The consumers stand in their queues' rounds again if they have capacity."""
        for consumer in self.consumers.values():
            consumer.queue.ready_to_take(consumer)
        if self.reply_consumer is not None:
            self.reply_consumer.queue.ready_to_take(self.reply_consumer)

    def drain(self) -> None:
        """What waits for the consumers goes out.

        The first may take as much as goes into one turn, so each time another one is the first.
        """
        consumers = list(self.consumers.values())
        if consumers:
            first = consumers[0].tag
            self.consumers[first] = self.consumers.pop(first)
        for consumer in consumers:
            consumer.queue.drain()
        if self.reply_consumer is not None:
            self.reply_consumer.queue.drain()

    # Consumers

    def new_number(self, consumer_tag: str) -> int:
        """A number for a consumer, with the lane that lays its deliveries."""
        number = self._next_number
        self._next_number += 1
        self.lanes[number] = DeliverLane(self.number, consumer_tag, self.connection.wire.frame_max_bytes)
        return number

    def add_consumer(self, consumer: Consumer) -> None:
        """A consumer of this channel; it gets nothing before its queue is drained."""
        self.consumers[consumer.tag] = consumer
        self.by_number[consumer.number] = consumer
        consumer.queue.add_consumer(consumer)
        self._consumer_timeout.watch(consumer)

    def remove_consumer(self, tag: str, user: str = INTERNAL_USER) -> None:
        """Ends a consumer, at the user's wish; what it has unacknowledged stays with the channel."""
        consumer = self.consumers.pop(tag)
        consumer.queue.remove_consumer(consumer)
        self._forget_if_done(consumer)
        vhost = self.connection.vhost
        vhost.events.consumer_deleted(vhost.name, consumer, user)
        vhost.consumer_gone(consumer.queue)
        if consumer.queue.deleted:
            self.connection.exclusive_queues.pop(consumer.queue.name, None)

    def getter(self, target: Queue, no_ack: bool) -> Consumer:
        """Stands for basic.get from a queue: what was got is unacknowledged like what was delivered."""
        known = self._getters.get(target.name)
        if known is not None and known.queue is target and not no_ack:
            return known
        if no_ack:
            return Consumer("", target, self, ChannelBudget(), number=self._next_number, no_ack=True)
        getter = self._getters[target.name] = self.stand_in(target)
        self._consumer_timeout.watch(getter)
        return getter

    def keep_counters(self) -> None:
        """The channel goes, and its part in the totals stays."""
        vhost = self.connection.vhost
        vhost.count_up()
        vhost.counters.add(self.counters)

    def has_got(self, target: Queue, no_ack: bool, redelivered: bool) -> None:
        """Counts a message of basic.get."""
        for counters in (target.counters, self._counters):
            if no_ack:
                counters.get_no_ack += 1
            else:
                counters.get += 1
            counters.redeliver += redelivered

    def has_got_nothing(self, target: Queue) -> None:
        """Counts a basic.get from an empty queue."""
        target.counters.get_empty += 1
        self._counters.get_empty += 1

    def stand_in(self, target: Queue) -> Consumer:
        """Stands for who has messages of a queue that no consumer of the channel has."""
        number = self._next_number
        self._next_number += 1
        stand_in = self.by_number[number] = Consumer("", target, self, ChannelBudget(), number=number)
        return stand_in

    def _forget_if_done(self, consumer: Consumer) -> None:
        """A consumer that gets no more and has nothing unacknowledged is not needed any more."""
        if consumer.registered or consumer.outstanding:
            return
        self.by_number.pop(consumer.number, None)
        self.lanes.pop(consumer.number, None)
        if self._getters.get(consumer.queue.name) is consumer:
            del self._getters[consumer.queue.name]

    def expand_queue(self, name: str) -> str:
        """The queue that a name stands for: an empty one for the last declared. Raises 404."""
        if name:
            return name
        if self.last_queue is None:
            raise AMQPError(NOT_FOUND, "no previously declared queue")
        return self.last_queue

    # Direct reply-to

    def reply_consumer_name(self) -> str:
        """The name that stands for this channel's answers. Raises 406."""
        if self.reply_consumer is None:
            raise AMQPError(PRECONDITION_FAILED, "fast reply consumer does not exist")
        return self.reply_consumer.queue.name

    def drop_reply_consumer(self) -> None:
        """Ends the consumer of answers."""
        consumer = self.reply_consumer
        assert consumer is not None
        self.reply_consumer = None
        del self.connection.broker.reply_queues[consumer.queue.name]
        consumer.queue.remove_consumer(consumer)
        self._forget_if_done(consumer)
