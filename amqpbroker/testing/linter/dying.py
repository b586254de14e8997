"""What queues give up, and what becomes of it."""

from collections.abc import Sequence

from amqpbroker.model.dead_letter import DELIVERY_LIMIT
from amqpbroker.model.message import DIED, Message
from amqpbroker.model.queue import Queue
from amqpbroker.model.settings import AT_LEAST_ONCE
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.testing.linter.findings import Findings, Place
from amqpbroker.testing.linter.rules import DeadLetterLostWarning, DeliveryLimitWarning, RepublishedDeathWarning
from amqpbroker.wire import properties
from amqpbroker.wire.tables import text


def look_at_deaths(
    findings: Findings, vhost: VirtualHost, queue: Queue, reason: str, messages: Sequence[Message]
) -> None:
    """A queue has given up messages. reason: as x-death has it."""
    place = Place(vhost.name, queue=queue.name)
    if queue.settings.dead_letter_exchange is None:
        if reason == DELIVERY_LIMIT:
            findings.add(
                DeliveryLimitWarning, "a message came back too often, and the queue has no dead-letter exchange", place
            )
        return
    why = _leads_nowhere(vhost, queue)
    if why:
        findings.add(DeadLetterLostWarning, f"a message is dead-lettered ({reason}), and {why}", place)
    if any(_has_died_here(message, queue.name) for message in messages):
        what = "a message that a client has published with its x-death dies again in the same queue"
        findings.add(RepublishedDeathWarning, what, place)


def _leads_nowhere(vhost: VirtualHost, queue: Queue) -> str:
    """Why no queue gets the dead letters; "": one may."""
    settings = queue.settings
    name, key = settings.dead_letter_exchange or "", settings.dead_letter_routing_key
    exchange = vhost.exchanges.get(name)
    if settings.dead_letter_strategy == AT_LEAST_ONCE:
        return ""
    if exchange is None:
        return f"there is no exchange '{name}'"
    if name == "":
        return f"there is no queue '{key}'" if key is not None and key not in vhost.queues else ""
    if not exchange.bindings and not exchange.keeps and exchange.alternate is None:
        return f"nothing is bound to the exchange '{name}'"
    return ""


def _has_died_here(message: Message, queue: str) -> bool:
    """Whether an x-death that is not the broker's own says so."""
    _, header, _, flags = message
    if flags & DIED or b"\x07x-death" not in header:
        return False
    field = (properties.decode(header).headers or {}).get("x-death")
    deaths = (
        [entry.value for entry in field.value if entry.kind == "F"] if field is not None and field.kind == "A" else []
    )
    return any("queue" in death and death["queue"].kind == "S" and text(death["queue"]) == queue for death in deaths)
