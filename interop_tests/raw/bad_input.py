"""Octets no client should send: each case by name, for `provocation.observe`.

What RabbitMQ answers to each is in data/bad_input.yaml.
"""

import struct
from collections.abc import Callable

from interop_tests.raw import codec
from interop_tests.raw.client import Client
from interop_tests.raw.provocation import Probe, Provocation

NOT_UTF_8 = b"bad.\xff\xfe.name"
TLS_HELLO = bytes.fromhex("16030100f2010000ee0303") + bytes(32)
QUEUE = "bad.q"


def _nothing(client: Client) -> None:
    """A socket on which nothing was sent."""


def _started(client: Client) -> None:
    client.start()


def _logged_in(client: Client) -> None:
    client.start()
    client.start_ok()


def _tuned(client: Client) -> None:
    client.start()
    client.start_ok()
    client.tune_ok()


def _open(client: Client) -> None:
    client.open()


def _channel(client: Client) -> None:
    client.open().open_channel()


def _small_frames(client: Client) -> None:
    client.open(frame_max=8192).open_channel()


def _few_channels(client: Client) -> None:
    client.open(channel_max=5)
    for channel in range(1, 6):
        client.open_channel(channel)


def _publishing(client: Client) -> None:
    client.open().open_channel()
    client.send_method(1, "basic.publish", routing_key=QUEUE)


def _header_sent(client: Client) -> None:
    _publishing(client)
    client.send(codec.header(1, 10))


def _case(prepare: Callable[[Client], None], octets: bytes, probe: Probe = Probe.CONNECTION) -> Provocation:
    return Provocation(prepare, lambda _: octets, probe)


def _frame_start(type_: int, channel: int, size: int) -> bytes:
    return struct.pack(">BHI", type_, channel, size)


def _declare(arguments: bytes, queue: str | bytes = "") -> bytes:
    """queue.declare of an exclusive queue with these octets as its arguments, length included."""
    return codec.method(1, "queue.declare", queue=queue, exclusive=True, arguments=arguments)


def _counted(octets: bytes) -> bytes:
    return struct.pack(">I", len(octets)) + octets


def _nested(depth: int) -> bytes:
    """A table in a table, so many deep: put together from inside out, as Python's stack may be less deep."""
    octets = _counted(b"\x01kt\x01")
    for _ in range(depth - 1):
        octets = _counted(b"\x01kF" + octets)
    return octets


def _handshakes() -> dict[str, Provocation]:
    headers = {
        "header-0-8": b"AMQP\x01\x01\x08\x00",
        "header-0-8-as-on-the-web-site": b"AMQP\x01\x01\x09\x01",
        "header-0-9": b"AMQP\x01\x01\x00\x09",
        "header-0-9-2": b"AMQP\x00\x00\x09\x02",
        "header-0-10": b"AMQP\x01\x01\x00\x0a",
        "header-1-0": b"AMQP\x00\x01\x00\x00",
        "header-1-0-sasl": b"AMQP\x03\x01\x00\x00",
        "header-of-zeroes": bytes(8),
        "header-of-small-letters": b"amqp\x00\x00\x09\x01",
        "header-tls-hello": TLS_HELLO,
        "header-http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "header-new-lines": b"\r\n\r\n\r\n\r\n",
        "header-stomp": b"CONNECT\naccept-version:1.2\n\n\0",
        "header-mqtt": bytes.fromhex("100c00044d5154540402003c0000"),
    }
    return {name: _case(_nothing, octets, Probe.NONE) for name, octets in headers.items()}


def _halves() -> dict[str, Provocation]:
    """A client that begins a handshake and then says nothing."""
    return {
        "silence-after-connecting": _case(_nothing, b"", Probe.NONE),
        "silence-after-half-a-header": _case(_nothing, b"AMQP\x00", Probe.NONE),
        "silence-after-seven-octets-of-header": _case(_nothing, codec.PROTOCOL_HEADER[:7], Probe.NONE),
        "silence-after-half-a-wrong-header": _case(_nothing, b"GET /", Probe.NONE),
        "silence-after-header": _case(_started, b"", Probe.NONE),
        "silence-after-a-frame's-first-octets": _case(_started, _frame_start(codec.METHOD, 0, 20), Probe.NONE),
        "silence-after-half-of-start-ok": Provocation(
            _started, lambda client: client.start_ok_octets()[:-9], Probe.NONE
        ),
        "silence-after-start-ok": _case(_logged_in, b"", Probe.NONE),
        "silence-after-tune-ok": _case(_tuned, b"", Probe.NONE),
    }


