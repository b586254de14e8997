"""Connections and channels: what they agree upon, and how long they live."""

from typing import Final
from weakref import WeakKeyDictionary

from amqpbroker.errors import AMQPError
from amqpbroker.profiles import PROFILES
from amqpbroker.session.channel import Channel
from amqpbroker.session.connection import Connection
from amqpbroker.testing.linter.findings import Findings, Place
from amqpbroker.testing.linter.places import client_name, place_on
from amqpbroker.testing.linter.rules import ChannelChurnWarning, ConnectionChurnWarning, FrameMaxWarning

# So many in a row, each for one message.
ONE_MESSAGE_MAX: Final = 20
_CLIENTS_MAX: Final = 10_000
_FRAME_MAX_MIN_BYTES: Final = PROFILES["4.2"].frame_max_min_bytes


class Connecting:
    """Counts those that have published one message, and were opened when the last one of these was closed.

    Those that are open side by side are a pool, or many clients.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        # Openings and closings are numbered.
        self._moment = 0
        self._opened: WeakKeyDictionary[Connection | Channel, int] = WeakKeyDictionary()
        self._published: WeakKeyDictionary[Connection, int] = WeakKeyDictionary()
        # By whose they are: (number of the last closing, how many in a row).
        self._channels: WeakKeyDictionary[Connection, tuple[int, int]] = WeakKeyDictionary()
        self._connections: dict[tuple[str, str], tuple[int, int]] = {}

    def forget(self) -> None:
        """Counts anew."""
        self._channels.clear()
        self._connections.clear()

    def opened(self, connection: Connection) -> None:
        """A client has logged in."""
        self._opened[connection] = self._next_moment()
        frame_max_bytes = connection.wire.frame_max_bytes
        if 0 < frame_max_bytes < _FRAME_MAX_MIN_BYTES:
            self._findings.add(
                FrameMaxWarning, f"a client asks for a frame_max of {frame_max_bytes}", place_on(connection)
            )

    def refused(self, connection: Connection, fault: AMQPError | str) -> None:
        """A client was, maybe before it had logged in."""
        if isinstance(fault, AMQPError) and fault.explanation.startswith("negotiated frame_max"):
            self._findings.add(FrameMaxWarning, f"a client is refused: {fault.explanation}", place_on(connection))

    def channel_opened(self, channel: Channel) -> None:
        """A channel was."""
        self._opened[channel] = self._next_moment()

    def channel_closed(self, channel: Channel) -> None:
        """A channel was, and what it has counted is counted."""
        connection = channel.connection
        counters = channel.counters
        self._published[connection] = self._published.get(connection, 0) + counters.publish
        if counters.publish != 1 or _has_received(channel):
            return
        last, count = self._channels.get(connection, (0, 0))
        count += self._opened.get(channel, 0) > last
        self._channels[connection] = (self._next_moment(), count)
        if count >= ONE_MESSAGE_MAX:
            what = f"{ONE_MESSAGE_MAX} channels in a row were each opened for one message"
            self._findings.add(ChannelChurnWarning, what, place_on(connection))

    def closed(self, connection: Connection) -> None:
        """A client has gone, and its channels with it."""
        if self._published.pop(connection, 0) != 1:
            return
        key = (connection.user_name, client_name(connection))
        last, count = self._connections.get(key, (0, 0))
        count += self._opened.get(connection, 0) > last
        self._connections[key] = (self._next_moment(), count)
        if len(self._connections) > _CLIENTS_MAX:
            del self._connections[next(iter(self._connections))]
        if count >= ONE_MESSAGE_MAX:
            what = f"{ONE_MESSAGE_MAX} connections in a row were each opened for one message"
            self._findings.add(ConnectionChurnWarning, what, Place(connection_name=key[1]))

    def _next_moment(self) -> int:
        self._moment += 1
        return self._moment


def _has_received(channel: Channel) -> bool:
    counters = channel.counters
    return bool(counters.deliver + counters.deliver_no_ack + counters.get + counters.get_no_ack)
