"""The connections of a broker in a test suite."""

from amqpbroker.server.transport import ConnectionTransport
from amqpbroker.session.channel import Channel
from amqpbroker.session.connection import Connection


class ObservedChannel(Channel):
    """A channel that can be asked."""


class ObservedConnection(Connection):
    """A connection that can be asked."""

    channel_type = ObservedChannel


class ObservedTransport(ConnectionTransport):
    """A socket that can be asked whether anything of what its client has sent is still to be read."""

    session_type = ObservedConnection

    @property
    def readable_fd(self) -> int | None:
        """The descriptor whose octets count as unread; None: nothing of this client is waited for."""
        if self._reading_held or self._socket.is_closing() or self._leaves_answers_unread():
            return None
        return int(self._socket.get_extra_info("socket").fileno())

    @property
    def rests(self) -> bool:
        """Whether it has octets that it will go on with by itself: another turn, a flood's rest, a commit."""
        waits = self._turn_over or self._waits_for_disk or self._rest is not None
        return waits and self.readable_fd is not None