def _before_open() -> dict[str, Provocation]:
    return {
        "header-twice": _case(_started, codec.PROTOCOL_HEADER, Probe.NONE),
        "heartbeat-before-start-ok": Provocation(
            _started, lambda client: codec.frame(codec.HEARTBEAT, 0, b"") + client.start_ok_octets(), Probe.NONE
        ),
        "body-before-start-ok": _case(_started, codec.body(0, b"x"), Probe.NONE),
        "frame-over-4096-before-start-ok": _case(_started, _frame_start(codec.METHOD, 0, 5000), Probe.NONE),
        "frame-over-8192-before-start-ok": _case(_started, _frame_start(codec.METHOD, 0, 8193), Probe.NONE),
        "frame-over-131072-before-start-ok": _case(_started, _frame_start(codec.METHOD, 0, 200_000), Probe.NONE),
        "bad-end-before-start-ok": Provocation(
            _started, lambda client: client.start_ok_octets()[:-1] + b"\x00", Probe.NONE
        ),
        "start-ok-truncated": _case(_started, codec.frame(codec.METHOD, 0, b"\0\x0a\0\x0b\0\0"), Probe.NONE),
        "start-ok-amqplain": Provocation(
            _started,
            lambda client: client.start_ok_octets(
                "AMQPLAIN", codec.table({"LOGIN": ("S", client.user), "PASSWORD": ("S", client.password)})[4:]
            ),
            Probe.NONE,
        ),
        "start-ok-amqplain-no-password": Provocation(
            _started,
            lambda client: client.start_ok_octets("AMQPLAIN", codec.table({"LOGIN": ("S", client.user)})[4:]),
            Probe.NONE,
        ),
        "start-ok-amqplain-no-table": Provocation(
            _started, lambda client: client.start_ok_octets("AMQPLAIN", "nonsense"), Probe.NONE
        ),
        "start-ok-external": Provocation(_started, lambda client: client.start_ok_octets("EXTERNAL"), Probe.NONE),
        "start-ok-unknown-locale": Provocation(
            _started,
            lambda client: codec.method(
                0,
                "connection.start-ok",
                mechanism="PLAIN",
                response=f"\0{client.user}\0{client.password}",
                locale="xx_XX",
            ),
            Probe.NONE,
        ),
        "open-unknown-virtual-host": _case(
            _tuned, codec.method(0, "connection.open", virtual_host="bad-none"), Probe.NONE
        ),
        "open-virtual-host-not-utf-8": _case(
            _tuned, codec.method(0, "connection.open", virtual_host=NOT_UTF_8), Probe.NONE
        ),
        "open-on-channel-1": _case(_tuned, codec.method(1, "connection.open", virtual_host="/"), Probe.NONE),
        "open-truncated": _case(_tuned, codec.frame(codec.METHOD, 0, b"\0\x0a\0\x28\x05a"), Probe.NONE),
        "bad-end-before-open": _case(
            _tuned, codec.frame(codec.METHOD, 0, codec.method_payload("connection.open"), end=0), Probe.NONE
        ),
    }


