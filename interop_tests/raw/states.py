"""Every state a connection and a channel can be in, and every method of AMQP 0-9-1 sent in it.

PROVOCATIONS has them as "state: method", for `provocation.observe`. What RabbitMQ answers is in data/states.yaml.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from interop_tests.raw import codec
from interop_tests.raw.client import Client
from interop_tests.raw.provocation import Probe, Provocation

QUEUE = "states.q"
EXCHANGE = "states.x"

# Sane arguments; a method that is not named here is sent with zeroes and empty strings.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "connection.start": {"version_minor": 9, "mechanisms": "PLAIN", "locales": "en_US"},
    "connection.tune": {"channel_max": 2047, "frame_max": 131_072},
    "connection.tune-ok": {"channel_max": 2047, "frame_max": 131_072},
    "connection.open": {"virtual_host": "/"},
    "connection.close": {"reply_code": 200, "reply_text": "bye"},
    "connection.update-secret": {"new_secret": "guest", "reason": "renewed"},
    "channel.flow": {"active": True},
    "channel.flow-ok": {"active": True},
    "channel.close": {"reply_code": 200, "reply_text": "bye"},
    "access.request": {"realm": "/data"},
    "exchange.declare": {"exchange": "amq.direct", "type": "direct", "passive": True},
    "exchange.delete": {"exchange": EXCHANGE},
    "exchange.bind": {"destination": "amq.fanout", "source": "amq.direct", "routing_key": EXCHANGE},
    "exchange.unbind": {"destination": "amq.fanout", "source": "amq.direct", "routing_key": EXCHANGE},
    "queue.declare": {"exclusive": True},
    "queue.bind": {"exchange": "amq.direct"},
    "queue.purge": {},
    "queue.delete": {"queue": QUEUE},
    "queue.unbind": {"exchange": "amq.direct"},
    "basic.consume": {"consumer_tag": "t"},
    "basic.cancel": {"consumer_tag": "t"},
    "basic.cancel-ok": {"consumer_tag": "t"},
    "basic.publish": {"routing_key": QUEUE},
    "basic.recover": {"requeue": True},
    "basic.recover-async": {"requeue": True},
    "basic.ack": {"delivery_tag": 1},
    "basic.nack": {"delivery_tag": 1},
    "basic.reject": {"delivery_tag": 1},
}


def _header_sent(client: Client) -> None:
    client.start()


def _start_ok_sent(client: Client) -> None:
    client.start()
    client.start_ok()


def _tune_ok_sent(client: Client) -> None:
    _start_ok_sent(client)
    client.tune_ok()


def _no_channel(client: Client) -> None:
    client.open()


def _channel_closed(client: Client) -> None:
    client.open().open_channel()
    client.call(1, "channel.close", reply_code=200)


def _channel_open(client: Client) -> None:
    client.open().open_channel()


def _queue_declared(client: Client) -> None:
    client.open().open_channel()
    client.call(1, "queue.declare", exclusive=True)


def _header_awaited(client: Client) -> None:
    client.open().open_channel()
    client.send_method(1, "basic.publish", routing_key=QUEUE)


def _body_awaited(client: Client) -> None:
    _header_awaited(client)
    client.send(codec.header(1, 10))


def _body_begun(client: Client) -> None:
    _body_awaited(client)
    client.send(codec.body(1, b"1234"))


def _channel_close_received(client: Client) -> None:
    client.open().open_channel()
    client.send_method(1, "basic.ack", delivery_tag=99)
    client.expect("channel.close")


def _connection_close_received(client: Client) -> None:
    client.open().open_channel()
    client.send_method(1, "basic.qos", prefetch_size=1)
    client.expect("connection.close")
    client.close_ok_owed = True


def _connection_closed(client: Client) -> None:
    client.open().open_channel()
    client.call(0, "connection.close", reply_code=200)
    client.close_ok_owed = True


class State(NamedTuple):
    """prepare: brings a fresh client into the state. probe: what can be asked in it."""

    prepare: Callable[[Client], None]
    probe: Probe


STATES = {
    "start-ok awaited": State(_header_sent, Probe.NONE),
    "tune-ok awaited": State(_start_ok_sent, Probe.NONE),
    "open awaited": State(_tune_ok_sent, Probe.NONE),
    "connection open, channel never opened": State(_no_channel, Probe.CONNECTION),
    "connection open, channel closed by the client": State(_channel_closed, Probe.CONNECTION),
    "channel open": State(_channel_open, Probe.CHANNEL),
    "channel open, queue declared": State(_queue_declared, Probe.CHANNEL),
    "content header awaited": State(_header_awaited, Probe.CONNECTION),
    "content body awaited": State(_body_awaited, Probe.CONNECTION),
    "content body begun": State(_body_begun, Probe.CONNECTION),
    "channel.close received, close-ok owed": State(_channel_close_received, Probe.CONNECTION),
    "connection.close received, close-ok owed": State(_connection_close_received, Probe.CONNECTION),
    "connection.close-ok received": State(_connection_closed, Probe.CONNECTION),
}
WITH_CONTENT = ("basic.publish", "basic.return", "basic.deliver", "basic.get-ok")


def _provocation(state: str, name: str) -> Provocation:
    """A method in a state, with its content where it has one: methods of class connection on channel 0, others on 1."""

    prepare, probe = STATES[state]

    def octets(client: Client) -> bytes:
        if name == "connection.start-ok":
            return client.start_ok_octets()
        channel = 0 if name.startswith("connection.") else 1
        octets = codec.method(channel, name, **ARGUMENTS.get(name, {}))
        if name in WITH_CONTENT and probe is not Probe.NONE and not state.startswith("content"):
            return octets + codec.header(channel, 0)
        if (state, name) == ("tune-ok awaited", "connection.tune-ok"):  # it has no answer but what follows it
            return octets + codec.method(0, "connection.open", virtual_host=client.virtual_host)
        return octets

    return Provocation(prepare, octets, probe)


PROVOCATIONS: dict[str, Provocation] = {
    f"{state}: {name}": _provocation(state, name) for state in STATES for name in codec.METHODS
}
