"""Sockets before their connections begin: TLS, headers of proxies and both, on asyncio's loop and on uvloop's."""

import asyncio
import logging
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
import pytest_asyncio

from amqpbroker.server import accepting
from amqpbroker.server.config import Config, ConfiguredUser
from amqpbroker.server.config.tls_kinds import NamedCertificate
from amqpbroker.server.listening import Endpoint
from amqpbroker.server.server import Server
from amqpbroker.wire.constants import PROTOCOL_HEADER
from amqpbroker.wire.methods import Basic, Confirm, Connection, Queue
from tests.helpers.certificates import EXPIRED, Authority
from tests.helpers.socket_client import SocketClient
from tests.helpers.wire_client import Received, publish_octets

pytestmark = [
    pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy."),
    pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1"),
]

Start = Callable[..., Awaitable[Server]]

BY_COMMON_NAME = {"ssl_cert_login_from": "common_name", "auth_mechanisms": ("PLAIN", "EXTERNAL")}
CLIENT = "192.0.2.7"
LINE = f"PROXY TCP4 {CLIENT} 198.51.100.1 50000 5672\r\n".encode()


@pytest.fixture(params=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    if request.param == "uvloop":
        return pytest.importorskip("uvloop").EventLoopPolicy()
    return asyncio.DefaultEventLoopPolicy()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    """Starts servers on any free port, and stops them in the end."""
    servers = []

    async def started(**settings: object) -> Server:
        server = Server(Config(**{"hosts": ("127.0.0.1",), "port": -1, "memory": True, **settings}))
        servers.append(server)
        await server.start()
        return server

    yield started
    for server in servers:
        await server.stop()


def refused(caplog: pytest.LogCaptureFixture) -> str:
    """Why, as the one line of the log says."""
    (line,) = [one for one in caplog.messages if one.startswith("closing AMQP connection")]
    return line.partition(": ")[2]


async def talked(endpoint: Endpoint, octets: bytes) -> bytes:
    """What comes back until the broker ends the socket."""
    client = await SocketClient.to(endpoint, first=octets)
    try:
        return await client.end()
    except ConnectionResetError:
        return b""
    finally:
        client.writer.transport.abort()


# TLS


async def test_a_client_logs_in_over_tls(start, authority):
    (endpoint,) = (await start(**authority.server_settings())).endpoints
    assert endpoint.tls
    client = await SocketClient.opened(endpoint, tls=authority.client_context())
    await client.leave()


async def test_plain_and_tls_have_a_port_each(start, authority):
    plain, encrypted = (await start(port=0, **authority.server_settings())).endpoints
    assert (plain.tls, encrypted.tls) == (False, True)
    for endpoint, tls in ((plain, None), (encrypted, authority.client_context())):
        client = await SocketClient.opened(endpoint, tls=tls)
        await client.leave()


def shown_to(client: SocketClient) -> str:
    """The first name of the certificate that the client was shown."""
    certificate = client.writer.get_extra_info("peercert")
    return str(certificate["subjectAltName"][0][1])


async def test_a_renewed_certificate_is_for_new_clients_and_those_before_stay(start, authority):
    server = await start(**authority.server_settings())
    before = await SocketClient.opened(server.endpoints[0], tls=authority.client_context())
    authority.issue("server", "renewed.example", "localhost")
    after = await SocketClient.opened(server.endpoints[0], tls=authority.client_context())
    assert (shown_to(before), shown_to(after)) == ("localhost", "renewed.example")
    assert await before.call(1, Basic.Qos()) == Basic.QosOk()
    for client in (before, after):
        await client.leave()


async def test_the_name_that_a_client_asks_for_picks_the_certificate(start, authority):
    named = NamedCertificate("other.example", *authority.issue("other", "other.example"))
    server = await start(**authority.server_settings(tls_sni=(named,)))
    for name in ("localhost", "other.example"):
        tls = authority.client_context()
        client = await SocketClient.opened(server.endpoints[0], tls=tls, server_hostname=name)
        assert shown_to(client) == name
        await client.leave()


async def test_what_is_told_of_a_connection(start, authority):
    server = await start(**authority.server_settings(**authority.verifying()))
    pair = authority.issue("client", "client.example", common_name="anna", organization_name="o")
    client = await SocketClient.opened(server.endpoints[0], tls=authority.client_context(pair))
    (connection,) = server.connections
    tls = connection._session.facts().tls
    assert (tls.protocol, tls.key_exchange, tls.hash) == ("tlsv1.3", "any", "aead")
    assert tls.peer_certificate.subject.startswith("CN=anna,OU=")
    assert tls.peer_certificate.validity == "2000-01-01T00:00:00Z - 3000-01-01T00:00:00Z"
    await client.leave()


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (PROTOCOL_HEADER, "TLS: the client does not speak TLS; plain AMQP has a port of its own"),
        (b"GET / HTTP/1.1\r\n\r\n", "TLS: the client speaks HTTP without TLS"),
    ],
)
async def test_a_client_without_tls_is_ended_at_once(start, authority, caplog, octets, why):
    server = await start(**authority.server_settings())
    alert = await talked(server.endpoints[0], octets)
    assert alert[:1] in (b"", b"\x15")
    assert refused(caplog) == why