def _framing() -> dict[str, Provocation]:
    open_1 = codec.method_payload("channel.open")
    return {
        "end-octet-zero": _case(_open, codec.frame(codec.METHOD, 1, open_1, end=0)),
        "end-octet-wrong-on-channel": _case(_channel, codec.frame(codec.METHOD, 1, open_1 * 4, end=0xCF)),
        "end-octet-wrong-in-body": _case(_header_sent, codec.frame(codec.BODY, 1, b"1234567890", end=1)),
        "end-octet-wrong-in-heartbeat": _case(_open, codec.frame(codec.HEARTBEAT, 0, b"", end=0)),
        "length-over-frame-max": _case(_open, _frame_start(codec.METHOD, 1, 200_000)),
        "length-one-over-frame-max": _case(_open, _frame_start(codec.METHOD, 1, 131_073)),
        "length-between-payload-and-frame-max": _case(_header_sent, codec.frame(codec.BODY, 1, bytes(131_072))),
        "length-over-small-frame-max": _case(_small_frames, _frame_start(codec.METHOD, 1, 9000)),
        "length-negative": _case(_open, _frame_start(codec.METHOD, 1, 0x80000000)),
        "length-minus-one": _case(_open, _frame_start(codec.METHOD, 1, 0xFFFFFFFF)),
        "frame-type-0": _case(_channel, codec.frame(0, 1, b"abc")),
        "frame-type-4": _case(_channel, codec.frame(4, 1, b"abc")),
        "frame-type-4-of-many-octets": _case(_channel, codec.frame(4, 1, bytes([150] * 16))),
        "frame-type-4-of-line-ends": _case(_channel, codec.frame(4, 1, b'\r\n\t"\\')),
        "frame-type-9": _case(_channel, codec.frame(9, 1, b"")),
        "frame-type-255-on-channel-0": _case(_open, codec.frame(255, 0, b"0123456789abcdefghi")),
        "frame-type-4-on-closed-channel": _case(_open, codec.frame(4, 7, b"abc")),
        "heartbeat-with-payload": _case(_open, codec.frame(codec.HEARTBEAT, 0, b"abc")),
        "heartbeat-on-channel": _case(_channel, codec.frame(codec.HEARTBEAT, 1, b"")),
        "heartbeat-on-closed-channel": _case(_open, codec.frame(codec.HEARTBEAT, 9, b"")),
        "heartbeat-with-payload-on-channel": _case(_channel, codec.frame(codec.HEARTBEAT, 1, b"abc")),
        "heartbeat-in-content": _case(
            _header_sent, codec.frame(codec.HEARTBEAT, 0, b"") + codec.body(1, b"1234567890"), Probe.CHANNEL
        ),
        "method-empty": _case(_channel, codec.frame(codec.METHOD, 1, b"")),
        "method-one-octet": _case(_channel, codec.frame(codec.METHOD, 1, b"\x00")),
        "method-class-only": _case(_channel, codec.frame(codec.METHOD, 1, b"\x00\x32")),
        "method-empty-on-channel-0": _case(_open, codec.frame(codec.METHOD, 0, b"")),
        "method-unknown-class": _case(_channel, codec.frame(codec.METHOD, 1, b"\x00\x63\x00\x01")),
        "method-unknown-in-class": _case(_channel, codec.frame(codec.METHOD, 1, b"\x00\x32\x00\x63")),
        "method-unknown-on-channel-0": _case(_open, codec.frame(codec.METHOD, 0, b"\x00\x0a\x00\x63")),
        "method-unknown-on-closed-channel": _case(_open, codec.frame(codec.METHOD, 3, b"\x00\x63\x00\x01")),
    }


def _channels() -> dict[str, Provocation]:
    return {
        "header-on-closed-channel": _case(_open, codec.header(3, 5)),
        "body-on-closed-channel": _case(_open, codec.body(3, b"12345")),
        "publish-on-closed-channel": _case(_open, codec.publish(3, b"hello", routing_key=QUEUE)),
        "publish-on-channel-0": _case(_open, codec.publish(0, b"hello", routing_key=QUEUE)),
        "header-on-channel-0": _case(_open, codec.header(0, 5)),
        "body-on-channel-0": _case(_open, codec.body(0, b"12345")),
        "declare-on-channel-0": _case(_open, codec.method(0, "queue.declare")),
        "channel-open-on-channel-0": _case(_open, codec.method(0, "channel.open")),
        "channel-over-channel-max": _case(_few_channels, codec.method(6, "channel.open")),
        "channel-number-65535": _case(
            _channel, codec.method(65535, "channel.open") + codec.method(65535, "channel.close"), Probe.CHANNEL
        ),
        "connection-close-on-channel-1": _case(_channel, codec.method(1, "connection.close")),
        "connection-close-ok-on-channel-1": _case(_channel, codec.method(1, "connection.close-ok")),
        "connection-tune-ok-on-closed-channel": _case(_open, codec.method(1, "connection.tune-ok")),
    }


