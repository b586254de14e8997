"""A document of definitions into a broker: all of it, or nothing.

Source: RabbitMQ `rabbit_definitions:apply_defs`, whose order this is.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from amqpbroker.management.definitions.accounts import (
    plan_permission,
    plan_topic_permission,
    plan_user,
    plan_vhost,
)
from amqpbroker.management.definitions.document import Entry, entries
from amqpbroker.management.definitions.plan import Plan
from amqpbroker.management.definitions.rules import plan_global_parameter, plan_parameter, plan_policy
from amqpbroker.management.definitions.topology import check_room, plan_binding, plan_exchange, plan_queue
from amqpbroker.model.broker import Broker
from amqpbroker.model.observing.announcer import INTERNAL_USER

_OF_THE_BROKER: Final[dict[str, Callable[[Plan, Entry], None]]] = {
    "vhosts": plan_vhost,
    "permissions": plan_permission,
    "exchanges": plan_exchange,
    "topic_permissions": plan_topic_permission,
    "global_parameters": plan_global_parameter,
    "policies": plan_policy,
    "parameters": plan_parameter,
    "queues": plan_queue,
    "bindings": plan_binding,
}
_OF_A_VHOST: Final = ("exchanges", "policies", "parameters", "queues", "bindings")


def import_definitions(
    broker: Broker, document: Mapping[str, Any], *, vhost: str | None = None, user: str = INTERNAL_USER
) -> None:
    """Declares what a document says, at the user's wish; what is there already and what is not named stay.

    vhost: the one virtual host, which is there, that everything is for; what is of no virtual host is not looked at.
    DefinitionsError: what is wrong and where, and nothing has changed.
    """
    import_documents(broker, {"": document}, vhost=vhost, user=user)


def import_documents(
    broker: Broker, documents: Mapping[str, Mapping[str, Any]], *, vhost: str | None = None, user: str = INTERNAL_USER
) -> None:
    """As `import_definitions`, with several that may build on each other. documents: by what stands before paths."""
    plan = Plan(broker, user, vhost)
    if vhost is None:
        for where, document in documents.items():
            version = str(document.get("rabbitmq_version") or document.get("rabbit_version") or "")
            for entry in entries(document, "users", where):
                plan_user(plan, entry, version)
    for kind, plan_one in _OF_THE_BROKER.items():
        if vhost is None or kind in _OF_A_VHOST:
            for where, document in documents.items():
                for entry in entries(document, kind, where):
                    plan_one(plan, entry)
    check_room(plan)
    plan.carry_out()
