"""Short words for what tests of the session do with a client in memory."""

from amqpbroker.profiles import PROFILES
from amqpbroker.wire.methods import Basic, Channel, Connection, Exchange, Method, Queue
from tests.helpers.wire_client import MemoryServer, Received, WireClient


def opened(server: MemoryServer | None = None, *channels: int, profile: str = "4.2") -> WireClient:
    """A client with open channels, number 1 if none is named."""
    return WireClient(server, profile=PROFILES[profile]).connect().open_channel(*(channels or (1,)))


def with_queue(*, count: int = 0, name: str = "tasks", profile: str = "4.2") -> WireClient:
    """A client of a new broker with a queue, and so many messages in it: 1, 2, 3."""
    client = opened(profile=profile)
    client.send(1, Queue.Declare(queue=name))
    publish_numbers(client, count, name=name)
    client.take()
    return client


def publish_numbers(client: WireClient, count: int, first: int = 1, *, name: str = "tasks") -> None:
    """Messages whose bodies are numbers."""
    for number in range(first, first + count):
        client.publish(1, "", name, str(number).encode())


def consume(client: WireClient, tag: str, *, channel: int = 1, name: str = "tasks", **how: object) -> None:
    """Subscribes without an answer."""
    client.send(channel, Basic.Consume(queue=name, consumer_tag=tag, nowait=True, **how))


def deliveries(client: WireClient) -> list[tuple[str, int, bytes, bool]]:
    """(consumer tag, delivery tag, body, redelivered) of the deliveries that came since the last look."""
    return [
        (event.method.consumer_tag, event.method.delivery_tag, event.body, event.method.redelivered)
        for event in client.take()
        if isinstance(event, Received) and isinstance(event.method, Basic.Deliver)
    ]


def bodies(client: WireClient) -> str:
    """The bodies of the deliveries that came since the last look, one after the other."""
    return b" ".join(body for _, _, body, _ in deliveries(client)).decode()


def waiting(client: WireClient, name: str = "tasks") -> list[tuple[bytes, bool]]:
    """(body, redelivered) of what waits in a queue."""
    return [(body, redelivered) for _, (_, _, body, _), redelivered in client.vhost.queues[name].messages()]


def fault(client: WireClient, channel: int, method: Method) -> tuple[int, str]:
    """(reply code, reply text) of the close frame that a method is answered with."""
    answer = client.call(channel, method)
    assert isinstance(answer, Channel.Close | Connection.Close)
    return answer.reply_code, answer.reply_text


def declare_exchange(client: WireClient, name: str, kind: str = "fanout", **how: object) -> None:
    """Declares an exchange without an answer."""
    client.send(1, Exchange.Declare(exchange=name, exchange_type=kind, nowait=True, **how))


def bind(client: WireClient, source: str, name: str = "tasks", key: str = "") -> None:
    """Binds a queue without an answer."""
    client.send(1, Queue.Bind(queue=name, exchange=source, routing_key=key, nowait=True))
