"""A virtual host whose clock is turned by hand, and short words for queues that do more than keep an order."""

from random import Random
from typing import Any

from amqpbroker.model.consumer import ChannelBudget, Consumer
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.message import Message, address_of, flags_of
from amqpbroker.model.queue import Queue
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.profiles import PROFILES
from amqpbroker.wire import properties
from amqpbroker.wire.tables import Table, from_python, text
from tests.helpers.outlet import Outlet

# What a queue is declared with so that its dead letters come to the queue 'dead'.
TO_DEAD: dict[str, Any] = {"x_dead_letter_exchange": "", "x_dead_letter_routing_key": "dead"}


def host(profile: str = "4.2") -> VirtualHost:
    return VirtualHost("/", PROFILES[profile], Random(0).randbytes, HandClock())


def clock_of(vhost: VirtualHost) -> HandClock:
    assert isinstance(vhost.clock, HandClock)
    return vhost.clock


def declare(vhost: VirtualHost, name: str = "tasks", /, *, durable: bool = False, **arguments: Any) -> Queue:
    """Arguments with underscores: x_max_length=2."""
    table = from_python({key.replace("_", "-"): value for key, value in arguments.items()}).value
    return vhost.new_queue(name, durable=durable, auto_delete=False, owner=None, arguments=table)


def message(
    body: object,
    *,
    priority: int | None = None,
    expiration: object = None,
    headers: Table | None = None,
    mode: int | None = None,
    exchange: str = "",
    key: str = "tasks",
) -> Message:
    """A message as a channel makes it of a publish. expiration: milliseconds."""
    octets = str(body).encode()
    values = properties.Properties(
        headers=headers,
        delivery_mode=mode,
        priority=priority,
        expiration=None if expiration is None else str(expiration),
    )
    flags = flags_of(mode, priority, expiration is not None)
    return address_of(exchange, key), properties.encode(values, len(octets)), octets, flags


def put(vhost: VirtualHost, *bodies: object, name: str = "tasks", **how: Any) -> None:
    """Puts messages into a queue one by one, with these properties."""
    for body in bodies:
        vhost.put([vhost.queues[name]], [message(body, **how)])


def waiting(vhost: VirtualHost, name: str = "tasks") -> str:
    """The bodies of what waits in a queue, in order."""
    return b" ".join(body for _, (_, _, body, _), _ in vhost.queues[name].messages()).decode()


def taken(queue: Queue) -> tuple[int, Message]:
    """The next message, as a client holds it."""
    found = queue.take()
    assert found is not None
    return found[:2]


def subscribe(queue: Queue, *, prefetch: int = 0, no_ack: bool = False) -> tuple[Outlet, Consumer]:
    outlet = Outlet()
    consumer = Consumer("ctag", queue, outlet, ChannelBudget(), number=1, no_ack=no_ack, prefetch=prefetch)
    queue.add_consumer(consumer)
    queue.drain()
    return outlet, consumer


def headers_of(one: Message) -> Table:
    return properties.headers(one[1]) or {}


def deaths(one: Message) -> list[tuple[str, str, int]]:
    """(queue, reason, count) of the entries of its x-death, as they come."""
    entries = [entry.value for entry in headers_of(one)["x-death"].value]
    return [(text(entry["queue"]), text(entry["reason"]), entry["count"].value) for entry in entries]
