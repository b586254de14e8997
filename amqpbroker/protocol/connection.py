"""A connection: octets in, octets out.

The owner calls `feed` with what it read, then takes what is in the outbox and writes it. It calls `look` when
`due_s` has come, and drops the socket when `drop_at_s` has. Nothing here waits, and nothing here knows a queue.

`feed` is one loop over the whole read. Publishes, acks and rejects on an open channel are read by hand, many at a time
(`wire.hot`); every other frame is cut, put together and handled one by one. A fault is raised where it is found and
becomes a close frame in `_fail`, nowhere else.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from amqpbroker.errors import (
    CHANNEL_ERROR,
    COMMAND_INVALID,
    CONNECTION_FORCED,
    FRAME_ERROR,
    INTERNAL_ERROR,
    NOT_ALLOWED,
    NOT_FOUND,
    UNEXPECTED_FRAME,
    AMQPError,
)
from amqpbroker.limits import (
    CHANNEL_MAX,
    CLOSE_TIMEOUT_S,
    FRAME_MAX_BYTES,
    HANDSHAKE_ERROR_DELAY_S,
    HANDSHAKE_TIMEOUT_S,
    HEARTBEAT_S,
    OUTBOX_MAX_BYTES,
    TURN_MAX_FRAMES,
)
from amqpbroker.profiles import Profile
from amqpbroker.protocol import handshake
from amqpbroker.protocol.channel import Channel
from amqpbroker.protocol.content import BASIC_PUBLISH, Assembled
from amqpbroker.protocol.heartbeat import Beat, Heartbeat
from amqpbroker.protocol.ports import ConnectionHandler
from amqpbroker.protocol.sasl import WITH_PASSWORD
from amqpbroker.protocol.states import ChannelEvent, ChannelState, ConnectionEvent, ConnectionMachine, ConnectionState
from amqpbroker.wire import erlang, methods
from amqpbroker.wire.constants import (
    ACK,
    BODY,
    FRAME_END,
    HEADER,
    HEARTBEAT,
    HEARTBEAT_FRAME,
    METHOD,
    NACK,
    PUBLISH,
    REJECT,
)
from amqpbroker.wire.frames import FRAME_HEADER
from amqpbroker.wire.hot import read_acks, read_discards
from amqpbroker.wire.methods import MalformedMethod, MalformedText, Method, UnknownMethod, encode_frame
from amqpbroker.wire.tables import Table, TableError

_SEAM_BYTES: Final = 32_768
_RUNNING: Final = ConnectionState.RUNNING
_HANDSHAKE: Final = frozenset(
    {
        ConnectionState.HEADER,
        ConnectionState.STARTING,
        ConnectionState.SECURING,
        ConnectionState.TUNING,
        ConnectionState.OPENING,
    }
)
# These methods' queue="" stands for the last declared queue, which RabbitMQ looks up before it looks at the state of
# the channel: queue.bind, queue.purge, queue.unbind, basic.consume, basic.get, queue.delete.
_SHORTCUT_METHODS: Final = frozenset({(50, 20), (50, 30), (50, 50), (60, 20), (60, 70), (50, 40)})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server tells every client, and holds it to.

    server_properties: of connection.start. now_s counts from anywhere, but never backwards.
    """

    profile: Profile
    server_properties: Table
    channel_max: int = CHANNEL_MAX
    frame_max_bytes: int = FRAME_MAX_BYTES
    heartbeat_s: int = HEARTBEAT_S
    handshake_timeout_s: float = HANDSHAKE_TIMEOUT_S


