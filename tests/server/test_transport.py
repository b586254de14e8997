"""Connections as asyncio calls them, on sockets that are none and on real ones."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from amqpbroker.limits import (
    ALARM_LOOK_BYTES,
    BACKLOG_HIGH_MESSAGES,
    MESSAGE_OVERHEAD_BYTES,
    TURN_MAX_FRAMES,
    UNREAD_MAX_BYTES,
)
from amqpbroker.protocol.heartbeat import Heartbeat
from amqpbroker.server import transport as transport_module
from amqpbroker.server.config import Config
from amqpbroker.server.server import Server
from amqpbroker.server.transport import ConnectionTransport
from amqpbroker.session.channel import Channel as SessionChannel
from amqpbroker.wire.constants import HEARTBEAT_FRAME, PROTOCOL_HEADER
from amqpbroker.wire.methods import Basic, Channel, Confirm, Connection, Method, Queue, encode_frame
from tests.helpers.socket_client import SocketClient
from tests.helpers.wire_client import Event, FrameReader, Received, publish_octets, start_ok
from tests.helpers.wire_client import Heartbeat as HeartbeatFrame

LOCAL = ("127.0.0.1", 40_000)
HERE = ("127.0.0.1", 5_672)
TO_TASKS = Basic.Publish(routing_key="tasks")


class Socket(asyncio.Transport):
    """What asyncio gives a connection, with nothing behind it. calls: what was asked of it, in order."""

    def __init__(self, peer: object = LOCAL, here: object = HERE, family: int = socket.AF_INET) -> None:
        socket_ = type("Socket", (), {"family": family, "getsockopt": lambda *_: b""})
        super().__init__({"peername": peer, "sockname": here, "socket": socket_})
        self.calls: list[str] = []
        self.octets = b""
        self.unread_bytes = 0
        self.is_reading_ = True
        self.reader: asyncio.BufferedProtocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.reader = protocol if isinstance(protocol, asyncio.BufferedProtocol) else None

    def write(self, data: bytes) -> None:
        assert not self.is_closing()
        self.octets += data

    def get_write_buffer_size(self) -> int:
        return self.unread_bytes

    def pause_reading(self) -> None:
        if self.is_reading_:
            self.calls.append("pause")
        self.is_reading_ = False

    def resume_reading(self) -> None:
        if not self.is_reading_:
            self.calls.append("resume")
        self.is_reading_ = True

    def close(self) -> None:
        self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")

    def is_closing(self) -> bool:
        return "close" in self.calls or "abort" in self.calls

    def take(self) -> list[Event]:
        octets, self.octets = self.octets, b""
        return list(FrameReader().read(octets))

    def methods(self) -> list[Method]:
        return [event.method for event in self.take() if isinstance(event, Received)]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    """A server on any free port, without a disk: its alarm is the tests' own to raise, and nobody's to clear."""
    started = Server(Config(hosts=("127.0.0.1",), port=0, memory=True))
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
def made(server: Server) -> Iterator[list[ConnectionTransport]]:
    """Connections on sockets that are none, which end with the test."""
    connections: list[ConnectionTransport] = []
    yield connections
    for connection in connections:
        if connection in server.connections:
            connection.connection_lost(None)


@pytest.fixture
def accept(server: Server, made: list[ConnectionTransport]):
    """Makes a connection of a socket that is none."""

    def accepted(socket_: Socket | None = None) -> tuple[ConnectionTransport, Socket]:
        socket_ = socket_ or Socket()
        connection = ConnectionTransport(server)
        connection.connection_made(socket_)
        made.append(connection)
        return connection, socket_

    return accepted


@pytest.fixture
def opened(accept):
    """Makes a connection that has logged in, with channel 1 open and a queue `tasks`."""

    def made_and_opened(heartbeat_s: int = 0) -> tuple[ConnectionTransport, Socket]:
        connection, socket_ = accept()
        connection.data_received(login(heartbeat_s=heartbeat_s))
        connection.data_received(encode_frame(1, Channel.Open()) + encode_frame(1, Queue.Declare(queue="tasks")))
        connection._server.batch.finish()
        assert isinstance(socket_.methods()[-1], Queue.DeclareOk)
        return connection, socket_

    return made_and_opened


def login(user: str = "guest", password: str = "guest", heartbeat_s: int = 0) -> bytes:
    tune_ok = Connection.TuneOk(channel_max=2_047, frame_max=131_072, heartbeat=heartbeat_s)
    methods = (start_ok(user, password), tune_ok, Connection.Open(virtual_host="/"))
    return PROTOCOL_HEADER + b"".join(encode_frame(0, method) for method in methods)


def publishes(count: int, body: bytes = b"hello") -> bytes:
    return publish_octets(1, TO_TASKS, body) * count


async def turns(count: int = 3) -> None:
    """Lets the loop do what it was asked for soon."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(what: asyncio.Event) -> None:
    await asyncio.wait_for(what.wait(), 5.0)


