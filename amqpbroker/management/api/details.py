"""What is told of a connection or a channel with what belongs to it. Source: RabbitMQ `rabbit_mgmt_db` (augment_*)."""

from typing import Any

from amqpbroker.session.channel import Channel
from amqpbroker.session.connection import Connection


def connection_details(connection: Connection) -> dict[str, Any]:
    """Of a channel, or an exclusive queue."""
    peer = connection.facts().peer
    return {"name": connection.name, "peer_host": host(peer), "peer_port": port(peer)}


def channel_details(channel: Channel) -> dict[str, Any]:
    """Of a consumer."""
    connection = channel.connection
    peer = connection.facts().peer
    return {
        "connection_name": connection.name,
        "name": channel_name(channel),
        "node": connection.broker.node_name,
        "number": channel.number,
        "peer_host": host(peer),
        "peer_port": port(peer),
        "user": connection.user_name,
    }


def channel_name(channel: Channel) -> str:
    """What paths call a channel."""
    return f"{channel.connection.name} ({channel.number})"


def host(end: tuple[str, int] | None) -> str:
    """The address of an end of a connection; unix sockets have none."""
    return end[0] if end is not None else "unknown"


def port(end: tuple[str, int] | None) -> int:
    """The port of an end of a connection."""
    return end[1] if end is not None else 0
