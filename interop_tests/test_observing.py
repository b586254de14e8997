"""Events, the firehose, the log exchange and interceptors.

Other clients of the broker may be at work as well: what is looked for bears a name of this test's own.
"""

import base64
import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
from pamqp import commands

from interop_tests import fields
from interop_tests.conftest import Names, OpenWire, started_broker
from interop_tests.wire import Wire

EVENTS = "amq.rabbitmq.event"
TRACE = "amq.rabbitmq.trace"
LOG = "amq.rabbitmq.log"
TOLD_TIMEOUT_S = 5.0

# Header → (kind, value)
Headers: TypeAlias = dict[str, tuple[str, Any]]


class Listener:
    """Hears what is published to an exchange of the broker's own."""

    def __init__(self, url: str, exchange: str, *keys: str) -> None:
        self.wire = Wire(url, timeout_s=TOLD_TIMEOUT_S)
        self._heard: list[tuple[str, dict[str, Any], bytes]] = []
        queue = self.wire.queue()
        for key in keys:
            self.wire.call(1, commands.Queue.Bind(0, queue, exchange, key), commands.Queue.BindOk)
        self.wire.call(1, commands.Basic.Consume(0, queue, no_ack=True), commands.Basic.ConsumeOk)

    def message(self) -> tuple[str, dict[str, Any], bytes]:
        """(routing key, properties, body) of the next."""
        message = self.wire.message(1, commands.Basic.Deliver)
        return message.method.routing_key, fields.properties(message.properties), message.body

    def told(self, key: str, **wanted: Any) -> Headers:
        """The headers of the first event of that kind in which these have such values; others are read over."""
        deadline_s = time.monotonic() + TOLD_TIMEOUT_S
        while time.monotonic() < deadline_s:
            came, properties, body = self.message()
            headers = {name: (kind, value) for name, kind, value in properties["headers"]}
            if came == key and all(headers.get(name, ("", None))[1] == value for name, value in wanted.items()):
                assert (properties["delivery_mode"], body) == (2, b"")
                now_ms = headers.pop("timestamp_in_ms")
                assert now_ms == ("l", now_ms[1])
                assert properties["timestamp"] == now_ms[1] // 1000
                return headers
        raise AssertionError(f"no {key} with {wanted}")


@pytest.fixture
def news(amqp_url: str) -> Iterator[Listener]:
    """All events."""
    asking = Wire(amqp_url)
    asking.send(1, commands.Exchange.Declare(0, EVENTS, passive=True))
    answer = asking.method(1)
    asking.close()
    if isinstance(answer, commands.Channel.Close):
        pytest.skip("this broker has no event exchange: rabbitmq_event_exchange is not enabled")
    listener = Listener(amqp_url, EVENTS, "#")
    yield listener
    listener.wire.close()


# Events


def test_the_event_exchange_is_an_internal_durable_topic(news: Listener, open_wire: OpenWire) -> None:
    wire = open_wire()
    wire.call(1, commands.Exchange.Declare(0, EVENTS, "topic", False, True, False, True), commands.Exchange.DeclareOk)
    wire.publish(EVENTS, "queue.created", b"")
    close = wire.method(1, commands.Channel.Close)
    assert (close.reply_code, close.reply_text) == (
        403,
        f"ACCESS_REFUSED - cannot publish to internal exchange '{EVENTS}' in vhost '/'",
    )


def test_a_queue_is_declared_and_deleted(
    news: Listener, open_wire: OpenWire, name: Names, series: tuple[int, int]
) -> None:
    wire, queue = open_wire(), name.queue()
    wire.call(
        1,
        commands.Queue.Declare(0, queue, durable=True, arguments={"x-expires": 60_000}),  # type: ignore[arg-type]
        commands.Queue.DeclareOk,
    )
    created = news.told("queue.created", name=queue)
    wire.call(1, commands.Queue.Delete(0, queue), commands.Queue.DeleteOk)
    deleted = news.told("queue.deleted", name=queue)
    about = {"name": ("S", queue), "vhost": ("S", "/"), "user_who_performed_action": ("S", "guest")}
    kind = {"type": ("S", "rabbit_classic_queue")} if series >= (4, 0) else {}
    assert deleted == about | kind
    for place in ("leader", "members"):
        assert (created.pop(place, None) is not None) is (series >= (4, 1))
    arguments = created.pop("arguments")
    assert ("S", '{<<"x-expires">>,unsignedshort,60000}') in arguments[1]
    assert created == about | kind | {
        "exclusive": ("t", False),
        "owner_pid": ("S", ""),
        "auto_delete": ("t", False),
        "durable": ("t", True),
    }