def without_trust(authority: Authority, _: Path) -> ssl.SSLContext:
    return ssl.create_default_context()


def with_tls_1_1(authority: Authority, _: Path) -> ssl.SSLContext:
    context = authority.client_context()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def of_tls_1_2(context: ssl.SSLContext) -> ssl.SSLContext:
    """With TLS 1.3 a client hears of the refusal after its own handshake is done."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def without_certificate(authority: Authority, _: Path) -> ssl.SSLContext:
    return of_tls_1_2(authority.client_context())


def with_one_of_another_authority(authority: Authority, folder: Path) -> ssl.SSLContext:
    return of_tls_1_2(authority.client_context(Authority(folder / "other").issue("client")))


def with_an_expired_one(authority: Authority, _: Path) -> ssl.SSLContext:
    return of_tls_1_2(authority.client_context(authority.issue("client", **EXPIRED)))


@pytest.mark.parametrize(
    ("client", "why"),
    [
        (without_trust, "TLS: the client does not trust the authority of tls_cert"),
        (with_tls_1_1, "TLS: the client knows no version of TLS that is spoken here, see tls_versions"),
        (without_certificate, "TLS: the client shows no certificate, see tls_fail_if_no_peer_cert"),
        (with_one_of_another_authority, "TLS: the client's certificate is refused: "),
        (with_an_expired_one, "TLS: the client's certificate is refused: certificate has expired"),
    ],
)
async def test_a_handshake_that_fails_is_told_in_one_line(start, authority, tmp_path, caplog, client, why):
    settings = authority.server_settings(tls_fail_if_no_peer_cert=True, **authority.verifying())
    server = await start(**settings)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.to_thread(shake_hands, server.endpoints[0], client(authority, tmp_path))
    await _until(lambda: "closing AMQP" in caplog.text)
    assert refused(caplog).startswith(why)
    assert server.connections == set()


def shake_hands(endpoint: Endpoint, context: ssl.SSLContext) -> None:
    """As a client that says what it does not like; asyncio's does not."""
    with (
        socket.create_connection((endpoint.host, endpoint.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as encrypted,
    ):
        encrypted.recv(1)


async def _until(holds: Callable[[], bool]) -> None:
    """The client hears of a failure before the broker does, or the other way round."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0)


async def test_a_client_that_says_nothing_is_ended(start, authority, caplog):
    server = await start(handshake_timeout_s=0.2, **authority.server_settings())
    assert await talked(server.endpoints[0], b"") == b""
    assert refused(caplog) == "its handshake took too long"


async def test_the_server_stops_while_somebody_is_in_its_handshake(start, authority):
    server = await start(**authority.server_settings())
    client = await SocketClient.to(server.endpoints[0])
    await _until(lambda: bool(server.handshakes._since_s))
    await server.stop()
    assert await client.end() == b""
    await client.leave()


async def test_one_address_cannot_take_up_all_places(start, authority, monkeypatch):
    monkeypatch.setattr("amqpbroker.server.handshakes.HANDSHAKES_PER_ADDRESS_MAX", 1)
    monkeypatch.setattr("amqpbroker.server.handshakes.HANDSHAKE_SPARED_S", -1.0)
    server = await start(**authority.server_settings())
    first = await SocketClient.to(server.endpoints[0])
    await _until(lambda: bool(server.handshakes._since_s))
    second = await SocketClient.to(server.endpoints[0])
    assert await first.end() == b""
    for client in (first, second):
        await client.leave()


async def test_out_of_descriptors_it_goes_on_later(start, authority, caplog, monkeypatch):
    monkeypatch.setattr(accepting, "_REST_S", 0.0)
    server = await start(**authority.server_settings())
    (acceptor,) = server._listeners
    accept, failures = server.loop.sock_accept, [OSError(24, "Too many open files"), ConnectionAbortedError()]

    class Loop:
        def __getattr__(self, name: str) -> object:
            return getattr(asyncio.get_running_loop(), name)

        async def sock_accept(self, listening: object) -> object:
            if failures:
                raise failures.pop(0)
            return await accept(listening)

    acceptor.close()
    monkeypatch.setattr(server, "loop", Loop())
    restarted = await _restarted(server, acceptor)
    client = await SocketClient.opened(restarted, tls=authority.client_context())
    assert "cannot accept connections: Too many open files" in caplog.messages
    await client.leave()


async def _restarted(server: Server, acceptor: accepting.Acceptor) -> Endpoint:
    """Another acceptor in its place, which uses the loop that the server has by now."""
    listening = socket.create_server(("127.0.0.1", 0))
    server._listeners[0] = accepting.Acceptor(server, listening, acceptor._context)
    return Endpoint("127.0.0.1", listening.getsockname()[1], tls=True)


# A flood and a slow reader


async def test_a_flood_goes_through_tls_whole_and_in_order(start, authority):
    server = await start(**authority.server_settings())
    client = await SocketClient.opened(server.endpoints[0], tls=authority.client_context())
    await client.call(1, Queue.Declare(queue="tasks"))
    await client.call(1, Confirm.Select())
    bodies = [b"%05d" % number + bytes(number * 37 % 40_000) for number in range(400)]
    client.writer.write(b"".join(publish_octets(1, Basic.Publish(routing_key="tasks"), body) for body in bodies))
    while (await client.until(Basic.Ack)).delivery_tag < len(bodies):
        pass
    client.send(1, Basic.Consume(queue="tasks", no_ack=True))
    came = [await _delivered(client) for _ in bodies]
    assert came == bodies
    await client.leave()


async def _delivered(client: SocketClient) -> bytes:
    while True:
        event = await client.event()
        if isinstance(event, Received) and isinstance(event.method, Basic.Deliver):
            return event.body


async def test_who_does_not_read_gets_no_more_than_a_bounded_lot(start, authority):
    server = await start(**authority.server_settings())
    tls = authority.client_context()
    publisher, slow = [await SocketClient.opened(server.endpoints[0], tls=tls) for _ in range(2)]
    await publisher.call(1, Queue.Declare(queue="tasks"))
    body = bytes(100_000)
    publisher.writer.write(publish_octets(1, Basic.Publish(routing_key="tasks"), body) * 300)
    await publisher.call(1, Basic.Qos())
    slow.writer.transport.pause_reading()
    slow.send(1, Basic.Consume(queue="tasks", no_ack=True))
    queue = server.broker.vhosts["/"].queues["tasks"]
    await _until(lambda: queue.message_count < 300)
    await publisher.call(1, Basic.Qos())
    assert queue.message_count > 200
    slow.writer.transport.resume_reading()
    assert [len(await _delivered(slow)) for _ in range(300)] == [100_000] * 300
    for client in (publisher, slow):
        await client.leave()


async def test_who_is_held_back_is_read_in_steps_and_nothing_is_lost(start, authority, monkeypatch):
    monkeypatch.setattr("amqpbroker.server.steps.HELD_BACK_STEP_S", 0.001)
    server = await start(**authority.server_settings())
    client = await SocketClient.opened(server.endpoints[0], tls=authority.client_context())
    await client.call(1, Queue.Declare(queue="tasks"))
    await client.call(1, Confirm.Select())
    client.writer.write(publish_octets(1, Basic.Publish(routing_key="tasks"), b"first"))
    await client.until(Basic.Ack)
    client.send(1, Basic.Consume(queue="tasks"))
    await client.until(Basic.Deliver)
    server.broker.raise_alarm("disk")
    bodies = [b"%05d" % number + bytes(30_000) for number in range(50)]
    client.writer.write(b"".join(publish_octets(1, Basic.Publish(routing_key="tasks"), body) for body in bodies))
    client.send(1, Basic.Qos())
    assert [await _delivered(client) for _ in bodies] == bodies
    server.broker.clear_alarm("disk")
    await client.leave()


# EXTERNAL and ANONYMOUS


async def test_who_shows_a_certificate_logs_in_by_it(start, authority):
    settings = authority.server_settings(**BY_COMMON_NAME, **authority.verifying())
    server = await start(users=(ConfiguredUser("anna", "secret"),), **settings)
    tls = authority.client_context(authority.issue("client", common_name="anna"))
    client = await SocketClient.opened(server.endpoints[0], tls=tls, mechanism="EXTERNAL")
    (connection,) = server.connections
    assert connection._session.user_name == "anna"
    await client.leave()


async def test_who_is_named_by_no_user_is_refused(start, authority, caplog):
    settings = authority.server_settings(**BY_COMMON_NAME, **authority.verifying())
    server = await start(**settings)
    tls = authority.client_context(authority.issue("client", common_name="anna"))
    client = await SocketClient.to(server.endpoints[0], tls=tls)
    client.writer.write(PROTOCOL_HEADER)
    client.send(0, Connection.StartOk(mechanism="EXTERNAL", response=b""))
    start_, *_ = [await client.method()]
    assert start_.mechanisms == b"PLAIN EXTERNAL"
    await client.leave()
    await _until(lambda: server.connections == set())
    assert "EXTERNAL login refused: user 'anna' - invalid credentials" in caplog.text


async def test_anybody_may_be_the_anonymous_user(start):
    server = await start(port=0, anonymous_login_user="guest", auth_mechanisms=("ANONYMOUS",))
    client = await SocketClient.opened(server.endpoints[0], mechanism="ANONYMOUS")
    await client.leave()


# Headers of proxies


@pytest.mark.parametrize("over_tls", [False, True])
@pytest.mark.parametrize("version", [1, 2])
async def test_a_proxy_says_where_the_client_is(start, authority, over_tls, version, caplog):
    caplog.set_level(logging.INFO, "amqpbroker.connection")
    settings = authority.server_settings() if over_tls else {"port": 0}
    server = await start(proxy_protocol=True, users=(ConfiguredUser("guest", "guest"),), loopback_users=(), **settings)
    binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 198, 51, 100, 1])
    first = LINE if version == 1 else binary + struct.pack(">HH", 50_000, 5_672)
    tls = authority.client_context() if over_tls else None
    client = await SocketClient.opened(server.endpoints[0], tls=tls, first=first)
    (connection,) = server.connections
    assert connection.name == f"{CLIENT}:50000 -> 198.51.100.1:5672"
    assert connection._session.facts().peer == (CLIENT, 50_000)
    assert f"accepting AMQP connection {connection.name}" in caplog.messages
    await client.leave()


async def test_guest_is_where_the_proxy_says_not_where_the_proxy_is(start, caplog):
    server = await start(port=0, proxy_protocol=True)
    client = await SocketClient.to(server.endpoints[0], first=LINE + PROTOCOL_HEADER)
    client.send(0, Connection.StartOk(mechanism="PLAIN", response=b"\0guest\0guest"))
    assert isinstance(await client.method(), Connection.Start)
    await client.leave()
    await _until(lambda: server.connections == set())
    assert "user 'guest' can only connect via localhost" in caplog.text


async def test_a_proxy_that_speaks_for_itself_is_where_it_is(start):
    server = await start(port=0, proxy_protocol=True)
    client = await SocketClient.opened(server.endpoints[0], first=b"PROXY UNKNOWN\r\n")
    assert next(iter(server.connections)).name.startswith("127.0.0.1:")
    await client.leave()


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (PROTOCOL_HEADER, "the header of the proxy is malformed: it begins with neither PROXY nor the signature"),
        (b"PROXY TCP4 1\r\n", "the header of the proxy is malformed: its line is not PROXY TCP4 or TCP6"),
    ],
)
async def test_a_connection_without_a_header_is_ended(start, caplog, octets, why):
    server = await start(port=0, proxy_protocol=True)
    assert await talked(server.endpoints[0], octets) == b""
    assert refused(caplog).startswith(why)


async def test_half_a_header_is_not_a_client(start, caplog):
    server = await start(port=0, proxy_protocol=True)
    client = await SocketClient.to(server.endpoints[0], first=LINE[:20])
    client.writer.write_eof()
    assert await client.end() == b""
    assert refused(caplog) == "it ended before the header of a proxy was whole"
    await client.leave()


@pytest.mark.parametrize("settings", [{"port": 0, "proxy_protocol": True}, {}])
@pytest.mark.parametrize("reset", [False, True])
async def test_who_comes_and_goes_without_a_word_is_no_error(start, authority, caplog, settings, reset):
    caplog.set_level(logging.INFO, "amqpbroker.connection")
    server = await start(**(settings or authority.server_settings()))
    with socket.create_connection((server.endpoints[0].host, server.endpoints[0].port)) as client:
        if reset:
            # As the checks of proxies end: the broker finds a socket that does not know any more whose it was.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await _until(lambda: "closing AMQP" in caplog.text)
    assert refused(caplog) == "the client went away"
    assert {record.levelno for record in caplog.records} == {logging.INFO}


async def test_a_proxy_that_is_not_believed_is_refused_unread(start, caplog):
    server = await start(port=0, proxy_protocol=True, proxy_protocol_from=(ip_network("10.0.0.0/8"),))
    assert await talked(server.endpoints[0], LINE) == b""
    assert refused(caplog).startswith("no proxy is believed that connects from there")
