"""Counters of the whole node, by protocol and type of queue: they never go down, whatever is closed or deleted.

Source: RabbitMQ `rabbit_global_counters`.
"""

from collections import Counter
from typing import TYPE_CHECKING, Final

from amqpbroker.management.metrics.clients import channels_of, gone_of
from amqpbroker.management.metrics.families import COUNTER, GAUGE, Family, Group, Labels, Rows, Values
from amqpbroker.management.metrics.queues import QUEUE_TYPES, queues_of
from amqpbroker.model.arguments import CLASSIC, QUORUM
from amqpbroker.model.counters import Counters
from amqpbroker.model.dead_letter import DELIVERY_LIMIT, EXPIRED, REJECTED, TOO_LONG

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

_PROTOCOL: Final = ("protocol", "amqp091")
_REASONS: Final = (DELIVERY_LIMIT, EXPIRED, TOO_LONG, REJECTED)
_STRATEGIES: Final = {CLASSIC: ("at_most_once", "disabled"), QUORUM: ("at_least_once", "at_most_once", "disabled")}


def _of_protocol(server: "Server") -> Rows:
    counters = gone_of(server)
    channels = channels_of(server)
    for channel in channels:
        counters.add(channel.counters)
    routed = counters.publish_out
    for vhost in server.broker.vhosts.values():
        routed += sum(exchange.counters.publish_out for exchange in vhost.exchanges.values())
    yield (
        (_PROTOCOL,),
        (
            counters.publish,
            counters.publish_confirm,
            counters.confirm,
            routed,
            counters.return_unroutable,
            counters.drop_unroutable,
            sum(1 for channel in channels if channel.counters.publish),
            sum(len(channel.consumers) for channel in channels),
        ),
    )


def _of_queues(server: "Server") -> Rows:
    """What is gone, then what is there: whoever gathers rows adds those with the same labels."""
    broker = server.broker
    for kind in QUEUE_TYPES:
        gone = Counters()
        for by_kind in (broker.queue_counters, *(vhost.queue_counters for vhost in broker.vhosts.values())):
            if kind in by_kind:
                gone.add(by_kind[kind])
        yield _labels(kind), _row(gone)
    for _, queue in queues_of(server):
        yield _labels(queue.settings.kind), _row(queue.counters)


def _labels(kind: str) -> Labels:
    return (_PROTOCOL, ("queue_type", QUEUE_TYPES[kind]))


def _row(counters: Counters) -> Values:
    return (
        counters.ack,
        counters.deliver_no_ack,
        counters.deliver,
        counters.get_no_ack,
        counters.get,
        counters.deliver_get,
        counters.get_empty,
        counters.redeliver,
    )


def _dead_letters(server: "Server") -> Rows:
    counts: Counter[tuple[str, str, str]] = Counter(server.broker.dead_letter_counts)
    for vhost in server.broker.vhosts.values():
        counts.update(vhost.dead_letters.counts)
    for kind, strategies in _STRATEGIES.items():
        for strategy in strategies:
            row = [counts[kind, strategy, reason] for reason in _REASONS]
            # What only quorum queues do is no number of others, and a full queue of theirs keeps what it has.
            limited: float | None = row[0] if kind == QUORUM else None
            too_long: float | None = row[2] if strategy != "at_least_once" else None
            yield (
                (("queue_type", QUEUE_TYPES[kind]), ("dead_letter_strategy", strategy)),
                (limited, row[1], too_long, row[3]),
            )


def _confirmed(server: "Server") -> Rows:
    confirmed = server.broker.dead_letters_confirmed
    confirmed += sum(vhost.dead_letters.confirmed for vhost in server.broker.vhosts.values())
    yield (("queue_type", QUEUE_TYPES[QUORUM]), ("dead_letter_strategy", "at_least_once")), (confirmed,)


GLOBAL_COUNTERS: Final = (
    Group(
        "global_protocol",
        (
            Family("global_messages_received_total", COUNTER, "Messages that were published"),
            Family("global_messages_received_confirm_total", COUNTER, "Of these, those that ask for a confirm"),
            Family("global_messages_confirmed_total", COUNTER, "Messages that were confirmed"),
            Family("global_messages_routed_total", COUNTER, "Queues that messages came to, added up"),
            Family("global_messages_unroutable_returned_total", COUNTER, "Mandatory messages that came back"),
            Family("global_messages_unroutable_dropped_total", COUNTER, "Messages that no queue got"),
            Family("global_publishers", GAUGE, "Channels that have published"),
            Family("global_consumers", GAUGE, "Consumers that are there"),
        ),
        _of_protocol,
    ),
    Group(
        "global_queues",
        (
            Family("global_messages_acknowledged_total", COUNTER, "Messages that were acknowledged"),
            Family(
                "global_messages_delivered_consume_auto_ack_total",
                COUNTER,
                "Messages given to consumers without acknowledgement",
            ),
            Family(
                "global_messages_delivered_consume_manual_ack_total",
                COUNTER,
                "Messages given to consumers, to be acknowledged",
            ),
            Family(
                "global_messages_delivered_get_auto_ack_total",
                COUNTER,
                "Messages got by basic.get without acknowledgement",
            ),
            Family(
                "global_messages_delivered_get_manual_ack_total",
                COUNTER,
                "Messages got by basic.get, to be acknowledged",
            ),
            Family("global_messages_delivered_total", COUNTER, "Messages that went to clients in any way"),
            Family("global_messages_get_empty_total", COUNTER, "How often basic.get found nothing"),
            Family("global_messages_redelivered_total", COUNTER, "Messages that had been with a client before"),
        ),
        _of_queues,
    ),
    Group(
        "global_dead_letters",
        (
            Family(
                "global_messages_dead_lettered_delivery_limit_total",
                COUNTER,
                "Messages given up because they had come back too often",
            ),
            Family("global_messages_dead_lettered_expired_total", COUNTER, "Messages given up because they expired"),
            Family("global_messages_dead_lettered_maxlen_total", COUNTER, "Messages given up by queues that are full"),
            Family("global_messages_dead_lettered_rejected_total", COUNTER, "Messages given up because of a reject"),
        ),
        _dead_letters,
    ),
    Group(
        "global_dead_letters_confirmed",
        (
            Family(
                "global_messages_dead_lettered_confirmed_total",
                COUNTER,
                "Dead letters of queues with the strategy at-least-once that have come to another queue",
            ),
        ),
        _confirmed,
    ),
)