def _content() -> dict[str, Provocation]:
    size_12 = struct.pack(">HHQH", 60, 0, 0, 0)
    return {
        "header-without-publish": _case(_channel, codec.header(1, 5)),
        "body-without-header": _case(_channel, codec.body(1, b"12345")),
        "body-where-header-is-due": _case(_publishing, codec.body(1, b"12345")),
        "method-where-header-is-due": _case(_publishing, codec.method(1, "basic.qos")),
        "header-twice-in-content": _case(_header_sent, codec.header(1, 10)),
        "method-where-body-is-due": _case(_header_sent, codec.method(1, "basic.qos")),
        "body-shorter-then-method": _case(_header_sent, codec.body(1, b"12345") + codec.method(1, "basic.qos")),
        "body-longer-by-a-frame-then-publish": _case(
            _channel, codec.publish(1, b"123", routing_key=QUEUE) + codec.body(1, b"4")
        ),
        "body-longer-in-one-frame": _case(_header_sent, codec.body(1, b"12345678901")),
        "body-longer-in-one-frame-then-method": _case(
            _header_sent, codec.body(1, b"12345678901") + codec.method(1, "basic.qos")
        ),
        "body-longer-in-second-frame-then-method": _case(
            _header_sent, codec.body(1, b"123456") + codec.body(1, b"123456") + codec.method(1, "basic.qos")
        ),
        "body-empty-frame-between": _case(
            _header_sent, codec.body(1, b"12345") + codec.body(1, b"") + codec.body(1, b"67890"), Probe.CHANNEL
        ),
        "body-empty-frame-after-size-0": _case(_publishing, codec.header(1, 0) + codec.body(1, b"")),
        "header-weight-1": _case(_publishing, codec.header(1, 3, weight=1)),
        "header-class-50": _case(_publishing, codec.header(1, 3, class_id=50)),
        "header-class-0": _case(_publishing, codec.header(1, 3, class_id=0)),
        "header-class-50-size-0": _case(_publishing, codec.header(1, 0, class_id=50)),
        "header-empty": _case(_publishing, codec.frame(codec.HEADER, 1, b"")),
        "header-truncated": _case(_publishing, codec.frame(codec.HEADER, 1, size_12[:11])),
        "header-without-flags": _case(_publishing, codec.frame(codec.HEADER, 1, size_12[:12]), Probe.CHANNEL),
        "header-flags-but-no-property": _case(_publishing, codec.raw_header(1, 0, 0x8000, b""), Probe.CHANNEL),
        "header-flags-continued-but-not": _case(_publishing, codec.raw_header(1, 0, 0x0001, b""), Probe.CHANNEL),
        "header-flags-continued-empty": _case(_publishing, codec.raw_header(1, 0, 0x0001, b"\x00\x00"), Probe.CHANNEL),
        "header-flags-unknown-bit": _case(_publishing, codec.raw_header(1, 0, 0x0002, b""), Probe.CHANNEL),
        "header-octets-left-over": _case(_publishing, codec.raw_header(1, 0, 0, b"abc"), Probe.CHANNEL),
        "header-property-truncated": _case(_publishing, codec.raw_header(1, 0, 0x8000, b"\x05ab"), Probe.CHANNEL),
        "header-table-beyond-frame": _case(
            _publishing, codec.raw_header(1, 0, 0x2000, b"\x00\x00\x00\xff\x01kS"), Probe.CHANNEL
        ),
        "header-table-unknown-type": _case(
            _publishing, codec.raw_header(1, 0, 0x2000, _counted(b"\x01k?abc")), Probe.CHANNEL
        ),
        "header-properties-not-utf-8": _case(
            _publishing, codec.header(1, 0, content_type=NOT_UTF_8, correlation_id=NOT_UTF_8), Probe.CHANNEL
        ),
        "header-table-key-not-utf-8": _case(
            _publishing, codec.header(1, 0, headers={NOT_UTF_8: ("S", NOT_UTF_8)}), Probe.CHANNEL
        ),
        "header-priority-255-delivery-mode-9": _case(
            _publishing, codec.header(1, 0, priority=255, delivery_mode=9), Probe.CHANNEL
        ),
        "header-cluster-id": _case(_publishing, codec.header(1, 0, cluster_id="here"), Probe.CHANNEL),
        "header-expiration-negative": _case(_publishing, codec.header(1, 0, expiration="-1"), Probe.CHANNEL),
        "header-expiration-empty": _case(_publishing, codec.header(1, 0, expiration=""), Probe.CHANNEL),
        "header-expiration-with-space": _case(_publishing, codec.header(1, 0, expiration="10 "), Probe.CHANNEL),
        "header-expiration-2-to-32": _case(_publishing, codec.header(1, 0, expiration="4294967296"), Probe.CHANNEL),
        "header-expiration-long": _case(_publishing, codec.header(1, 0, expiration="99999999999"), Probe.CHANNEL),
        "body-size-2-to-63": _case(_publishing, codec.header(1, 1 << 63) + codec.method(1, "basic.qos")),
        "body-size-over-512-mib": _case(_publishing, codec.header(1, 536_870_913) + codec.method(1, "basic.qos")),
        "deliver-then-content": _case(
            _channel, codec.method(1, "basic.deliver") + codec.header(1, 2) + codec.body(1, b"ab")
        ),
        "get-ok-without-content": _case(_channel, codec.method(1, "basic.get-ok") + codec.method(1, "basic.qos")),
        "return-then-content": _case(_channel, codec.method(1, "basic.return") + codec.header(1, 0)),
    }


