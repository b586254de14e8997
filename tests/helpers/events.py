"""A client that hears of what happens in a broker."""

from amqpbroker.model.observing.events import EVENT_EXCHANGE
from amqpbroker.wire import properties
from amqpbroker.wire.methods import Queue
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, to_python
from tests.helpers.sessions import bind, opened
from tests.helpers.wire_client import WireClient

Event = tuple[str, dict[str, object]]


def observer(profile: str = "4.2", key: str = "#") -> WireClient:
    """A client whose queue `news` gets events."""
    client = opened(profile=profile)
    client.broker.events.begin(client.vhost)
    client.send(1, Queue.Declare(queue="news", nowait=True))
    bind(client, EVENT_EXCHANGE, "news", key)
    events(client)
    return client


def events(client: WireClient) -> list[Event]:
    """(routing key, headers) of what was told since the last call, without the time."""
    client.advance(0)
    queue = client.vhost.queues["news"]
    told = []
    for _, (address, header, body, _), _ in queue.messages():
        values = properties.decode(header)
        headers = dict(values.headers or {})
        now_ms = headers.pop("timestamp_in_ms")
        assert now_ms == Field("l", client.clock.unix_ms())
        assert values == Properties(headers=values.headers, delivery_mode=2, timestamp=now_ms.value // 1000)
        assert body == b""
        told.append((address[2 + address[0] :].decode(), {name: to_python(field) for name, field in headers.items()}))
    queue.purge()
    return told


def kinds(client: WireClient) -> list[str]:
    return [kind for kind, _ in events(client)]
