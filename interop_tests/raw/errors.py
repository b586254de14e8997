"""The faults a program makes with well-formed methods: each by name, for `provocation.observe`.

What RabbitMQ answers to each is in data/errors.yaml. Queues are exclusive where that changes nothing, so that they go
with their connection; the others are in LEFTOVER_QUEUES.
"""

from collections.abc import Callable
from typing import Any

from interop_tests.raw import codec
from interop_tests.raw.client import Client, UnexpectedAnswerError
from interop_tests.raw.codec import method, publish
from interop_tests.raw.provocation import Probe, Provocation

Arguments = dict[str | bytes, tuple[str, Any]]

MISSING_QUEUE = "errors.none"
MISSING_EXCHANGE = "errors.nox"
LEFTOVER_QUEUES = ("errors.durable", "errors.transient", "errors.quorum", "errors.auto-delete")
LEFTOVER_EXCHANGES = ("errors.x", "errors.ae", "errors.other", "errors.internal")


def delete_leftovers(url: str) -> None:
    """Deletes what the provocations declare beyond their connection."""
    with Client(url) as client:
        client.open().open_channel()
        for queue in LEFTOVER_QUEUES:
            client.call(1, "queue.delete", queue=queue)
        for exchange in LEFTOVER_EXCHANGES:
            client.call(1, "exchange.delete", exchange=exchange)


def _channel(client: Client) -> None:
    client.open().open_channel()


def _after(*octets: bytes, probe: Probe = Probe.CHANNEL) -> Provocation:
    """Octets sent at once on a connection whose channel 1 is open."""
    return Provocation(_channel, lambda _: b"".join(octets), probe)


def _consumed(queue: str, octets: bytes, tag: str = "a", arguments: Arguments | None = None, **how: Any) -> Provocation:
    """Octets sent once a consumer runs on a queue of its own: consume-ok comes from the queue, so it is waited for."""

    def prepare(client: Client) -> None:
        _channel(client)
        client.call(1, "queue.declare", queue=queue, exclusive=True, arguments=arguments)
        client.call(1, "basic.consume", queue=queue, consumer_tag=tag, **how)

    return Provocation(prepare, lambda _: octets, Probe.CHANNEL)


def _own(queue: str, /, **arguments: Any) -> bytes:
    """queue.declare of an exclusive queue."""
    return method(1, "queue.declare", queue=queue, exclusive=True, **arguments)


def _declare(queue: str, /, **arguments: Any) -> bytes:
    return method(1, "queue.declare", queue=queue, **arguments)


def _argument(name: str, kind: str, value: Any, **more: Any) -> Provocation:
    """Declaring a queue with one argument, whose name is the queue's too."""
    return _after(_own(f"errors.{name}", arguments={name: (kind, value)}, **more))


def _consume(queue: str, /, **arguments: Any) -> bytes:
    return method(1, "basic.consume", queue=queue, **arguments)


def _others_exclusive_queue(name: str, **arguments: Any) -> Provocation:
    """A method about an exclusive queue of another connection, which stays open meanwhile."""

    def prepare(client: Client) -> None:
        owner = client.companion().open().open_channel()
        owner.call(1, "queue.declare", queue="errors.own", exclusive=True)
        _channel(client)

    return Provocation(prepare, lambda _: method(1, name, queue="errors.own", **arguments), Probe.CHANNEL)


def _logging_in(mechanism: str, response: Callable[[Client], str]) -> Provocation:
    def octets(client: Client) -> bytes:
        return client.start_ok_octets(mechanism, response(client))

    return Provocation(Client.start, octets, Probe.NONE)


def _login_without_capabilities(client: Client) -> bytes:
    return method(0, "connection.start-ok", mechanism="PLAIN", response=f"\0{client.user}\0wrong", locale="en_US")


def _tuning(channel_max: int, frame_max: int) -> Provocation:
    """connection.tune-ok, and connection.open behind it."""

    def prepare(client: Client) -> None:
        client.start()
        client.start_ok()

    def octets(client: Client) -> bytes:
        tune_ok = method(0, "connection.tune-ok", channel_max=channel_max, frame_max=frame_max)
        return tune_ok + method(0, "connection.open", virtual_host=client.virtual_host)

    return Provocation(prepare, octets, Probe.NONE)


