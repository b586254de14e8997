"""AMQP over TLS with every client, by password and by certificate, and what does not get in.

A broker of its own, as the one under test has no certificate: ours, or a RabbitMQ if that is what is tested.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import aio_pika
import amqp
import amqpstorm
import kombu
import pika
import pytest

from interop_tests.conftest import started_broker
from interop_tests.rabbitmq import free_ports, rabbitmq
from interop_tests.wire import Wire
from tests.helpers.certificates import EXPIRED, Authority, Pair

TIMEOUT_S = 10
RABBITMQ_CONF = """\
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {authority}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
ssl_cert_login_from = common_name
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
auth_mechanisms.3 = EXTERNAL
"""


class Broker(NamedTuple):
    """plain_port: of the same broker, without TLS. guest: a certificate whose common name is a user's."""

    port: int
    plain_port: int
    authority: Authority
    guest: Pair

    def client(self, pair: Pair | None = None) -> ssl.SSLContext:
        """What a client needs that trusts the broker, and shows this certificate, if any."""
        return self.authority.client_context(pair)


@pytest.fixture(scope="module")
def broker(amqp_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that verifies the certificates of clients that have one."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    shown, guest = authority.issue("server"), authority.issue("guest", "guest.example", common_name="guest")
    (port,) = free_ports(1)
    if _is_rabbitmq(amqp_url):
        config = RABBITMQ_CONF.format(port=port, authority=authority.path, certificate=shown[0], key=shown[1])
        started = rabbitmq(plugins=("rabbitmq_auth_mechanism_ssl",), config=config)
    else:
        flags = ["--tls-port", str(port), "--tls-cert", shown.certificate, "--tls-key", shown.key]
        flags += ["--tls-ca", authority.path, "--tls-verify", "peer", "--ssl-cert-login-from", "common_name"]
        flags += ["--auth-mechanism", "PLAIN", "--auth-mechanism", "AMQPLAIN", "--auth-mechanism", "EXTERNAL"]
        started = started_broker(folder, *flags)
    with started as url:
        yield Broker(port, int(url.rpartition(":")[2].rstrip("/")), authority, guest)


def _is_rabbitmq(url: str) -> bool:
    asking = Wire(url)
    platform = str(asking.start.server_properties["platform"])
    asking.close()
    return platform.startswith("Erlang")


# Every client sends itself a message, by guest's password or by the certificate that names guest


def with_pika(broker: Broker, pair: Pair | None) -> bytes:
    credentials = pika.credentials.ExternalCredentials() if pair else pika.PlainCredentials("guest", "guest")
    tls = pika.SSLOptions(broker.client(pair), "localhost")
    parameters = pika.ConnectionParameters("localhost", broker.port, credentials=credentials, ssl_options=tls)
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.confirm_delivery()
        channel.basic_publish("", queue, b"hello")
        body: bytes = channel.basic_get(queue, auto_ack=True)[2]
    return body


def with_aio_pika(broker: Broker, pair: Pair | None) -> bytes:
    async def talk() -> bytes:
        user, auth = ("", "?auth=external") if pair else ("guest:guest@", "")
        url = f"amqps://{user}localhost:{broker.port}/{auth}"
        async with await aio_pika.connect(url, ssl_context=broker.client(pair), timeout=TIMEOUT_S) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(exclusive=True)
            await channel.default_exchange.publish(aio_pika.Message(b"hello"), queue.name)
            return (await queue.get(no_ack=True)).body

    return asyncio.run(talk())


def with_kombu(broker: Broker, pair: Pair | None) -> bytes:
    tls = {"ca_certs": broker.authority.path, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "localhost"}
    shown = {"certfile": pair.certificate, "keyfile": pair.key} if pair else {}
    how = {"login_method": "EXTERNAL" if pair else "PLAIN"}
    with kombu.Connection(f"amqps://localhost:{broker.port}//", ssl=tls | shown, **how) as connection:
        queue = kombu.Queue(exclusive=True)(connection.default_channel)
        queue.declare()
        connection.Producer().publish(b"hello", routing_key=queue.name)
        body: bytes = queue.get(no_ack=True).body
    return body


def with_py_amqp(broker: Broker, pair: Pair | None) -> bytes:
    tls = {"ca_certs": broker.authority.path, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "localhost"}
    shown = {"certfile": pair.certificate, "keyfile": pair.key} if pair else {}
    how = {"login_method": "EXTERNAL" if pair else "PLAIN"}
    with amqp.Connection(f"localhost:{broker.port}", ssl=tls | shown, connect_timeout=TIMEOUT_S, **how) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).queue
        channel.basic_publish(amqp.Message(b"hello"), routing_key=queue)
        body: bytes = channel.basic_get(queue, no_ack=True).body
    return body


