"""A broker as it was before a restart, from its definitions."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from amqpbroker.model.access.permissions import Permission, TopicPermission
from amqpbroker.model.access.users import user_of
from amqpbroker.model.broker import Broker
from amqpbroker.model.definitions import (
    BINDING,
    EXCHANGE,
    GLOBAL_PARAMETER,
    OPERATOR_POLICY,
    PARAMETER,
    PERMISSION,
    POLICY,
    QUEUE,
    TOPIC_PERMISSION,
    USER,
    USER_LIMITS,
    VHOST,
    Content,
    binding_name,
    binding_of,
    policy_of,
    table_from_json,
)
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.model.ports import Journal, RecordedQueue
from amqpbroker.model.queues.hidden import HiddenQueue
from amqpbroker.model.queues.priority import PriorityQueue
from amqpbroker.model.queues.quorum import Order, QuorumQueue

_OF_THE_BROKER: Final = (GLOBAL_PARAMETER, USER, USER_LIMITS)
_OF_A_VHOST: Final = (VHOST, PERMISSION, TOPIC_PERMISSION, PARAMETER, POLICY, OPERATOR_POLICY, EXCHANGE, QUEUE, BINDING)
_KINDS: Final = (*_OF_THE_BROKER, *_OF_A_VHOST)


def unknown(kind: str, content: Content) -> str:
    """What this broker does not know of a definition; nothing if it knows it."""
    if kind not in _KINDS:
        return f"a definition of the kind '{kind}'"
    if kind == EXCHANGE and content["type"] not in EXCHANGE_TYPES:
        return f"an exchange of the type '{content['type']}'"
    return ""


def restore(
    broker: Broker, journal: Journal, definitions: Mapping[Any, Content], revive: Callable[[RecordedQueue, int], None]
) -> list[str]:
    """Fills a broker that has no journal yet, and gives it the journal then. Whatever order the definitions come in.

    definitions: by (kind, virtual host, name). revive: gives a queue its log (by number) and the messages that wait on
    disk. Returns the bindings that lead from or to nothing, in words: there are none unless definitions were lost.
    """
    left: list[str] = []
    hidden: list[HiddenQueue] = []
    by_kind: dict[str, list[tuple[str, str, Content]]] = {kind: [] for kind in _KINDS}
    for (kind, vhost, name), content in definitions.items():
        by_kind[kind].append((vhost, name, content))
        if kind not in _OF_THE_BROKER and vhost not in broker.vhosts:
            broker.add_vhost(vhost)
    _restore_what_is_set(broker, by_kind)
    _restore_access(broker, by_kind)
    for vhost, name, content in by_kind[EXCHANGE]:
        kind_of = EXCHANGE_TYPES[content["type"]]
        arguments = table_from_json(content["arguments"])
        exchange = kind_of(name, True, content["auto_delete"], content["internal"], arguments)
        broker.vhosts[vhost].add_exchange(exchange)
        if exchange.hidden is not None and "id" in content:
            revive(exchange.hidden, content["id"])
            hidden.append(exchange.hidden)
    for vhost, name, content in by_kind[QUEUE]:
        arguments = table_from_json(content["arguments"])
        queue = broker.vhosts[vhost].make_queue(journal, name, True, content["auto_delete"], None, arguments)
        if isinstance(queue, QuorumQueue):
            # What was recorded before there were levels is all in one.
            queue.arrange(Order(content.get("order", Order.ONE)))
        if isinstance(queue, PriorityQueue):
            for level, number in content.get("parts", {str(queue.first_level): content["id"]}).items():
                part = queue.part(int(level))
                revive(part, number)
                queue.log = queue.log or part.log
        else:
            revive(queue, content["id"])
        broker.vhosts[vhost].add_queue(queue)
        if isinstance(queue, QuorumQueue) and "parked" in content:
            parked = queue.rule().parked()
            revive(parked, content["parked"])
            hidden.append(parked)
        if queue.is_timed:
            broker.vhosts[vhost].expect_deadlines([queue])
    for vhost, name, _ in by_kind[BINDING]:
        binding = binding_of(name)
        if broker.vhosts[vhost].is_durable(binding):
            broker.vhosts[vhost].bind(binding)
        else:
            left.append(f"in vhost '{vhost}': {binding_name(binding)}")
    broker.open_journal(journal)
    # After the bindings: what an exchange keeps is for new ones.
    for one_hidden in hidden:
        one_hidden.load(journal)
    for host in broker.vhosts.values():
        for one in list(host.queues.values()):
            if one.rules is not None:
                # Deadlines have come meanwhile, or come now.
                one.rules.enforce()
    return left


def _restore_what_is_set(broker: Broker, by_kind: Mapping[str, list[tuple[str, str, Content]]]) -> None:
    """Policies and limits as they are, whatever this profile would say to them now; before what they apply to."""
    for _, name, content in by_kind[GLOBAL_PARAMETER]:
        broker.global_parameters.set(name, content["value"])
    for _, user, content in by_kind[USER_LIMITS]:
        broker.quotas.add_user_limits(user, content)
    for vhost, _, content in by_kind[VHOST]:
        broker.vhosts[vhost].take_metadata(content)
    for vhost, name, content in by_kind[PARAMETER]:
        component, own_name = json.loads(name)
        broker.vhosts[vhost].parameters.add(component, own_name, content["value"])
    for kind, for_operators in ((POLICY, False), (OPERATOR_POLICY, True)):
        for vhost, name, content in by_kind[kind]:
            broker.vhosts[vhost].parameters.add_policy(policy_of(vhost, name, content), for_operators=for_operators)


def _restore_access(broker: Broker, by_kind: Mapping[str, list[tuple[str, str, Content]]]) -> None:
    """Users, and what they may."""
    for _, name, content in by_kind[USER]:
        broker.users.add(user_of(name, content))
    for vhost, name, content in by_kind[PERMISSION]:
        permission = Permission(name, vhost, content["configure"], content["write"], content["read"])
        broker.permissions.add(permission)
    for vhost, name, content in by_kind[TOPIC_PERMISSION]:
        user, exchange = json.loads(name)
        broker.topic_permissions.add(TopicPermission(user, vhost, exchange, content["write"], content["read"]))