def _update_secret(client: Client) -> bytes:
    return method(0, "connection.update-secret", new_secret=client.password, reason="renewed")


def _five_channels(client: Client) -> None:
    client.open(channel_max=5)
    for channel in range(1, 6):
        client.open_channel(channel)


def _no_local_message(client: Client) -> None:
    _channel(client)
    client.call(1, "queue.declare", queue="errors.nl", exclusive=True)
    client.call(1, "basic.consume", queue="errors.nl", no_local=True, no_ack=True)
    client.send(publish(1, b"mine", routing_key="errors.nl"))
    if client.expect_content("basic.deliver") != b"mine":
        raise UnexpectedAnswerError("another message")


def _declared_on_channel_2(client: Client) -> None:
    client.open().open_channel(1).open_channel(2)
    client.call(2, "queue.declare", queue="errors.p1", exclusive=True)


def _error_on_another_channel(client: Client) -> None:
    client.open().open_channel(1).open_channel(2)
    client.send_method(1, "basic.ack", delivery_tag=9)
    client.expect("channel.close")


def _ten_of_five(client: Client) -> None:
    client.open(channel_max=5)


def _queues() -> dict[str, Provocation]:
    return {
        "queue-not-found-passive": _after(_declare(MISSING_QUEUE, passive=True)),
        "queue-not-found-consume": _after(_consume(MISSING_QUEUE)),
        "queue-not-found-get": _after(method(1, "basic.get", queue=MISSING_QUEUE)),
        "queue-not-found-purge": _after(method(1, "queue.purge", queue=MISSING_QUEUE)),
        "queue-not-found-bind": _after(
            method(1, "queue.bind", queue=MISSING_QUEUE, exchange="amq.direct", routing_key="k")
        ),
        "exchange-not-found-bind": _after(_own("errors.b"), method(1, "queue.bind", exchange=MISSING_EXCHANGE)),
        "queue-not-found-bind-neither": _after(method(1, "queue.bind", queue=MISSING_QUEUE, exchange=MISSING_EXCHANGE)),
        "queue-inequiv-durable": _after(_declare("errors.transient"), _declare("errors.transient", durable=True)),
        "queue-inequiv-durable-false": _after(
            _declare("errors.durable", durable=True), _declare("errors.durable", durable=False)
        ),
        "queue-inequiv-autodelete": _after(_own("errors.ad"), _own("errors.ad", auto_delete=True)),
        "queue-inequiv-exclusive": _after(_own("errors.ex"), _declare("errors.ex")),
        "queue-inequiv-exclusive-added": _after(
            _declare("errors.auto-delete", durable=True), _own("errors.auto-delete", durable=True)
        ),
        "queue-exclusive-durable-redeclared": _after(_own("errors.exd", durable=True), _own("errors.exd")),
        "queue-inequiv-arg-added": _after(
            _own("errors.a1"), _own("errors.a1", arguments={"x-message-ttl": ("s", 2000)})
        ),
        "queue-inequiv-arg-removed": _after(
            _own("errors.a2", arguments={"x-message-ttl": ("s", 1000)}), _own("errors.a2")
        ),
        "queue-inequiv-arg-value": _after(
            _own("errors.a3", arguments={"x-message-ttl": ("I", 1000)}),
            _own("errors.a3", arguments={"x-message-ttl": ("I", 2000)}),
        ),
        "queue-equivalent-arg-of-other-width": _after(
            _own("errors.a4", arguments={"x-message-ttl": ("s", 1000)}),
            _own("errors.a4", arguments={"x-message-ttl": ("l", 1000)}),
        ),
        "queue-inequiv-arg-string": _after(
            _own("errors.a5", arguments={"x-dead-letter-exchange": ("S", "a")}),
            _own("errors.a5", arguments={"x-dead-letter-exchange": ("S", "b")}),
        ),
        "queue-inequiv-arg-bool-added": _after(
            _own("errors.a6"), _own("errors.a6", arguments={"x-single-active-consumer": ("t", 1)})
        ),
        "queue-inequiv-arg-string-added": _after(
            _own("errors.a7"), _own("errors.a7", arguments={"x-overflow": ("S", "reject-publish")})
        ),
        "queue-inequiv-first-difference-tells": _after(
            _own("errors.a8"),
            _own("errors.a8", auto_delete=True, arguments={"x-max-length": ("I", 1), "x-expires": ("I", 100_000)}),
        ),
        "queue-inequiv-args-in-order": _after(
            _own("errors.a9"),
            _own("errors.a9", arguments={"x-max-length": ("I", 1), "x-expires": ("I", 100_000)}),
        ),
        "queue-unknown-arg-is-not-compared": _after(
            _own("errors.a10"), _own("errors.a10", arguments={"x-something": ("I", 1)})
        ),
        "queue-type-classic-equals-none": _after(
            _own("errors.a11"), _own("errors.a11", arguments={"x-queue-type": ("S", "classic")})
        ),
        "queue-reserved-name": _after(_own("amq.myqueue")),
        "queue-reserved-name-passive": _after(_declare("amq.myqueue", passive=True)),
        "queue-locked-declare": _others_exclusive_queue("queue.declare"),
        "queue-locked-declare-exclusive": _others_exclusive_queue("queue.declare", exclusive=True),
        "queue-locked-passive": _others_exclusive_queue("queue.declare", passive=True),
        "queue-locked-delete": _others_exclusive_queue("queue.delete"),
        "queue-locked-consume": _others_exclusive_queue("basic.consume"),
        "queue-locked-get": _others_exclusive_queue("basic.get"),
        "queue-locked-purge": _others_exclusive_queue("queue.purge"),
        "queue-locked-bind": _others_exclusive_queue("queue.bind", exchange="amq.direct"),
        "queue-locked-unbind": _others_exclusive_queue("queue.unbind", exchange="amq.direct"),
        "queue-delete-in-use": _consumed("errors.use", method(1, "queue.delete", if_unused=True)),
        "queue-delete-not-empty": _after(
            _own("errors.full"), publish(1, b"x", routing_key="errors.full"), method(1, "queue.delete", if_empty=True)
        ),
        "queue-delete-missing": _after(method(1, "queue.delete", queue=MISSING_QUEUE)),
        "queue-unbind-missing": _after(
            method(1, "queue.unbind", queue=MISSING_QUEUE, exchange="amq.direct", routing_key="k")
        ),
        "queue-unbind-missing-exchange": _after(
            _own("errors.ub"), method(1, "queue.unbind", exchange=MISSING_EXCHANGE, routing_key="k")
        ),
        "no-previous-queue": _after(method(1, "basic.get")),
        "previous-queue-of-passive-declare": Provocation(
            _declared_on_channel_2,
            lambda _: _declare("errors.p1", passive=True) + method(1, "basic.get"),
            Probe.CHANNEL,
        ),
        "long-queue-name": _after(_own("q" * 255)),
        "declare-nowait": _after(_own("errors.nw", nowait=True), _declare("errors.nw", passive=True)),
        "crlf-name": _after(_own("errors.cr\r\nlf"), _declare("errors.crlf", passive=True)),
        "transient-nonexclusive": _after(_declare("errors.transient")),
        "reply-to-declare": _after(_declare("amq.rabbitmq.reply-to", passive=True)),
        "reply-to-bind": _after(method(1, "queue.bind", queue="amq.rabbitmq.reply-to", exchange="amq.direct")),
        "reply-to-delete": _after(method(1, "queue.delete", queue="amq.rabbitmq.reply-to")),
        "reply-to-get": _after(method(1, "basic.get", queue="amq.rabbitmq.reply-to")),
    }