# Who it is


@pytest.mark.parametrize(
    ("socket_", "name"),
    [
        (Socket(), "127.0.0.1:40000 -> 127.0.0.1:5672"),
        (Socket(("::1", 4, 0, 0), ("::1", 5, 0, 0), socket.AF_INET6), "[::1]:4 -> [::1]:5"),
        (Socket("", "/run/amqp", -1), "unix -> unix"),
    ],
)
async def test_connections_are_named_by_their_ends(accept, caplog, socket_, name):
    caplog.set_level(logging.INFO)
    connection, _ = accept(socket_)
    assert connection.name == name
    connection.connection_lost(None)
    assert [record.message for record in caplog.records][-2:] == [
        f"accepting AMQP connection {name}",
        f"closed AMQP connection {name}",
    ]


@pytest.mark.parametrize(
    ("peer", "family", "welcome"),
    [
        (("127.0.0.1", 4), socket.AF_INET, True),
        (("127.8.9.10", 4), socket.AF_INET, True),
        (("::1", 4, 0, 0), socket.AF_INET6, True),
        (("::ffff:127.0.0.1", 4, 0, 0), socket.AF_INET6, True),
        (("10.0.0.7", 4), socket.AF_INET, False),
        (("::ffff:10.0.0.7", 4, 0, 0), socket.AF_INET6, False),
        (("fe80::1%eth0", 4, 0, 2), socket.AF_INET6, False),
        ("", -1, True),
        (None, socket.AF_INET, False),
    ],
)
async def test_guest_comes_from_this_machine_alone(accept, server, peer, family, welcome):
    connection, socket_ = accept(Socket(peer, HERE, family))
    connection.data_received(login())
    await turns()
    assert (Connection.OpenOk() in socket_.methods()) is welcome


# Reading and writing


async def test_a_small_read_is_answered_at_the_end_of_the_turn(opened):
    connection, socket_ = opened()
    connection.data_received(encode_frame(1, Basic.Qos()))
    assert socket_.octets == b""
    await turns()
    assert socket_.methods() == [Basic.QosOk()]


async def test_a_big_read_is_answered_at_once(opened):
    connection, socket_ = opened()
    connection.data_received(publishes(100) + encode_frame(1, Basic.Qos()))
    assert socket_.methods() == [Basic.QosOk()]


async def test_nothing_is_written_to_a_socket_that_closes(opened, server):
    connection, socket_ = opened()
    connection.data_received(encode_frame(1, Basic.Qos()))
    socket_.close()
    await turns()
    assert socket_.octets == b""


async def test_a_client_that_sends_no_more_still_gets_its_answers(opened):
    connection, socket_ = opened()
    connection.data_received(encode_frame(1, Basic.Qos()))
    assert connection.eof_received() is False
    assert socket_.methods() == [Basic.QosOk()]


def half_closed(loop_factory: object = None) -> list[Method]:
    """What a client gets that asks, closes its half, and reads to the end."""

    async def ask() -> list[Method]:
        server = Server(Config(hosts=("127.0.0.1",), port=0, memory=True))
        await server.start()
        client = await SocketClient.opened(server.endpoints[0])
        client.send(1, Confirm.Select())
        client.writer.write(publishes(3))
        client.send(1, Queue.Declare(queue="tasks"))
        client.writer.write_eof()
        events = FrameReader().read(await client.end())
        await client.leave()
        await server.stop()
        return [event.method for event in events if isinstance(event, Received)]

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(ask())


def test_a_half_closed_socket_is_answered():
    select_ok, declare_ok, ack = half_closed()
    assert (select_ok, declare_ok) == (Confirm.SelectOk(), Queue.DeclareOk(queue="tasks"))
    assert ack == Basic.Ack(delivery_tag=3, multiple=True)


def test_a_half_closed_socket_is_answered_by_uvloop_too():
    uvloop = pytest.importorskip("uvloop")
    assert len(half_closed(uvloop.new_event_loop)) == 3