class Connection:
    """outbox: octets to be written, in order; outbox_bytes: about how many.

    drop_at_s: when the socket has to be closed, None while it may stay. on_fault: told what went wrong, for the log.
    more: one turn's work is done but not all that was read; `feed` is to be called again, with nothing if need be,
    after the outbox was written and others had their turn.
    mechanisms: the ways to log in that it offers.
    held: by channel, answers that wait for what is outside of here, each with the number that has to be reached.
    """

    def __init__(self, settings: Settings, now_s: float) -> None:
        self.settings = settings
        self.machine = ConnectionMachine()
        self.handler: ConnectionHandler
        self.channels: dict[int, Channel] = {}
        self.outbox: list[bytes] = []
        self.outbox_bytes = 0
        self.held: dict[int, deque[tuple[int, bytes]]] = {}
        self.touched = False
        self.more = False
        self.mechanisms: tuple[str, ...] = WITH_PASSWORD
        self.client_properties: Table = {}
        self.channel_max = settings.channel_max
        self.frame_max_bytes = settings.frame_max_bytes
        self.heartbeat = Heartbeat(0, now_s)
        self.drop_at_s: float | None = now_s + settings.handshake_timeout_s
        self.octets_received = 0
        self.octets_sent = 0
        self.on_fault: Callable[[AMQPError | str], None] = lambda fault: None
        self._now_s = now_s
        self._rest = b""
        self._frames_left = 0
        self._frame_limit_bytes = settings.profile.frame_max_min_bytes
        self._opened = False

    # What the owner calls

    def feed(self, data: bytes, now_s: float) -> None:
        """Takes what was read from the socket."""
        self.octets_received += len(data)
        self._now_s = now_s
        self.more = False
        self._frames_left = TURN_MAX_FRAMES
        start = 0
        # After a fault of ours nobody knows how much was read: the next read begins anew.
        rest, self._rest = self._rest, b""
        if rest:
            consumed = 0
            if len(data) > 2 * _SEAM_BYTES and len(rest) < _SEAM_BYTES:
                # Not all of a big read is copied for the sake of one message that the last read cut in two.
                seam = rest + data[:_SEAM_BYTES]
                consumed = self._read(seam, 0, len(seam))
            start = max(consumed - len(rest), 0)
            data = data if consumed >= len(rest) else rest[consumed:] + data
        self._rest = data[self._read(data, start, len(data)) :]

    def take(self) -> bytes:
        """What is to be written now."""
        data = b"".join(self.outbox)
        self.outbox.clear()
        self.outbox_bytes = 0
        self.touched = False
        self.octets_sent += len(data)
        return data

    @property
    def due_s(self) -> float | None:
        """When `look` is to be called; None for never."""
        times = [time_s for time_s in (self.drop_at_s, self.heartbeat.due_s) if time_s is not None]
        return min(times) if times else None

    def look(self, now_s: float) -> None:
        """The time of `due_s` has come: heartbeats, and the end of a handshake that takes too long."""
        self._now_s = now_s
        if self.machine.state in _HANDSHAKE and self.drop_at_s is not None and self.drop_at_s <= now_s:
            self.on_fault("handshake timeout")
            return
        heartbeat = self.heartbeat
        if heartbeat.due_s is None or now_s < heartbeat.due_s:
            return
        match heartbeat.look(now_s, self.octets_sent, self.octets_received):
            case Beat.SEND:
                self.write(HEARTBEAT_FRAME)
            # Who was told to close has a time of its own for that.
            case Beat.SILENT if self.machine.state is not ConnectionState.CLOSED:
                # RabbitMQ drops a peer that is silent without a word: nobody is there to read it.
                self.on_fault(f"missed heartbeats from client, timeout: {heartbeat.interval_s}s")
                self.drop_at_s = now_s

    def close(self, code: int, explanation: str, now_s: float) -> None:
        """Closes from our side: the client is told at once, and dropped if it does not answer."""
        self._now_s = now_s
        self.held.clear()
        if self.machine.state in (_RUNNING, ConnectionState.OPENING):
            self._close(AMQPError(code, explanation, (0, 0)))
        elif self.machine.state is not ConnectionState.CLOSED:
            self.drop_at_s = now_s

    def force_close(self, explanation: str, now_s: float) -> None:
        """Closes because an operator or the end of the server wants it: 320."""
        self.close(CONNECTION_FORCED, explanation, now_s)

    def lost(self) -> None:
        """The socket is gone."""
        self._release()
        self.held.clear()

    def write(self, octets: bytes) -> None:
        """Puts octets into the outbox."""
        self.outbox.append(octets)
        self.outbox_bytes += len(octets)
        if not self.touched:
            self.touched = True
            self.handler.touched()

    def send(self, channel: int, method: Method) -> None:
        """Puts a method into the outbox, behind what is held of its channel; on channel 0, of any."""
        self.answer(channel, encode_frame(channel, method))

    def answer(self, channel: int, octets: bytes) -> None:
        """The same with octets."""
        if self.held and (channel in self.held or channel == 0):
            self.hold(channel, octets, 0)
        else:
            self.write(octets)

    def hold(self, channel: int, octets: bytes, until: int) -> None:
        """Puts octets into the outbox when `let_go` has reached a number, and all that is held before them is out."""
        self.held.setdefault(channel, deque()).append((until, octets))

    def let_go(self, reached: int) -> list[int]:
        """What was held until a number that is reached now goes out; returns the channels that hold nothing more."""
        free = []
        for channel in sorted(self.held, reverse=True):
            waiting = self.held[channel]
            if channel == 0 and len(self.held) > 1:
                break
            while waiting and waiting[0][0] <= reached:
                self.write(waiting.popleft()[1])
            if not waiting:
                del self.held[channel]
                free.append(channel)
        return free

    # Reading

    def _read(self, data: bytes, position: int, end: int) -> int:
        """Takes all whole frames of data[position:end]; returns where the first one that is not whole begins."""
        if self.machine.state is ConnectionState.HEADER:
            if end < 8:
                return 0
            handshake.protocol_header(self, data[:8])
            position = 8
        channels = self.channels
        machine = self.machine
        while end - position >= 7:
            state = machine.state
            if state is ConnectionState.DROPPED:
                return end
            kind, number, size = FRAME_HEADER.unpack_from(data, position)
            if kind == METHOD and state is _RUNNING:
                channel = channels.get(number)
                if channel is not None and channel.hot:
                    ids = data[position + 7 : position + 11]
                    if ids == PUBLISH:
                        handler = channel.handler
                        handler.before_publishes()  # type: ignore[union-attr]
                        lane = handler.lane  # type: ignore[union-attr]
                        stop = lane.read(data, position, end)
                        if lane.waiting:
                            return stop
                        if stop != position:
                            position = stop
                            continue
                    elif ids == ACK:
                        acks, stop = read_acks(data, position, end, channel.ack_prefix)
                        if acks:
                            position = stop
                            try:
                                channel.handler.acknowledge(acks)  # type: ignore[union-attr]
                            except AMQPError as fault:
                                self._fail(channel, fault, (60, 80))
                            continue
                    elif ids in (REJECT, NACK) and self._may_go_on:
                        prefix = channel.ack_prefix[: -len(ACK)] + ids
                        discards, stop = read_discards(data, position, end, prefix, self._frames_left)
                        if discards:
                            position = stop
                            self._frames_left -= len(discards)
                            try:
                                channel.handler.discard(discards)  # type: ignore[union-attr]
                            except AMQPError as fault:
                                self._fail(channel, fault, (60, 90) if ids == REJECT else (60, 120))
                            continue
            if not self._may_go_on:
                self.more = True
                break
            self._frames_left -= 1
            if size > self._frame_limit_bytes:
                self._frame_fault(kind, b"", "frame_too_large", [size, self.frame_max_bytes - 8])
                return end
            frame_end = position + 7 + size
            if frame_end >= end:
                break
            payload = data[position + 7 : frame_end]
            if data[frame_end] != FRAME_END:
                self._frame_fault(kind, payload, "invalid_frame_end_marker", [data[frame_end]])
                return end
            position = frame_end + 1
            self._frame(kind, number, payload)
        return position

    @property
    def _may_go_on(self) -> bool:
        """Whether there is room in this turn for another frame, and what it makes others be sent."""
        return self._frames_left > 0 and self.outbox_bytes <= OUTBOX_MAX_BYTES

    def _frame(self, kind: int, number: int, payload: bytes) -> None:
        state = self.machine.state
        if number == 0:
            self._frame_on_connection(kind, payload)
        elif state is _RUNNING:
            self._frame_on_channel(kind, number, payload)
        elif state is not ConnectionState.CLOSED:
            self._fail(None, _unexpected_frame(kind, payload), (0, 0))

    def _frame_on_connection(self, kind: int, payload: bytes) -> None:
        closed = self.machine.state is ConnectionState.CLOSED
        if kind == METHOD and len(payload) >= 4:
            self._method_on_connection(payload)
        elif (kind == HEARTBEAT and not payload) or closed:
            return
        elif kind in (HEADER, BODY) and (kind == BODY or len(payload) >= 12):
            self._fail(None, _unexpected_frame(kind, payload), (0, 0))
        else:
            self._fail(None, _unknown_frame(kind, payload), (0, 0))

    def _method_on_connection(self, payload: bytes) -> None:
        method_id = (0, 0)
        try:
            method = methods.decode(payload)
            method_id = method.id
            handshake.method(self, method)
        except AMQPError as fault:
            self._fail(None, fault, method_id)
        except UnknownMethod:
            self.distrust(0.0)
        except MalformedText as fault:
            self._fail(None, AMQPError(FRAME_ERROR, fault.explanation), fault.method_id)
        except (MalformedMethod, TableError):
            if self.machine.state is _RUNNING:
                self._fail(None, AMQPError(INTERNAL_ERROR, ""), (0, 0))
            else:
                self.distrust(HANDSHAKE_ERROR_DELAY_S)

    def _frame_on_channel(self, kind: int, number: int, payload: bytes) -> None:
        if kind == HEARTBEAT and not payload:
            self._fail(None, _unexpected_frame(kind, payload), (0, 0))
            return
        least = {METHOD: 4, HEADER: 12, BODY: 0}.get(kind)
        if least is None or len(payload) < least:
            self._fail(None, _unknown_frame(kind, payload), (0, 0))
            return
        channel = self.channels.get(number)
        if channel is None:
            count = len(self.channels)
            if self.channel_max and count >= self.channel_max:
                text = f"number of channels opened ({count}) has reached the negotiated channel_max ({count})"
                self._fail(None, AMQPError(NOT_ALLOWED, text), (0, 0))
                return
            channel = self.channels[number] = Channel(number, self.settings.profile)
        assembler = channel.assembler
        method_id = assembler.method_id
        try:
            whole = assembler.accept(kind, payload)
            if whole is None:
                channel.hot = False
                if kind == HEADER:
                    self._content_announced(channel, method_id, int.from_bytes(payload[4:12], "big"))
            else:
                method_id = whole.method.id
                self._command(channel, whole)
                channel.hot = channel.machine.state is ChannelState.OPEN
        except AMQPError as fault:
            if not fault.closes_connection and assembler.expecting != METHOD:
                assembler.discarding = True
            self._fail(channel, fault, method_id)
        except (UnknownMethod, TableError):
            self.distrust(0.0)
        except MalformedText as fault:
            self._fail(None, AMQPError(FRAME_ERROR, fault.explanation), (0, 0))
        except MalformedMethod as fault:
            self._fail(None, AMQPError(FRAME_ERROR, fault.explanation), fault.method_id)

    def _content_announced(self, channel: Channel, method_id: tuple[int, int], body_bytes: int) -> None:
        """A body is to come: what will not be published shall not fill the memory."""
        if method_id != BASIC_PUBLISH or channel.handler is None or channel.machine.state is not ChannelState.OPEN:
            channel.assembler.discarding = True
        else:
            channel.handler.publish_announced(body_bytes)

    def _command(self, channel: Channel, whole: Assembled) -> None:
        """A method, with its content if it has any, on a channel that may be in any state."""
        method = whole.method
        state = channel.machine.state
        handler = channel.handler
        if method.id in _SHORTCUT_METHODS and not method.queue:  # type: ignore[attr-defined]
            # Raises where no queue was declared, whatever the state.
            if handler is None:
                raise AMQPError(NOT_FOUND, "no previously declared queue")
            handler.expand_queue("")
        if method.id == (20, 10):
            if state is not ChannelState.STARTING:
                raise AMQPError(CHANNEL_ERROR, "second 'channel.open' seen")
            channel.handler = self.handler.open_channel(channel.number)
            channel.machine.on(ChannelEvent.OPENED)
            self.send(channel.number, methods.Channel.OpenOk())
        elif handler is None:
            raise AMQPError(CHANNEL_ERROR, "expected 'channel.open'")
        elif state is ChannelState.CLOSING:
            if method.id == (20, 41):
                del self.channels[channel.number]
            elif method.id == (20, 40):
                self.send(channel.number, methods.Channel.CloseOk())
        elif method.id == (20, 40):
            del self.channels[channel.number]
            handler.closed()
            self.send(channel.number, methods.Channel.CloseOk())
        elif method.id == (60, 40):
            assert whole.header is not None
            handler.publish(whole.payload, whole.header, whole.body)
        elif whole.header is not None or method.id[0] == 10:
            raise AMQPError(COMMAND_INVALID, "unimplemented method")
        else:
            handler.method(method)

    # Faults

    def fail_channel(self, number: int, fault: AMQPError) -> None:
        """Closes an open channel for what no method of its client has done."""
        self._fail(self.channels[number], fault, (0, 0))

    def _fail(self, channel: Channel | None, fault: AMQPError, method_id: tuple[int, int]) -> None:
        """Turns a fault into what RabbitMQ answers to it."""
        if fault.method_id is None:
            fault.method_id = method_id
        self.on_fault(fault)
        state = self.machine.state
        if state is ConnectionState.CLOSED:
            return
        if state not in (_RUNNING, ConnectionState.OPENING):
            self.distrust(HANDSHAKE_ERROR_DELAY_S)
        elif channel is None or fault.closes_connection:
            self._close(fault)
        else:
            self._close_channel(channel, fault)

    def _close_channel(self, channel: Channel, fault: AMQPError) -> None:
        class_id, method_id = fault.method_id or (0, 0)
        channel.hot = False
        if channel.handler is None:
            # The number was never opened: there is nothing to close but the client's idea of it.
            del self.channels[channel.number]
        elif channel.machine.state is ChannelState.OPEN:
            channel.machine.on(ChannelEvent.CLOSE_SENT)
            channel.handler.closed()
        reply = methods.Channel.Close(
            reply_code=fault.code, reply_text=fault.text, class_id=class_id, method_id=method_id
        )
        self.send(channel.number, reply)

    def _close(self, fault: AMQPError) -> None:
        class_id, method_id = fault.method_id or (0, 0)
        self._release()
        self.send(
            0,
            methods.Connection.Close(
                reply_code=fault.code, reply_text=fault.text, class_id=class_id, method_id=method_id
            ),
        )
        self.machine.on(ConnectionEvent.CLOSE_SENT)
        self.drop_at_s = self._now_s + CLOSE_TIMEOUT_S

    def _frame_fault(self, kind: int, payload: bytes, name: str, numbers: list[int]) -> None:
        """Octets that are no frame: the peer is out of step, and nothing it sends from here on can be read."""
        text = f"{_described(kind, payload)}: "
        text += erlang.fault(name, numbers, len(text))
        self._fail(None, AMQPError(FRAME_ERROR, text, (0, 0)), (0, 0))
        self.distrust(HANDSHAKE_ERROR_DELAY_S)

    def distrust(self, delay_s: float) -> None:
        """Nothing is read from this peer any more; the socket is dropped after delay_s."""
        self._release()
        self.machine.on(ConnectionEvent.DISTRUSTED)
        self.heartbeat.due_s = None
        self.drop_at_s = self._now_s + delay_s

    # What the handshake changes

    @property
    def now_s(self) -> float:
        """The time of what is being handled."""
        return self._now_s

    def opened(self) -> None:
        """The client is in its virtual host."""
        self._opened = True
        self.machine.on(ConnectionEvent.OPENED)
        self.drop_at_s = None

    def negotiated(self, channel_max: int, frame_max_bytes: int, heartbeat_s: int) -> None:
        """The client has answered connection.tune."""
        self.channel_max = channel_max
        self.frame_max_bytes = frame_max_bytes
        # As RabbitMQ, frames may be larger by their own envelope: quite a few clients get it wrong by that much.
        self._frame_limit_bytes = frame_max_bytes if frame_max_bytes else 1 << 32
        self.heartbeat = Heartbeat(heartbeat_s, self._now_s)

    def closed_by_client(self) -> None:
        """connection.close was received: everything is released, the socket is the client's to close."""
        self._release()
        self.machine.on(ConnectionEvent.CLOSE_RECEIVED)
        self.drop_at_s = self._now_s + CLOSE_TIMEOUT_S

    def _release(self) -> None:
        """Gives up channels and what they hold; once, however the connection ends."""
        for number in list(self.channels):
            # Taken out first: a channel that cannot be closed must not keep the others from it.
            channel = self.channels.pop(number)
            if channel.handler is not None and channel.machine.state is ChannelState.OPEN:
                channel.handler.closed()
        if self._opened:
            self._opened = False
            self.handler.closed()


def _described(kind: int, payload: bytes) -> str:
    """What RabbitMQ's texts show of a frame: its type, and its octets as far as they fit."""
    text = f"type {kind}, {'all' if len(payload) <= 16 else 'first 16'} octets = "
    return text + erlang.octets(payload[:16], len(text))


def _unexpected_frame(kind: int, payload: bytes) -> AMQPError:
    return AMQPError(UNEXPECTED_FRAME, _described(kind, payload), (0, 0))


def _unknown_frame(kind: int, payload: bytes) -> AMQPError:
    return AMQPError(FRAME_ERROR, f"{_described(kind, payload)}: unknown_frame", (0, 0))