def _queue_arguments() -> dict[str, Provocation]:
    quorum = {"x-queue-type": ("S", "quorum")}
    return {
        "invalid-ttl-negative": _argument("x-message-ttl", "b", -1),
        "invalid-ttl-string": _argument("x-message-ttl", "S", "1000"),
        "invalid-ttl-too-large": _argument("x-message-ttl", "l", 1 << 40),
        "invalid-ttl-float": _argument("x-message-ttl", "d", 1.5),
        "invalid-ttl-void": _argument("x-message-ttl", "V", None),
        "invalid-expires-zero": _argument("x-expires", "b", 0),
        "invalid-expires-negative": _argument("x-expires", "s", -7),
        "invalid-expires-bool": _argument("x-expires", "t", 1),
        "invalid-expires-too-large": _argument("x-expires", "l", 315_360_000_001),
        "invalid-max-length": _argument("x-max-length", "b", -5),
        "invalid-max-length-bytes": _argument("x-max-length-bytes", "I", -5),
        "invalid-max-length-string": _argument("x-max-length", "S", "5"),
        "invalid-max-priority-negative": _argument("x-max-priority", "b", -1),
        "invalid-max-priority-over-255": _argument("x-max-priority", "I", 256),
        "invalid-max-priority-string": _argument("x-max-priority", "S", "9"),
        "invalid-overflow": _argument("x-overflow", "S", "bogus"),
        "invalid-overflow-type": _argument("x-overflow", "I", 1),
        "invalid-dlrk-without-dlx": _argument("x-dead-letter-routing-key", "S", "k"),
        "invalid-dlrk-type": _after(
            _own("errors.rk", arguments={"x-dead-letter-exchange": ("S", ""), "x-dead-letter-routing-key": ("I", 1)})
        ),
        "invalid-dlx-type": _argument("x-dead-letter-exchange", "b", 1),
        "dlx-missing-is-allowed": _argument("x-dead-letter-exchange", "S", MISSING_EXCHANGE),
        "invalid-sac-type": _argument("x-single-active-consumer", "S", "yes"),
        "invalid-queue-mode": _argument("x-queue-mode", "S", "bogus"),
        "invalid-queue-mode-type": _argument("x-queue-mode", "I", 1),
        "invalid-queue-version": _argument("x-queue-version", "I", 3),
        "invalid-queue-type": _argument("x-queue-type", "S", "bogus"),
        "invalid-queue-type-type": _argument("x-queue-type", "I", 1),
        "unknown-argument-is-allowed": _argument("x-something", "S", "bogus"),
        "argument-without-x-is-allowed": _argument("something", "I", 1),
        "stream-argument-on-classic": _argument("x-max-age", "S", "1D"),
        "quorum-argument-on-classic": _argument("x-delivery-limit", "I", 3),
        "quorum-nondurable": _after(_declare("errors.quorum", arguments=quorum)),
        "quorum-autodelete": _after(_declare("errors.quorum", durable=True, auto_delete=True, arguments=quorum)),
        "quorum-exclusive": _after(_own("errors.quorum", durable=True, arguments=quorum)),
        "quorum-bad-arg": _after(
            _declare("errors.quorum", durable=True, arguments={**quorum, "x-max-priority": ("b", 5)})
        ),
        "quorum-server-named": _after(_declare("", durable=True, arguments=quorum)),
        "stream-bad-arg": _after(
            _declare(
                "errors.quorum",
                durable=True,
                arguments={"x-queue-type": ("S", "stream"), "x-message-ttl": ("s", 1000)},
            )
        ),
        "queue-master-locator": _argument("x-queue-master-locator", "S", "min-masters"),
        "sac-get-classic": _after(
            _own("errors.sac", arguments={"x-single-active-consumer": ("t", 1)}), method(1, "basic.get")
        ),
    }