async def test_a_flood_lets_others_have_a_turn(opened):
    connection, socket_ = opened()
    connection.data_received(publishes(20, bytes(4_000)))
    assert socket_.calls == ["pause"]
    await turns()
    assert socket_.calls == ["pause", "resume"]


async def test_many_commands_take_several_turns(opened):
    connection, socket_ = opened()
    connection.data_received(encode_frame(1, Basic.Qos()) * (2 * TURN_MAX_FRAMES + 1))
    assert (len(socket_.take()), socket_.calls) == (TURN_MAX_FRAMES, ["pause"])
    await turns(1)
    assert (len(socket_.take()), socket_.calls) == (TURN_MAX_FRAMES, ["pause"])
    await turns()
    assert (len(socket_.take()), socket_.calls[-1]) == (1, "resume")


async def test_who_asks_much_and_reads_nothing_is_not_read_until_it_reads(opened, server):
    connection, socket_ = opened()
    connection.pause_writing()
    socket_.unread_bytes = UNREAD_MAX_BYTES + server.config.message_size_max_bytes + 1
    connection.data_received(encode_frame(1, Basic.Qos()))
    await turns()
    assert socket_.calls == ["pause"]
    socket_.unread_bytes = 0
    connection.resume_writing()
    await turns()
    assert socket_.calls == ["pause", "resume"]


async def test_what_was_read_already_waits_while_a_publisher_is_held_back(opened, server):
    connection, socket_ = opened()
    server.broker.raise_alarm("disk")
    connection.data_received(publishes(1) + encode_frame(1, Basic.Qos()) * (TURN_MAX_FRAMES + 1))
    await turns()
    held_back = [method for method in socket_.methods() if isinstance(method, Basic.QosOk)]
    server.broker.clear_alarm("disk")
    await turns()
    assert (len(held_back), socket_.methods()) == (TURN_MAX_FRAMES, [Connection.Unblocked(), Basic.QosOk()])
    assert socket_.calls[-1] == "resume"


async def test_who_is_held_back_may_still_be_given_turns_of_what_was_read_unless_it_reads_nothing(opened, server):
    connection, socket_ = opened()
    server.broker.raise_alarm("disk")
    connection.data_received(publishes(1) + encode_frame(1, Basic.Qos()) * (2 * TURN_MAX_FRAMES))
    await turns()
    socket_.take()
    connection.pause_writing()
    socket_.unread_bytes = UNREAD_MAX_BYTES + server.config.message_size_max_bytes + 1
    assert connection.go_on_held_back()
    await turns()
    assert socket_.take() == []
    socket_.unread_bytes = 0
    assert connection.go_on_held_back()
    assert not connection.go_on_held_back()
    await turns()
    assert (len(socket_.take()), socket_.calls[-1]) == (TURN_MAX_FRAMES, "pause")


async def test_a_connection_that_is_gone_takes_no_more_turns(opened):
    connection, socket_ = opened()
    connection.data_received(encode_frame(1, Basic.Qos()) * (TURN_MAX_FRAMES + 1))
    socket_.take()
    socket_.close()
    await turns()
    assert socket_.octets == b""


def lagging(opened, server: Server) -> tuple[ConnectionTransport, Socket, ConnectionTransport]:
    """A publisher that has flooded a queue whose consumer does not keep up: (publisher, its socket, consumer)."""
    consumer, _ = opened()
    consumer.data_received(
        encode_frame(1, Basic.Qos(prefetch_count=BACKLOG_HIGH_MESSAGES))
        + encode_frame(1, Basic.Consume(queue="tasks", consumer_tag="slow"))
    )
    publisher, socket_ = opened()
    publisher.data_received(publishes(2 * BACKLOG_HIGH_MESSAGES + 1, bytes(40)))
    assert server.broker.vhosts["/"].queues["tasks"].message_count > BACKLOG_HIGH_MESSAGES
    return publisher, socket_, consumer


async def test_who_floods_a_slow_consumer_rests(opened, server, monkeypatch):
    monkeypatch.setattr(transport_module, "BACKLOG_REST_S", 60.0)
    _, socket_, consumer = lagging(opened, server)
    await turns()
    assert socket_.calls == ["pause"]
    consumer.data_received(encode_frame(1, Basic.Ack(delivery_tag=BACKLOG_HIGH_MESSAGES, multiple=True)))
    await turns()
    assert socket_.calls == ["pause", "resume"]


