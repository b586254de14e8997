"""Metrics of queues. Source: RabbitMQ `prometheus_rabbitmq_core_metrics_collector`."""

from typing import TYPE_CHECKING, Final

from amqpbroker.management.metrics.families import COUNTER, GAUGE, Family, Group, Rows, Values, label
from amqpbroker.management.statistics.queue_contents import Contents, contents_of, head_of
from amqpbroker.model.arguments import CLASSIC, QUORUM, STREAM
from amqpbroker.model.counters import Counters
from amqpbroker.model.queue import Queue
from amqpbroker.wire import properties

if TYPE_CHECKING:
    from amqpbroker.server.server import Server


_EMPTY: Final = Contents(0, 0, 0, 0, 0, 0, 0, 0)


def queues_of(server: "Server") -> list[tuple[str, Queue]]:
    """Every queue with the name of its virtual host."""
    return [(vhost.name, queue) for vhost in server.broker.vhosts.values() for queue in vhost.queues.values()]


def _labels(vhost: str, queue: Queue) -> tuple[tuple[str, str], ...]:
    return (("vhost", label(vhost)), ("queue", label(queue.name)))


def _lengths(server: "Server") -> Rows:
    for vhost, queue in queues_of(server):
        ready = queue.message_count
        yield _labels(vhost, queue), (ready, queue.unacked, ready + queue.unacked)


def _consumer_counts(server: "Server") -> Rows:
    for vhost, queue in queues_of(server):
        yield _labels(vhost, queue), (len(queue.consumers),)


def _contents(server: "Server") -> Rows:
    for vhost, queue in queues_of(server):
        # Most of many queues are empty, and there is nothing to look at.
        contents = contents_of(queue) if queue.unacked or queue.message_count else _EMPTY
        capacity = float(any(consumer.capacity > 0 for consumer in queue.consumers))
        yield (
            _labels(vhost, queue),
            (
                len(queue.consumers),
                capacity,
                capacity,
                queue.memory_bytes,
                contents.ram + contents.unacked,
                contents.ram_bytes + contents.unacked_bytes,
                contents.ram,
                contents.unacked,
                contents.persistent,
                contents.persistent_bytes,
                contents.message_bytes,
                contents.ready_bytes,
                contents.unacked_bytes,
                contents.ready - contents.ram,
                contents.ready_bytes - contents.ram_bytes,
                _head_timestamp(queue) if contents.ready else None,
                queue.counters.disk_reads,
                queue.counters.disk_writes,
            ),
        )


def _head_timestamp(queue: Queue) -> int | None:
    head = head_of(queue)
    return properties.decode(head[1]).timestamp if head is not None else None


def _rest_of_contents(server: "Server") -> Values:
    gone = _gone(server)
    disk = (sum(one.disk_reads for one in gone), sum(one.disk_writes for one in gone))
    return (*[0] * (len(CONTENTS.families) - 3), None, *disk)


def _published(server: "Server") -> Rows:
    for vhost, queue in queues_of(server):
        yield (("queue_vhost", label(vhost)), ("queue", label(queue.name))), (queue.counters.publish,)


def _delivered(server: "Server") -> Rows:
    for vhost, queue in queues_of(server):
        yield _labels(vhost, queue), delivered(queue.counters)


def _rest_of_delivered(server: "Server") -> Values:
    total = Counters()
    for gone in _gone(server):
        total.add(gone)
    return delivered(total)


def delivered(counters: Counters) -> Values:
    """What went to clients, and came back from them."""
    return (
        counters.get,
        counters.get_no_ack,
        counters.deliver,
        counters.deliver_no_ack,
        counters.redeliver,
        counters.ack,
        counters.get_empty,
    )


def _gone(server: "Server") -> list[Counters]:
    broker = server.broker
    in_vhosts = [one for vhost in broker.vhosts.values() for one in vhost.queue_counters.values()]
    return [*broker.queue_counters.values(), *in_vhosts]


def _infos(server: "Server") -> Rows:
    for vhost, queue in queues_of(server):
        kind = queue.settings.kind
        yield (*_labels(vhost, queue), ("queue_type", QUEUE_TYPES[kind]), ("membership", "leader")), (1,)


