"""The server on real sockets: where it listens, and how it stops."""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from amqpbroker.journal.disk import DirectoryInUse
from amqpbroker.server.config import Config
from amqpbroker.server.listening import Endpoint, ListenError
from amqpbroker.server.server import STOP_TIMEOUT_S, Server
from amqpbroker.session.channel import Channel as SessionChannel
from amqpbroker.wire.constants import PROTOCOL_HEADER
from amqpbroker.wire.methods import Basic, Confirm, Connection, Method, Queue
from amqpbroker.wire.tables import text
from tests.helpers.socket_client import SocketClient
from tests.helpers.wire_client import publish_octets

Start = Callable[..., Awaitable[Server]]


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 on this machine")
needs_unix_sockets = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no unix sockets here")


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    """Starts servers on any free port, and stops them in the end."""
    servers = []

    async def started(**settings: object) -> Server:
        server = Server(Config(**{"hosts": ("127.0.0.1",), "port": 0, "memory": True, **settings}))
        servers.append(server)
        await server.start()
        return server

    yield started
    for server in servers:
        await server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def is_listened_on(endpoint: Endpoint) -> bool:
    try:
        client = await SocketClient.to(endpoint)
    except OSError:
        return False
    await client.leave()
    return True


def close_320(reason: str = "broker forced connection closure with reason 'shutdown'") -> Method:
    return Connection.Close(reply_code=320, reply_text=f"CONNECTION_FORCED - {reason}")


