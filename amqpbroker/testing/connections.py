"""The connections of a broker in a test suite: what happens on them is told to whoever looks on.

Where faults come in stands in `faults/`, where these derive from.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from amqpbroker.errors import AMQPError
from amqpbroker.model.message import Message
from amqpbroker.model.observing.announcer import INTERNAL_USER
from amqpbroker.model.queue import Queue
from amqpbroker.session.channel import Channel
from amqpbroker.session.publishing import RouteGroup
from amqpbroker.testing.faults.channel import FaultyChannel
from amqpbroker.testing.faults.connection import FaultyConnection
from amqpbroker.testing.faults.transport import FaultyTransport
from amqpbroker.testing.linter.linter import Linter
from amqpbroker.testing.recording.blind_copies import blind_copies
from amqpbroker.wire.methods import Method
from amqpbroker.wire.tables import Field

if TYPE_CHECKING:
    from amqpbroker.testing.recording.recorder import RunRecorder
    from amqpbroker.testing.server import ObservedServer


class ObservedChannel(FaultyChannel):
    """A channel that can be asked."""

    connection: "ObservedConnection"
    _blind_copies: Field | None = None

    def method(self, method: Method) -> None:
        linter = self.connection.linter
        linter.asked(self, method)
        try:
            super().method(method)
        except AMQPError as fault:
            linter.refused(self, fault)
            raise
        linter.done(self, method)

    def publish(self, method: bytes, header: bytes, body: bytes) -> None:
        # Nobody is told of BCC once it is routed by.
        self._blind_copies = blind_copies(header) if self.connection.run_recorders else None
        super().publish(method, header, body)

    def publish_run(self, group: RouteGroup, messages: Sequence[Message]) -> None:
        blind, self._blind_copies = self._blind_copies, None
        if blind is not None:
            for recorder in self.connection.run_recorders:
                recorder.blind_copies(messages[0], blind)
        super().publish_run(group, messages)

    def _settle_tags(self, tags: list[tuple[int, bool]], how: str) -> None:
        try:
            super()._settle_tags(tags, how)
        except AMQPError as fault:
            self.connection.linter.refused(self, fault)
            raise

    def route_run(self, group: RouteGroup, messages: Sequence[Message], refusers: Sequence[Queue] = ()) -> None:
        if group.mandatory:
            self.connection.linter.publishing.returned(self, group.exchange, messages)
        elif not group.queues:
            self.connection.linter.publishing.lost(self, group.exchange, messages)
        super().route_run(group, messages, refusers)

    def has_got(self, target: Queue, no_ack: bool, redelivered: bool) -> None:
        super().has_got(target, no_ack, redelivered)
        self.connection.linter.consuming.got(self, target, is_empty=False)

    def has_got_nothing(self, target: Queue) -> None:
        super().has_got_nothing(target)
        self.connection.linter.consuming.got(self, target, is_empty=True)

    def remove_consumer(self, tag: str, user: str = INTERNAL_USER) -> None:
        queue = self.consumers[tag].queue
        waiting_count = queue.message_count + (queue.unacked if self.is_closed else 0)
        super().remove_consumer(tag, user)
        # A test's end often cuts connections off: that is not what its clients do.
        if not self.connection.is_cut_off:
            self.connection.linter.consuming.consumer_removed(self, queue, waiting_count)


class ObservedConnection(FaultyConnection):
    """A connection that can be asked. is_cut_off: whether it ends without its client's having closed it."""

    channel_type = ObservedChannel

    linter: Linter
    run_recorders: Sequence["RunRecorder"]
    is_cut_off = False

    def open(self, vhost: str) -> None:
        super().open(vhost)
        self.linter.connecting.opened(self)

    def open_channel(self, number: int) -> Channel:
        channel = super().open_channel(number)
        self.linter.connecting.channel_opened(channel)
        return channel

    def channel_closed(self, channel: Channel) -> None:
        super().channel_closed(channel)
        self.linter.connecting.channel_closed(channel)

    def closed(self) -> None:
        super().closed()
        self.linter.connecting.closed(self)


class ObservedTransport(FaultyTransport):
    """A socket that can be asked whether anything of what its client has sent is still to be read."""

    session_type = ObservedConnection

    _server: "ObservedServer"
    _session: ObservedConnection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._session.linter = self._server.linter
        self._session.run_recorders = self._server.run_recorders

    def connection_lost(self, error: Exception | None) -> None:
        self._session.is_cut_off = True
        super().connection_lost(error)

    def force_close(self, reason: str) -> None:
        self._session.is_cut_off = True
        super().force_close(reason)

    def _log_fault(self, fault: AMQPError | str) -> None:
        super()._log_fault(fault)
        self._session.linter.connecting.refused(self._session, fault)

    @property
    def readable_fd(self) -> int | None:
        """The descriptor whose octets count as unread; None: nothing of this client is waited for."""
        if self._reading_held or self.is_deaf or self._leaves_answers_unread():
            return None
        return int(self._socket.get_extra_info("socket").fileno())

    @property
    def rests(self) -> bool:
        """Whether it has octets that it will go on with by itself: another turn, a flood's rest, a commit."""
        waits = self._turn_over or self._waits_for_disk or self._rest is not None
        return waits and self.readable_fd is not None
