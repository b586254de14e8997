"""The states of a connection and of a channel, and what moves them. The only file that changes a state.

A connection goes through the handshake in one order; what is not in its table is an error, whose reply depends on the
state too. Closing has two ways round:

    client asks:  RUNNING --close received--> CLOSED --close-ok sent--> (the client drops the socket)
    server asks:  RUNNING --close sent--> CLOSED --close-ok received--> DROPPED

In CLOSED nothing but close and close-ok is looked at. In DROPPED nothing is looked at any more: the peer lost sync or
failed the handshake, and RabbitMQ keeps such a peer waiting in silence.

A channel number is STARTING from the first frame with that number until channel.open. In CLOSING the server has sent
channel.close, and discards everything until close-ok.
"""

from enum import Enum
from typing import Final


class ConnectionState(Enum):
    """Named as in RabbitMQ's error texts."""

    HEADER = "header"
    STARTING = "starting"
    SECURING = "securing"
    TUNING = "tuning"
    OPENING = "opening"
    RUNNING = "running"
    CLOSED = "closed"
    DROPPED = "dropped"


class ConnectionEvent(Enum):
    """What moves a connection on."""

    HEADER_RECEIVED = "protocol header received"
    START_OK_RECEIVED = "start-ok received"
    AUTHENTICATED = "authenticated"
    TUNE_OK_RECEIVED = "tune-ok received"
    OPENED = "opened"
    CLOSE_SENT = "close sent"
    CLOSE_RECEIVED = "close received"
    DISTRUSTED = "distrusted"


class ChannelState(Enum):
    STARTING = "starting"
    OPEN = "open"
    CLOSING = "closing"


class ChannelEvent(Enum):
    """What moves a channel on; close-ok removes it."""

    OPENED = "opened"
    CLOSE_SENT = "close sent"


_CLOSE: Final = {
    ConnectionEvent.CLOSE_SENT: ConnectionState.CLOSED,
    ConnectionEvent.CLOSE_RECEIVED: ConnectionState.CLOSED,
    ConnectionEvent.DISTRUSTED: ConnectionState.DROPPED,
}

CONNECTION_TRANSITIONS: Final = {
    ConnectionState.HEADER: {
        ConnectionEvent.HEADER_RECEIVED: ConnectionState.STARTING,
        ConnectionEvent.DISTRUSTED: ConnectionState.DROPPED,
    },
    ConnectionState.STARTING: {
        ConnectionEvent.START_OK_RECEIVED: ConnectionState.SECURING,
        ConnectionEvent.DISTRUSTED: ConnectionState.DROPPED,
    },
    ConnectionState.SECURING: {
        ConnectionEvent.AUTHENTICATED: ConnectionState.TUNING,
        ConnectionEvent.DISTRUSTED: ConnectionState.DROPPED,
    },
    ConnectionState.TUNING: {
        ConnectionEvent.TUNE_OK_RECEIVED: ConnectionState.OPENING,
        ConnectionEvent.CLOSE_SENT: ConnectionState.CLOSED,
        ConnectionEvent.DISTRUSTED: ConnectionState.DROPPED,
    },
    ConnectionState.OPENING: {
        ConnectionEvent.OPENED: ConnectionState.RUNNING,
        ConnectionEvent.CLOSE_SENT: ConnectionState.CLOSED,
        ConnectionEvent.DISTRUSTED: ConnectionState.DROPPED,
    },
    ConnectionState.RUNNING: _CLOSE,
    ConnectionState.CLOSED: _CLOSE,
    ConnectionState.DROPPED: {ConnectionEvent.DISTRUSTED: ConnectionState.DROPPED},
}

CHANNEL_TRANSITIONS: Final = {
    ChannelState.STARTING: {ChannelEvent.OPENED: ChannelState.OPEN},
    ChannelState.OPEN: {ChannelEvent.CLOSE_SENT: ChannelState.CLOSING},
    ChannelState.CLOSING: {},
}


class ConnectionMachine:
    """state: read it anywhere; only `on` changes it."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = ConnectionState.HEADER

    def on(self, event: ConnectionEvent) -> None:
        """Moves on. Raises KeyError: the event has no place in this state, which is a fault of ours."""
        self.state = CONNECTION_TRANSITIONS[self.state][event]


class ChannelMachine:
    """state: read it anywhere; only `on` changes it."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = ChannelState.STARTING

    def on(self, event: ChannelEvent) -> None:
        """Moves on. Raises KeyError: the event has no place in this state, which is a fault of ours."""
        self.state = CHANNEL_TRANSITIONS[self.state][event]
