"""What is set by name while the broker runs: policies, limits of a virtual host, and parameters of the whole broker.

To RabbitMQ they all are runtime parameters: a component, a name, and a value as JSON has it. Which components there are
is fixed. Source: RabbitMQ `rabbit_runtime_parameters`, `rabbit_vhost_limit` at the tags 3.13.7, 4.2.9 and 4.3.5.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from amqpbroker.model.arguments import queue_type
from amqpbroker.model.definitions import (
    GLOBAL_PARAMETER,
    OPERATOR_POLICY,
    PARAMETER,
    POLICY,
    parameter_name,
    policy_content,
)
from amqpbroker.model.observing.announcer import INTERNAL_USER
from amqpbroker.model.policies.policy import Policies, Policy, new_policy
from amqpbroker.model.policies.policy_keys import Definition
from amqpbroker.model.policies.validation import Constraint, InvalidParameterError, integer, object_errors, raise_if
from amqpbroker.profiles import Profile

if TYPE_CHECKING:
    from amqpbroker.model.exchange import Exchange
    from amqpbroker.model.ports import Journal
    from amqpbroker.model.queue import Queue
    from amqpbroker.model.vhost import VirtualHost

VHOST_LIMITS: Final = "vhost-limits"
# The one parameter of that component.
LIMITS: Final = "limits"
MAX_CONNECTIONS: Final = "max-connections"
MAX_QUEUES: Final = "max-queues"
_LIMITS: Final = (Constraint(MAX_CONNECTIONS, integer), Constraint(MAX_QUEUES, integer))


class Parameter(NamedTuple):
    """A runtime parameter. value: as JSON has it."""

    component: str
    name: str
    value: Any


class Parameters:
    """The policies, operator policies and other parameters of a virtual host; a change counts at once."""

    def __init__(self, vhost: "VirtualHost") -> None:
        self._vhost = vhost
        self.policies = Policies(vhost.profile)
        self.operator_policies = Policies(vhost.profile)
        self._values: dict[tuple[str, str], Any] = {}

    # Policies

    def set_policy(
        self, name: str, term: Mapping[str, Any], *, for_operators: bool = False, user: str = INTERNAL_USER
    ) -> None:
        """Sets a policy, or an operator policy. Raises InvalidParameterError, and nothing has changed.

        term: `pattern` and `definition`, and if other than usual `priority` (0) and `apply-to` (all). user: at whose
        wish.
        """
        vhost = self._vhost
        policy = new_policy(vhost.name, name, term, vhost.profile, for_operators=for_operators)
        if policy == self._store(for_operators).get(name):
            return
        if vhost.journal is not None:
            vhost.journal.define(_kind(for_operators), vhost.name, name, policy_content(policy))
        if for_operators:
            vhost.events.parameter_set(vhost.name, OPERATOR_POLICY, name, policy_content(policy), user)
        before = self._matched()
        self.add_policy(policy, for_operators=for_operators)
        self._tell_queues(before, policy, user)
        vhost.events.policy_set(vhost.name, policy, user)

    def add_policy(self, policy: Policy, *, for_operators: bool = False) -> None:
        """Takes in a policy as it is, and records nothing of it."""
        self._store(for_operators).add(policy)
        self._apply()

    def clear_policy(self, name: str, *, for_operators: bool = False, user: str = INTERNAL_USER) -> None:
        """Forgets a policy, or an operator policy. Raises InvalidParameterError if there is none."""
        before = self._matched()
        if not self._store(for_operators).remove(name):
            raise _missing()
        vhost = self._vhost
        if vhost.journal is not None:
            vhost.journal.undefine(_kind(for_operators), vhost.name, name)
        self._apply()
        if for_operators:
            vhost.events.parameter_cleared(vhost.name, OPERATOR_POLICY, name, user)
        self._tell_queues(before, None, user)
        vhost.events.policy_cleared(vhost.name, name, user, for_operators=for_operators)

    def _matched(self) -> dict["Queue", tuple[Policy | None, Policy | None]]:
        """The policies of every queue, from which it is told what has changed; none while nobody hears of that."""
        if not self._vhost.events.are_heard:
            return {}
        matched = {}
        for queue in self._vhost.queues.values():
            kind = queue_type(queue.arguments, self._vhost.profile)
            policy = self.policies.of_queue(queue.name, kind)
            matched[queue] = (policy, self.operator_policies.of_queue(queue.name, kind))
        return matched

    def _tell_queues(
        self, before: Mapping["Queue", tuple[Policy | None, Policy | None]], policy: Policy | None, user: str
    ) -> None:
        for queue, matched in self._matched().items():
            if matched != before[queue]:
                self._vhost.events.queue_policy_changed(self._vhost.name, queue, policy, user)

    def _store(self, for_operators: bool) -> Policies:
        return self.operator_policies if for_operators else self.policies

    def definitions_for_queue(self, name: str, queue_type: str) -> tuple[Definition, Definition]:
        """What the policy and the operator policy of a queue say."""
        return (
            _definition(self.policies.of_queue(name, queue_type)),
            _definition(self.operator_policies.of_queue(name, queue_type)),
        )

    def apply_to_exchange(self, exchange: "Exchange") -> None:
        """Tells an exchange what its policy says. The default exchange looks at none."""
        if exchange.name:
            exchange.apply_policy(_definition(self.policies.of_exchange(exchange.name)))

    def _apply(self) -> None:
        vhost = self._vhost
        for exchange in vhost.exchanges.values():
            self.apply_to_exchange(exchange)
        for queue in list(vhost.queues.values()):
            had_rules, before = queue.rules is not None, queue.settings
            vhost.apply_settings(queue)
            if queue.rules is not None and not had_rules:
                queue.rules.begin(before)
        vhost.version += 1

    # Other components

    def __iter__(self) -> Iterator[Parameter]:
        """All parameters but policies: operator policies are among them, as in RabbitMQ."""
        for (component, name), value in self._values.items():
            yield Parameter(component, name, value)
        for policy in self.operator_policies:
            yield Parameter("operator_policy", policy.name, policy_content(policy))

    def get(self, component: str, name: str) -> Any:
        """The value of a parameter; None if there is none."""
        return self._values.get((component, name))

    def set(self, component: str, name: str, value: Any, user: str = INTERNAL_USER) -> None:
        """Sets a parameter, at the user's wish. Raises InvalidParameterError, and nothing has changed."""
        vhost = self._vhost
        check_parameter(vhost.name, component, name, value, vhost.profile)
        if component == "operator_policy":
            self.set_policy(name, value, for_operators=True, user=user)
            return
        if vhost.journal is not None:
            vhost.journal.define(PARAMETER, vhost.name, parameter_name(component, name), {"value": value})
        self.add(component, name, value)
        vhost.events.parameter_set(vhost.name, component, name, value, user)
        vhost.events.vhost_limits_set(value, user)

    def add(self, component: str, name: str, value: Any) -> None:
        """Takes in a parameter as it is, and records nothing of it."""
        self._values[component, name] = value

    def clear(self, component: str, name: str, user: str = INTERNAL_USER) -> None:
        """Forgets a parameter, at the user's wish. Raises InvalidParameterError if there is none."""
        if component == "policy":
            raise InvalidParameterError("policies may not be cleared using this method")
        if component == "operator_policy":
            self.clear_policy(name, for_operators=True, user=user)
            return
        if self._values.pop((component, name), None) is None:
            raise _missing()
        vhost = self._vhost
        if vhost.journal is not None:
            vhost.journal.undefine(PARAMETER, vhost.name, parameter_name(component, name))
        vhost.events.parameter_cleared(vhost.name, component, name, user)
        vhost.events.vhost_limits_cleared(user)

    def clear_all(self, user: str) -> None:
        """Forgets all policies and parameters: the virtual host is deleted."""
        for component, name in list(self._values):
            self.clear(component, name, user)
        for for_operators in (True, False):
            for policy in list(self._store(for_operators)):
                self.clear_policy(policy.name, for_operators=for_operators, user=user)

    # Limits

    @property
    def limits(self) -> Mapping[str, int]:
        """What is set of max-connections and max-queues, by these names; below 0: no limit."""
        limits: Mapping[str, int] = self._values.get((VHOST_LIMITS, LIMITS), {})
        return limits

    def limit(self, name: str) -> int | None:
        """How many there may be at most; None: any number. name: MAX_CONNECTIONS or MAX_QUEUES."""
        limit = self.limits.get(name, -1)
        return limit if limit >= 0 else None

    def set_limit(self, name: str, limit: int, user: str = INTERNAL_USER) -> None:
        """Sets one of the limits, and leaves the other. Raises InvalidParameterError."""
        self.set(VHOST_LIMITS, LIMITS, {**self.limits, name: limit}, user)

    def clear_limit(self, name: str, user: str = INTERNAL_USER) -> None:
        """Forgets one of the limits, if it is set."""
        self.set(VHOST_LIMITS, LIMITS, {key: limit for key, limit in self.limits.items() if key != name}, user)


