"""Where the broker listens, for whoever asks. Source: RabbitMQ `rabbit_networking:active_listeners`."""

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

AMQP: Final = "amqp"


class Listening(NamedTuple):
    """protocol: RabbitMQ's name of it, such as amqp, amqp/ssl, http. host: an address. tls: whether TLS is spoken."""

    protocol: str
    host: str
    port: int
    tls: bool = False


def listeners(server: "Server") -> list[Listening]:
    """All that have a port, by protocol and port."""
    found = [(AMQP, endpoint) for endpoint in server.endpoints]
    found += [(protocol, endpoint) for protocol, endpoints in server.web_endpoints.items() for endpoint in endpoints]
    return sorted(
        Listening(_name(protocol, one.tls), one.host, one.port, one.tls)
        for protocol, one in found
        if one.host is not None
    )


def _name(protocol: str, tls: bool) -> str:
    if not tls:
        return protocol
    return f"{AMQP}/ssl" if protocol == AMQP else protocol.replace("http", "https", 1)
