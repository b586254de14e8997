"""What a policy may say: each key with its check in RabbitMQ's words, and the types of queue that know it.

Values are those of JSON. A wrong value is told of before a key that is none, and nothing but the first fault is.

Source: RabbitMQ `rabbit_policies`, `rabbit_mirror_queue_misc` and `rabbit_queue_location_validator` (both until 3.13),
`rabbit_quorum_queue`, `rabbit_classic_queue` and `rabbit_federation_parameters`, validate_policy of each; the plugin
rabbitmq_message_deduplication; `unsupported_policies` in the `capabilities` of each type of queue. At the tags 3.13.7,
4.2.9 and 4.3.5.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from amqpbroker.model.arguments import CLASSIC, QUORUM, SEGMENT_SIZE_MAX_BYTES, STREAM
from amqpbroker.model.dispatch import STRATEGY_NAMES
from amqpbroker.model.policies.validation import is_integer
from amqpbroker.profiles import Profile
from amqpbroker.wire.erlang import json_pairs, json_term

Definition = Mapping[str, Any]

# What a value has to be, and what is said of one that is not: {} stands for the value.
_Rule = tuple[Callable[[Any], bool], str]

# ---------------------------------------------------------------------------------------------------------------------
# One key


def _integer(least: int, most: int | None = None) -> Callable[[Any], bool]:
    return lambda value: is_integer(value) and value >= least and (most is None or value <= most)


def _one_of(*allowed: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in allowed


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _is_true_or_false(value: Any) -> bool:
    return isinstance(value, bool)


def _is_age(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"0*[1-9][0-9]*[YMDhms]", value) is not None


def _never(_value: Any) -> bool:
    return False


_RULES: Final[dict[str, _Rule]] = {
    "alternate-exchange": (_text, "{} is not a valid alternate exchange name"),
    "consumer-timeout": (_integer(0), "{} is not a valid consumer timeout"),
    "dead-letter-exchange": (_text, "{} is not a valid dead letter exchange name"),
    "dead-letter-routing-key": (_text, "{} is not a valid dead letter routing key"),
    "dead-letter-strategy": (_one_of("at-most-once", "at-least-once"), "{} is not a valid dead letter strategy"),
    "message-ttl": (_integer(0), "{} is not a valid message TTL"),
    "expires": (_integer(1), "{} is not a valid queue expiry"),
    "max-length": (_integer(0), "{} is not a valid maximum length"),
    "max-length-bytes": (_integer(0), "{} is not a valid maximum length in bytes"),
    "max-in-memory-length": (_integer(0), "{} is not a valid maximum memory in bytes"),
    "max-in-memory-bytes": (_integer(0), "{} is not a valid maximum memory in bytes"),
    "queue-mode": (_one_of("default", "lazy"), "{} is not a valid queue-mode value"),
    "queue-version": (_integer(1, 2), "{} is not a valid queue-version value"),
    "overflow": (_one_of("drop-head", "reject-publish", "reject-publish-dlx"), "{} is not a valid overflow value"),
    "delivery-limit": (is_integer, "{} is not a valid delivery limit"),
    "max-age": (_is_age, "{} is not a valid max age"),
    "queue-leader-locator": (
        _one_of("client-local", "balanced", "random", "least-leaders"),
        "{} is not a valid queue leader locator value",
    ),
    "initial-cluster-size": (_integer(0), "{} is not a valid cluster size"),
    "stream-max-segment-size-bytes": (_integer(0, SEGMENT_SIZE_MAX_BYTES), "{} is not a valid segment size"),
    "stream-filter-size-bytes": (_integer(16, 255), "{} is not a valid filter size. Valid range is 16-255"),
    "target-group-size": (_integer(1), "{} is not a valid qq target count value"),
    "federation-upstream": (_text, "{} is not a valid federation upstream name"),
    "federation-upstream-set": (_text, "{} is not a valid federation upstream set name"),
    "queue-master-locator": (_never, "use of deprecated queue-master-locator argument is not permitted"),
    "x-message-deduplication": (_is_true_or_false, '"x-message-deduplication" must be a boolean, got {}'),
    "x-cache-size": (_integer(1), '"x-cache-size" must be an integer greater than 0, got {}'),
    "x-cache-ttl": (_integer(1), '"x-cache-ttl" must be an integer greater than 0, got {}'),
    "x-cache-persistence": (
        _one_of("disk", "memory"),
        '"x-cache-persistence" must be either "disk" or "memory", got {}',
    ),
    "dispatch-strategy": (_one_of(*STRATEGY_NAMES), "{} is not a valid dispatch strategy"),
}
_RULES_SINCE_4_3: Final[dict[str, _Rule]] = {
    "consumer-disconnected-timeout": (_integer(0), "{} is not a valid consumer disconnected timeout"),
    "delayed-retry-type": (
        _one_of("all", "failed", "returned", "disabled"),
        "{} is not a valid delayed retry type. Must be one of: all, failed, returned, disabled",
    ),
    "delayed-retry-min": (
        _integer(1),
        "{} is not a valid delayed retry minimum delay. Must be a positive integer",
    ),
    "delayed-retry-max": (
        _integer(1),
        "{} is not a valid delayed retry maximum delay. Must be a positive integer",
    ),
}
_RULES_BEFORE_4: Final[dict[str, _Rule]] = {
    "delivery-limit": (_integer(0), "{} is not a valid delivery limit"),
    "queue-master-locator": (_one_of("client-local", "min-masters", "random"), "{} invalid queue-master-locator value"),
    "ha-mode": (_one_of("all", "exactly", "nodes"), "{} is not a valid ha-mode value"),
    "ha-params": (lambda _value: True, ""),
    "ha-sync-mode": (_one_of("manual", "automatic"), 'ha-sync-mode must be "manual" or "automatic", got {}'),
    "ha-sync-batch-size": (_integer(1), "ha-sync-batch-size takes an integer greater than 0, {} given"),
    "ha-promote-on-shutdown": (
        _one_of("always", "when-synced"),
        'ha-promote-on-shutdown must be "always" or "when-synced", got {}',
    ),
    "ha-promote-on-failure": (
        _one_of("always", "when-synced"),
        'ha-promote-on-failure must be "always" or "when-synced", got {}',
    ),
}

_OPERATOR_KEYS: Final = frozenset(
    {
        "delivery-limit",
        "expires",
        "max-in-memory-bytes",
        "max-in-memory-length",
        "max-length",
        "max-length-bytes",
        "message-ttl",
        "overflow",
        "queue-version",
        "target-group-size",
    }
)
_OPERATOR_KEYS_BEFORE_4: Final = frozenset({"ha-mode", "ha-params", "ha-sync-mode"})
_OPERATOR_KEYS_SINCE_4: Final = frozenset({"queue-master-locator"})
_OPERATOR_KEYS_SINCE_4_3: Final = frozenset({"delayed-retry-max", "delayed-retry-min", "delayed-retry-type"})


def _rules(profile: Profile, for_operators: bool) -> dict[str, _Rule]:
    rules = dict(_RULES)
    if profile.series < (4, 0):
        rules |= _RULES_BEFORE_4
    if profile.series >= (4, 3):
        rules |= _RULES_SINCE_4_3
    if not for_operators:
        return rules
    keys = _OPERATOR_KEYS | (_OPERATOR_KEYS_BEFORE_4 if profile.series < (4, 0) else _OPERATOR_KEYS_SINCE_4)
    if profile.series >= (4, 3):
        keys |= _OPERATOR_KEYS_SINCE_4_3
    return {key: rules[key] for key in sorted(keys)}


# ---------------------------------------------------------------------------------------------------------------------
# A definition


def definition_error(definition: Any, profile: Profile, *, for_operators: bool) -> str | None:
    """What is wrong with what a policy, or an operator policy, says."""
    if not isinstance(definition, Mapping):
        return f"definition must be a dictionary: {json_term(definition)}"
    if not definition:
        return "no policy provided"
    rules = _rules(profile, for_operators)
    known = {key: definition[key] for key in sorted(definition) if key in rules}
    if any(key.startswith("ha-") for key in known) and "ha-mode" not in known:
        return "ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown"
    for key, value in known.items():
        fits, words = rules[key]
        if not fits(value):
            return words.format(json_term(value))
    if wrong := _mirrors_error(known) or _delayed_retry_error(known) or _federation_error(known):
        return wrong
    unknown = {key: value for key, value in definition.items() if key not in rules}
    return f"{json_pairs(unknown)} are not recognised policy settings" if unknown else None


def _mirrors_error(known: Definition) -> str | None:
    mode = known.get("ha-mode")
    given = "ha-params" in known
    params = known.get("ha-params")
    words = json_term(params) if given else "none"
    if mode == "all" and given:
        return 'ha-mode="all" does not take parameters'
    if mode == "exactly" and not _integer(1)(params):
        return f'ha-mode="exactly" takes an integer, {words} given'
    if mode == "nodes":
        if not isinstance(params, list):
            return f'ha-mode="nodes" takes a list, {words} given'
        if not params:
            return 'ha-mode="nodes" list must be non-empty'
        if others := [node for node in params if not isinstance(node, str)]:
            return f'ha-mode="nodes" takes a list of strings, {json_term(others)} was not a string'
    return None


def _delayed_retry_error(known: Definition) -> str | None:
    kind = known.get("delayed-retry-type", "disabled")
    least, most = known.get("delayed-retry-min"), known.get("delayed-retry-max")
    if kind != "disabled" and least is None:
        return f"delayed-retry-min is required when delayed-retry-type is {kind}"
    if least is not None and most is not None and most < least:
        return f"delayed-retry-max ({most}) must not be smaller than delayed-retry-min ({least})"
    return None


def _federation_error(known: Definition) -> str | None:
    if "federation-upstream" in known and "federation-upstream-set" in known:
        return "cannot specify federation-upstream, federation-upstream-set or federation-upstream-pattern together"
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Types of queue

_MIRRORS_AND_OLD: Final = frozenset(
    {
        "queue-mode",
        "ha-mode",
        "ha-params",
        "ha-sync-mode",
        "ha-promote-on-shutdown",
        "ha-promote-on-failure",
        "queue-master-locator",
    }
)
_UNSUPPORTED: Final = {
    CLASSIC: frozenset(
        {
            "max-age",
            "stream-max-segment-size-bytes",
            "initial-cluster-size",
            "delivery-limit",
            "dead-letter-strategy",
            "max-in-memory-length",
            "max-in-memory-bytes",
            "target-group-size",
        }
    ),
    QUORUM: _MIRRORS_AND_OLD | {"max-age", "stream-max-segment-size-bytes", "initial-cluster-size"},
    STREAM: _MIRRORS_AND_OLD
    | {
        "expires",
        "message-ttl",
        "dead-letter-exchange",
        "dead-letter-routing-key",
        "max-length",
        "max-in-memory-length",
        "max-in-memory-bytes",
        "overflow",
        "delivery-limit",
        "dead-letter-strategy",
        "target-group-size",
    },
}


def is_applicable(definition: Definition, queue_type: str, profile: Profile) -> bool:
    """Whether a policy fits a type of queue: one key that the type cannot have, and none of it applies."""
    unsupported = _UNSUPPORTED[queue_type]
    if queue_type == CLASSIC and profile.series < (4, 0):
        unsupported |= {"queue-leader-locator"}
    return unsupported.isdisjoint(definition)


# ---------------------------------------------------------------------------------------------------------------------
# Policy and operator policy


def merged(policy: Definition, operator_policy: Definition) -> dict[str, Any]:
    """What a policy and an operator policy come to: what either says, of limits the lower one.

    Source: RabbitMQ `merge_policy_value` of rabbit_policies, rabbit_quorum_queue and rabbit_mirror_queue_misc.
    """
    both = dict(policy) | dict(operator_policy)
    for key in policy.keys() & operator_policy.keys():
        both[key] = _merge(key, policy[key], operator_policy[key])
    return {key: both[key] for key in sorted(both)}


def _merge(key: str, value: Any, operator_value: Any) -> Any:
    match key:
        case "queue-version" | "overflow" | "delayed-retry-type" | "ha-sync-mode":
            return operator_value
        case "target-group-size" | "delayed-retry-min":
            return max(value, operator_value)
        case "delivery-limit":
            return lower_delivery_limit(value, operator_value)
        case "ha-mode":
            return next((mode for mode in ("all", "exactly") if mode in (value, operator_value)), value)
        case "ha-params":
            return _merge_ha_params(value, operator_value)
        case _:
            return min(value, operator_value)


def lower_delivery_limit(one: int, other: int) -> int:
    """The stricter of two delivery limits: below 0 there is none."""
    return max(one, other) if one < 0 or other < 0 else min(one, other)


def _merge_ha_params(value: Any, operator_value: Any) -> Any:
    """A number of mirrors before a list of nodes; the higher, or the longer one."""
    if is_integer(value) or is_integer(operator_value):
        return max(one for one in (value, operator_value) if is_integer(one))
    return value if len(value) > len(operator_value) else operator_value