def with_amqpstorm(broker: Broker, pair: Pair | None) -> bytes:
    tls = {"context": broker.client(pair), "server_hostname": "localhost"}
    about = {"port": broker.port, "ssl": True, "ssl_options": tls, "timeout": TIMEOUT_S}
    with amqpstorm.Connection("localhost", "guest", "guest", **about) as connection:
        channel = connection.channel()
        queue = channel.queue.declare("", exclusive=True)["queue"]
        channel.basic.publish(b"hello", queue)
        return channel.basic.get(queue, no_ack=True, to_dict=False, auto_decode=False).body


Client = Callable[[Broker, Pair | None], bytes]
CLIENTS = [with_pika, with_aio_pika, with_kombu, with_py_amqp, with_amqpstorm]


# AMQPStorm asks for EXTERNAL wherever it is offered.
@pytest.mark.parametrize("client", CLIENTS[:-1])
def test_a_message_goes_out_and_back(broker: Broker, client: Client) -> None:
    assert client(broker, None) == b"hello"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_certificate_is_enough_to_log_in(broker: Broker, client: Client) -> None:
    assert client(broker, broker.guest) == b"hello"


def test_a_certificate_of_nobody_is_refused(broker: Broker) -> None:
    nobody = broker.authority.issue("nobody", common_name="nobody")
    with pytest.raises(pika.exceptions.ProbableAuthenticationError, match="authentication mechanism EXTERNAL"):
        with_pika(broker, nobody)


def test_external_without_a_certificate_is_refused(broker: Broker) -> None:
    tls = pika.SSLOptions(broker.client(), "localhost")
    credentials = pika.credentials.ExternalCredentials()
    with pytest.raises(pika.exceptions.ProbableAuthenticationError, match="authentication mechanism EXTERNAL"):
        pika.BlockingConnection(
            pika.ConnectionParameters("localhost", broker.port, credentials=credentials, ssl_options=tls)
        )


# Who does not get in


def shake_hands(broker: Broker, context: ssl.SSLContext) -> bytes:
    """What the broker says to `AMQP`; with TLS 1.3 the refusal of a certificate comes in its place."""
    with (
        socket.create_connection(("localhost", broker.port), TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as encrypted,
    ):
        encrypted.sendall(b"AMQP\0\0\x09\x01")
        return encrypted.recv(8)


def test_who_shakes_hands_gets_the_first_frame(broker: Broker) -> None:
    assert shake_hands(broker, broker.client(broker.guest)).startswith(b"\x01\0\0")


def test_the_broker_is_not_trusted_by_who_does_not_know_its_authority(broker: Broker) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(broker, ssl.create_default_context())


@pytest.mark.parametrize("fault", ["another authority", "self-signed", "expired"])
def test_a_certificate_that_is_not_to_be_trusted_is_refused(broker: Broker, tmp_path: Path, fault: str) -> None:
    other = Authority(tmp_path)
    if fault == "expired":
        pair = broker.authority.issue("expired", common_name="guest", **EXPIRED)
    else:
        pair = other.issue("client", common_name="guest") if fault == "another authority" else other.own()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(broker, broker.client(pair))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
def test_before_tls_1_2_nothing_is_spoken(broker: Broker) -> None:
    old = broker.client()
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(broker, old)


def test_plain_amqp_is_not_spoken_on_the_port_of_tls(broker: Broker) -> None:
    with socket.create_connection(("localhost", broker.port), TIMEOUT_S) as plain:
        plain.sendall(b"AMQP\0\0\x09\x01")
        assert plain.recv(100)[:1] in (b"\x15", b"")


def test_tls_is_not_spoken_on_the_plain_port(broker: Broker) -> None:
    with pytest.raises(ssl.SSLError):
        shake_hands(broker._replace(port=broker.plain_port), broker.client())