async def seconds(what: Awaitable[object]) -> float:
    """How long something takes."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await what
    return loop.time() - began_s


# Listening


async def test_clients_log_in_on_the_port_that_was_found(start):
    server = await start()
    (endpoint,) = server.endpoints
    assert (endpoint.host, endpoint.path) == ("127.0.0.1", None)
    client = await SocketClient.opened(endpoint)
    await client.leave()


@needs_ipv6
async def test_all_addresses_have_the_same_port(start):
    server = await start(hosts=("127.0.0.1", "::1"))
    ipv4, ipv6 = server.endpoints
    assert ipv4.port == ipv6.port
    for endpoint in (ipv4, ipv6):
        client = await SocketClient.opened(endpoint)
        await client.leave()


async def test_the_broker_has_the_names_and_the_type_of_queues_it_is_given(start):
    server = await start(node_name="bunny@here", cluster_name="orders", default_queue_type="stream")
    assert (server.broker.node_name, server.broker.cluster_name) == ("bunny@here", "orders")
    assert server.broker.default_queue_type == "stream"
    assert (await start()).broker.default_queue_type is None


async def test_what_is_opened_does_not_listen_yet():
    server = Server(Config(hosts=("127.0.0.1",), port=0, memory=True))
    server.open()
    assert server.endpoints == []
    await server.listen()
    assert await is_listened_on(server.endpoints[0])
    await server.stop()


async def test_what_is_declared_at_the_start_is_there_before_anybody_is_made(start):
    server = Server(Config(hosts=("127.0.0.1",), port=0, memory=True))
    server.open(lambda broker: broker.users.set("anna", password="wort"))
    assert [user.name for user in server.broker.users] == ["anna"]
    await server.stop()


@needs_unix_sockets
async def test_clients_log_in_on_a_unix_socket(start, tmp_path):
    server = await start(hosts=(), unix_socket=str(tmp_path / "socket"))
    assert server.endpoints == [Endpoint(path=str(tmp_path / "socket"))]
    client = await SocketClient.opened(server.endpoints[0])
    await client.leave()


async def test_a_taken_port_is_named(start):
    port = (await start()).endpoints[0].port
    with pytest.raises(ListenError) as raised:
        await start(port=port)
    assert raised.value.filename == f"127.0.0.1:{port}"


@needs_ipv6
async def test_a_taken_port_of_ipv6_is_named(start):
    port = (await start(hosts=("::1",))).endpoints[0].port
    with pytest.raises(ListenError) as raised:
        await start(hosts=("::1",), port=port)
    assert raised.value.filename == f"[::1]:{port}"


async def test_a_host_that_is_not_known_is_named(start, monkeypatch):
    def knows_nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", knows_nobody)
    with pytest.raises(ListenError) as raised:
        await start(hosts=("rabbit.invalid",))
    assert raised.value.filename == "rabbit.invalid"


@needs_unix_sockets
async def test_one_address_that_cannot_be_listened_on_and_none_is(start, tmp_path):
    port = free_port()
    missing = str(tmp_path / "missing" / "socket")
    with pytest.raises(ListenError) as raised:
        await start(port=port, unix_socket=missing)
    assert raised.value.filename == missing
    assert not await is_listened_on(Endpoint("127.0.0.1", port))


@needs_unix_sockets
async def test_a_unix_socket_that_is_in_use_is_not_taken_away(start, tmp_path):
    path = str(tmp_path / "socket")
    first = await start(unix_socket=path)
    with pytest.raises(ListenError) as raised:
        await start(unix_socket=path)
    assert raised.value.filename == path
    client = await SocketClient.opened(first.endpoints[-1])
    await client.leave()


@needs_unix_sockets
async def test_the_file_of_a_server_that_died_is_replaced(start, tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    server = await start(unix_socket=path)
    client = await SocketClient.opened(server.endpoints[-1])
    await client.leave()


# Stopping


async def test_after_stop_nobody_is_let_in(start):
    server = await start()
    (endpoint,) = server.endpoints
    await server.stop()
    assert server.endpoints == []
    assert not await is_listened_on(endpoint)


@needs_unix_sockets
async def test_after_stop_the_unix_socket_is_gone(start, tmp_path):
    path = str(tmp_path / "socket")
    server = await start(unix_socket=path)
    await server.stop()
    assert not os.path.exists(path)


@needs_unix_sockets
async def test_the_unix_socket_of_another_server_stays(start, tmp_path):
    path = str(tmp_path / "socket")
    first = await start(unix_socket=path)
    os.rename(path, tmp_path / "elsewhere")
    second = await start(unix_socket=path)
    await first.stop()
    client = await SocketClient.opened(second.endpoints[-1])
    await client.leave()


async def test_a_server_that_was_never_started_can_be_stopped():
    server = Server(Config(hosts=("127.0.0.1",), port=0, memory=True))
    await server.stop()
    assert server.endpoints == []


async def test_every_client_is_told_why(start):
    server = await start()
    clients = [await SocketClient.opened(server.endpoints[0]) for _ in range(3)]
    stopping = asyncio.create_task(server.stop("maintenance"))
    for client in clients:
        assert await client.method() == close_320("maintenance")
        client.send(0, Connection.CloseOk())
        assert await client.end() == b""
        await client.leave()
    await stopping
    assert server.connections == set()


async def test_stop_waits_no_longer_than_for_the_answers(start):
    server = await start()
    client = await SocketClient.opened(server.endpoints[0])
    stopping = asyncio.create_task(seconds(server.stop()))
    assert await client.method() == close_320()
    client.send(0, Connection.CloseOk())
    await client.end()
    assert await stopping < STOP_TIMEOUT_S / 2
    await client.leave()


async def test_a_client_that_does_not_answer_is_not_waited_for(start):
    server = await start()
    client = await SocketClient.opened(server.endpoints[0])
    assert await seconds(server.stop()) < 1.0
    assert await client.method() == close_320()
    assert server.connections == set()
    await client.leave()


async def test_a_client_that_does_not_read_is_not_waited_for(start):
    server = await start()
    publisher = await SocketClient.opened(server.endpoints[0])
    await publisher.call(1, Queue.Declare(queue="tasks"))
    for _ in range(100):
        publisher.writer.write(publish_octets(1, Basic.Publish(routing_key="tasks"), bytes(100_000)))
    deaf = await SocketClient.opened(server.endpoints[0])
    deaf.writer.transport.pause_reading()
    deaf.send(1, Basic.Consume(queue="tasks", no_ack=True))
    await publisher.call(1, Basic.Qos())
    assert await seconds(server.stop()) < 1.0
    assert server.connections == set()
    for client in (publisher, deaf):
        client.writer.transport.abort()


async def test_a_client_in_its_handshake_is_dropped_at_once(start):
    server = await start()
    client = await SocketClient.to(server.endpoints[0])
    client.writer.write(PROTOCOL_HEADER)
    assert isinstance(await client.method(), Connection.Start)
    assert await seconds(server.stop()) < STOP_TIMEOUT_S / 2
    assert await client.end() == b""
    await client.leave()


async def test_one_connection_that_cannot_be_closed_keeps_no_other_from_it(start, monkeypatch, caplog):
    server = await start()
    faulty, sound = [await SocketClient.opened(server.endpoints[0], channels=number) for number in (2, 1)]
    closed = SessionChannel.closed

    def fails_on_channel_2(channel: SessionChannel) -> None:
        if channel.number == 2:
            raise RuntimeError("injected")
        closed(channel)

    monkeypatch.setattr(SessionChannel, "closed", fails_on_channel_2)
    stopping = asyncio.create_task(server.stop())
    assert await sound.method() == close_320()
    sound.send(0, Connection.CloseOk())
    assert await sound.end() == b""
    await stopping
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        f"connection {name}: internal error" for name in [_name(faulty)]
    ]
    for client in (faulty, sound):
        await client.leave()


def _name(client: SocketClient) -> str:
    """A connection's name, as the log has it."""
    here, there = (client.writer.get_extra_info(end) for end in ("sockname", "peername"))
    return f"{here[0]}:{here[1]} -> {there[0]}:{there[1]}"