async def test_a_rest_has_an_end(opened, server):
    _, socket_, _ = lagging(opened, server)
    resumed = asyncio.Event()
    socket_.resume_reading = resumed.set
    await until(resumed)
    assert server.broker.vhosts["/"].queues["tasks"].resting == []


async def test_a_consumer_that_does_not_read_gets_no_more_until_it_does(opened, server):
    consumer, socket_ = opened()
    consumer.data_received(encode_frame(1, Basic.Consume(queue="tasks", no_ack=True)))
    await turns()
    socket_.take()
    consumer.pause_writing()
    publisher, _ = opened()
    publisher.data_received(publishes(3))
    await turns()
    assert socket_.take() == []
    consumer.resume_writing()
    await turns()
    assert len(socket_.take()) == 3


async def test_what_does_not_fit_into_one_turn_goes_out_in_the_next(opened):
    publisher, _ = opened()
    for _ in range(10):
        publisher.data_received(publishes(100, bytes(4_000)))
    consumer, socket_ = opened()
    consumer.data_received(encode_frame(1, Basic.Consume(queue="tasks", no_ack=True)))
    await turns(1)
    first = len(socket_.octets)
    await turns(10)
    assert 1_000_000 < first < 3_000_000
    assert len(socket_.take()) == 1 + 1_000


async def test_a_publisher_is_not_read_while_it_is_held_back(opened, server):
    connection, socket_ = opened()
    server.broker.raise_alarm("disk")
    connection.data_received(publishes(1))
    await turns()
    assert (socket_.calls, socket_.methods()) == (["pause"], [Connection.Blocked(reason="low on disk")])
    server.broker.clear_alarm("disk")
    await turns()
    assert (socket_.calls, socket_.methods()) == (["pause", "resume"], [Connection.Unblocked()])


async def test_a_flood_does_not_end_the_holding_back(opened, server):
    connection, socket_ = opened()
    server.broker.raise_alarm("disk")
    connection.data_received(publishes(20, bytes(4_000)))
    await turns()
    assert socket_.calls == ["pause"]


async def test_a_flood_is_seen_by_the_alarms_at_once(opened, server):
    server.alarms.watermark_bytes = 4 * ALARM_LOOK_BYTES
    connection, socket_ = opened()
    published = 0
    while Connection.Blocked(reason="low on memory") not in socket_.methods():
        connection.data_received(publishes(1, bytes(100_000)))
        published += 1
        assert published * 100_000 < 6 * ALARM_LOOK_BYTES
    assert published * 100_000 > 4 * ALARM_LOOK_BYTES


async def test_what_is_kept_for_a_client_is_counted(opened, server):
    connection, socket_ = opened()
    connection.data_received(encode_frame(1, Basic.Consume(queue="tasks")) + publishes(1, bytes(1_000)))
    await turns()
    socket_.unread_bytes = 500
    assert connection.held_bytes() == 500 + 1_000 + MESSAGE_OVERHEAD_BYTES
    assert server.accounted_bytes() == connection.held_bytes()
    connection.data_received(encode_frame(1, Channel.Close()))
    socket_.unread_bytes = 0
    await turns()
    assert server.accounted_bytes() == 1_000 + MESSAGE_OVERHEAD_BYTES


# Faults of ours


@pytest.fixture
def faulty(monkeypatch) -> str:
    """The prefetch that is a fault of ours."""
    method = SessionChannel.method

    def fails_on_prefetch_666(channel: SessionChannel, received: Method) -> None:
        if received == Basic.Qos(prefetch_count=666):
            raise RuntimeError("injected")
        method(channel, received)

    monkeypatch.setattr(SessionChannel, "method", fails_on_prefetch_666)
    return "injected"


async def test_a_fault_of_ours_is_541_and_logged_once(server, faulty, caplog):
    client = await SocketClient.opened(server.endpoints[0])
    answer = await client.call(1, Basic.Qos(prefetch_count=666))
    assert answer == Connection.Close(reply_code=541, reply_text="INTERNAL_ERROR")
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.message.endswith("internal error")
    assert faulty in str(record.exc_info)
    client.send(0, Connection.CloseOk())
    assert await client.end() == b""
    await client.leave()


async def test_a_fault_of_ours_disturbs_nobody_else(server, faulty):
    sound, client = [await SocketClient.opened(server.endpoints[0]) for _ in range(2)]
    await client.call(1, Basic.Qos(prefetch_count=666))
    assert await sound.call(1, Queue.Declare(queue="tasks")) == Queue.DeclareOk(queue="tasks")
    for any_client in (sound, client):
        await any_client.leave()


