"""A virtual host: exchanges, queues and what binds them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from amqpbroker.errors import (
    ACCESS_REFUSED,
    COMMAND_INVALID,
    NOT_FOUND,
    PRECONDITION_FAILED,
    RESOURCE_LOCKED,
    AMQPError,
)
from amqpbroker.limits import UNCOUNTED_MAX
from amqpbroker.model.arguments import CLASSIC, QUEUE_TYPES, QUORUM, STREAM, queue_type
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.counters import Churn, Counters, Traffic
from amqpbroker.model.dead_letter import DeadLetters
from amqpbroker.model.definitions import (
    BINDING,
    EXCHANGE,
    QUEUE,
    VHOST,
    Content,
    binding_name,
    exchange_content,
    queue_content,
)
from amqpbroker.model.dispatch import new_strategy
from amqpbroker.model.exchange import Exchange, Kept
from amqpbroker.model.exchanges import EXCHANGE_TYPES, DefaultExchange
from amqpbroker.model.message import EXPIRES, OWN_FLAGS, PERSISTENT, Message, address_of, by_flags, flags_of
from amqpbroker.model.message_sizes import MessageSizes
from amqpbroker.model.observing.announcer import INTERNAL_USER, Announcer
from amqpbroker.model.observing.events import Events
from amqpbroker.model.observing.taps import with_tap, without_tap
from amqpbroker.model.policies.parameters import Parameters
from amqpbroker.model.policies.validation import InvalidParameterError
from amqpbroker.model.ports import Clock, Journal, RecordedQueue, Store, Tap, Uncounted
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.paged import NO_STORE, PagedQueue
from amqpbroker.model.queues.priority import PriorityQueue, classic_levels
from amqpbroker.model.queues.quorum import QuorumQueue, QuorumRules, order_of
from amqpbroker.model.queues.rules import Rules
from amqpbroker.model.queues.stream import StreamQueue
from amqpbroker.model.routing import Routing, route
from amqpbroker.model.settings import queue_settings
from amqpbroker.model.single_active import SingleActive
from amqpbroker.profiles import Profile
from amqpbroker.wire.properties import Properties, encode
from amqpbroker.wire.tables import Table

PREDECLARED = (
    ("amq.direct", "direct", False),
    ("amq.fanout", "fanout", False),
    ("amq.headers", "headers", False),
    ("amq.match", "headers", False),
    ("amq.topic", "topic", False),
    ("amq.rabbitmq.trace", "topic", True),
)


class VirtualHost:
    """version: changes with the topology and with what users may; whoever keeps decisions compares it.

    random_bytes: where chance comes from. journal: where what is durable is recorded; None keeps everything in memory.
    events: who is told what happens here; user, where it is asked for, is at whose wish. tap: who watches the traffic.
    parameters: what is set by name: policies, limits. counters: what channels that are closed have counted, and of
    exchanges and queues that are deleted what no channel counts; queue_counters: of queues that are deleted all, by
    their type. traffic: of connections that are closed. message_sizes: None until somebody wants to
    know them. churn: of queues, here and maybe elsewhere.
    default_queue_type: of a queue that is declared without a type; None: the broker's. description, tags: for people.
    protected_from_deletion: operators may not delete it. recorded: a restart remembers it though nothing is in it.
    firehose: the tap that traces it; None: it is not traced.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        random_bytes: Callable[[int], bytes],
        clock: Clock,
        journal: Journal | None = None,
        events: Events | None = None,
        churn: Churn | None = None,
    ) -> None:
        self.name = name
        self.profile = profile
        self.random_bytes = random_bytes
        self.clock = clock
        self.journal = journal
        self.events = events or Events(profile, clock, Announcer(clock), "")
        self.tap: Tap | None = None
        self.firehose: Tap | None = None
        self.version = 0
        self.queues: dict[str, Queue] = {}
        self.exchanges: dict[str, Exchange] = {"": DefaultExchange()}
        self.dead_letters = DeadLetters(self)
        self.parameters = Parameters(self)
        self.default_queue_type: str | None = None
        self.description = ""
        self.tags: tuple[str, ...] = ()
        self.protected_from_deletion = False
        self.recorded = False
        self.counters = Counters()
        self.message_sizes: MessageSizes | None = None
        self._uncounted: list[Uncounted] = []
        self.queue_counters: dict[str, Counters] = {}
        self.traffic = Traffic()
        self.churn = churn or Churn()
        self._bindings_to: dict[Destination, dict[Binding, None]] = {}
        for exchange, kind, internal in PREDECLARED:
            self.exchanges[exchange] = EXCHANGE_TYPES[kind](exchange, True, False, internal, {})

    def describe(self, kind: str, name: str) -> str:
        """How RabbitMQ's texts name a thing: `queue 'tasks' in vhost '/'`."""
        return f"{kind} '{name}' in vhost '{self.name}'"

    # What it is itself

    def set_metadata(
        self, *, description: str, tags: Sequence[str], default_queue_type: str | None, user: str = INTERNAL_USER
    ) -> None:
        """Changes what is said of it, and what its queues are without a type of their own; see the attributes.

        Raises InvalidParameterError if there is no such type, and nothing has changed.
        """
        check_queue_type(default_queue_type)
        self.description, self.tags, self.default_queue_type = description, tuple(tags), default_queue_type
        self.record()
        self.events.access.vhost_told("updated", self, user)

    def set_default_queue_type(self, kind: str | None) -> None:
        """Queues that are declared without a type are of this one, where they can be; None: of the broker's.

        Raises InvalidParameterError if there is no such type.
        """
        self.set_metadata(description=self.description, tags=self.tags, default_queue_type=kind)

    def protect_from_deletion(self, is_protected: bool) -> None:
        """Whether operators may delete it: whoever deletes it asks first."""
        if is_protected != self.protected_from_deletion:
            self.protected_from_deletion = is_protected
            self.record()

    def record(self) -> None:
        """It is worth remembering from now on."""
        if self.journal is not None:
            self.recorded = True
            content = {
                "default_queue_type": self.default_queue_type,
                "description": self.description,
                "tags": list(self.tags),
                "protected_from_deletion": self.protected_from_deletion,
            }
            self.journal.define(VHOST, self.name, "", content)

    def take_metadata(self, content: Content) -> None:
        """Takes in what is recorded of it; what was recorded once knew the queue type alone."""
        self.default_queue_type = content["default_queue_type"]
        self.description, self.tags = content.get("description", ""), tuple(content.get("tags", ()))
        self.protected_from_deletion = content.get("protected_from_deletion", False)
        self.recorded = True

    def empty(self, user: str) -> None:
        """It is deleted, with all that is in it; its connections are gone."""
        for queue in list(self.queues.values()):
            self.delete_queue(queue, user)
        for name in list(self.exchanges):
            self.delete_exchange(name, user)
        self.parameters.clear_all(user)
        if self.journal is not None:
            self.journal.undefine(VHOST, self.name, "")

    def abandon(self) -> None:
        """It is forgotten with all that is in it, of which nothing is recorded: nothing of it falls due any more."""
        self.count_up()
        by_kind: dict[str, list[Counters]] = {}
        for queue in self.queues.values():
            queue.abandon()
            by_kind.setdefault(queue.settings.kind, []).append(queue.counters)
        for kind, counters in by_kind.items():
            self.queue_counters.setdefault(kind, Counters()).add_all(counters)
        self.churn.queue_deleted += len(self.queues)
        self.counters.add_all([exchange.counters for exchange in self.exchanges.values()])
        for exchange in self.exchanges.values():
            if exchange.hidden is not None:
                exchange.hidden.discard()

    # What is counted

    def will_count(self, uncounted: Uncounted) -> None:
        """Something has counted for others, and goes on doing so until it is asked to `count_up`."""
        self._uncounted.append(uncounted)
        if len(self._uncounted) >= UNCOUNTED_MAX:
            self.count_up()

    def count_up(self) -> None:
        """From now on the counters of exchanges, queues and channels are true. To be called before they are read."""
        uncounted, self._uncounted = self._uncounted, []
        for one in uncounted:
            one.count_up()

    def _keep_counters(self, queue: Queue) -> None:
        """A queue goes, and its part in the totals stays; channels have counted what it gave to clients."""
        self.count_up()
        self.churn.queue_deleted += 1
        self.queue_counters.setdefault(queue.settings.kind, Counters()).add(queue.counters)
        self.counters.disk_reads += queue.counters.disk_reads
        self.counters.disk_writes += queue.counters.disk_writes

    # Who watches

    def watch(self, tap: Tap) -> None:
        """From now on tap is told of the traffic."""
        self.tap = with_tap(self.tap, tap)

    def unwatch(self, tap: Tap) -> None:
        """Tap is told of nothing more, if it ever was."""
        self.tap = without_tap(self.tap, tap)

    # Exchanges

    def exchange(self, name: str) -> Exchange:
        """The exchange of that name. Raises 404."""
        exchange = self.exchanges.get(name)
        if exchange is None:
            raise AMQPError(NOT_FOUND, f"no {self.describe('exchange', name)}")
        return exchange

    def exchange_type(self, kind: str) -> type[Exchange]:
        """The type of exchange of that name. Raises 503 on the connection, since 4.0 406 on the channel."""
        return exchange_type(kind, self.profile)

    def add_exchange(self, exchange: Exchange) -> None:
        """Takes in a new exchange."""
        self.exchanges[exchange.name] = exchange
        self.parameters.apply_to_exchange(exchange)
        exchange.taken_in(self)
        self.version += 1
        if self.journal is not None and exchange.durable:
            if exchange.hidden is not None and exchange.remembers:
                exchange.hidden.log = self.journal.new_queue(exchange.hidden)
            self.journal.define(EXCHANGE, self.name, exchange.name, exchange_content(exchange))

    def declare_own(self, name: str) -> Exchange:
        """A topic exchange that only the broker publishes to. It is not recorded: every start declares it."""
        exchange = self.exchanges.get(name)
        if exchange is None:
            exchange = self.exchanges[name] = EXCHANGE_TYPES["topic"](name, True, False, True, {})
            self.version += 1
        return exchange

    def delete_exchange(self, name: str, user: str = INTERNAL_USER) -> None:
        """Removes an exchange with its bindings in both directions."""
        exchange = self.exchanges.pop(name, None)
        if exchange is None:
            return
        self.version += 1
        self.count_up()
        self.counters.add(exchange.counters)
        if self.journal is not None and exchange.durable:
            self.journal.undefine(EXCHANGE, self.name, name)
        if exchange.hidden is not None:
            if self.journal is not None and exchange.hidden.log is not None:
                self.journal.forget_queue(exchange.hidden.log)
            exchange.hidden.discard()
        self.events.exchange_deleted(self.name, name, user)
        for binding in list(exchange.bindings):
            self._forget_binding_to(binding)
            self.events.binding_deleted(self.name, binding, user)
        self._unbind_all_to(Destination("exchange", name), user)

    # Bindings

    def bind(self, binding: Binding, user: str = INTERNAL_USER) -> None:
        """Binds; the same again changes nothing."""
        exchange = self.exchanges[binding.source]
        kind, name = binding.destination
        exchange.check_binding(binding, self.profile, self.queues[name] if kind == "queue" else None)
        if exchange.bind(binding):
            self._bindings_to.setdefault(binding.destination, {})[binding] = None
            self.version += 1
            if self.journal is not None and self.is_durable(binding):
                self.journal.define(BINDING, self.name, binding_name(binding), {})
            self._hand_over_history(exchange, binding.destination)
            self.events.binding_created(self.name, binding, user)

    def _hand_over_history(self, exchange: Exchange, destination: Destination) -> None:
        """What an exchange keeps goes to a new destination, too; through an exchange the newest first.

        Source: RabbitMQ `rabbit_exchange_type_recent_history:add_binding/3`.
        """
        history = exchange.history()
        if destination.kind == "queue":
            for kept in history:
                self.put([self.queues[destination.name]], [kept.message])
        else:
            for kept in reversed(history):
                self.publish_kept(self.exchanges[destination.name], kept)

    def unbind(self, binding: Binding, user: str = INTERNAL_USER) -> None:
        """Unbinds; what is not there is no error. An auto-delete exchange goes with its last binding."""
        exchange = self.exchanges.get(binding.source)
        if exchange is None or not exchange.unbind(binding):
            return
        self.version += 1
        self._forget_binding_to(binding)
        if exchange.auto_delete and not exchange.bindings:
            self.delete_exchange(exchange.name, user)
        self.events.binding_deleted(self.name, binding, user)

    def is_durable(self, binding: Binding) -> bool:
        """Whether a binding survives a restart: what it leads from and to has to."""
        kind, name = binding.destination
        ends = (self.exchanges.get(binding.source), (self.queues if kind == "queue" else self.exchanges).get(name))
        return all(end is not None and end.durable for end in ends)

    def is_bound(self, binding: Binding) -> bool:
        """Whether there is such a binding."""
        return binding in self._bindings_to.get(binding.destination, ())

    def bindings_to(self, destination: Destination) -> Sequence[Binding]:
        """The bindings that lead to a queue or exchange."""
        return tuple(self._bindings_to.get(destination, ()))

    def _forget_binding_to(self, binding: Binding) -> None:
        bindings = self._bindings_to[binding.destination]
        del bindings[binding]
        if self.journal is not None:
            self.journal.undefine(BINDING, self.name, binding_name(binding))
        if not bindings:
            del self._bindings_to[binding.destination]

    def _unbind_all_to(self, destination: Destination, user: str = INTERNAL_USER) -> None:
        for binding in self.bindings_to(destination):
            self.unbind(binding, user)

    # Queues

    def queue(self, name: str, connection: object) -> Queue:
        """The queue of that name. Raises 404, and 405 if it belongs to another connection."""
        queue = self.queues.get(name)
        if queue is None:
            raise AMQPError(NOT_FOUND, f"no {self.describe('queue', name)}")
        self.check_owner(queue, connection)
        return queue

    def check_owner(self, queue: Queue, connection: object) -> None:
        """Raises 405 if the queue is exclusive to another connection."""
        if queue.owner is not None and queue.owner is not connection:
            raise self.locked(queue.name)

    def locked(self, name: str) -> AMQPError:
        """405: the queue is another connection's, or was not declared so."""
        return AMQPError(
            RESOURCE_LOCKED,
            f"cannot obtain exclusive access to locked {self.describe('queue', name)}. It could be originally declared"
            " on another connection or the exclusive property value does not match that of the original declaration.",
        )

    def new_queue(
        self, name: str, *, durable: bool, auto_delete: bool, owner: object | None, arguments: Table
    ) -> Queue:
        """A queue of the kind that this virtual host has, taken in."""
        queue = self.make_queue(self.journal or NO_STORE, name, durable, auto_delete, owner, arguments)
        if self.journal is not None and durable:
            if isinstance(queue, PriorityQueue):
                queue.part(queue.first_level)
            else:
                queue.log = self.journal.new_queue(queue)
                self.journal.define(QUEUE, self.name, name, queue_content(queue))
        self.add_queue(queue)
        self.churn.queue_created += 1
        return queue

    def make_queue(
        self, store: Store, name: str, durable: bool, auto_delete: bool, owner: object | None, arguments: Table
    ) -> PagedQueue | PriorityQueue | StreamQueue:
        """A queue as its arguments want it, which nobody knows yet. store: where it puts what leaves memory."""
        kind = queue_type(arguments, self.profile)
        max_priority = queue_settings(kind, arguments, self.profile).max_priority
        if kind == CLASSIC and max_priority is not None:
            # Since 3.13 there are two levels at least.
            levels = classic_levels(max(max_priority, 1 if self.profile.series >= (4, 0) else 0))
            queue = PriorityQueue(
                name, store, levels, durable=durable, auto_delete=auto_delete, owner=owner, arguments=arguments
            )
            if durable:
                queue.new_part = partial(self._record_part, queue)
            return queue
        if kind == QUORUM:
            quorum = QuorumQueue(name, store, order_of(self.profile), durable=durable, arguments=arguments)
            quorum.new_part = partial(self._record_part, quorum)
            return quorum
        if kind == STREAM:
            return StreamQueue(name, self.clock, store, arguments=arguments)
        return PagedQueue(name, store, durable=durable, auto_delete=auto_delete, owner=owner, arguments=arguments)

    def _record_part(self, queue: PriorityQueue, part: RecordedQueue) -> None:
        """A part of a durable queue has a log of its own, which the queue's definition has to name."""
        if self.journal is not None:
            part.log = self.journal.new_queue(part)
            queue.log = queue.log or part.log
            self.journal.define(QUEUE, self.name, queue.name, queue_content(queue))

    def add_queue(self, queue: Queue) -> None:
        """Takes in a new queue."""
        self.queues[queue.name] = queue
        self.version += 1
        self.apply_settings(queue)

    def apply_settings(self, queue: Queue) -> None:
        """What the arguments of a queue and the policies come to holds from now on."""
        kind = queue_type(queue.arguments, self.profile)
        policy, operator_policy = self.parameters.definitions_for_queue(queue.name, kind)
        settings = queue_settings(kind, queue.arguments, self.profile, policy, operator_policy)
        if settings == queue.settings:
            return
        if settings.dispatch_strategy != queue.settings.dispatch_strategy:
            queue.dispatch_by(new_strategy(settings.dispatch_strategy, self.random_bytes))
        if settings.single_active_consumer and queue.single_active is None:
            queue.single_active = SingleActive(kind, self.profile)
        queue.settings = settings
        if isinstance(queue, StreamQueue):
            queue.settings_changed()
        elif queue.rules is not None:
            queue.rules.change(settings)
        elif isinstance(queue, QuorumQueue):
            queue.follow(QuorumRules(queue, self, settings))
        elif Rules.needed_for(settings):
            queue.follow(Rules(queue, self, settings))

    def expect_deadlines(self, queues: Iterable[Queue]) -> None:
        """A message with an expiration of its own is about to be put into these queues."""
        for queue in queues:
            if isinstance(queue, StreamQueue):
                continue
            if queue.rules is None:
                queue.follow(Rules(queue, self, queue.settings))
            assert queue.rules is not None
            queue.rules.has_deadlines = True

    def delete_queue(self, queue: Queue, user: str = INTERNAL_USER) -> int:
        """Removes a queue with its bindings and consumers; returns how many messages waited in it."""
        count = queue.delete()
        del self.queues[queue.name]
        self.version += 1
        self._keep_counters(queue)
        for consumer in queue.consumers:
            self.events.consumer_deleted(self.name, consumer, user)
        self._unbind_all_to(Destination("queue", queue.name))
        self.events.queue_deleted(self.name, queue, user)
        if self.journal is not None and queue.log is not None:
            self.journal.undefine(QUEUE, self.name, queue.name)
            for log in queue.logs():
                self.journal.forget_queue(log)
        for consumer in list(queue.consumers):
            queue.remove_consumer(consumer)
            consumer.sink.cancelled(consumer)
        return count

    def consumer_gone(self, queue: Queue) -> None:
        """A consumer was removed: an auto-delete queue goes with its last one."""
        if queue.auto_delete and queue.had_consumer and not queue.consumers and not queue.deleted:
            self.delete_queue(queue)

    # Routing

    def put(self, queues: Sequence[Queue], messages: Sequence[Message]) -> None:
        """Puts messages into queues, and what is persistent on record; a full queue may not take them."""
        if any(queue.settings.may_refuse for queue in queues):
            for message in messages:
                self._put([queue for queue in queues if not _refuses(queue, message)], [message])
        else:
            self._put(queues, messages)

    def _put(self, queues: Sequence[Queue], messages: Sequence[Message]) -> None:
        logged = [queue for queue in queues if queue.log is not None]
        for part in by_flags(messages, OWN_FLAGS):
            flags = part[0][3]
            if flags & EXPIRES:
                self.expect_deadlines(queues)
            recording = [queue for queue in logged if flags & PERSISTENT or queue.records_transient]
            if recording:
                assert self.journal is not None
                self.journal.publish([queue.part_for(flags) for queue in recording], part)
            with self.dead_letters.held():
                for queue in queues:
                    queue.extend(part)

    def publish_from_server(self, exchange: str, routing_key: str, values: Properties, body: bytes) -> None:
        """The broker itself publishes, to an exchange that is there or not."""
        found = self.exchanges.get(exchange)
        if found is not None:
            flags = flags_of(values.delivery_mode, values.priority, values.expiration is not None)
            message = (address_of(exchange, routing_key), encode(values, len(body)), body, flags)
            self.publish_kept(found, Kept((routing_key,), values, message))

    def publish_kept(self, exchange: Exchange, kept: Kept) -> tuple[str, ...]:
        """A message goes its way from an exchange on, without a publisher; returns the queues that it reaches."""
        routing = self.route(exchange, kept.routing_keys, kept.properties)
        for keeper in routing.keepers:
            keeper.keep(kept)
        queues = [self.queues[name] for name in routing.queue_names]
        if self.tap is not None:
            self.tap.forwarded(exchange, queues, [kept.message])
        if queues:
            self.put(queues, [kept.message])
        return routing.queue_names

    def route(self, exchange: Exchange, routing_keys: Sequence[str], properties: Properties) -> Routing:
        """Where a message goes; see `model.routing`."""
        return route(self.exchanges, self.queues, exchange, routing_keys, properties)


def _refuses(queue: Queue, message: Message) -> bool:
    """Whether a queue does not take a message, which has no publisher who could be told."""
    rules = queue.rules
    if rules is None or rules.takes(message):
        return False
    rules.refused(message)
    return True


def exchange_type(kind: str, profile: Profile) -> type[Exchange]:
    """The type of exchange of that name. Raises 503 on the connection, since 4.0 406 on the channel."""
    found = EXCHANGE_TYPES.get(kind)
    if found is None or profile.series < found.since:
        code = PRECONDITION_FAILED if profile.series >= (4, 0) else COMMAND_INVALID
        raise AMQPError(code, f"unknown exchange type '{kind}'")
    return found


def check_queue_type(kind: str | None) -> None:
    """Raises InvalidParameterError if there is no such type of queues."""
    if kind is not None and kind not in QUEUE_TYPES:
        raise InvalidParameterError(f"{kind} is not a valid queue type")


def check_new_name(kind: str, name: str) -> str:
    """A name for a new thing: not one of the server's own. Raises 403."""
    if name.startswith("amq."):
        raise AMQPError(ACCESS_REFUSED, f"{kind} name '{name}' contains reserved prefix 'amq.*'")
    return name