# On disk


@pytest.fixture
def durable(start: Start, tmp_path: Path) -> Start:
    """Starts servers on one data directory."""

    async def started(**settings: object) -> Server:
        return await start(memory=False, data_dir=str(tmp_path / "data"), **settings)

    return started


async def confirming(server: Server) -> SocketClient:
    """A client in confirm mode, with a durable queue."""
    client = await SocketClient.opened(server.endpoints[0])
    assert await client.call(1, Queue.Declare(queue="tasks", durable=True)) == Queue.DeclareOk(queue="tasks")
    assert await client.call(1, Confirm.Select()) == Confirm.SelectOk()
    return client


def persistent(body: bytes) -> bytes:
    return publish_octets(1, Basic.Publish(routing_key="tasks"), body, delivery_mode=2)


async def published(client: SocketClient, *bodies: bytes) -> None:
    """Publishes persistent messages, and waits for the last confirm."""
    client.writer.write(b"".join(map(persistent, bodies)))
    while (await client.until(Basic.Ack)).delivery_tag < len(bodies):
        pass


def found(server: Server) -> list[tuple[bytes, bool]]:
    """(body, redelivered) of what waits."""
    queue = server.broker.vhosts["/"].queues["tasks"]
    return [(body, redelivered) for _, (_, _, body, _), redelivered in queue.messages()]


async def test_what_was_confirmed_is_there_after_a_restart(durable):
    server = await durable()
    client = await confirming(server)
    await published(client, *[b"%d" % number for number in range(50)])
    await client.leave()
    await server.stop()
    assert found(await durable()) == [(b"%d" % number, False) for number in range(50)]


async def test_what_a_client_had_when_the_server_stopped_is_flagged_and_nothing_else(durable):
    server = await durable()
    client = await confirming(server)
    await published(client, b"1", b"2", b"3", b"4")
    await client.call(1, Basic.Qos(prefetch_count=2))
    client.send(1, Basic.Consume(queue="tasks", nowait=True))
    for _ in range(2):
        await client.until(Basic.Deliver)
    stopping = asyncio.create_task(server.stop())
    await client.until(Connection.Close)
    client.send(0, Connection.CloseOk())
    await stopping
    await client.leave()
    assert found(await durable()) == [(b"1", True), (b"2", True), (b"3", False), (b"4", False)]


async def test_a_server_that_could_not_listen_gives_its_directory_up(durable, start):
    port = (await start()).endpoints[0].port
    with pytest.raises(ListenError):
        await durable(port=port)
    await durable()


async def test_two_servers_do_not_share_a_directory(durable):
    await durable()
    with pytest.raises(DirectoryInUse, match=f"process {os.getpid()}"):
        await durable()