async def test_what_a_faulty_connection_held_goes_back(server, faulty, opened):
    publisher, _ = opened()
    publisher.data_received(publishes(1))
    client = await SocketClient.opened(server.endpoints[0])
    client.send(1, Basic.Get(queue="tasks"))
    client.send(1, Basic.Qos(prefetch_count=666))
    await client.until(Connection.Close)
    queue = server.broker.vhosts["/"].queues["tasks"]
    assert (queue.message_count, queue.unacked) == (1, 0)
    await client.leave()


async def test_what_a_client_did_wrong_is_one_line(accept, caplog):
    connection, _ = accept()
    connection.data_received(login("nobody", "wrong"))
    assert [record.message for record in caplog.records] == [
        f"connection {connection.name}: 403 ACCESS_REFUSED - PLAIN login refused: user 'nobody' - invalid credentials"
    ]


# Times


async def test_a_header_that_is_none_is_answered_and_the_socket_closed(server):
    client = await SocketClient.to(server.endpoints[0])
    client.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await client.end() == b"AMQP\x03\x01\x00\x00"
    await client.leave()


async def test_half_a_handshake_is_ended(caplog):
    server = Server(Config(hosts=("127.0.0.1",), port=0, memory=True, handshake_timeout_s=0.1))
    await server.start()
    client = await SocketClient.to(server.endpoints[0])
    client.writer.write(PROTOCOL_HEADER)
    assert isinstance(await client.method(), Connection.Start)
    assert await client.end() == b""
    assert [record.message.partition(": ")[2] for record in caplog.records] == ["handshake timeout"]
    await client.leave()
    await server.stop()


@pytest.fixture
def fast_heartbeats(monkeypatch) -> None:
    """A second of heartbeats takes a twentieth."""
    monkeypatch.setattr(
        "amqpbroker.protocol.connection.Heartbeat", lambda interval_s, now_s: Heartbeat(interval_s / 20, now_s)
    )


async def test_heartbeats_are_sent_and_their_absence_noticed(server, fast_heartbeats, caplog):
    client = await SocketClient.opened(server.endpoints[0], heartbeat_s=1)
    frames = list(FrameReader().read(await client.end()))
    assert len(frames) >= 2
    assert set(map(type, frames)) == {HeartbeatFrame}
    assert "missed heartbeats from client" in caplog.text
    await client.leave()


async def test_a_client_that_does_not_answer_a_close_stops_nobody(server, fast_heartbeats, opened):
    connection, socket_ = opened(heartbeat_s=1)
    connection.data_received(encode_frame(1, Channel.Open()))
    due = asyncio.Event()
    server.ticker.at(server.ticker.now_s() + 0.2, due.set)
    await until(due)
    # It would have closed the socket long ago if the loop had not come to this.
    assert socket_.calls == []


async def test_a_socket_that_cannot_be_emptied_is_aborted(accept, monkeypatch):
    monkeypatch.setattr(transport_module, "_LINGER_S", 0.01)
    connection, socket_ = accept()
    aborted = asyncio.Event()
    socket_.abort = aborted.set
    connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
    await until(aborted)
    assert socket_.calls == ["close"]


async def test_a_connection_that_is_gone_is_not_aborted(accept, server, monkeypatch):
    monkeypatch.setattr(transport_module, "_LINGER_S", 0.01)
    connection, socket_ = accept()
    connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
    while not socket_.calls:
        await asyncio.sleep(0)
    connection.connection_lost(None)
    later = asyncio.Event()
    server.ticker.at(server.ticker.now_s() + 0.02, later.set)
    await until(later)
    assert socket_.calls == ["close"]


async def test_close_ok_ends_the_socket_at_once(opened, server):
    connection, socket_ = opened()
    connection.force_close("maintenance")
    server.batch.finish()
    connection.data_received(HEARTBEAT_FRAME + encode_frame(0, Connection.CloseOk()))
    while not socket_.calls:
        await asyncio.sleep(0)
    assert socket_.calls == ["close"]
    assert socket_.methods() == [Connection.Close(reply_code=320, reply_text="CONNECTION_FORCED - maintenance")]


async def test_a_fault_of_ours_at_the_end_leaves_the_server_in_order(opened, server, monkeypatch):
    connection, _ = opened()

    def fails(*_: object) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(SessionChannel, "closed", fails)
    with pytest.raises(RuntimeError):
        connection.connection_lost(None)
    assert server.connections == set()
    monkeypatch.undo()
