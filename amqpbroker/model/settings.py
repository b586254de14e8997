"""What a queue does, from its arguments, the policy that matches it and the operator policy that does.

The two policies come to one first (`policy_keys.merged`). Where an argument and that policy both say something, each
type of queue has its own way: the lower one, the argument, or the policy.

Source: RabbitMQ `rabbit_queue_type_util:args_policy_lookup` and who calls it: `rabbit_amqqueue_process`,
`rabbit_quorum_queue`, `rabbit_stream_queue`, at the tags 3.13.7, 4.2.9 and 4.3.5.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from amqpbroker.model.arguments import CLASSIC, QUORUM, STREAM
from amqpbroker.model.policies.policy_keys import lower_delivery_limit, merged
from amqpbroker.model.policies.validation import is_integer
from amqpbroker.profiles import Profile
from amqpbroker.wire.tables import Field, Table, text

DROP_HEAD: Final = "drop-head"
REJECT_PUBLISH: Final = "reject-publish"
REJECT_PUBLISH_DLX: Final = "reject-publish-dlx"
AT_LEAST_ONCE: Final = "at-least-once"

# Since 4.0 a quorum queue that says nothing lets a message come back so often.
DELIVERY_LIMIT: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """None: no such rule. Names and meanings are those of the arguments; times in milliseconds.

    delivery_limit: None also where one below 0 takes the usual one away. dead_letter_strategy: as it is in force.
    """

    kind: str = CLASSIC
    message_ttl_ms: int | None = None
    expires_ms: int | None = None
    max_length: int | None = None
    max_length_bytes: int | None = None
    overflow: str = DROP_HEAD
    dead_letter_exchange: str | None = None
    dead_letter_routing_key: str | None = None
    dead_letter_strategy: str | None = None
    max_priority: int | None = None
    single_active_consumer: bool = False
    delivery_limit: int | None = None
    delayed_retry_type: str | None = None
    delayed_retry_min_ms: int | None = None
    delayed_retry_max_ms: int | None = None
    consumer_timeout_ms: int | None = None
    dispatch_strategy: str | None = None
    deduplicates: bool = False
    max_age: str | None = None
    segment_size_bytes: int | None = None

    @property
    def has_limit(self) -> bool:
        """Whether there is a most that it holds."""
        return self.max_length is not None or self.max_length_bytes is not None

    @property
    def refuses(self) -> bool:
        """Whether it takes no message when it is full."""
        return self.has_limit and self.overflow != DROP_HEAD

    @property
    def may_refuse(self) -> bool:
        """Whether there are messages that it does not take: when it is full, or when it has them already."""
        return self.refuses or self.deduplicates


# What holds where a policy and an argument both say something, given these two.
Choice = Callable[[Any, Any], Any]


def _policy(policy: Any, _argument: Any) -> Any:
    return policy


def _argument(_policy: Any, argument: Any) -> Any:
    return argument


class _Source(NamedTuple):
    """argument, key: where a setting is said; choice: which of them holds."""

    argument: str
    key: str
    choice: Choice


_LIMITS: Final = {
    "expires_ms": _Source("x-expires", "expires", min),
    "message_ttl_ms": _Source("x-message-ttl", "message-ttl", min),
    "max_length": _Source("x-max-length", "max-length", min),
    "max_length_bytes": _Source("x-max-length-bytes", "max-length-bytes", min),
}
_DEAD_LETTERS: Final = {
    "dead_letter_exchange": _Source("x-dead-letter-exchange", "dead-letter-exchange", _argument),
    "dead_letter_routing_key": _Source("x-dead-letter-routing-key", "dead-letter-routing-key", _argument),
}
_OF_EVERY_TYPE: Final = {"consumer_timeout_ms": _Source("x-consumer-timeout", "consumer-timeout", min)}
_OF_A_TYPE: Final[dict[str, dict[str, _Source]]] = {
    CLASSIC: _LIMITS
    | _DEAD_LETTERS
    | {
        "overflow": _Source("x-overflow", "overflow", _argument),
        "dispatch_strategy": _Source("x-dispatch-strategy", "dispatch-strategy", _argument),
        "deduplicates": _Source("x-message-deduplication", "x-message-deduplication", _policy),
    },
    QUORUM: _LIMITS
    | _DEAD_LETTERS
    | {
        "overflow": _Source("x-overflow", "overflow", _policy),
        "dead_letter_strategy": _Source("x-dead-letter-strategy", "dead-letter-strategy", _argument),
        "delivery_limit": _Source("x-delivery-limit", "delivery-limit", lower_delivery_limit),
        "delayed_retry_type": _Source("x-delayed-retry-type", "delayed-retry-type", _policy),
        "delayed_retry_min_ms": _Source("x-delayed-retry-min", "delayed-retry-min", min),
        "delayed_retry_max_ms": _Source("x-delayed-retry-max", "delayed-retry-max", min),
        "dispatch_strategy": _Source("x-dispatch-strategy", "dispatch-strategy", _argument),
    },
    STREAM: {
        "max_length_bytes": _Source("x-max-length-bytes", "max-length-bytes", _policy),
        "max_age": _Source("x-max-age", "max-age", _policy),
        "segment_size_bytes": _Source("x-stream-max-segment-size-bytes", "stream-max-segment-size-bytes", _policy),
    },
}
# RabbitMQ lets anything pass as the argument, and looks at numbers only.
_UNCHECKED_NUMBERS: Final = frozenset(
    {"consumer_timeout_ms", "delayed_retry_max_ms", "delayed_retry_min_ms", "delivery_limit"}
)
# Said by an argument alone.
_ARGUMENTS: Final = {
    CLASSIC: {"max_priority": "x-max-priority", "single_active_consumer": "x-single-active-consumer"},
    QUORUM: {"single_active_consumer": "x-single-active-consumer"},
    STREAM: {},
}


def queue_settings(
    kind: str,
    arguments: Table,
    profile: Profile,
    policy: Mapping[str, Any] | None = None,
    operator_policy: Mapping[str, Any] | None = None,
) -> QueueSettings:
    """The settings of a queue. kind: its type. policy, operator_policy: the definitions of those that match it."""
    both = merged(policy or {}, operator_policy or {})
    values: dict[str, Any] = {}
    for field, (argument, key, choice) in (_OF_A_TYPE[kind] | _OF_EVERY_TYPE).items():
        if kind == QUORUM and field == "expires_ms" and profile.series < (4, 0):
            choice = _policy
        given, said = _value(field, arguments.get(argument)), both.get(key)
        if given is not None and said is not None:
            values[field] = choice(said, given)
        elif given is not None or said is not None:
            values[field] = said if given is None else given
    for field, argument in _ARGUMENTS[kind].items():
        if (given := _value(field, arguments.get(argument))) is not None:
            values[field] = given
    if kind == QUORUM:
        _settle_quorum(values, profile)
    return QueueSettings(kind=kind, **values)


def _settle_quorum(values: dict[str, Any], profile: Profile) -> None:
    """What quorum queues make of their settings."""
    if profile.series >= (4, 0):
        values.setdefault("delivery_limit", DELIVERY_LIMIT)
        # Before, every message that comes back is over it.
        if values["delivery_limit"] < 0:
            del values["delivery_limit"]
    if values.get("overflow") == REJECT_PUBLISH_DLX:
        # Classic queues have it; for these it is as if nothing was said.
        del values["overflow"]
    safe = "dead_letter_exchange" in values and values.get("overflow") == REJECT_PUBLISH
    if not safe:
        # At least once means that nothing is dropped.
        values.pop("dead_letter_strategy", None)


def _value(field: str, argument: Field | None) -> Any:
    """What an argument says; None for nothing."""
    if argument is None or (field in _UNCHECKED_NUMBERS and not is_integer(argument.value)):
        return None
    if field == "deduplicates":
        # Nobody has looked at the type of this one either.
        return None if argument.value is None else argument.value is not False
    return text(argument) if argument.kind == "S" else argument.value