def _exchanges() -> dict[str, Provocation]:
    def declare(exchange: str, type_: str = "direct", **arguments: Any) -> bytes:
        return method(1, "exchange.declare", exchange=exchange, type=type_, **arguments)

    return {
        "exchange-not-found-passive": _after(declare(MISSING_EXCHANGE, passive=True)),
        "exchange-not-found-publish": _after(publish(1, b"x", exchange=MISSING_EXCHANGE)),
        "exchange-unknown-type": _after(declare("errors.x", "bogus")),
        "exchange-unknown-type-of-existing": _after(declare("amq.direct", "bogus", durable=True)),
        "exchange-inequiv-type": _after(declare("amq.direct", "fanout", durable=True)),
        "exchange-inequiv-durable": _after(declare("amq.direct")),
        "exchange-inequiv-autodelete": _after(declare("amq.direct", durable=True, auto_delete=True)),
        "exchange-inequiv-internal": _after(declare("amq.direct", durable=True, internal=True)),
        "exchange-inequiv-alternate": _after(
            declare("errors.x", auto_delete=True),
            declare("errors.x", auto_delete=True, arguments={"alternate-exchange": ("S", "amq.fanout")}),
        ),
        "exchange-unknown-arg-is-not-compared": _after(
            declare("errors.other", auto_delete=True),
            declare("errors.other", auto_delete=True, arguments={"something": ("S", "else")}),
            method(1, "exchange.delete", exchange="errors.other"),
        ),
        "exchange-alternate-type": _after(declare("errors.ae", arguments={"alternate-exchange": ("I", 1)})),
        "exchange-passive-ignores-the-rest": _after(declare("amq.direct", "fanout", passive=True, internal=True)),
        "exchange-passive-unknown-type": _after(declare("amq.direct", "bogus", passive=True)),
        "exchange-reserved-name": _after(declare("amq.bogus")),
        "exchange-default-declare": _after(declare("")),
        "exchange-default-passive": _after(declare("", passive=True)),
        "exchange-default-delete": _after(method(1, "exchange.delete")),
        "exchange-default-bind": _after(_own("errors.db"), method(1, "queue.bind", routing_key="k")),
        "exchange-default-unbind": _after(_own("errors.du"), method(1, "queue.unbind", routing_key="errors.du")),
        "exchange-default-exchange-bind": _after(method(1, "exchange.bind", destination="amq.fanout", source="")),
        "exchange-default-exchange-bind-to": _after(method(1, "exchange.bind", source="amq.fanout", destination="")),
        "exchange-predeclared-delete": _after(method(1, "exchange.delete", exchange="amq.direct")),
        "exchange-reserved-delete-missing": _after(method(1, "exchange.delete", exchange="amq.none")),
        "exchange-delete-in-use": _after(
            declare("errors.x", auto_delete=True),
            _own("errors.xb"),
            method(1, "queue.bind", exchange="errors.x", routing_key="k"),
            method(1, "exchange.delete", exchange="errors.x", if_unused=True),
        ),
        "exchange-delete-missing": _after(method(1, "exchange.delete", exchange=MISSING_EXCHANGE)),
        "exchange-internal-publish": _after(
            declare("errors.internal", internal=True), publish(1, b"x", exchange="errors.internal")
        ),
        "exchange-bind-missing-source": _after(
            method(1, "exchange.bind", destination="amq.fanout", source=MISSING_EXCHANGE)
        ),
        "exchange-bind-missing-dest": _after(
            method(1, "exchange.bind", destination=MISSING_EXCHANGE, source="amq.fanout")
        ),
        "exchange-unbind-missing": _after(
            method(1, "exchange.unbind", destination=MISSING_EXCHANGE, source="amq.fanout")
        ),
        "headers-bad-xmatch": _after(
            _own("errors.h"),
            method(1, "queue.bind", exchange="amq.headers", arguments={"x-match": ("S", "bogus")}),
        ),
        "headers-bad-xmatch-type": _after(
            _own("errors.ht"), method(1, "queue.bind", exchange="amq.headers", arguments={"x-match": ("I", 1)})
        ),
        "topic-three-hashes": _after(
            _own("errors.t"), method(1, "queue.bind", exchange="amq.topic", routing_key="#.a.#.b.#")
        ),
        "topic-two-hashes": _after(
            _own("errors.t"), method(1, "queue.bind", exchange="amq.topic", routing_key="#.a.#")
        ),
    }