def test_an_exchange_is_declared_bound_and_deleted(news: Listener, open_wire: OpenWire, name: Names) -> None:
    wire, exchange = open_wire(), name.exchange()
    wire.call(1, commands.Exchange.Declare(0, exchange, "topic", durable=True), commands.Exchange.DeclareOk)
    assert news.told("exchange.created", name=exchange) == {
        "user_who_performed_action": ("S", "guest"),
        "policy": ("S", ""),
        "arguments": ("A", []),
        "internal": ("t", False),
        "auto_delete": ("t", False),
        "durable": ("t", True),
        "type": ("S", "topic"),
        "name": ("S", exchange),
        "vhost": ("S", "/"),
    }
    wire.call(1, commands.Exchange.Bind(0, "amq.fanout", exchange, "a.*"), commands.Exchange.BindOk)
    bound = news.told("binding.created", source_name=exchange)
    assert bound == {
        "user_who_performed_action": ("S", "guest"),
        "vhost": ("S", "/"),
        "arguments": ("A", []),
        "routing_key": ("S", "a.*"),
        "destination_kind": ("S", "exchange"),
        "destination_name": ("S", "amq.fanout"),
        "source_kind": ("S", "exchange"),
        "source_name": ("S", exchange),
    }
    wire.call(1, commands.Exchange.Delete(0, exchange), commands.Exchange.DeleteOk)
    assert set(news.told("exchange.deleted", name=exchange)) == {"name", "vhost", "user_who_performed_action"}
    assert news.told("binding.deleted", source_name=exchange) == bound


def test_what_goes_with_a_queue(news: Listener, open_wire: OpenWire, name: Names) -> None:
    wire, queue = open_wire(), name.queue()
    wire.queue(queue)
    owned = news.told("queue.created", name=queue)
    assert (owned["exclusive"], owned["owner_pid"][0]) == (("t", True), "S")
    wire.call(1, commands.Queue.Bind(0, queue, "amq.topic", "key"), commands.Queue.BindOk)
    consume = commands.Basic.Consume(0, queue, queue, no_ack=True, arguments={"x-priority": 3})
    wire.call(1, consume, commands.Basic.ConsumeOk)
    came = news.told("consumer.created", consumer_tag=queue)
    assert came == {
        "user_who_performed_action": ("S", "guest"),
        "arguments": ("A", [("S", '{<<"x-priority">>,byte,3}')]),
        "prefetch_count": ("l", 0),
        "queue": ("S", queue),
        "vhost": ("S", "/"),
        "channel": came["channel"],
        "ack_required": ("t", False),
        "exclusive": ("t", False),
        "consumer_tag": ("S", queue),
    }
    wire.send(1, commands.Queue.Delete(0, queue))
    went = news.told("consumer.deleted", consumer_tag=queue)
    assert (went["channel"], went["user_who_performed_action"]) == (came["channel"], ("S", "guest"))
    unbound = news.told("binding.deleted", destination_name=queue, source_name="amq.topic")
    assert unbound["user_who_performed_action"] == ("S", "rmq-internal")
    assert news.told("queue.deleted", name=queue)["user_who_performed_action"] == ("S", "guest")


def test_a_cancelled_consumer(news: Listener, open_wire: OpenWire, name: Names) -> None:
    wire, queue = open_wire(), name.queue()
    wire.queue(queue)
    wire.call(1, commands.Basic.Consume(0, queue, queue), commands.Basic.ConsumeOk)
    wire.call(1, commands.Basic.Cancel(queue), commands.Basic.CancelOk)
    went = news.told("consumer.deleted", consumer_tag=queue)
    assert set(went) == {"user_who_performed_action", "queue", "vhost", "channel", "consumer_tag"}


