"""A broker as it was before a restart, from its definitions."""

from collections.abc import Callable, Mapping
from typing import Any

from amqpbroker.model.broker import Broker
from amqpbroker.model.definitions import BINDING, EXCHANGE, QUEUE, Content, binding_name, binding_of, table_from_json
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.model.ports import Journal
from amqpbroker.model.queues.paged import PagedQueue


def unknown(kind: str, content: Content) -> str:
    """What this broker does not know of a definition; nothing if it knows it."""
    if kind not in (EXCHANGE, QUEUE, BINDING):
        return f"a definition of the kind '{kind}'"
    if kind == EXCHANGE and content["type"] not in EXCHANGE_TYPES:
        return f"an exchange of the type '{content['type']}'"
    return ""


def restore(
    broker: Broker, journal: Journal, definitions: Mapping[Any, Content], revive: Callable[[PagedQueue, int], None]
) -> list[str]:
    """Fills a broker that has no journal yet, and gives it the journal then. Whatever order the definitions come in.

    definitions: by (kind, virtual host, name). revive: gives a queue its log (by number) and the messages that wait on
    disk. Returns the bindings that lead from or to nothing, in words: there are none unless definitions were lost.
    """
    left: list[str] = []
    by_kind: dict[str, list[tuple[str, str, Content]]] = {EXCHANGE: [], QUEUE: [], BINDING: []}
    for (kind, vhost, name), content in definitions.items():
        by_kind[kind].append((vhost, name, content))
        if vhost not in broker.vhosts:
            broker.add_vhost(vhost)
    for vhost, name, content in by_kind[EXCHANGE]:
        kind_of = EXCHANGE_TYPES[content["type"]]
        arguments = table_from_json(content["arguments"])
        exchange = kind_of(name, True, content["auto_delete"], content["internal"], arguments)
        broker.vhosts[vhost].add_exchange(exchange)
    for vhost, name, content in by_kind[QUEUE]:
        arguments = table_from_json(content["arguments"])
        queue = PagedQueue(name, journal, durable=True, auto_delete=content["auto_delete"], arguments=arguments)
        revive(queue, content["id"])
        broker.vhosts[vhost].add_queue(queue)
    for vhost, name, _ in by_kind[BINDING]:
        binding = binding_of(name)
        if broker.vhosts[vhost].is_durable(binding):
            broker.vhosts[vhost].bind(binding)
        else:
            left.append(f"in vhost '{vhost}': {binding_name(binding)}")
    broker.open_journal(journal)
    return left
