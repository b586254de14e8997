"""The log as messages, and that there is an end to it."""

import json
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from amqpbroker.server.config import Config
from amqpbroker.server.log_exchange import LOG_EXCHANGE
from amqpbroker.server.server import Server
from amqpbroker.wire.methods import Basic, Queue
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import long_string
from tests.helpers.socket_client import SocketClient
from tests.helpers.wire_client import Received

Reader = Callable[..., Awaitable[tuple[Server, SocketClient]]]
ours = logging.getLogger("amqpbroker.server")


@pytest_asyncio.fixture
async def reader() -> AsyncIterator[Reader]:
    """A server and a client that consumes its log, by keys that match a pattern."""
    servers = []

    async def started(key: str = "#", **settings: object) -> tuple[Server, SocketClient]:
        usual = {"hosts": ("127.0.0.1",), "port": 0, "memory": True, "log_exchange": "info"}
        server = Server(Config(**usual | settings))
        servers.append(server)
        await server.start()
        client = await SocketClient.opened(server.endpoints[0])
        await client.call(1, Queue.Declare(queue="log", exclusive=True))
        await client.call(1, Queue.Bind(queue="log", exchange=LOG_EXCHANGE, routing_key=key))
        await client.call(1, Basic.Consume(queue="log", no_ack=True))
        return server, client

    yield started
    for server in servers:
        await server.stop()


async def line(client: SocketClient) -> Received:
    """The next message of the log."""
    event = await client.event()
    assert isinstance(event, Received)
    return event


def key_of(event: Received) -> str:
    assert isinstance(event.method, Basic.Deliver)
    return event.method.routing_key


async def test_a_record_is_a_message_with_its_level_as_key(reader: Reader) -> None:
    server, client = await reader()
    ours.warning("refused %s", "anna")
    event = await line(client)
    assert key_of(event) == "warning"
    assert event.body.endswith(b" [warning] amqpbroker.server: refused anna\n")
    node = {"node": long_string(server.broker.node_name)}
    assert event.properties == Properties(content_type="text/plain", headers=node, timestamp=event.properties.timestamp)
    assert abs((event.properties.timestamp or 0) - server.ticker.unix_ms() // 1000) < 60


async def test_where_the_log_is_json_its_messages_are(reader: Reader) -> None:
    _, client = await reader(log_format="json")
    ours.error("refused %s", "anna")
    event = await line(client)
    assert (event.properties.content_type, json.loads(event.body)["message"]) == ("application/json", "refused anna")


async def test_only_from_its_level_on(reader: Reader) -> None:
    _, client = await reader(log_exchange="warning")
    ours.info("small")
    ours.error("large")
    assert key_of(await line(client)) == "error"


async def test_more_may_be_published_than_is_logged(reader: Reader) -> None:
    _, client = await reader(log_exchange="debug", log_level="error")
    ours.debug("small")
    assert key_of(await line(client)) == "debug"


async def test_true_is_as_much_as_is_logged() -> None:
    assert Config(log_exchange="true", log_level="warning").log_exchange_level == "warning"
    assert Config(log_exchange="debug", log_level="warning").log_exchange_level == "debug"
    assert Config().log_exchange_level == ""


async def test_a_record_of_another_thread_arrives(reader: Reader) -> None:
    _, client = await reader("error")
    thread = threading.Thread(target=ours.error, args=("from afar",))
    thread.start()
    thread.join()
    assert (await line(client)).body.endswith(b"from afar\n")


async def test_what_is_logged_while_a_record_is_published_is_not(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = await reader("error")
    vhost = server.broker.vhosts["/"]
    publish = vhost.publish_from_server

    def noisy(*about: object) -> None:
        ours.error("while publishing")
        publish(*about)  # type: ignore[arg-type]

    monkeypatch.setattr(vhost, "publish_from_server", noisy)
    ours.error("first")
    assert (await line(client)).body.endswith(b"first\n")
    monkeypatch.undo()
    ours.error("second")
    assert (await line(client)).body.endswith(b"second\n")


async def test_without_being_asked_for_there_is_no_such_exchange(reader: Reader) -> None:
    server = Server(Config(hosts=("127.0.0.1",), port=0, memory=True))
    assert LOG_EXCHANGE not in server.broker.vhosts["/"].exchanges
    await server.stop()


async def test_logging_is_as_it_was_when_the_server_has_stopped(reader: Reader) -> None:
    source = logging.getLogger("amqpbroker")
    before = source.level, list(source.handlers)
    server, _ = await reader()
    assert (source.level, list(source.handlers)) != before
    await server.stop()
    assert (source.level, list(source.handlers)) == before
