"""Messages moved from a queue elsewhere: what leaves the one and comes to the other is in one commit of the journal.

So a message is never in both after a crash, nor in none. One that finds no queue, or one that refuses it, stays where
it is, with all behind it.
"""

from dataclasses import dataclass

from amqpbroker.model.exchange import Exchange, Kept
from amqpbroker.model.message import OWN_FLAGS, Message, address_of, split_address
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.quorum import without_counts
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.wire import properties
from amqpbroker.wire.tables import texts

# Moved in one go: others wait meanwhile.
STEP_MESSAGES = 256


@dataclass(frozen=True, slots=True)
class Way:
    """Where messages go: to an exchange, with a routing key; None: each with its own, and its CC."""

    exchange: Exchange
    routing_key: str | None


def move(vhost: VirtualHost, source: Queue, way: Way, most: int) -> int:
    """Moves at most so many messages off the head of a queue; returns how many have found a place.

    It is nobody's publish: nobody is asked whether they may, and no deadline of the source goes along.
    """
    with vhost.dead_letters.held():
        for moved in range(most):
            if source.rules is not None:
                source.rules.clear_head()
            head = source.first()
            if head is None:
                return moved
            message, kept = _addressed(without_counts(head), way)
            routing = vhost.route(way.exchange, kept.routing_keys, kept.properties)
            queues = [vhost.queues[name] for name in routing.queue_names]
            if not (queues or routing.keepers) or any(_refuses(queue, message) for queue in queues):
                return moved
            source.drop(1)
            for keeper in routing.keepers:
                keeper.keep(kept)
            vhost.put(queues, [message])
    return most


def _addressed(message: Message, way: Way) -> tuple[Message, Kept]:
    """The message as it goes on, and what it is routed by."""
    address, header, body, flags = message
    values = properties.decode(header)
    if way.routing_key is None:
        keys = [split_address(address)[1], *texts(values.headers or {}, "CC")]
    else:
        keys = [way.routing_key]
    moved = (address_of(way.exchange.name, keys[0]), header, body, flags & OWN_FLAGS)
    return moved, Kept(keys, values, moved)


def _refuses(queue: Queue, message: Message) -> bool:
    return queue.settings.may_refuse and queue.rules is not None and not queue.rules.takes(message)
