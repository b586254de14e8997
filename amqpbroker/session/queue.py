"""queue.*: declare, bind, unbind, purge, delete. Source: RabbitMQ `rabbit_channel:handle_method`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from amqpbroker.errors import ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, AMQPError
from amqpbroker.limits import QUEUES_PER_VHOST_MAX
from amqpbroker.model.arguments import (
    DEAD_LETTER_EXCHANGE,
    assert_equivalent,
    assert_queue_arguments_equivalent,
    check_queue_arguments,
    check_server_named,
    declared_queue_arguments,
)
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.policies.parameters import MAX_QUEUES
from amqpbroker.model.queue import Queue as QueueModel
from amqpbroker.model.queues.quorum import check_delete
from amqpbroker.model.queues.stream import StreamQueue, refusal
from amqpbroker.model.vhost import VirtualHost, check_new_name
from amqpbroker.session.authorize import authorize, authorize_new
from amqpbroker.session.names import clean
from amqpbroker.session.reply_to import REPLY_TO, is_reply_to
from amqpbroker.wire.methods import Queue
from amqpbroker.wire.tables import text

if TYPE_CHECKING:
    from amqpbroker.session.channel import Channel


def declare(channel: "Channel", method: Queue.Declare) -> None:
    name = clean(method.queue)
    durable = False
    if is_reply_to(name):
        ready, consumers = _reply_name(channel, name)
    else:
        queue = _passive(channel, name, method) if method.passive else _declare(channel, name, method)
        # RabbitMQ does not count the consumers of a stream.
        consumers = 0 if isinstance(queue, StreamQueue) else len(queue.consumers)
        name, ready = queue.name, queue.message_count
        durable = queue.durable
    channel.last_queue = name
    ok = Queue.DeclareOk(queue=name, message_count=ready, consumer_count=consumers)
    channel.reply(ok, nowait=method.nowait, after=channel.when_defined(durable))


def _reply_name(channel: "Channel", name: str) -> tuple[int, int]:
    """Names of direct reply-to cannot be declared; one that is there has one consumer by its nature."""
    if name != REPLY_TO and name not in channel.connection.broker.reply_queues:
        raise AMQPError(NOT_FOUND, f"no {channel.connection.vhost.describe('queue', name)}")
    return 0, 1


def _passive(channel: "Channel", name: str, method: Queue.Declare) -> QueueModel:
    authorize(channel.connection, method, queue=name)
    queue = channel.connection.vhost.queue(name, channel.connection)
    if queue.rules is not None:
        queue.rules.used()
    return queue


def _declare(channel: "Channel", name: str, method: Queue.Declare) -> QueueModel:
    connection = channel.connection
    vhost = connection.vhost
    profile = vhost.profile
    arguments = declared_queue_arguments(
        method.arguments,
        profile,
        vhost.default_queue_type or connection.broker.default_queue_type,
        durable=method.durable,
        exclusive=method.exclusive,
        auto_delete=method.auto_delete,
    )
    owner = connection if method.exclusive else None
    # A queue that goes with its connection survives no restart, whatever was asked for.
    durable = method.durable and not method.exclusive
    if name == "":
        check_server_named(arguments, profile)
        name = connection.broker.generate_name("amq.gen")
    else:
        check_new_name("queue", name)
    authorize(connection, method, queue=name)
    vhost.churn.queue_declared += 1
    queue = vhost.queues.get(name)
    if queue is not None:
        if queue.owner is not owner:
            raise vhost.locked(name)
        assert_equivalent("queue", name, vhost.name, "durable", durable, queue.durable)
        assert_equivalent("queue", name, vhost.name, "auto_delete", method.auto_delete, queue.auto_delete)
        assert_queue_arguments_equivalent(name, vhost.name, arguments, queue.arguments, profile)
        if queue.rules is not None:
            queue.rules.used()
        return queue
    if profile.series < (4, 0):
        _check_room(vhost, name)
    dead_letters = arguments.get(DEAD_LETTER_EXCHANGE)
    if dead_letters is not None and dead_letters.kind == "S":
        authorize_new(connection, method, queue=name, dead_letter_exchange=text(dead_letters))
    check_queue_arguments(
        name,
        vhost.name,
        arguments,
        durable=method.durable,
        exclusive=method.exclusive,
        auto_delete=method.auto_delete,
        profile=profile,
    )
    _check_room(vhost, name)
    queue = vhost.new_queue(name, durable=durable, auto_delete=method.auto_delete, owner=owner, arguments=arguments)
    if owner is not None:
        connection.exclusive_queues[name] = queue
    vhost.events.queue_created(vhost.name, queue, connection.user_name)
    return queue


def _check_room(vhost: VirtualHost, name: str) -> None:
    """Whether one more queue may be. Source: RabbitMQ `check_vhost_queue_limit`."""
    set_limit = vhost.parameters.limit(MAX_QUEUES)
    limit = QUEUES_PER_VHOST_MAX if set_limit is None else min(set_limit, QUEUES_PER_VHOST_MAX)
    if len(vhost.queues) >= limit:
        reason = f"queue limit in vhost '{vhost.name}' ({limit}) is reached"
        raise AMQPError(PRECONDITION_FAILED, f"cannot declare queue '{name}': {reason}")


def bind(channel: "Channel", method: Queue.Bind) -> None:
    binding = _binding(channel, method)
    connection = channel.connection
    connection.vhost.exchange(binding.source)
    connection.vhost.queue(binding.destination.name, connection)
    connection.vhost.bind(binding, connection.user_name)
    channel.reply(
        Queue.BindOk(), nowait=method.nowait, after=channel.when_defined(connection.vhost.is_durable(binding))
    )


def unbind(channel: "Channel", method: Queue.Unbind) -> None:
    binding = _binding(channel, method)
    connection = channel.connection
    # Of one that is not there the end may not be on disk yet.
    durable = connection.vhost.is_durable(binding) or not connection.vhost.is_bound(binding)
    if connection.vhost.is_bound(binding):
        connection.vhost.queue(binding.destination.name, connection)
        connection.vhost.unbind(binding, connection.user_name)
    channel.reply(Queue.UnbindOk(), after=channel.when_defined(durable))


def _binding(channel: "Channel", method: Queue.Bind | Queue.Unbind) -> Binding:
    name = channel.expand_queue(method.queue)
    routing_key = method.routing_key
    if method.queue == "" and routing_key == "":
        routing_key = name
    source, name = clean(method.exchange), clean(name)
    if is_reply_to(name) and channel.connection.vhost.profile.series >= (4, 2):
        raise AMQPError(ACCESS_REFUSED, "cannot bind or unbind to a volatile (direct reply-to) queue")
    authorize(channel.connection, method, routing_key, destination=name, source=source)
    return Binding(source, Destination("queue", name), routing_key, method.arguments)


def purge(channel: "Channel", method: Queue.Purge) -> None:
    connection = channel.connection
    name = channel.expand_queue(method.queue)
    authorize(connection, method, queue=name)
    queue = connection.vhost.queue(name, connection)
    if isinstance(queue, StreamQueue):
        raise refusal("queue.purge", queue.name, connection.vhost.name)
    channel.reply(Queue.PurgeOk(message_count=queue.purge()), nowait=method.nowait)


def delete(channel: "Channel", method: Queue.Delete) -> None:
    connection = channel.connection
    vhost = connection.vhost
    name = clean(channel.expand_queue(method.queue))
    authorize(connection, method, queue=name)
    queue = vhost.queues.get(name)
    count = 0
    if queue is not None:
        vhost.check_owner(queue, connection)
        # A stream goes whatever is in it, and tells no count.
        if not isinstance(queue, StreamQueue):
            check_delete(
                queue, vhost.describe("queue", queue.name), if_unused=method.if_unused, if_empty=method.if_empty
            )
            if method.if_unused and queue.consumers:
                raise AMQPError(PRECONDITION_FAILED, f"{vhost.describe('queue', queue.name)} in use")
            if method.if_empty and queue.message_count:
                raise AMQPError(PRECONDITION_FAILED, f"{vhost.describe('queue', queue.name)} not empty")
            count = queue.message_count
    ok = Queue.DeleteOk(message_count=count)
    if queue is None:
        # Its end may have been another client's wish a moment ago, and not be on disk yet.
        channel.reply(ok, nowait=method.nowait, after=channel.when_defined(True))
    else:
        # The answer goes out before the consumers are told: clients of theirs take a cancel in its place for a failure.
        journal = connection.broker.journal
        channel.reply(ok, nowait=method.nowait, after=journal.open_number if journal is not None and queue.log else 0)
        vhost.delete_queue(queue, connection.user_name)
        connection.exclusive_queues.pop(queue.name, None)


HANDLERS: dict[tuple[int, int], Callable[..., None]] = {
    (50, 10): declare,
    (50, 20): bind,
    (50, 30): purge,
    (50, 40): delete,
    (50, 50): unbind,
}