async def test_without_a_data_directory_nothing_is_written(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    server = await start()
    client = await confirming(server)
    await published(client, b"1")
    await client.leave()
    assert list(tmp_path.iterdir()) == []
    assert server.storage is None


async def test_accounted_bytes_hold_what_is_to_be_written(durable):
    server = await durable()
    assert server.accounted_bytes() == 0
    server.storage.log.pending_bytes = 1_000
    assert server.accounted_bytes() == 1_000
    server.storage.log.pending_bytes = 0


def failing_disk(server: Server, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Commits fail from now on."""

    def fails(_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(server.storage._writer, "commit_once", fails)


async def test_a_disk_that_fails_nacks_what_waits_closes_with_541_and_ends_the_server(durable, monkeypatch):
    server = await durable()
    client, other = await confirming(server), await SocketClient.opened(server.endpoints[0])
    failing_disk(server, monkeypatch, errno.EIO)
    client.writer.write(persistent(b"1") + persistent(b"2"))
    assert [await client.method(), await client.method()] == [Basic.Nack(delivery_tag=1), Basic.Nack(delivery_tag=2)]
    for one in (client, other):
        closed = await one.method()
        assert isinstance(closed, Connection.Close)
        assert (closed.reply_code, closed.reply_text) == (541, "INTERNAL_ERROR - the disk of the broker has failed")
        one.send(0, Connection.CloseOk())
        await one.end()
        await one.leave()
    assert server.disk_failed.is_set()


async def test_who_waits_for_the_disk_is_told_when_it_is_on_it_or_when_it_fails(durable, monkeypatch):
    server = await durable()
    server.broker.create_vhost("a")
    await server.recorded()
    assert not server.broker.journal.is_recording
    failing_disk(server, monkeypatch, errno.EIO)
    server.broker.create_vhost("b")
    with pytest.raises(OSError):
        await server.recorded()


async def test_a_declaration_that_waits_for_a_disk_that_fails_is_never_answered(durable, monkeypatch):
    server = await durable()
    client = await confirming(server)
    failing_disk(server, monkeypatch, errno.EIO)
    client.send(1, Queue.Declare(queue="other", durable=True))
    assert isinstance(await client.method(), Connection.Close)
    await client.leave()


async def test_a_full_disk_holds_publishers_back_loses_nothing_and_ends_by_itself(durable, monkeypatch):
    server = await durable()
    client = await confirming(server)
    held_back = asyncio.Event()
    raise_alarm = server.broker.raise_alarm

    def raised(resource: str) -> None:
        raise_alarm(resource)
        held_back.set()

    monkeypatch.setattr(server.broker, "raise_alarm", raised)
    with monkeypatch.context() as while_full:
        failing_disk(server, while_full, errno.ENOSPC)
        client.writer.write(persistent(b"1"))
        await held_back.wait()
        client.writer.write(persistent(b"2"))
        assert await client.method() == Connection.Blocked(reason="low on disk")
    assert {type(await client.method()) for _ in range(2)} == {Basic.Ack, Connection.Unblocked}
    await client.leave()
    await server.stop()
    assert [body for body, _ in found(await durable())] == [b"1", b"2"]


async def test_what_a_client_had_is_not_given_to_another_while_the_server_stops(start: Start) -> None:
    server = await start()
    clients = [await SocketClient.opened(server.endpoints[0]) for _ in range(2)]
    await clients[0].call(1, Queue.Declare(queue="tasks"))
    for client in clients:
        await client.call(1, Basic.Qos(prefetch_count=2))
        await client.call(1, Basic.Consume(queue="tasks"))
    clients[0].writer.write(publish_octets(1, Basic.Publish(routing_key="tasks"), b"1") * 2)
    assert all([isinstance(await client.method(), Basic.Deliver) for client in clients])
    stopping = asyncio.ensure_future(server.stop())
    assert [await client.method() for client in clients] == [close_320(), close_320()]
    await stopping


@pytest.mark.parametrize(("configured", "name"), [("", "ours"), ("theirs", "theirs")])
async def test_a_name_that_was_given_to_the_cluster_holds_where_none_is_configured(
    start: Start, tmp_path: Path, configured: str, name: str
) -> None:
    first = await start(memory=False, data_dir=tmp_path)
    first.name_cluster("ours")
    await first.stop()
    again = await start(memory=False, data_dir=tmp_path, cluster_name=configured)
    assert again.broker.cluster_name == name
    assert text(again.settings.server_properties["cluster_name"]) == name
