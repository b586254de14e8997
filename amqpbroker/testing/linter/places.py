"""Where something happened, as a finding tells it."""

from amqpbroker.session.channel import Channel
from amqpbroker.session.connection import Connection
from amqpbroker.testing.linter.findings import Place
from amqpbroker.wire.tables import text


def place_of(channel: Channel, *, exchange: str = "", queue: str = "") -> Place:
    """On a channel of a client that is in its virtual host."""
    connection = channel.connection
    return Place(
        vhost=connection.vhost.name,
        connection=connection.name,
        connection_name=client_name(connection),
        channel=channel.number,
        exchange=exchange,
        queue=queue,
    )


def place_on(connection: Connection) -> Place:
    """On a connection that may not be in a virtual host yet."""
    return Place(connection=connection.name, connection_name=client_name(connection))


def client_name(connection: Connection) -> str:
    """What the client calls its connection."""
    field = connection.wire.client_properties.get("connection_name")
    return text(field) if field is not None and field.kind == "S" else ""
