"""Policies: what an operator says of queues and exchanges by their names, without a change to the programs.

A virtual host has two stores of them, policies and operator policies. Of each, one at most applies to a thing: of those
that match it the one with the highest priority, the first by name among equals. RabbitMQ leaves open which of equals.

Source: RabbitMQ `rabbit_policy` at the tags 3.13.7, 4.2.9 and 4.3.5.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from amqpbroker.model.arguments import CLASSIC, QUORUM, STREAM
from amqpbroker.model.policies.policy_keys import Definition, definition_error, is_applicable
from amqpbroker.model.policies.validation import Constraint, compile_pattern, number, object_errors, raise_if, regex
from amqpbroker.profiles import Profile

ALL: Final = "all"
QUEUES: Final = "queues"
EXCHANGES: Final = "exchanges"
_OF_A_TYPE: Final = {"classic_queues": CLASSIC, "quorum_queues": QUORUM, "streams": STREAM}
APPLY_TO: Final = (ALL, QUEUES, EXCHANGES, *_OF_A_TYPE)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is said of all that is named alike.

    pattern: a regular expression that is looked for anywhere in a name. apply_to: one of APPLY_TO. definition: key →
    value as JSON has them; never changed.
    """

    vhost: str
    name: str
    pattern: str
    apply_to: str
    definition: Definition
    priority: int | float
    _names: re.Pattern[bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", compile_pattern(self.pattern))

    def matches_queue(self, name: str, queue_type: str, profile: Profile) -> bool:
        """Whether it is meant for a queue of that name and type."""
        return (
            (self.apply_to in (ALL, QUEUES) or _OF_A_TYPE.get(self.apply_to) == queue_type)
            and is_applicable(self.definition, queue_type, profile)
            and self._is_in(name)
        )

    def matches_exchange(self, name: str) -> bool:
        """Whether it is meant for an exchange of that name."""
        return self.apply_to in (ALL, EXCHANGES) and self._is_in(name)

    def _is_in(self, name: str) -> bool:
        return self._names.search(name.encode("utf-8", "surrogateescape")) is not None


def new_policy(
    vhost: str, name: str, term: Mapping[str, Any], profile: Profile, *, for_operators: bool = False
) -> Policy:
    """A policy of that name. Raises InvalidParameterError.

    term: `pattern` and `definition`, and if other than usual `priority` (0) and `apply-to` (all).
    """
    given = {"priority": 0, "apply-to": ALL, **term}
    constraints = (
        Constraint("priority", number, mandatory=True),
        Constraint("pattern", regex(profile), mandatory=True),
        Constraint("apply-to", _apply_to),
        Constraint(
            "definition",
            lambda _key, value: definition_error(value, profile, for_operators=for_operators),
            mandatory=True,
        ),
    )
    raise_if(object_errors(name, constraints, given))
    return Policy(vhost, name, given["pattern"], given["apply-to"], given["definition"], given["priority"])


def _apply_to(_key: str, value: Any) -> str | None:
    if value in APPLY_TO:
        return None
    return (
        f"apply-to '{value}' unrecognised; should be one of: 'queues', 'classic_queues',  'quorum_queues', 'streams', "
        "'exchanges', or 'all'"
    )


class Policies:
    """The policies of a virtual host, or its operator policies."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._by_name: dict[str, Policy] = {}
        # The first that matches is the one that applies.
        self._in_order: list[Policy] = []

    def __iter__(self) -> Iterator[Policy]:
        """All of them, those that go before others first."""
        return iter(self._in_order)

    def __len__(self) -> int:
        return len(self._in_order)

    def get(self, name: str) -> Policy | None:
        """The policy of that name."""
        return self._by_name.get(name)

    def add(self, policy: Policy) -> None:
        """Takes in a policy, in place of the one of that name."""
        self._by_name[policy.name] = policy
        self._sort()

    def remove(self, name: str) -> bool:
        """Forgets a policy; False if there is none."""
        if self._by_name.pop(name, None) is None:
            return False
        self._sort()
        return True

    def _sort(self) -> None:
        self._in_order = sorted(self._by_name.values(), key=lambda policy: (-policy.priority, policy.name))

    def of_queue(self, name: str, queue_type: str) -> Policy | None:
        """The policy that applies to a queue."""
        return next((one for one in self._in_order if one.matches_queue(name, queue_type, self._profile)), None)

    def of_exchange(self, name: str) -> Policy | None:
        """The policy that applies to an exchange."""
        return next((one for one in self._in_order if one.matches_exchange(name)), None)
