"""Policies and parameters, out of a document into a plan.

Source: RabbitMQ `rabbit_definitions` (add_policy, add_parameter, add_global_parameter).
"""

from functools import partial
from typing import Any

from amqpbroker.management.definitions.document import Entry
from amqpbroker.management.definitions.plan import Plan
from amqpbroker.model.policies.parameters import LIMITS, MAX_QUEUES, VHOST_LIMITS, check_parameter
from amqpbroker.model.policies.policy import new_policy
from amqpbroker.model.policies.validation import InvalidParameterError


def plan_policy(plan: Plan, entry: Entry) -> None:
    """A policy; an operator policy is among the parameters."""
    planned = plan.vhost_of(entry)
    name = entry.name()
    term = {key: entry.values[key] for key in ("pattern", "definition", "priority", "apply-to") if key in entry}
    try:
        new_policy(planned.name, name, term, plan.profile)
    except InvalidParameterError as error:
        text = f'{error.reason.rstrip()} (vhost: "{planned.name}" key: "{name}")'
        raise entry.refused(InvalidParameterError(text)) from None
    plan.then(
        lambda: plan.broker.vhosts[planned.name].parameters.set_policy(name, term, user=plan.user),
    )


def plan_parameter(plan: Plan, entry: Entry) -> None:
    """An operator policy, or limits of a virtual host."""
    planned = plan.vhost_of(entry)
    component, name = entry.text("component"), entry.name()
    value: Any = entry.values.get("value")
    try:
        check_parameter(planned.name, component, name, value, plan.profile)
    except InvalidParameterError as error:
        named = f'(vhost: "{planned.name}" / component: "{component}" / key: "{name}")'
        raise entry.refused(InvalidParameterError(f"{error.reason.rstrip()} {named}")) from None
    if (component, name) == (VHOST_LIMITS, LIMITS):
        limit = value.get(MAX_QUEUES, -1)
        planned.max_queues = limit if limit >= 0 else None
    plan.then(partial(_set_parameter, plan, planned.name, component, name, value))


def _set_parameter(plan: Plan, vhost: str, component: str, name: str, value: Any) -> None:
    parameters = plan.broker.vhosts[vhost].parameters
    if parameters.get(component, name) != value:
        parameters.set(component, name, value, plan.user)


def is_internal(name: str) -> bool:
    """Whether a parameter of the whole broker is a RabbitMQ's own: it identifies that one, and goes nowhere else."""
    return name.startswith("internal")


def plan_global_parameter(plan: Plan, entry: Entry) -> None:
    """Any name with any value, but for those that say which RabbitMQ it was."""
    name, value = entry.name(), entry.values.get("value")
    if is_internal(name):
        return
    parameters = plan.broker.global_parameters

    def step() -> None:
        if parameters.get(name) != value:
            parameters.set(name, value)

    plan.then(step)