def _deliveries() -> dict[str, Provocation]:
    ack_99 = method(1, "basic.ack", delivery_tag=99)
    ack_1 = method(1, "basic.ack", delivery_tag=1)
    one = (_own("errors.one"), publish(1, b"x", routing_key="errors.one"))
    return {
        "unknown-delivery-tag-ack": _after(ack_99),
        "unknown-delivery-tag-ack-multiple": _after(method(1, "basic.ack", delivery_tag=99, multiple=True)),
        "unknown-delivery-tag-double-ack": _after(*one, method(1, "basic.get"), ack_1, ack_1),
        "unknown-delivery-tag-noack": _after(*one, method(1, "basic.get", no_ack=True), ack_1),
        "unknown-delivery-tag-reject": _after(method(1, "basic.reject", delivery_tag=8)),
        "unknown-delivery-tag-nack": _after(method(1, "basic.nack", delivery_tag=8)),
        "unknown-delivery-tag-largest": _after(method(1, "basic.ack", delivery_tag=(1 << 64) - 1)),
        "ack-zero-multiple-none": _after(method(1, "basic.ack", multiple=True)),
        "nack-zero-multiple-none": _after(method(1, "basic.nack", multiple=True)),
        "ack-zero-single": _after(method(1, "basic.ack")),
        "reject-zero": _after(method(1, "basic.reject")),
        "recover-without-requeue": _after(method(1, "basic.recover")),
        "recover-async-without-requeue": _after(method(1, "basic.recover-async")),
        "consumer-tag-reuse": _consumed("errors.ct", _consume("errors.ct", consumer_tag="t"), "t"),
        "consumer-tag-reuse-on-other-queue": _consumed("errors.ct", _consume(MISSING_QUEUE, consumer_tag="t"), "t"),
        "exclusive-consumer-second": _consumed("errors.e1", _consume("errors.e1", consumer_tag="b"), exclusive=True),
        "exclusive-consumer-on-used": _consumed("errors.e2", _consume("errors.e2", consumer_tag="b", exclusive=True)),
        "exclusive-consumer-on-sac": _after(
            _own("errors.e3", arguments={"x-single-active-consumer": ("t", 1)}),
            _consume("errors.e3", consumer_tag="a", exclusive=True),
        ),
        "consume-bad-priority": _after(
            _own("errors.pr"), _consume("errors.pr", consumer_tag="a", arguments={"x-priority": ("S", "abc")})
        ),
        "consume-priority-float": _after(
            _own("errors.pf"), _consume("errors.pf", consumer_tag="a", arguments={"x-priority": ("d", 1.0)})
        ),
        "consume-unknown-argument": _after(
            _own("errors.pu"), _consume("errors.pu", consumer_tag="a", arguments={"x-something": ("d", 1.0)})
        ),
        "consume-stream-offset-on-classic": _after(
            _own("errors.so"),
            _consume("errors.so", consumer_tag="a", arguments={"x-stream-offset": ("S", "first")}),
        ),
        "cancel-missing": _after(method(1, "basic.cancel", consumer_tag="none")),
        "no-local-is-ignored": Provocation(_no_local_message, lambda _: b"", Probe.CHANNEL),
        "qos-prefetch-size": _after(method(1, "basic.qos", prefetch_size=100)),
        "channel-flow-false": _after(method(1, "channel.flow")),
        "channel-flow-true": _after(method(1, "channel.flow", active=True)),
    }


