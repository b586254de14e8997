"""How much something had to do with messages, and what came and went. Source: RabbitMQ `rabbit_mgmt_db`."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from amqpbroker.model.broker import Broker
from amqpbroker.model.counters import Churn, Counters, Traffic
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.session.connection import Connection

# What changes with time is told with its rate: 0 until somebody knows better.
NO_RATE: Final[Mapping[str, float]] = {"rate": 0.0}
_DELIVERED: Final = ("ack", "deliver", "deliver_get", "deliver_no_ack", "get", "get_empty", "get_no_ack", "redeliver")
_PUBLISHED: Final = ("confirm", "drop_unroutable", "publish", "return_unroutable")
OF_QUEUES: Final = (*_DELIVERED, "publish")
OF_EXCHANGES: Final = ("publish_in", "publish_out")
OF_CHANNELS: Final = (*_DELIVERED, *_PUBLISHED)
OF_ALL: Final = (*OF_CHANNELS, "disk_reads", "disk_writes")


def with_rates(values: Mapping[str, int]) -> dict[str, Any]:
    """Each number with what it changes by in a second."""
    return {**values, **{f"{name}_details": NO_RATE for name in values}}


def message_stats(counters: Counters, names: Iterable[str]) -> dict[str, Any]:
    """What was counted, with rates. names: what is counted of such a thing."""
    return with_rates({name: getattr(counters, name) for name in names})


def churn(broker: Broker) -> dict[str, Any]:
    """How often things came and went."""
    return with_rates({name: getattr(broker.churn, name) for name in Churn.__slots__})


def counters_of(vhost: VirtualHost, connections: Iterable[Connection]) -> Counters:
    """What was counted in a virtual host: by the channels that are there, and by those that were."""
    vhost.count_up()
    total = Counters()
    total.add(vhost.counters)
    for connection in connections:
        if connection.vhost is vhost:
            for channel in connection.channels.values():
                total.add(channel.counters)
    for queue in vhost.queues.values():
        total.disk_reads += queue.counters.disk_reads
        total.disk_writes += queue.counters.disk_writes
    return total


def traffic_of(vhost: VirtualHost, connections: Iterable[Connection]) -> Traffic:
    """What went over the sockets of a virtual host's clients."""
    total = Traffic()
    total.add(vhost.traffic)
    for connection in connections:
        if connection.vhost is vhost:
            total.add(connection.traffic())
    return total
