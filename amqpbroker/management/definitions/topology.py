"""Exchanges, queues and bindings, out of a document into a plan. What is there already stays as it is.

Source: RabbitMQ `rabbit_definitions` (add_exchange, add_queue, add_binding, validate_limits).
"""

import logging
from functools import partial
from typing import Final, Literal

from amqpbroker.errors import AMQPError
from amqpbroker.limits import QUEUES_PER_VHOST_MAX
from amqpbroker.management.definitions.document import DefinitionsError, Entry
from amqpbroker.management.definitions.plan import Plan, PlannedVhost
from amqpbroker.model.arguments import check_exchange_arguments, check_queue_arguments, declared_queue_arguments
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.queues.paged import NO_STORE, PagedQueue
from amqpbroker.model.vhost import exchange_type
from amqpbroker.wire.tables import Table

logger = logging.getLogger("amqpbroker.definitions")

_RESERVED: Final = "amq."


def plan_exchange(plan: Plan, entry: Entry) -> None:
    """An exchange that is not there yet."""
    planned = plan.vhost_of(entry)
    name = entry.name()
    if name == "" or name.startswith(_RESERVED):
        logger.warning("Skipping import of an exchange whose name begins with 'amq.', name: %s", name)
        planned.exchanges_skipped.add(name)
        return
    if name in planned.exchanges:
        return
    kind = entry.text("type")
    durable, auto_delete = entry.flag("durable", True), entry.flag("auto_delete", False)
    internal = entry.flag("internal", False)
    arguments = entry.table()
    try:
        found = exchange_type(kind, plan.profile)
        check_exchange_arguments(name, planned.name, arguments)
        found.check_arguments(arguments)
    except AMQPError as error:
        raise entry.refused(error) from None
    exchange = found(name, durable, auto_delete, internal, arguments)
    planned.exchanges[name] = exchange
    plan.then(partial(_add_exchange, plan, planned.name, exchange))


def _add_exchange(plan: Plan, vhost: str, exchange: Exchange) -> None:
    host = plan.broker.vhosts[vhost]
    host.add_exchange(exchange)
    policy = host.parameters.policies.of_exchange(exchange.name)
    host.events.exchange_created(vhost, exchange, policy, plan.user)


def plan_queue(plan: Plan, entry: Entry) -> None:
    """A queue that is not there yet."""
    planned = plan.vhost_of(entry)
    name = entry.name()
    if name == "":
        raise entry.wrong("name", "is empty; a queue has a name")
    if name.startswith(_RESERVED):
        logger.warning("Skipping import of a queue whose name begins with 'amq.', name: %s", name)
        planned.queues_skipped.add(name)
        return
    if name in planned.queues:
        return
    durable, auto_delete = entry.flag("durable", True), entry.flag("auto_delete", False)
    arguments = declared_queue_arguments(
        entry.table(),
        plan.profile,
        planned.default_queue_type or plan.broker.default_queue_type,
        durable=durable,
        auto_delete=auto_delete,
    )
    try:
        check_queue_arguments(
            name,
            planned.name,
            arguments,
            durable=durable,
            exclusive=False,
            auto_delete=auto_delete,
            profile=plan.profile,
        )
    except AMQPError as error:
        raise entry.refused(error) from None
    # What is asked of it before it is there is its arguments.
    planned.queues[name] = PagedQueue(
        name, NO_STORE, durable=durable, auto_delete=auto_delete, owner=None, arguments=arguments
    )
    plan.then(partial(_add_queue, plan, planned.name, name, durable, auto_delete, arguments))


def _add_queue(plan: Plan, vhost: str, name: str, durable: bool, auto_delete: bool, arguments: Table) -> None:
    host = plan.broker.vhosts[vhost]
    queue = host.new_queue(name, durable=durable, auto_delete=auto_delete, owner=None, arguments=arguments)
    host.events.queue_created(vhost, queue, plan.user)


def check_room(plan: Plan) -> None:
    """DefinitionsError: there would be more queues in a virtual host than there may be."""
    for planned in plan.vhosts.values():
        limit = QUEUES_PER_VHOST_MAX if planned.max_queues is None else min(planned.max_queues, QUEUES_PER_VHOST_MAX)
        new_count = len(planned.queues.maps[0])
        if new_count and len(planned.queues) > limit:
            raise DefinitionsError(
                f'queues: Adding {new_count} queue(s) to virtual host "{planned.name}" would exceed the limit of '
                f"{limit} queue(s).\n\nThis virtual host currently has {len(planned.queues) - new_count} queue(s) "
                "defined.\n\nImport aborted!"
            )


def plan_binding(plan: Plan, entry: Entry) -> None:
    """A binding between what is there, or will be."""
    planned = plan.vhost_of(entry)
    source, destination = entry.name("source"), _destination(entry)
    if _is_skipped(planned, source, destination):
        return
    exchange = planned.exchanges.get(source)
    if exchange is None:
        raise entry.wrong("source", f"no exchange '{source}' in vhost '{planned.name}'")
    if source == "":
        raise entry.wrong("source", "operation not permitted on the default exchange")
    queue = planned.queues.get(destination.name) if destination.kind == "queue" else None
    is_there = queue is not None if destination.kind == "queue" else destination.name in planned.exchanges
    if not is_there:
        text = f"no {destination.kind} '{destination.name}' in vhost '{planned.name}'"
        raise entry.wrong("destination", text)
    binding = Binding(source, destination, entry.name("routing_key"), entry.table())
    try:
        exchange.check_binding(binding, plan.profile, queue)
    except AMQPError as error:
        raise entry.refused(error) from None
    plan.then(partial(_bind, plan, planned.name, binding))


def _destination(entry: Entry) -> Destination:
    kinds: dict[str, Literal["queue", "exchange"]] = {"queue": "queue", "exchange": "exchange"}
    kind = kinds.get(entry.text("destination_type"))
    if kind is None:
        raise entry.wrong("destination_type", "is neither queue nor exchange")
    return Destination(kind, entry.name("destination"))


def _is_skipped(planned: PlannedVhost, source: str, destination: Destination) -> bool:
    """Whether it leads from or to something of the server's own that is not here: it goes where that went."""
    if destination.kind == "queue":
        leads_nowhere = destination.name in planned.queues_skipped - planned.queues.keys()
    else:
        leads_nowhere = destination.name in planned.exchanges_skipped - planned.exchanges.keys()
    return leads_nowhere or source in planned.exchanges_skipped - planned.exchanges.keys()


def _bind(plan: Plan, vhost: str, binding: Binding) -> None:
    plan.broker.vhosts[vhost].bind(binding, plan.user)