class GlobalParameters:
    """Parameters of the whole broker: any name, any value. journal: where they are recorded; None: nowhere."""

    def __init__(self) -> None:
        self.journal: Journal | None = None
        self._values: dict[str, Any] = {}

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """(name, value), by name."""
        return iter(sorted(self._values.items()))

    def get(self, name: str) -> Any:
        """The value of a parameter; None if there is none."""
        return self._values.get(name)

    def set(self, name: str, value: Any) -> None:
        """Sets a parameter."""
        self._values[name] = value
        if self.journal is not None:
            self.journal.define(GLOBAL_PARAMETER, "", name, {"value": value})

    def clear(self, name: str) -> None:
        """Forgets a parameter. Raises InvalidParameterError if there is none."""
        if name not in self._values:
            raise _missing()
        del self._values[name]
        if self.journal is not None:
            self.journal.undefine(GLOBAL_PARAMETER, "", name)


def check_parameter(vhost: str, component: str, name: str, value: Any, profile: Profile) -> None:
    """Whether a virtual host can have this parameter. Raises InvalidParameterError."""
    if component == "policy":
        raise InvalidParameterError("policies may not be set using this method")
    if component == "operator_policy" and isinstance(value, Mapping):
        new_policy(vhost, name, value, profile, for_operators=True)
    else:
        raise_if(_errors(component, name, value))


def _errors(component: str, name: str, value: Any) -> list[str]:
    if component not in (VHOST_LIMITS, "operator_policy"):
        return [f"component {component} not found"]
    if component == VHOST_LIMITS and name != LIMITS:
        # RabbitMQ keeps one of another name, and fails on it from then on.
        return [f"name not recognised: {name}"]
    return object_errors(name, _LIMITS, value)


def _definition(policy: Policy | None) -> Definition:
    return policy.definition if policy is not None else {}


def _kind(for_operators: bool) -> str:
    return OPERATOR_POLICY if for_operators else POLICY


def _missing() -> InvalidParameterError:
    return InvalidParameterError("Parameter does not exist")
