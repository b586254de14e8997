"""Who the server says it is.

Client libraries look at product and version to choose what they do (kombu its prefetch), so those are RabbitMQ's, by
the profile; platform, information and copyright name this broker.
"""

import platform
import socket

from amqpbroker import __version__
from amqpbroker.profiles import Profile
from amqpbroker.wire.tables import Table, from_python

CAPABILITIES = (
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
)


def node_name(configured: str = "") -> str:
    """What RabbitMQ would call itself here: rabbit@ and the host's short name, unless it is told another one.

    configured: all of the name, or what stands before the @.
    """
    before, at, host = configured.partition("@")
    return f"{before or 'rabbit'}@{host if at else socket.gethostname().partition('.')[0]}"


def cluster_name(configured: str = "") -> str:
    """What operators call the broker: as RabbitMQ, rabbit@ and the host's full name, unless it is told another one."""
    return configured or f"rabbit@{socket.gethostname()}"


def server_properties(profile: Profile, no_sync: bool, cluster: str) -> Table:
    """The table of connection.start.

    no_sync: confirms do not wait for the disk, and every client can know. cluster: its name.
    """
    values = {
        "capabilities": dict.fromkeys(CAPABILITIES, True),
        "cluster_name": cluster,
        "copyright": "Copyright (c) the amqpbroker authors, Apache License 2.0",
        "information": f"amqpbroker {__version__}, an AMQP 0-9-1 broker in Python that behaves like RabbitMQ",
        "platform": f"amqpbroker {__version__} on Python {platform.python_version()}",
        "product": "RabbitMQ",
        "version": profile.version,
    }
    if no_sync:
        values["warning"] = "started with --no-sync: a power cut loses what was confirmed"
    table: Table = from_python(values).value
    return table