def test_a_connection_and_its_channel(news: Listener, open_wire: OpenWire, series: tuple[int, int]) -> None:
    wire = open_wire(heartbeat_s=17)
    port, server_port = wire.socket.getsockname()[1], wire.socket.getpeername()[1]
    name = f"127.0.0.1:{port} -> 127.0.0.1:{server_port}"
    login = news.told("user.authentication.success", connection_name=name)
    assert login == {
        "ssl": ("t", False),
        "auth_mechanism": ("S", "PLAIN"),
        "protocol": ("S", "{0,9,1}"),
        "peer_port": ("l", port),
        "peer_host": ("S", "{127,0,0,1}"),
        "connection_name": ("S", name),
        "host": ("S", "{127,0,0,1}"),
        "name": ("S", "guest"),
        "connection_type": ("S", "network"),
    }
    came = news.told("connection.created", name=name)
    assert came["client_properties"][1][0][1].startswith('{<<"capabilities">>,table,[{<<"')
    assert {header: came[header] for header in ("timeout", "channel_max", "frame_max", "port", "peer_port")} == {
        "timeout": ("l", 17),
        "channel_max": ("l", 2_047),
        "frame_max": ("l", 131_072),
        "port": ("l", server_port),
        "peer_port": ("l", port),
    }
    assert ("peer_cert_serial_number" in came) is (series >= (4, 2))
    channel = news.told("channel.created", name=f"{name} (1)")
    assert (channel["number"], channel["connection"]) == (("l", 1), came["pid"])
    wire.call(1, commands.Channel.Close(200, "", 0, 0), commands.Channel.CloseOk)
    closed = news.told("channel.closed", pid=channel["pid"][1])
    counted = {"consumer_count": ("l", 0)} if series >= (4, 0) else {}
    assert closed == counted | {"pid": channel["pid"], "user_who_performed_action": ("S", "guest")}
    wire.call(0, commands.Connection.Close(200, "", 0, 0), commands.Connection.CloseOk)
    wire.close()
    went = news.told("connection.closed", name=name)
    assert went == {header: came[header] for header in ("client_properties", "node", "pid", "name")}


def test_a_refused_login(news: Listener, amqp_url: str) -> None:
    with contextlib.suppress(AssertionError):
        Wire(amqp_url, login=("nobody-at-all", "wrong"))
    failure = news.told("user.authentication.failure", name="nobody-at-all")
    text = bytes(code for kind, code in failure["error"][1] if kind == "l")
    assert text == b"user 'nobody-at-all' - invalid credentials"
    news.told("connection.closed", name=failure["connection_name"][1])


# The firehose


@pytest.fixture
def traced_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, own: Callable[..., str]
) -> Iterator[str]:
    """A broker whose virtual host / is traced: a given one by its HTTP API, on the usual port above that of AMQP."""
    given = request.config.getoption("--amqpbroker-url", default=None)
    if not given:
        yield own("--tracing")
        return
    parts = urlsplit(given)
    api = f"http://{parts.hostname}:{(parts.port or 5672) + 10_000}/api/vhosts/%2f"
    try:
        trace(api, True)
    except OSError as error:
        pytest.skip(f"tracing cannot be switched on: {api}: {error}")
    yield given
    trace(api, False)


def trace(api: str, is_on: bool) -> None:
    """Switch tracing by RabbitMQ's HTTP API. Raises OSError."""
    login = base64.b64encode(b"guest:guest").decode()
    headers = {"content-type": "application/json", "authorization": f"Basic {login}"}
    body = json.dumps({"tracing": is_on}).encode()
    urllib.request.urlopen(urllib.request.Request(api, body, headers, method="PUT"), timeout=5.0).close()


