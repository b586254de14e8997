"""basic.*: qos, consume, cancel, get, reject, nack, recover. Source: RabbitMQ `rabbit_channel:handle_method`.

Publishes and acks come by their own ways (`publishing`, `channel.acknowledge`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from amqpbroker.errors import (
    ACCESS_REFUSED,
    NOT_ALLOWED,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
    RESOURCE_LOCKED,
    AMQPError,
)
from amqpbroker.limits import CONSUMERS_PER_CHANNEL_MAX
from amqpbroker.model.arguments import CLASSIC, QUORUM, WEIGHT, check_consume_arguments
from amqpbroker.model.consumer import UNLIMITED, Consumer
from amqpbroker.model.message import split_address
from amqpbroker.model.queue import Queue, Return
from amqpbroker.model.queues.quorum import PREFETCH
from amqpbroker.model.queues.stream import StreamQueue, check_consume, refusal
from amqpbroker.session import tx
from amqpbroker.session.authorize import authorize
from amqpbroker.session.reply_to import REPLY_TO
from amqpbroker.wire.frames import content_frames
from amqpbroker.wire.methods import Basic, encode_frame

if TYPE_CHECKING:
    from amqpbroker.session.channel import Channel


def qos(channel: "Channel", method: Basic.Qos) -> None:
    if method.prefetch_size:
        raise AMQPError(NOT_IMPLEMENTED, f"prefetch_size!=0 ({method.prefetch_size})")
    # Since 4.3 a prefetch for the whole channel is taken as one for each consumer.
    if method.global_ and channel.connection.vhost.profile.series < (4, 3):
        channel.global_prefetch = method.prefetch_count
    else:
        channel.prefetch = method.prefetch_count
        channel.global_prefetch = 0
    limit = channel.global_prefetch
    # What consumers have counts, also what waits in a transaction; what basic.get has does not.
    held = sum(one.outstanding for one in channel.by_number.values() if one.tag)
    channel.budget.credit = (limit or UNLIMITED) - held
    channel.reply(Basic.QosOk())
    channel.wake()


def consume(channel: "Channel", method: Basic.Consume) -> None:
    tag = method.consumer_tag
    if tag in channel.consumers:
        raise AMQPError(NOT_ALLOWED, f"attempt to reuse consumer tag '{tag}'")
    if len(channel.consumers) >= CONSUMERS_PER_CHANNEL_MAX:
        raise AMQPError(NOT_ALLOWED, f"reached maximum ({CONSUMERS_PER_CHANNEL_MAX}) of consumers per channel")
    tag = tag or channel.connection.broker.generate_name("amq.ctag")
    if method.queue == REPLY_TO:
        _consume_replies(channel, tag, method)
        return
    connection = channel.connection
    vhost = connection.vhost
    name = channel.expand_queue(method.queue)
    authorize(connection, method, queue=name)
    queue = vhost.queue(name, connection)
    check_consume_arguments(
        queue.name, vhost.name, method.arguments, queue_arguments=queue.arguments, profile=vhost.profile
    )
    is_stream = isinstance(queue, StreamQueue)
    if is_stream:
        check_consume(
            queue.name,
            vhost.name,
            method.arguments,
            no_ack=method.no_ack,
            prefetch=channel.prefetch,
            global_prefetch=channel.global_prefetch,
            profile=vhost.profile,
        )
    if channel.global_prefetch and queue.settings.kind == QUORUM:
        raise AMQPError(NOT_IMPLEMENTED, f"{vhost.describe('queue', queue.name)} does not support global qos")
    # Nobody has a quorum queue or a stream to himself, whatever he asks for.
    exclusive = method.exclusive and queue.settings.kind == CLASSIC
    if queue.exclusive_consumer is not None or (exclusive and (queue.consumers or queue.single_active is not None)):
        raise AMQPError(ACCESS_REFUSED, f"{vhost.describe('queue', queue.name)} in exclusive use")
    priority = method.arguments.get("x-priority")
    weight = method.arguments.get(WEIGHT)
    consumer = Consumer(
        tag,
        queue,
        channel,
        channel.budget,
        number=channel.new_number(tag),
        no_ack=method.no_ack,
        exclusive=exclusive,
        prefetch=channel.prefetch or (PREFETCH if queue.settings.kind == QUORUM else 0),
        priority=priority.value if priority is not None else 0,
        weight=weight.value if weight is not None else 1,
        arguments=method.arguments,
    )
    channel.add_consumer(consumer)
    channel.consume_ok(tag, method.nowait)
    vhost.events.consumer_created(vhost.name, consumer, connection.user_name)
    queue.drain()


def _consume_replies(channel: "Channel", tag: str, method: Basic.Consume) -> None:
    if channel.reply_consumer is not None:
        raise AMQPError(PRECONDITION_FAILED, "reply consumer already set")
    if not method.no_ack:
        raise AMQPError(PRECONDITION_FAILED, "reply consumer cannot acknowledge")
    broker = channel.connection.broker
    queue = Queue(f"{REPLY_TO}.{broker.generate_token()}.{broker.generate_token()}==")
    consumer = Consumer(tag, queue, channel, channel.budget, number=channel.new_number(tag), no_ack=True)
    queue.add_consumer(consumer)
    channel.by_number[consumer.number] = consumer
    channel.reply_consumer = consumer
    broker.reply_queues[queue.name] = queue
    channel.consume_ok(tag, method.nowait)


def cancel(channel: "Channel", method: Basic.Cancel) -> None:
    tag = method.consumer_tag
    if channel.reply_consumer is not None and tag == channel.reply_consumer.tag:
        channel.drop_reply_consumer()
        channel.reply(Basic.CancelOk(consumer_tag=tag), nowait=method.nowait)
        return
    channel.reply(Basic.CancelOk(consumer_tag=tag), nowait=method.nowait)
    if tag in channel.consumers:
        queue = channel.consumers[tag].queue
        channel.remove_consumer(tag, channel.connection.user_name)
        # It may have been the single active consumer, and others wait.
        queue.drain()


def get(channel: "Channel", method: Basic.Get) -> None:
    connection = channel.connection
    name = channel.expand_queue(method.queue)
    authorize(connection, method, queue=name)
    queue = connection.vhost.queue(name, connection)
    if isinstance(queue, StreamQueue):
        raise refusal("basic.get", queue.name, connection.vhost.name)
    if queue.single_active is not None and queue.settings.kind == QUORUM:
        raise _not_while_single_active(channel, queue)
    if queue.rules is not None:
        queue.rules.used()
    found = queue.take()
    if found is None:
        channel.has_got_nothing(queue)
        channel.reply(Basic.GetEmpty())
        return
    position, message, redelivered = found
    channel.has_got(queue, method.no_ack, redelivered)
    journal = connection.broker.journal
    after = journal.open_number if journal is not None and not queue.may_hand_out(position, message) else 0
    if method.no_ack:
        queue.forget([(position, message, 0)])
    tag = channel.next_delivery_tag
    channel.next_delivery_tag += 1
    getter = channel.getter(queue, method.no_ack)
    if not method.no_ack:
        getter.spend(1)
        channel.unacked.entries[tag] = (position, message, getter.number)
        queue.unacked += 1
    address, header, body, _ = message
    exchange, routing_key = split_address(address)
    ok = Basic.GetOk(
        delivery_tag=tag,
        redelivered=redelivered,
        exchange=exchange,
        routing_key=routing_key,
        message_count=queue.message_count,
    )
    octets = encode_frame(channel.number, ok) + content_frames(
        channel.number, header, body, connection.wire.frame_max_bytes
    )
    channel.reply_octets(octets, after)
    tap = connection.vhost.tap
    if tap is not None:
        tap.delivered(getter, (position,), [message], redelivered)


def _not_while_single_active(channel: "Channel", queue: Queue) -> AMQPError:
    vhost = channel.connection.vhost
    # Since 4.2 RabbitMQ prints the type as Erlang does a binary.
    kind = '<<"quorum">>' if vhost.profile.series >= (4, 2) else QUORUM
    return AMQPError(
        RESOURCE_LOCKED,
        f"cannot obtain access to locked {vhost.describe('queue', queue.name)}. basic.get operations are not supported "
        f"by {kind} queues with single active consumer",
    )


def reject(channel: "Channel", method: Basic.Reject) -> None:
    _settle(channel, method.delivery_tag, False, Return.FAILED if method.requeue else "discard")


def nack(channel: "Channel", method: Basic.Nack) -> None:
    _settle(channel, method.delivery_tag, method.multiple, Return.REQUEUED if method.requeue else "discard")


def ack(channel: "Channel", method: Basic.Ack) -> None:
    """An ack that was not read by hand, such as one cut by the end of a read."""
    channel.acknowledge([(method.delivery_tag, method.multiple)])


def _settle(channel: "Channel", tag: int, multiple: bool, how: str) -> None:
    if channel.transaction is not None:
        tx.settle(channel, tag, multiple, how)
    else:
        channel.settle(channel.unacked.take(tag, multiple), how)


def recover(channel: "Channel", method: Basic.Recover) -> None:
    _check_requeue(method.requeue)
    channel.reply(Basic.RecoverOk())
    channel.settle(channel.unacked.take(0, True), Return.REQUEUED)


def recover_async(channel: "Channel", method: Basic.RecoverAsync) -> None:
    _check_requeue(method.requeue)
    channel.settle(channel.unacked.take(0, True), Return.REQUEUED)


def _check_requeue(requeue: bool) -> None:
    if not requeue:
        raise AMQPError(NOT_IMPLEMENTED, "requeue=false")


HANDLERS: dict[tuple[int, int], Callable[..., None]] = {
    (60, 10): qos,
    (60, 20): consume,
    (60, 30): cancel,
    (60, 70): get,
    (60, 80): ack,
    (60, 90): reject,
    (60, 100): recover_async,
    (60, 110): recover,
    (60, 120): nack,
}