def _publishes() -> dict[str, Provocation]:
    def one(**properties: Any) -> Provocation:
        return _after(publish(1, b"", routing_key=MISSING_QUEUE, **properties))

    reply_to = _consume("amq.rabbitmq.reply-to", consumer_tag="a", no_ack=True)
    return {
        "unroutable": one(),
        "unroutable-mandatory": one(mandatory=True),
        "immediate": one(immediate=True),
        "bad-expiration": one(expiration="abc"),
        "bad-user-id": one(user_id="someoneelse"),
        "bad-cc-header": one(headers={"CC": ("S", "notalist")}),
        "bad-bcc-header": one(headers={"BCC": ("I", 1)}),
        "bad-cc-header-item": one(headers={"CC": ("A", [("I", 1)])}),
        "bad-exchange-and-bad-expiration": _after(publish(1, b"", exchange=MISSING_EXCHANGE, expiration="abc")),
        "bad-user-id-and-bad-expiration": one(user_id="someoneelse", expiration="abc"),
        "bad-user-id-and-bad-cc": one(user_id="someoneelse", headers={"CC": ("S", "notalist")}),
        "bad-expiration-and-bad-cc": one(expiration="abc", headers={"CC": ("S", "notalist")}),
        "reply-to-no-consumer": one(reply_to="amq.rabbitmq.reply-to"),
        "reply-to-consume-twice": _after(reply_to, _consume("amq.rabbitmq.reply-to", consumer_tag="b", no_ack=True)),
        "reply-to-consume-with-ack": _after(_consume("amq.rabbitmq.reply-to", consumer_tag="a")),
        "reply-to-consume-same-tag": _after(reply_to, reply_to),
        "reply-to-consume-tag-of-other": _consumed("errors.rt", reply_to),
        "reply-to-publish-name-unknown": _after(publish(1, b"x", routing_key="amq.rabbitmq.reply-to.none")),
        "tx-after-confirm": _after(method(1, "confirm.select"), method(1, "tx.select")),
        "confirm-after-tx": _after(method(1, "tx.select"), method(1, "confirm.select")),
        "confirm-select-twice": _after(method(1, "confirm.select"), method(1, "confirm.select")),
        "tx-select-twice": _after(method(1, "tx.select"), method(1, "tx.select")),
        "commit-no-tx": _after(method(1, "tx.commit")),
        "rollback-no-tx": _after(method(1, "tx.rollback")),
        "tx-publish-to-missing-exchange": _after(method(1, "tx.select"), publish(1, b"x", exchange=MISSING_EXCHANGE)),
        "tx-ack-unknown-tag": _after(method(1, "tx.select"), method(1, "basic.ack", delivery_tag=9)),
        "confirm-publish-to-missing-exchange": _after(
            method(1, "confirm.select"), publish(1, b"x", exchange=MISSING_EXCHANGE)
        ),
        "server-only-deliver": _after(method(1, "basic.deliver") + codec.header(1, 0)),
        "access-request": _after(method(1, "access.request", realm="/data", active=True)),
    }


