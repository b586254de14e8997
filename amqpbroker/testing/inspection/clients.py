"""Who is connected, as a test sees it."""

from dataclasses import dataclass
from typing import Any

from amqpbroker.model.consumer import Consumer
from amqpbroker.session.channel import Channel
from amqpbroker.session.connection import Connection
from amqpbroker.wire.tables import to_python


@dataclass(frozen=True)
class ConsumerState:
    """prefetch: 0, no limit. unacked: what its client has of it. is_active: False, it waits behind another one."""

    tag: str
    queue: str
    prefetch: int
    unacked: int
    no_ack: bool
    exclusive: bool
    priority: int
    is_active: bool
    arguments: dict[str, Any]


@dataclass(frozen=True)
class ChannelState:
    """prefetch: of consumers that are started next. global_prefetch: of the channel as a whole; 0: no limit.

    unconfirmed: messages published in confirm mode that wait for the disk.
    """

    number: int
    prefetch: int
    global_prefetch: int
    confirms: bool
    unconfirmed: int
    is_transactional: bool
    unacked: int
    consumers: tuple[ConsumerState, ...]


@dataclass(frozen=True)
class ConnectionState:
    """A client that is in a virtual host, at the moment of the look.

    name: as RabbitMQ's, the addresses of both ends. client_name: what the client calls it, if it does.
    is_blocked: it has published under an alarm.
    """

    name: str
    client_name: str | None
    user: str
    vhost: str
    client_properties: dict[str, Any]
    is_blocked: bool
    heartbeat_s: int
    channels: tuple[ChannelState, ...]

    @property
    def consumers(self) -> tuple[ConsumerState, ...]:
        """Those of all channels."""
        return tuple(consumer for channel in self.channels for consumer in channel.consumers)

    @property
    def unacked(self) -> int:
        """How many messages it has to acknowledge."""
        return sum(channel.unacked for channel in self.channels)


def connection_state(connection: Connection) -> ConnectionState:
    """What there is to see of a connection now."""
    client_properties = {name: to_python(field) for name, field in connection.wire.client_properties.items()}
    client_name = client_properties.get("connection_name")
    return ConnectionState(
        name=connection.name,
        client_name=client_name if isinstance(client_name, str) else None,
        user=connection.user_name,
        vhost=connection.vhost.name,
        client_properties=client_properties,
        is_blocked=connection.is_blocked,
        heartbeat_s=connection.wire.heartbeat.interval_s,
        channels=tuple(_channel_state(channel) for channel in connection.channels.values()),
    )


def _channel_state(channel: Channel) -> ChannelState:
    confirms = channel.confirms
    return ChannelState(
        number=channel.number,
        prefetch=channel.prefetch,
        global_prefetch=channel.global_prefetch,
        confirms=confirms is not None,
        unconfirmed=confirms.unconfirmed if confirms is not None else 0,
        is_transactional=channel.transaction is not None,
        unacked=len(channel.unacked.entries),
        consumers=tuple(_consumer_state(consumer) for consumer in channel.consumers.values()),
    )


def _consumer_state(consumer: Consumer) -> ConsumerState:
    return ConsumerState(
        tag=consumer.tag,
        queue=consumer.queue.name,
        prefetch=consumer.prefetch,
        unacked=consumer.outstanding,
        no_ack=consumer.no_ack,
        exclusive=consumer.exclusive,
        priority=consumer.priority,
        is_active=not consumer.waits,
        arguments={name: to_python(field) for name, field in consumer.arguments.items()},
    )


def told(state: ConnectionState) -> str:
    """A line for people."""
    name = f"{state.client_name} ({state.name})" if state.client_name else state.name
    tags = ", ".join(f"{one.tag} on {one.queue!r}" for one in state.consumers) or "none"
    blocked = "  blocked" if state.is_blocked else ""
    about = f"user {state.user}  channels {len(state.channels)}  unacked {state.unacked}{blocked}"
    return f"  {name}  {about}  consumers {tags}"