# RabbitMQ's names of the types of queues, as metrics have them.
QUEUE_TYPES: Final = {
    CLASSIC: "rabbit_classic_queue",
    QUORUM: "rabbit_quorum_queue",
    STREAM: "rabbit_stream_queue",
}
LENGTHS: Final = Group(
    "queue_coarse_metrics",
    (
        Family("queue_messages_ready", GAUGE, "Messages that wait for a consumer"),
        Family("queue_messages_unacked", GAUGE, "Messages that clients have and did not acknowledge"),
        Family("queue_messages", GAUGE, "Both together"),
    ),
    _lengths,
    of_things=True,
)
CONSUMER_COUNTS: Final = Group(
    "queue_consumer_count",
    (Family("queue_consumers", GAUGE, "Consumers of the queue"),),
    _consumer_counts,
    of_things=True,
)
CONTENTS: Final = Group(
    "queue_metrics",
    (
        *CONSUMER_COUNTS.families,
        Family("queue_consumer_capacity", GAUGE, "1 if a consumer could be given a message now"),
        Family("queue_consumer_utilisation", GAUGE, "The same as queue_consumer_capacity"),
        Family("queue_process_memory_bytes", GAUGE, "Memory that the messages waiting in the queue take"),
        Family("queue_messages_ram", GAUGE, "Messages in memory: those with clients, and of those that wait the first"),
        Family("queue_messages_ram_bytes", GAUGE, "Octets of their bodies"),
        Family("queue_messages_ready_ram", GAUGE, "Messages that wait and are in memory"),
        Family("queue_messages_unacked_ram", GAUGE, "Messages that clients have: all of them are in memory"),
        Family("queue_messages_persistent", GAUGE, "Persistent messages"),
        Family("queue_messages_persistent_bytes", GAUGE, "Octets of their bodies"),
        Family("queue_messages_bytes", GAUGE, "Octets of the bodies of all messages"),
        Family("queue_messages_ready_bytes", GAUGE, "Octets of the bodies that wait for a consumer"),
        Family("queue_messages_unacked_bytes", GAUGE, "Octets of the bodies that clients have"),
        Family("queue_messages_paged_out", GAUGE, "Messages that wait on disk alone"),
        Family("queue_messages_paged_out_bytes", GAUGE, "Octets of their bodies"),
        Family("queue_head_message_timestamp", GAUGE, "The property timestamp of the first message, if it has one"),
        Family("queue_disk_reads_total", COUNTER, "Messages that the queue has read back from disk"),
        Family("queue_disk_writes_total", COUNTER, "Messages that were recorded for the queue, or moved to disk"),
    ),
    _contents,
    of_things=True,
    rest=_rest_of_contents,
)
PUBLISHED: Final = Group(
    "channel_queue_exchange_metrics",
    (Family("queue_messages_published_total", COUNTER, "Messages of clients that came to the queue"),),
    _published,
    of_things=True,
    rest=lambda server: (sum(one.publish for one in _gone(server)),),
)
DELIVERED: Final = Group(
    "queue_delivery_metrics",
    (
        Family("queue_get_ack_total", COUNTER, "Messages got by basic.get, to be acknowledged"),
        Family("queue_get_total", COUNTER, "Messages got by basic.get without acknowledgement"),
        Family("queue_messages_delivered_ack_total", COUNTER, "Messages given to consumers, to be acknowledged"),
        Family("queue_messages_delivered_total", COUNTER, "Messages given to consumers without acknowledgement"),
        Family("queue_messages_redelivered_total", COUNTER, "Messages that had been with a client before"),
        Family("queue_messages_acked_total", COUNTER, "Messages that were acknowledged"),
        Family("queue_get_empty_total", COUNTER, "How often basic.get found nothing"),
    ),
    _delivered,
    of_things=True,
    rest=_rest_of_delivered,
)
INFOS: Final = Group(
    "queue_info",
    (Family("queue_info", GAUGE, "Always 1; the labels say what the queue is"),),
    _infos,
)
