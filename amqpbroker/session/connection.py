"""A connection with a user in a virtual host: its channels, its exclusive queues, and what it has to write."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from amqpbroker.errors import ACCESS_REFUSED, NOT_ALLOWED, AMQPError
from amqpbroker.limits import CONNECTIONS_MAX, UNACKED_SAMPLE_MESSAGES
from amqpbroker.model.access import LoginRefused, User
from amqpbroker.model.broker import Broker
from amqpbroker.model.counters import Traffic
from amqpbroker.model.observing.events import ConnectionFacts
from amqpbroker.model.observing.tls_facts import TlsFacts
from amqpbroker.model.ports import Journal
from amqpbroker.model.queue import Queue, size_of
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.protocol.connection import Connection as WireConnection
from amqpbroker.protocol.handshake import capability
from amqpbroker.session.authorize import authorize_vhost
from amqpbroker.session.batch import Batch
from amqpbroker.session.channel import Channel
from amqpbroker.session.unacked import Entry
from amqpbroker.wire.methods import Basic, encode_frame
from amqpbroker.wire.methods import Connection as ConnectionMethods

_PROTOCOL: Final = "amqp091"


@dataclass(frozen=True, slots=True)
class Transport:
    """What a connection needs of its socket.

    write: takes octets. pause_reading, resume_reading: whether anything more is read. from_loopback: whether the peer
    is on this machine. force_close: tells the client that the connection is closed from here, and why. name: what logs
    call the connection. here, peer: address and port of the two ends, where there are such. tls: what is told of it, if
    it has TLS. logins: by mechanism, for those that send no password, (the user that the peer is, why it is none): one
    of the two is empty. packets: how many were (received, sent).
    """

    write: Callable[[bytes], None]
    pause_reading: Callable[[], None]
    resume_reading: Callable[[], None]
    from_loopback: bool
    force_close: Callable[[str], None]
    name: str = ""
    here: tuple[str, int] | None = None
    peer: tuple[str, int] | None = None
    tls: TlsFacts | None = None
    logins: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    packets: Callable[[], tuple[int, int]] = lambda: (0, 0)


class Connection:
    """full: the socket takes no more for now, so its consumers have no capacity.

    lagging: a queue it has published to whose consumers do not keep up; publishes_logged: it has published what goes to
    disk; whoever reads for it looks at these, and resets them. channel_type: of what is opened on it.
    """

    channel_type: type[Channel] = Channel

    def __init__(
        self, broker: Broker, batch: Batch, wire: WireConnection, transport: Transport, message_size_max_bytes: int
    ) -> None:
        self.broker = broker
        self.wire = wire
        self.user: User | None = None
        self.vhost: VirtualHost
        self.message_size_max_bytes = message_size_max_bytes
        self.exclusive_queues: dict[str, Queue] = {}
        self.full = False
        self.lagging: Queue | None = None
        self.publishes_logged = False
        self._batch = batch
        self._transport = transport
        self._channels: dict[int, Channel] = {}
        self._confirms_due: dict[Channel, None] = {}
        self._confirms_wait: dict[Channel, None] = {}
        # The part of the journal for which `_committed` is to be called.
        self._waits_for = 0
        self._paused_by_transport = False
        self._blocked = False
        self._mechanism = ""
        self._connected_at_ms = broker.clock.unix_ms()

    @property
    def name(self) -> str:
        """What logs, events and traces call it."""
        return self._transport.name

    @property
    def user_name(self) -> str:
        """Who has logged in."""
        return self.user.name if self.user is not None else ""

    def has_tag(self, tag: str) -> bool:
        """Whether the user had a tag when it logged in."""
        return self.user is not None and tag in self.user.tags

    @property
    def channels(self) -> Mapping[int, Channel]:
        """Its open channels, by number. A view: copy it before anything can change."""
        return self._channels

    @property
    def is_blocked(self) -> bool:
        """Whether it has published under an alarm, and is not read."""
        return self._blocked

    def has_capability(self, name: str) -> bool:
        """Whether the client announced a capability."""
        return capability(self.wire.client_properties, name)

    def facts(self) -> ConnectionFacts:
        """What events tell of it."""
        wire, transport = self.wire, self._transport
        return ConnectionFacts(
            name=transport.name,
            here=transport.here,
            peer=transport.peer,
            connected_at_ms=self._connected_at_ms,
            mechanism=self._mechanism,
            client_properties=wire.client_properties,
            heartbeat_s=wire.heartbeat.interval_s,
            frame_max_bytes=wire.frame_max_bytes,
            channel_max=wire.channel_max,
            tls=transport.tls,
        )

    def force_close(self, reason: str) -> None:
        """Tells the client that the connection is closed from here, and why: 320. What it held is released at once."""
        self._transport.force_close(reason)

    def traffic(self) -> Traffic:
        """What came and went so far."""
        packets_received, packets_sent = self._transport.packets()
        return Traffic(self.wire.octets_received, packets_received, self.wire.octets_sent, packets_sent)

    # What the protocol calls

    def authenticate(self, mechanism: str, user: str, password: bytes | None) -> None:
        self._mechanism = mechanism
        if password is None:
            user, refused = self._transport.logins[mechanism]
            if refused:
                raise self._login_refused(user, refused)
            found = self.broker.users.get(user)
        else:
            found = self._log_in(user, password)
        if found is None:
            raise self._login_refused(user, f"user '{user}' - invalid credentials")
        if not self.broker.users.may_connect(found, self._transport.from_loopback):
            raise self._login_refused(user, f"user '{user}' can only connect via localhost")
        self.user = found
        self.broker.has_tried_to_log_in(_PROTOCOL, succeeded=True)
        self.broker.events.user_authenticated(self, user)

    def _log_in(self, user: str, password: bytes) -> User:
        peer = self._transport.peer
        try:
            return self.broker.log_in(user, password, peer[0] if peer is not None else "")
        except LoginRefused as refused:
            raise self._login_refused(user, refused.reason) from refused

    def _login_refused(self, user: str, reason: str) -> AMQPError:
        self.broker.has_tried_to_log_in(_PROTOCOL, succeeded=False)
        self.broker.events.user_authenticated(self, user, reason)
        self.broker.events.connection_closed(self)
        return AMQPError(ACCESS_REFUSED, f"{self._mechanism} login refused: {reason}", (0, 0))

    def open(self, vhost: str) -> None:
        if len(self.broker.connections) >= CONNECTIONS_MAX:
            raise self._open_refused(f"connection refused: node connection limit ({CONNECTIONS_MAX}) is reached")
        found = self.broker.vhosts.get(vhost)
        if found is None:
            raise self._open_refused(f"vhost {vhost} not found")
        try:
            self.broker.quotas.check_connection(found, self.user_name)
            authorize_vhost(self, vhost)
        except AMQPError as refused:
            raise self._open_refused(refused.explanation) from refused
        self.broker.quotas.open_connection(found, self.user_name)
        self.vhost = found
        self.broker.connections[self] = None
        self.broker.churn.connection_created += 1
        self.broker.events.connection_created(self, vhost, self.user_name)

    def _open_refused(self, reason: str) -> AMQPError:
        self.broker.events.connection_closed(self)
        return AMQPError(NOT_ALLOWED, reason)

    def update_secret(self, secret: bytes) -> None:
        """A password does not change by being sent again: RabbitMQ takes any from such a user."""

    def open_channel(self, number: int) -> Channel:
        self.broker.quotas.open_channel(self.user_name)
        channel = self._channels[number] = self.channel_type(self, number)
        self.broker.churn.channel_created += 1
        self.broker.events.channel_created(channel, number, self, self.vhost.name, self.user_name)
        return channel

    def touched(self) -> None:
        self._batch.touch(self)

    def closed(self) -> None:
        del self.broker.connections[self]
        self.broker.churn.connection_closed += 1
        self.vhost.traffic.add(self.traffic())
        self.broker.quotas.close_connection(self.vhost, self.user_name)
        if self._blocked:
            # Only the answer to a close is still read.
            self.broker.stop_waiting(self._unblock)
            self._let_go_on()
        for queue in list(self.exclusive_queues.values()):
            if not queue.deleted:
                self.vhost.delete_queue(queue)
        self.exclusive_queues.clear()
        self.broker.events.connection_closed(self)

    # Writing

    def flush(self) -> None:
        """Writes what the outbox holds, and the confirms that are due after it: a return comes before its ack."""
        for channel in self._confirms_due:
            self._confirm(channel)
        self._confirms_due.clear()
        data = self.wire.take()
        if data:
            self._transport.write(data)

    def confirms_due(self, channel: Channel) -> None:
        """A channel has published in confirm mode."""
        self._confirms_due[channel] = None
        if not self.wire.touched:
            self.wire.touched = True
            self.touched()

    def confirms_wait(self, channel: Channel, journal: Journal) -> None:
        """A channel has published, in confirm mode, what has to be on disk first."""
        self._confirms_wait[channel] = None
        self._call_when_committed(journal)

    def reply(self, channel: int, octets: bytes, after: int) -> None:
        """Answers when the journal has written so far, and not before the answers of the channel that wait already."""
        journal = self.broker.journal
        if journal is not None and after > journal.done_number:
            self.wire.hold(channel, octets, after)
            self._call_when_committed(journal)
        else:
            self.wire.answer(channel, octets)

    def _call_when_committed(self, journal: Journal) -> None:
        if self._waits_for != journal.open_number:
            self._waits_for = journal.open_number
            journal.when_committed(self._committed)

    def _committed(self) -> None:
        """More of the journal is on disk: answers and confirms that waited for it go out."""
        journal = self.broker.journal
        assert journal is not None
        for channel in self.wire.let_go(journal.done_number):
            if channel in self._channels:
                self._channels[channel].replies_are_out()
        if self.wire.held:
            self._call_when_committed(journal)
        waiting, self._confirms_wait = self._confirms_wait, {}
        for one in waiting:
            if not one.is_closed:
                self.confirms_due(one)
                assert one.confirms is not None
                if one.confirms.waits_beyond(journal.done_number):
                    self._confirms_wait[one] = None

    def _confirm(self, channel: Channel) -> None:
        if channel.confirms is not None:
            journal = self.broker.journal
            self.wire.outbox.append(channel.confirms.take_frames(journal.done_number if journal is not None else 0))

    def nack_waiting(self) -> None:
        """What waits for the disk will never be there: 'basic.nack' for each message, and no other answer."""
        self.wire.held.clear()
        for channel in self._confirms_due:
            self._confirm(channel)
        self._confirms_due.clear()
        for channel in self._channels.values():
            if channel.confirms is not None:
                for first, last in channel.confirms.give_up():
                    for tag in range(first, last + 1):
                        self.wire.send(channel.number, Basic.Nack(delivery_tag=tag))

    def fill(self) -> None:
        """The outbox holds as much as one turn may send: the consumers have no capacity until it is written."""
        self.full = True
        for channel in self._channels.values():
            channel.budget.writable = False

    def pause_writing(self) -> None:
        """The socket takes no more."""
        self._paused_by_transport = True
        self.fill()

    def resume_writing(self) -> None:
        """The socket takes more again."""
        self._paused_by_transport = False
        self.go_on()

    def go_on(self) -> None:
        """The outbox was written: consumers go on, unless the socket is full."""
        if not self.full or self._paused_by_transport:
            return
        self.full = False
        channels = list(self._channels.values())
        for channel in channels:
            channel.budget.writable = not channel.waits_to_deliver
        for channel in channels:
            channel.rejoin()
        for channel in channels:
            channel.drain()
        if channels:
            # It may have taken the whole turn: next time another one is the first.
            self._channels[channels[0].number] = self._channels.pop(channels[0].number)

    # Holding publishers back

    @property
    def unacked_count(self) -> int:
        """How many messages the client has to acknowledge."""
        return sum(len(channel.unacked.entries) for channel in self._channels.values())

    @property
    def settled_count(self) -> int:
        """How many deliveries of the channels that are open need no acknowledgement any more."""
        return sum(channel.next_delivery_tag - 1 for channel in self._channels.values()) - self.unacked_count

    def held_bytes(self) -> int:
        """About how many octets are kept for the client: what it has to acknowledge, and what is to be written."""
        return self.wire.outbox_bytes + sum(_about_bytes(one.unacked.entries) for one in self._channels.values())

    def published_while_blocked(self) -> None:
        """A connection that publishes under an alarm is held back until the alarm is over."""
        if self._blocked:
            return
        self._blocked = True
        self.wire.heartbeat.paused = True
        if self.has_capability("connection.blocked"):
            # Whatever answers wait: it may be the disk that is full.
            self.wire.write(encode_frame(0, ConnectionMethods.Blocked(reason=self.broker.blocked_reason or "")))
        self._transport.pause_reading()
        self.broker.when_unblocked(self._unblock)

    def _unblock(self) -> None:
        if self.has_capability("connection.blocked"):
            self.wire.write(encode_frame(0, ConnectionMethods.Unblocked()))
        self._let_go_on()

    def _let_go_on(self) -> None:
        self._blocked = False
        self.wire.heartbeat.paused = False
        self._transport.resume_reading()

    def channel_closed(self, channel: Channel) -> None:
        """A channel is no more; what is confirmed by now is told before that."""
        if channel in self._confirms_due:
            del self._confirms_due[channel]
            self._confirm(channel)
        self._channels.pop(channel.number, None)
        self.broker.churn.channel_closed += 1
        self.broker.quotas.close_channel(self.user_name)


def _about_bytes(entries: dict[int, Entry]) -> int:
    """What the messages that a channel's client has take, by the mean of the oldest of them."""
    if not entries:
        return 0
    sample = [message for _, message, _ in islice(entries.values(), UNACKED_SAMPLE_MESSAGES)]
    return size_of(sample) * len(entries) // len(sample)