def _tables() -> dict[str, Provocation]:
    key = b"\x01k"
    declares = {
        "table-depth-60": _nested(60),
        "table-beyond-frame": b"\x00\x00\xff\xff" + key + b"t\x01",
        "table-inner-beyond-outer": _counted(key + b"F\x00\x00\x00\x64"),
        "table-array-beyond-table": _counted(key + b"A\x00\x00\x00\x64"),
        "table-string-beyond-table": _counted(key + b"S\x00\x00\x00\x64ab"),
        "table-length-negative": b"\xff\xff\xff\xff" + key + b"t\x01",
        "table-length-short-by-one": b"\x00\x00\x00\x03" + key + b"t\x01",
        "table-key-without-value": _counted(key),
        "table-key-beyond-table": _counted(b"\x20k"),
        "table-type-unknown": _counted(key + b"?\x00"),
        "table-type-unknown-in-array": _counted(key + b"A" + _counted(b"?\x00")),
        "table-value-truncated": _counted(key + b"I\x00\x00"),
        "table-decimal": _counted(key + b"D\x02\x00\x00\x00\x01"),
        "table-bool-2": _counted(key + b"t\x02"),
        "table-type-U": _counted(key + b"U\x00\x01"),
        "table-type-L": _counted(key + b"L" + bytes(8)),
        "table-type-i": _counted(key + b"i" + bytes(4)),
        "table-type-u": _counted(key + b"u" + bytes(2)),
        "table-type-s": _counted(key + b"s\x00\x01"),
        "table-type-B": _counted(key + b"B\x01"),
        "table-type-b": _counted(key + b"b\x01"),
        "table-type-f": _counted(key + b"f" + bytes(4)),
        "table-type-d": _counted(key + b"d" + bytes(8)),
        "table-type-f-nan": _counted(key + b"f\x7f\xc0\x00\x00"),
        "table-type-d-infinity": _counted(key + b"d\x7f\xf0" + bytes(6)),
        "table-type-T": _counted(key + b"T" + bytes(8)),
        "table-type-x": _counted(key + b"x" + _counted(b"\xff\x00")),
        "table-type-V": _counted(key + b"V"),
        "table-type-S-not-utf-8": _counted(key + b"S" + _counted(NOT_UTF_8)),
        "table-key-not-utf-8": _counted(bytes([len(NOT_UTF_8)]) + NOT_UTF_8 + b"t\x01"),
        "table-key-empty": _counted(b"\x00t\x01"),
        "table-key-twice": _counted(key + b"t\x01" + key + b"t\x00"),
        "table-nested-type-unknown": codec.table({"k": ("F", {})})[:-4] + b"\x00\x00\x00\x00",
    }
    return {name: _case(_channel, _declare(octets), Probe.CHANNEL) for name, octets in declares.items()}


