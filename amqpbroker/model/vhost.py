"""A virtual host: exchanges, queues and what binds them."""

from collections.abc import Sequence

from amqpbroker.errors import (
    ACCESS_REFUSED,
    COMMAND_INVALID,
    NOT_FOUND,
    PRECONDITION_FAILED,
    RESOURCE_LOCKED,
    AMQPError,
)
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.definitions import BINDING, EXCHANGE, QUEUE, binding_name, exchange_content, queue_content
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.exchanges import EXCHANGE_TYPES, DefaultExchange
from amqpbroker.model.ports import Clock, Journal
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.routing import Routing, route
from amqpbroker.profiles import Profile
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
    """version: changes with the topology; whoever keeps routing decisions compares it.

    journal: where what is durable is recorded; None keeps everything in memory.
    """

    def __init__(self, name: str, profile: Profile, clock: Clock, journal: Journal | None = None) -> None:
        self.name = name
        self.profile = profile
        self.clock = clock
        self.journal = journal
        self.version = 0
        self.queues: dict[str, Queue] = {}
        self.exchanges: dict[str, Exchange] = {"": DefaultExchange()}
        self._bindings_to: dict[Destination, dict[Binding, None]] = {}
        for exchange, kind, internal in PREDECLARED:
            self.exchanges[exchange] = EXCHANGE_TYPES[kind](exchange, True, False, internal, {})

    def describe(self, kind: str, name: str) -> str:
        """How RabbitMQ's texts name a thing: `queue 'tasks' in vhost '/'`."""
        return f"{kind} '{name}' in vhost '{self.name}'"

    # Exchanges

    def exchange(self, name: str) -> Exchange:
        """The exchange of that name. Raises 404."""
        exchange = self.exchanges.get(name)
        if exchange is None:
            raise AMQPError(NOT_FOUND, f"no {self.describe('exchange', name)}")
        return exchange

    def exchange_type(self, kind: str) -> type[Exchange]:
        """The type of exchange of that name. Raises 503 on the connection, since 4.0 406 on the channel."""
        found = EXCHANGE_TYPES.get(kind)
        if found is None:
            code = PRECONDITION_FAILED if self.profile.series >= (4, 0) else COMMAND_INVALID
            raise AMQPError(code, f"unknown exchange type '{kind}'")
        return found

    def add_exchange(self, exchange: Exchange) -> None:
        """Takes in a new exchange."""
        self.exchanges[exchange.name] = exchange
        self.version += 1
        if self.journal is not None and exchange.durable:
            self.journal.define(EXCHANGE, self.name, exchange.name, exchange_content(exchange))

    def delete_exchange(self, name: str) -> None:
        """Removes an exchange with its bindings in both directions."""
        exchange = self.exchanges.pop(name, None)
        if exchange is None:
            return
        self.version += 1
        if self.journal is not None and exchange.durable:
            self.journal.undefine(EXCHANGE, self.name, name)
        for binding in list(exchange.bindings):
            self._forget_binding_to(binding)
        self._unbind_all_to(Destination("exchange", name))

    # Bindings

    def bind(self, binding: Binding) -> None:
        """Binds; the same again changes nothing."""
        exchange = self.exchanges[binding.source]
        exchange.check_binding(binding, self.profile)
        if exchange.bind(binding):
            self._bindings_to.setdefault(binding.destination, {})[binding] = None
            self.version += 1
            if self.journal is not None and self.is_durable(binding):
                self.journal.define(BINDING, self.name, binding_name(binding), {})

    def unbind(self, binding: Binding) -> None:
        """Unbinds; what is not there is no error. An auto-delete exchange goes with its last binding."""
        exchange = self.exchanges.get(binding.source)
        if exchange is None or not exchange.unbind(binding):
            return
        self.version += 1
        self._forget_binding_to(binding)
        if exchange.auto_delete and not exchange.bindings:
            self.delete_exchange(exchange.name)

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

    def _unbind_all_to(self, destination: Destination) -> None:
        for binding in self.bindings_to(destination):
            self.unbind(binding)

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
        queue: Queue
        if self.journal is None:
            queue = Queue(name, durable=durable, auto_delete=auto_delete, owner=owner, arguments=arguments)
        else:
            queue = paged = PagedQueue(
                name, self.journal, durable=durable, auto_delete=auto_delete, owner=owner, arguments=arguments
            )
            if durable:
                queue.log = log = self.journal.new_queue(paged)
                self.journal.define(QUEUE, self.name, name, queue_content(queue, log.id))
        self.add_queue(queue)
        return queue

    def add_queue(self, queue: Queue) -> None:
        """Takes in a new queue."""
        self.queues[queue.name] = queue
        self.version += 1

    def delete_queue(self, queue: Queue) -> int:
        """Removes a queue with its bindings and consumers; returns how many messages waited in it."""
        count = queue.delete()
        del self.queues[queue.name]
        self.version += 1
        self._unbind_all_to(Destination("queue", queue.name))
        if self.journal is not None and queue.log is not None:
            self.journal.undefine(QUEUE, self.name, queue.name)
            self.journal.forget_queue(queue.log)
        for consumer in list(queue.consumers):
            queue.remove_consumer(consumer)
            consumer.sink.cancelled(consumer)
        return count

    def consumer_gone(self, queue: Queue) -> None:
        """A consumer was removed: an auto-delete queue goes with its last one."""
        if queue.auto_delete and queue.had_consumer and not queue.consumers and not queue.deleted:
            self.delete_queue(queue)

    # Routing

    def route(self, exchange: Exchange, routing_keys: Sequence[str], headers: Table) -> Routing:
        """Where a message goes; see `model.routing`."""
        return route(self.exchanges, self.queues, exchange, routing_keys, headers)


def check_new_name(kind: str, name: str) -> str:
    """A name for a new thing: not one of the server's own. Raises 403."""
    if name.startswith("amq."):
        raise AMQPError(ACCESS_REFUSED, f"{kind} name '{name}' contains reserved prefix 'amq.*'")
    return name