def _connections() -> dict[str, Provocation]:
    return {
        "login-refused": _logging_in("PLAIN", lambda client: f"\0{client.user}\0wrong"),
        "login-unknown-user": _logging_in("PLAIN", lambda _: "\0nobody\0wrong"),
        "login-refused-amqplain": Provocation(
            Client.start,
            lambda client: client.start_ok_octets(
                "AMQPLAIN", codec.table({"LOGIN": ("S", client.user), "PASSWORD": ("S", "wrong")})[4:]
            ),
            Probe.NONE,
        ),
        "login-refused-without-the-capability": Provocation(Client.start, _login_without_capabilities, Probe.NONE),
        "plain-malformed": _logging_in("PLAIN", lambda _: "nonsense"),
        "plain-empty": _logging_in("PLAIN", lambda _: ""),
        "plain-with-authorization-identity": _logging_in(
            "PLAIN", lambda client: f"someone\0{client.user}\0{client.password}"
        ),
        "mechanism-unknown": _logging_in("BOGUS", lambda _: ""),
        "tune-frame-max-too-big": _tuning(2047, 131_073),
        "tune-frame-max-too-small": _tuning(2047, 1024),
        "tune-frame-max-4096": _tuning(2047, 4096),
        "tune-frame-max-8192": _tuning(2047, 8192),
        "tune-frame-max-unlimited": _tuning(2047, 0),
        "tune-channel-max-4000": _tuning(4000, 131_072),
        "tune-channel-max-unlimited": _tuning(0, 131_072),
        "channel-count-over-max": Provocation(_five_channels, lambda _: method(6, "channel.open"), Probe.CONNECTION),
        "channel-number-over-max": Provocation(_ten_of_five, lambda _: method(10, "channel.open"), Probe.CONNECTION),
        "channel-open-twice": _after(method(1, "channel.open")),
        "channel-not-open": _after(method(5, "queue.declare")),
        "connection-method-on-channel": _after(method(1, "connection.open", virtual_host="/")),
        "update-secret-same": Provocation(_channel, _update_secret, Probe.CONNECTION),
        "commands-after-channel-error": _after(
            method(1, "basic.ack", delivery_tag=9), _declare(MISSING_QUEUE, passive=True), method(1, "basic.qos")
        ),
        "channel-error-leaves-other-channels": Provocation(
            _error_on_another_channel, lambda _: method(2, "basic.qos"), Probe.CONNECTION
        ),
    }


PROVOCATIONS: dict[str, Provocation] = {
    **_queues(),
    **_queue_arguments(),
    **_exchanges(),
    **_deliveries(),
    **_publishes(),
    **_connections(),
}
