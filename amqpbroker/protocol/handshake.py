"""From the first octet to an open connection, and what else happens on channel 0.

    client                      server
    AMQP 0 0 9 1
                                start (mechanisms, who we are)
    start-ok (credentials)
                                tune (channel_max, frame_max, heartbeat)
    tune-ok
    open (virtual host)
                                open-ok

Before open-ok a fault gets no close frame but silence, then the end of the socket: a peer that has not logged in is not
told what it did wrong. Refused credentials are told to clients that can hear it, refused virtual hosts to all.

Source: AMQP 0-9-1 specification 2.2.4; RabbitMQ `rabbit_reader`.
"""

from typing import TYPE_CHECKING, Final

from amqpbroker.errors import ACCESS_REFUSED, CHANNEL_ERROR, NOT_ALLOWED, AMQPError
from amqpbroker.profiles import Profile
from amqpbroker.protocol import sasl
from amqpbroker.protocol.states import ConnectionEvent, ConnectionState
from amqpbroker.wire.constants import PROTOCOL_HEADER, PROTOCOL_HEADER_0_9, PROTOCOL_HEADER_1_0
from amqpbroker.wire.methods import Connection, Method, encode_frame
from amqpbroker.wire.tables import Field, Table

if TYPE_CHECKING:
    from amqpbroker.protocol.connection import Connection as Peer

# What clients speak that are at the wrong port, or that another one stands in front of.
_OTHER_PORTS: Final = {
    b"\x16\x03": "the client speaks TLS, which has a port of its own: see tls_port",
    b"PROXY ": "the client begins with the header of a proxy, which is read with proxy_protocol alone",
    b"\r\n\r\n\0\r\nQ": "the client begins with the header of a proxy, which is read with proxy_protocol alone",
}


def protocol_header(peer: "Peer", header: bytes) -> None:
    """Takes the eight octets that every client begins with."""
    if header not in (PROTOCOL_HEADER, PROTOCOL_HEADER_0_9):
        for beginning, hint in _OTHER_PORTS.items():
            if header.startswith(beginning):
                peer.on_fault(hint)
        peer.write(_header_for(header, peer.settings.profile))
        peer.distrust(0.0)
        return
    peer.machine.on(ConnectionEvent.HEADER_RECEIVED)
    peer.send(
        0,
        Connection.Start(
            version_major=0,
            version_minor=9,
            server_properties=peer.settings.server_properties,
            mechanisms=" ".join(peer.mechanisms).encode(),
            locales=b"en_US",
        ),
    )


def _header_for(header: bytes, profile: Profile) -> bytes:
    """What a peer that speaks something else is answered.

    Since 4.0 AMQP 1.0 is at home in RabbitMQ, and who does not ask for 0-9-1 or newer is pointed to that.
    """
    asks_for_0_9 = header.startswith(b"AMQP\x00\x00") and header[6] >= 9
    # Who asks for just that is told what is spoken here instead.
    if asks_for_0_9 or header == PROTOCOL_HEADER_1_0 or profile.series < (4, 0):
        return PROTOCOL_HEADER
    return PROTOCOL_HEADER_1_0


def method(peer: "Peer", received: Method) -> None:
    """A method on channel 0. Raises AMQPError."""
    state = peer.machine.state
    if state is ConnectionState.CLOSED:
        if isinstance(received, Connection.Close):
            peer.send(0, Connection.CloseOk())
        elif isinstance(received, Connection.CloseOk):
            peer.drop_at_s = peer.now_s
    elif isinstance(received, Connection.StartOk) and state is ConnectionState.STARTING:
        _start_ok(peer, received)
    elif isinstance(received, Connection.TuneOk) and state is ConnectionState.TUNING:
        _tune_ok(peer, received)
    elif isinstance(received, Connection.Open) and state is ConnectionState.OPENING:
        peer.handler.open(received.virtual_host)
        peer.opened()
        peer.send(0, Connection.OpenOk())
    elif isinstance(received, Connection.Close) and state is ConnectionState.RUNNING:
        peer.closed_by_client()
        peer.send(0, Connection.CloseOk())
    elif isinstance(received, Connection.UpdateSecret) and state is ConnectionState.RUNNING:
        peer.handler.update_secret(received.new_secret)
        peer.send(0, Connection.UpdateSecretOk())
    else:
        raise AMQPError(CHANNEL_ERROR, f"unexpected method in connection state {state.value}")


def _start_ok(peer: "Peer", received: Connection.StartOk) -> None:
    peer.machine.on(ConnectionEvent.START_OK_RECEIVED)
    peer.client_properties = received.client_properties
    user, password = sasl.credentials(received.mechanism, received.response, peer.mechanisms)
    try:
        peer.handler.authenticate(received.mechanism, user, password)
    except AMQPError as refused:
        if refused.code == ACCESS_REFUSED and capability(peer.client_properties, "authentication_failure_close"):
            text = (
                f"Login was refused using authentication mechanism {received.mechanism}."
                " For details see the broker logfile."
            )
            told = AMQPError(ACCESS_REFUSED, text)
            peer.write(encode_frame(0, Connection.Close(reply_code=told.code, reply_text=told.text)))
        raise
    peer.machine.on(ConnectionEvent.AUTHENTICATED)
    settings = peer.settings
    peer.send(
        0,
        Connection.Tune(
            channel_max=settings.channel_max, frame_max=settings.frame_max_bytes, heartbeat=settings.heartbeat_s
        ),
    )


def _tune_ok(peer: "Peer", received: Connection.TuneOk) -> None:
    settings = peer.settings
    frame_max_min = settings.profile.frame_max_min_bytes
    _check_negotiated("frame_max", received.frame_max, frame_max_min, settings.frame_max_bytes)
    _check_negotiated("channel_max", received.channel_max, 1, settings.channel_max)
    peer.negotiated(received.channel_max, received.frame_max, received.heartbeat)
    peer.machine.on(ConnectionEvent.TUNE_OK_RECEIVED)


def _check_negotiated(name: str, value: int, least: int, most: int) -> None:
    """0 asks for no limit: only a server without one can grant that."""
    if value and value < least:
        raise AMQPError(NOT_ALLOWED, f"negotiated {name} = {value} is lower than the minimum allowed value ({least})")
    if most and (not value or value > most):
        raise AMQPError(NOT_ALLOWED, f"negotiated {name} = {value} is higher than the maximum allowed value ({most})")


def capability(client_properties: Table, name: str) -> bool:
    """Whether a client announced a capability."""
    capabilities = client_properties.get("capabilities")
    if capabilities is None or capabilities.kind != "F":
        return False
    return bool(capabilities.value.get(name) == Field("t", True))
