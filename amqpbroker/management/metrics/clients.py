"""Metrics of connections and channels. Their label is `channel`, as RabbitMQ has it; here it has the name of either."""

from typing import TYPE_CHECKING, Final

from amqpbroker.management.metrics.families import COUNTER, GAUGE, Family, Group, Rows, Values, label
from amqpbroker.management.metrics.queues import delivered
from amqpbroker.model.counters import Counters, Traffic
from amqpbroker.session.channel import Channel
from amqpbroker.session.connection import Connection

if TYPE_CHECKING:
    from amqpbroker.server.server import Server


def _connections(server: "Server") -> list[Connection]:
    return [one for one in server.broker.connections if isinstance(one, Connection)]


def channels_of(server: "Server") -> list[Channel]:
    """Every channel that is open."""
    return [channel for connection in _connections(server) for channel in connection.channels.values()]


def gone_of(server: "Server") -> Counters:
    """What channels have counted that are closed."""
    total = Counters()
    total.add(server.broker.counters)
    for vhost in server.broker.vhosts.values():
        total.add(vhost.counters)
    return total


def _name(channel: Channel) -> tuple[str, str]:
    return "channel", label(f"{channel.connection.name} ({channel.number})")


def _states(server: "Server") -> Rows:
    for channel in channels_of(server):
        transaction = channel.transaction
        yield (
            (_name(channel),),
            (
                len(channel.consumers),
                len(channel.unacked.entries),
                channel.confirms.unconfirmed if channel.confirms is not None else 0,
                sum(len(messages) for _, messages in transaction.published) if transaction is not None else 0,
                sum(len(entries) for entries, _ in transaction.settled) if transaction is not None else 0,
                channel.prefetch,
                channel.global_prefetch,
            ),
        )


def _published(server: "Server") -> Rows:
    for channel in channels_of(server):
        yield (_name(channel), ("vhost", label(channel.connection.vhost.name))), _publishes(channel.counters)


def _publishes(counters: Counters) -> Values:
    return (counters.publish, counters.confirm, counters.return_unroutable, counters.drop_unroutable)


def _delivered(server: "Server") -> Rows:
    for channel in channels_of(server):
        yield (_name(channel), ("vhost", label(channel.connection.vhost.name))), delivered(channel.counters)


def _octets(server: "Server") -> Rows:
    for connection in _connections(server):
        traffic = connection.traffic()
        yield (("channel", label(connection.name)),), (traffic.recv_oct, traffic.send_oct)


def _gone_octets(server: "Server") -> Values:
    total = Traffic()
    total.add(server.broker.traffic)
    for vhost in server.broker.vhosts.values():
        total.add(vhost.traffic)
    return total.recv_oct, total.send_oct


def _packets(server: "Server") -> Rows:
    for connection in _connections(server):
        traffic = connection.traffic()
        pending = int(bool(connection.wire.outbox))
        yield (
            (("channel", label(connection.name)),),
            (traffic.recv_cnt, traffic.send_cnt, pending, len(connection.channels)),
        )


STATES: Final = Group(
    "channel_metrics",
    (
        Family("channel_consumers", GAUGE, "Consumers of the channel"),
        Family("channel_messages_unacked", GAUGE, "Messages that its client has and did not acknowledge"),
        Family("channel_messages_unconfirmed", GAUGE, "Messages that wait for their confirm"),
        Family("channel_messages_uncommitted", GAUGE, "Messages published in a transaction that is not committed"),
        Family("channel_acks_uncommitted", GAUGE, "Acknowledgements in a transaction that is not committed"),
        Family("consumer_prefetch", GAUGE, "How many unacknowledged messages each new consumer may have"),
        Family("channel_prefetch", GAUGE, "How many the channel may have in all"),
    ),
    _states,
    of_things=True,
)
PUBLISHED: Final = Group(
    "channel_exchange_metrics",
    (
        Family("channel_messages_published_total", COUNTER, "Messages that were published"),
        Family("channel_messages_confirmed_total", COUNTER, "Messages that were confirmed"),
        Family("channel_messages_unroutable_returned_total", COUNTER, "Mandatory messages that came back unroutable"),
        Family("channel_messages_unroutable_dropped_total", COUNTER, "Messages that no queue got"),
    ),
    _published,
    of_things=True,
    rest=lambda server: _publishes(gone_of(server)),
)
DELIVERED: Final = Group(
    "channel_queue_metrics",
    (
        Family("channel_get_ack_total", COUNTER, "Messages got by basic.get, to be acknowledged"),
        Family("channel_get_total", COUNTER, "Messages got by basic.get without acknowledgement"),
        Family("channel_messages_delivered_ack_total", COUNTER, "Messages given to consumers, to be acknowledged"),
        Family("channel_messages_delivered_total", COUNTER, "Messages given to consumers without acknowledgement"),
        Family("channel_messages_redelivered_total", COUNTER, "Messages that had been with a client before"),
        Family("channel_messages_acked_total", COUNTER, "Messages that were acknowledged"),
        Family("channel_get_empty_total", COUNTER, "How often basic.get found nothing"),
    ),
    _delivered,
    of_things=True,
    rest=lambda server: delivered(gone_of(server)),
)
OCTETS: Final = Group(
    "connection_coarse_metrics",
    (
        Family("connection_incoming_bytes_total", COUNTER, "Octets that came"),
        Family("connection_outgoing_bytes_total", COUNTER, "Octets that were sent"),
    ),
    _octets,
    of_things=True,
    rest=_gone_octets,
)
PACKETS: Final = Group(
    "connection_metrics",
    (
        Family("connection_incoming_packets_total", COUNTER, "Packets that came, as the system counts them"),
        Family("connection_outgoing_packets_total", COUNTER, "Packets that were sent"),
        Family("connection_pending_packets", GAUGE, "Writes that wait for their turn"),
        Family("connection_channels", GAUGE, "Channels of the connection"),
    ),
    _packets,
    of_things=True,
)