@pytest.fixture
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start a broker of ours with such options; where another one is given there is none of ours to ask."""
    profile = request.config.getoption("--profile", default=None)
    with contextlib.ExitStack() as stack:

        def start(*options: str) -> str:
            if request.config.getoption("--amqpbroker-url", default=None):
                pytest.skip("the given broker is not configured for this")
            directory: Path = tmp_path_factory.mktemp("observed")
            settings = ["--profile", profile] if profile else []
            return stack.enter_context(started_broker(directory, *settings, *options))

        yield start


def copied(listener: Listener) -> tuple[str, Headers, bytes]:
    """(routing key, headers, body) of the next copy, which has no property but headers."""
    key, properties, body = listener.message()
    assert set(properties) == {"headers"}
    return key, {name: (kind, value) for name, kind, value in properties["headers"]}, body


def test_what_is_published_and_delivered_is_copied(traced_url: str) -> None:
    wire = Wire(traced_url)
    queue = wire.queue()
    listener = Listener(traced_url, TRACE, f"deliver.{queue}", "publish.amq.direct")
    wire.call(1, commands.Queue.Bind(0, queue, "amq.direct", queue), commands.Queue.BindOk)
    # content-type, headers with a number, delivery-mode, timestamp
    properties = b"\xb0\x40" + b"\x0atext/plain" + b"\0\0\0\x07\x01nI\0\0\0\x05" + b"\x02" + b"\0\0\0\0\x65\x53\xf1\0"
    wire.publish("amq.direct", queue, b"body", properties=properties)
    key, headers, body = copied(listener)
    port, server_port = wire.socket.getsockname()[1], wire.socket.getpeername()[1]
    common = {
        "exchange_name": ("S", "amq.direct"),
        "routing_keys": ("A", [("S", queue)]),
        "properties": (
            "F",
            [
                ("timestamp", "I", 1_700_000_000),
                ("delivery_mode", "I", 2),
                ("headers", "F", [("n", "I", 5)]),
                ("content_type", "S", "text/plain"),
            ],
        ),
        "node": headers["node"],
        "vhost": ("S", "/"),
        "connection": ("S", f"127.0.0.1:{port} -> 127.0.0.1:{server_port}"),
        "channel": ("I", 1),
        "user": ("S", "guest"),
    }
    assert (key, headers, body) == ("publish.amq.direct", common | {"routed_queues": ("A", [("S", queue)])}, b"body")
    wire.send(1, commands.Basic.Get(0, queue))
    wire.message(1, commands.Basic.GetOk)
    assert copied(listener) == (f"deliver.{queue}", common | {"redelivered": ("I", 0)}, b"body")
    wire.send(1, commands.Basic.Reject(1, True))
    wire.call(1, commands.Basic.Consume(0, queue), commands.Basic.ConsumeOk)
    assert copied(listener) == (f"deliver.{queue}", common | {"redelivered": ("I", 1)}, b"body")
    wire.close()
    listener.wire.close()


def test_copies_are_not_copied_and_the_default_exchange_has_every_queue(traced_url: str, name: Names) -> None:
    wire = Wire(traced_url)
    listener = Listener(traced_url, TRACE, "publish.")
    observer = wire.queue()
    wire.call(1, commands.Queue.Bind(0, observer, TRACE, f"deliver.{observer}"), commands.Queue.BindOk)
    wire.publish("", f"{name.prefix}.nowhere", b"1")
    while (found := copied(listener))[1]["routing_keys"] != ("A", [("S", f"{name.prefix}.nowhere")]):
        pass
    assert found[0] == "publish."
    assert found[1]["routed_queues"] == ("A", [("S", f"{name.prefix}.nowhere")])
    wire.publish("", observer, b"2")
    wire.call(1, commands.Basic.Consume(0, observer, no_ack=True), commands.Basic.ConsumeOk)
    bodies = [wire.message(1, commands.Basic.Deliver) for _ in range(2)]
    assert [(one.method.exchange, one.body) for one in bodies] == [("", b"2"), (TRACE, b"2")]
    wire.settle(observer, 0)
    wire.close()
    listener.wire.close()


# The log


def test_the_log_is_published(own: Callable[..., str]) -> None:
    listener = Listener(own("--log-exchange", "info", "--log-level", "error"), LOG, "info")
    with contextlib.suppress(AssertionError):
        Wire(f"amqp://127.0.0.1:{listener.wire.socket.getpeername()[1]}/", login=("nobody-at-all", "wrong"))
    key, properties, body = listener.message()
    assert key == "info"
    assert set(properties) == {"content_type", "headers", "timestamp"}
    assert properties["content_type"] == "text/plain"
    ((header, kind, node),) = properties["headers"]
    assert (header, kind, node.partition("@")[0]) == ("node", "S", "rabbit")
    assert b" [info] amqpbroker.connection: accepting AMQP connection 127.0.0.1:" in body
    assert body.endswith(b"\n")
    listener.wire.close()


# Interceptors


def headers_of(url: str, properties: bytes) -> dict[str, Any]:
    """The properties of a message after its way through the broker."""
    wire = Wire(url)
    queue = wire.queue()
    wire.publish("", queue, b"body", properties=properties)
    wire.call(1, commands.Basic.Consume(0, queue, no_ack=True), commands.Basic.ConsumeOk)
    came = fields.properties(wire.message(1, commands.Basic.Deliver).properties)
    wire.close()
    return came


def test_the_time_and_the_node_are_written_into_every_message(own: Callable[..., str]) -> None:
    url = own("--set-header-timestamp", "overwrite", "--set-header-routing-node", "keep")
    came = headers_of(url, b"\0\0")
    headers = {name: (kind, value) for name, kind, value in came["headers"]}
    assert set(came) == {"headers", "timestamp"}
    assert headers["timestamp_in_ms"] == ("l", headers["timestamp_in_ms"][1])
    assert came["timestamp"] == headers["timestamp_in_ms"][1] // 1000
    assert abs(came["timestamp"] - time.time()) < 60
    assert headers["x-routed-by"][0] == "S"
    set_by_publisher = b"\x20\0" + b"\0\0\0\x14" + b"\x0bx-routed-byS\0\0\0\x03her"
    headers = {name: (kind, value) for name, kind, value in headers_of(url, set_by_publisher)["headers"]}
    assert headers["x-routed-by"] == ("S", "her")