# RabbitMQ takes tables of any depth; a broker may set a bound, so these are told apart from the others.
DEEP_TABLES = {f"table-depth-{depth}": _case(_channel, _declare(_nested(depth))) for depth in (65, 1000, 18_000)}


def _names() -> dict[str, Provocation]:
    method = codec.method
    bad = NOT_UTF_8
    names = {
        "not-utf-8-declare": method(1, "queue.declare", queue=bad, exclusive=True),
        "not-utf-8-declare-passive": method(1, "queue.declare", queue=bad, passive=True),
        "not-utf-8-exchange": method(1, "exchange.declare", exchange=bad, type="fanout", auto_delete=True)
        + method(1, "exchange.delete", exchange=bad),
        "not-utf-8-exchange-passive": method(1, "exchange.declare", exchange=bad, passive=True),
        "not-utf-8-exchange-type": method(1, "exchange.declare", exchange="bad.x", type=bad),
        "not-utf-8-routing-key": codec.publish(1, b"x", routing_key=bad),  # type: ignore[arg-type]
        "not-utf-8-binding-key": method(1, "queue.declare", queue="bad.u", exclusive=True)
        + method(1, "queue.bind", queue="bad.u", exchange="amq.topic", routing_key=bad),
        "not-utf-8-consumer-tag": method(1, "queue.declare", queue="bad.t", exclusive=True)
        + method(1, "basic.consume", queue="bad.t", consumer_tag=bad),
        "not-utf-8-consumer-tag-twice": method(1, "queue.declare", queue="bad.t2", exclusive=True)
        + method(1, "basic.consume", queue="bad.t2", consumer_tag=bad) * 2,
        "not-utf-8-publish-exchange": codec.publish(1, b"x", exchange=bad),  # type: ignore[arg-type]
        "not-utf-8-delete": method(1, "queue.delete", queue=bad),
        "not-utf-8-cancel": method(1, "basic.cancel", consumer_tag=bad),
        "name-zero-octet": method(1, "queue.declare", queue="a\0b", exclusive=True),
        "name-255-octets": method(1, "queue.declare", queue="n" * 255, exclusive=True),
        "name-255-octets-missing": method(1, "queue.declare", queue="m" * 255, passive=True),
        "name-255-octets-of-2-missing": method(1, "queue.declare", queue="é" * 127, passive=True),
        "name-missing-with-line-ends": method(1, "queue.declare", queue="a\r\nb", passive=True),
        "name-missing-with-quote": method(1, "queue.declare", queue="it's", passive=True),
        "name-missing-not-ascii": method(1, "queue.declare", queue="žluťoučký", passive=True),
    }
    return {name: _case(_channel, octets, Probe.CHANNEL) for name, octets in names.items()}


def _arguments() -> dict[str, Provocation]:
    """Every method a client may send, cut short by an octet, and with an octet too many."""
    cases: dict[str, Provocation] = {}
    for name, declared in codec.METHODS.items():
        channel = 0 if declared.class_id == 10 else 1
        payload = codec.method_payload(name)
        if declared.arguments:
            cut = codec.frame(codec.METHOD, channel, payload[:-1])
            cases[f"truncated-{name}"] = _case(_channel, cut)
        cases[f"left-over-{name}"] = _case(_channel, codec.frame(codec.METHOD, channel, payload + b"\x00"))
    long_name = b"\x00\x32\x00\x0a\x00\x00\xff" + b"n" * 20
    cases["truncated-in-name"] = _case(_channel, codec.frame(codec.METHOD, 1, long_name))
    cases["truncated-on-closed-channel"] = _case(_open, codec.frame(codec.METHOD, 3, long_name))
    cases["truncated-all"] = _case(_channel, codec.frame(codec.METHOD, 1, b"\x00\x32\x00\x0a"))
    return cases


CASES: dict[str, Provocation] = {
    **_handshakes(),
    **_halves(),
    **_before_open(),
    **_framing(),
    **_channels(),
    **_content(),
    **_tables(),
    **_names(),
    **_arguments(),
}
